"""Label and field selectors: parsed once for a request, asked of every object.

The grammar is that of the Kubernetes API (`a=b,c!=d,e in (f,g),h notin (i),j,!k`); a malformed one is a 400.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from vmop.devcluster.status import Manifest, bad_request

LabelPredicate: TypeAlias = Callable[[Mapping[str, str]], bool]
FieldPredicate: TypeAlias = Callable[[Manifest], bool]

_KEY = r"(?P<key>[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?)"
_SET = re.compile(rf"\s*{_KEY}\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)\s*(?:,|$)")
_EQUALITY = re.compile(rf"\s*{_KEY}\s*(?P<op>==|=|!=)\s*(?P<value>[A-Za-z0-9._-]*)\s*(?:,|$)")
_COMPARE = re.compile(rf"\s*{_KEY}\s*(?P<op>[<>])\s*(?P<value>-?[0-9]+)\s*(?:,|$)")
_EXISTS = re.compile(rf"\s*(?P<op>!?)\s*{_KEY}\s*(?:,|$)")


def _set_member(key: str, op: str, values: frozenset[str]) -> LabelPredicate:
    if op == "in":
        return lambda labels: labels.get(key) in values
    return lambda labels: labels.get(key) not in values


def _existence(key: str, *, wanted: bool) -> LabelPredicate:
    return lambda labels: (key in labels) is wanted


def _compare(key: str, op: str, bound: int) -> LabelPredicate:
    def check(labels: Mapping[str, str]) -> bool:
        value = labels.get(key, "")
        if not re.fullmatch(r"-?[0-9]+", value):
            return False
        return int(value) > bound if op == ">" else int(value) < bound

    return check


def _requirement(text: str, position: int) -> tuple[LabelPredicate, int]:
    if match := _SET.match(text, position):
        values = frozenset(value.strip() for value in match["values"].split(","))
        return _set_member(match["key"], match["op"], values), match.end()
    if match := _EQUALITY.match(text, position):
        op = "notin" if match["op"] == "!=" else "in"
        return _set_member(match["key"], op, frozenset((match["value"],))), match.end()
    if match := _COMPARE.match(text, position):
        return _compare(match["key"], match["op"], int(match["value"])), match.end()
    if match := _EXISTS.match(text, position):
        return _existence(match["key"], wanted=not match["op"]), match.end()
    rest = text[position:].strip()
    raise bad_request(f"unable to parse requirement: found '{rest}' expected: a requirement such as key=value")


def label_selector(text: str) -> LabelPredicate | None:
    """The predicate for a `labelSelector` parameter; None when it selects everything."""
    position = 0
    predicates: list[LabelPredicate] = []
    while text[position:].strip():
        predicate, position = _requirement(text, position)
        predicates.append(predicate)
    if not predicates:
        return None
    if len(predicates) == 1:
        return predicates[0]
    return lambda labels: all(predicate(labels) for predicate in predicates)


def selector_of(selector: Manifest | None) -> LabelPredicate:
    """The predicate for a `LabelSelector` of a manifest: None selects nothing, an empty one everything."""
    if selector is None:
        return lambda labels: False
    predicates: list[LabelPredicate] = [
        _set_member(key, "in", frozenset((value,))) for key, value in (selector.get("matchLabels") or {}).items()
    ]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], frozenset(expression.get("values") or ())
        match expression["operator"]:
            case "In":
                predicates.append(_set_member(key, "in", values))
            case "NotIn":
                predicates.append(_set_member(key, "notin", values))
            case "Exists":
                predicates.append(_existence(key, wanted=True))
            case _:
                predicates.append(_existence(key, wanted=False))
    return lambda labels: all(predicate(labels) for predicate in predicates)


_METADATA = ("metadata.name", "metadata.namespace")
# Fields beyond name and namespace that the API server can select by, with the value an absent field has.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets": ("status.replicas",),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
}
_DEFAULTS: Mapping[str, str] = {"spec.unschedulable": "false", "spec.hostNetwork": "false"}


def field_value(obj: Manifest, path: str) -> str:
    """The field as field selectors see it: text, empty when absent."""
    value: object = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    match value:
        case None:
            return _DEFAULTS.get(path, "")
        case bool():
            return str(value).lower()
        case dict():  # an event's source is selected by its component
            return str(value.get("component", ""))
        case _:
            return str(value)


def field_selector(
    text: str, plural: str, selectable: Iterable[str] = (), *, custom: bool = False
) -> FieldPredicate | None:
    """The predicate for a `fieldSelector` parameter on this resource; `selectable` are the fields that a CRD adds."""
    known = (*_METADATA, *_FIELDS.get(plural, ()), *selectable)
    terms: list[tuple[str, str, bool]] = []
    for term in filter(None, text.split(",")):
        for operator in ("!=", "==", "="):
            path, found, value = term.partition(operator)
            if found:
                break
        else:
            raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
        if path not in known:
            if len(known) > len(_METADATA) or custom:
                raise bad_request(f"field label not supported: {path}")
            names = ", ".join(f'"{name}"' for name in known)
            raise bad_request(f'"{path}" is not a known field selector: only {names}')
        terms.append((path, value, operator != "!="))
    if not terms:
        return None
    return lambda obj: all((field_value(obj, path) == value) is wanted for path, value, wanted in terms)
