"""Embedded Kubernetes structures: their schemas, and whether a value has their types and fields.

They stay plain JSON in our classes (`Manifest`), but a wrong type in them is as wrong as in a field of our own, and a
field that Kubernetes does not know is left out: the API server refuses to apply it. The schemas are data,
`kubernetes.json`, one definition a line with references between them.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from vmop.api.fields import Manifest

Check = Callable[[Any], bool]
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}


@cache
def definitions() -> Mapping[str, Manifest]:
    """All definitions by name, with `$ref` to each other."""
    text = resources.files("vmop.api").joinpath("kubernetes.json").read_text(encoding="utf-8")
    found: dict[str, Manifest] = json.loads(text)
    return found


def schema(name: str) -> Manifest:
    """A fresh schema of a structure without references; KeyError if there is none of that name."""
    expanded: Manifest = _expand(definitions()[name])
    return expanded


def _expand(node: Any) -> Any:
    match node:
        case {"$ref": str(name)}:
            return _expand(definitions()[name])
        case dict():
            return {key: _expand(value) for key, value in node.items()}
        case list():
            return [_expand(value) for value in node]
    return node


def mismatches(name: str, value: Any) -> Iterable[tuple[str, str, Any]]:
    """Where a value has other types than a structure: (path below it, expected type, what was found)."""
    return () if _checker(name)(value) else _mismatches(definitions()[name], value, "")


def unknown_fields(name: str, value: Any) -> Iterable[tuple[str, str]]:
    """Fields that a structure does not have: (path of their object below the value, field). The types must fit."""
    return () if _checker(name)(value) else _unknown(definitions()[name], value, "")


def with_known_fields(name: str, value: Any) -> Any:
    """The value without fields that its structure does not have; itself where there are none. The types must fit."""
    return value if _checker(name)(value) else _known(definitions()[name], value)


@cache
def _checker(name: str) -> Check:
    return _compiled(definitions()[name])


def _compiled(node: Manifest) -> Check:
    """A quick check whether a value has the types of a node and no unknown fields, without telling where it fails."""
    if "$ref" in node:
        return _checker(node["$ref"])
    accepted = _accepted(node)
    match node:
        case {"type": "object"}:
            properties = {key: _compiled(inner) for key, inner in node.get("properties", {}).items()}
            others = _compiled(node["additionalProperties"]) if node.get("additionalProperties") else None
            return _object_check(properties, others, is_closed=_is_closed(node))
        case {"type": "array"}:
            item = _compiled(node["items"])
            return lambda value: value is None or (type(value) is list and all(map(item, value)))
    return lambda value: value is None or not accepted or type(value) in accepted


def _object_check(properties: Mapping[str, Check], others: Check | None, *, is_closed: bool) -> Check:
    def check(value: Any) -> bool:
        if type(value) is not dict:
            return value is None
        for key, each in value.items():
            inner = properties.get(key, others)
            if is_closed if inner is None else not inner(each):
                return False
        return True

    return check


def _is_closed(node: Manifest) -> bool:
    """An object of this node has the fields that are listed, and no others."""
    return "properties" in node and "additionalProperties" not in node


def _accepted(node: Manifest) -> tuple[type, ...]:
    """The types of a node's values; none where any will do. A quantity, which has a pattern, may be a fraction."""
    if "x-kubernetes-int-or-string" in node:
        return (int, str, float) if "pattern" in node else (int, str)
    return _TYPES[node["type"]] if "type" in node else ()


def _mismatches(node: Manifest, value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    node = _resolved(node)
    if value is None:
        return
    kind, accepted = node.get("type"), _accepted(node)
    if accepted and type(value) not in accepted:
        yield path, kind or "integer or string", value
    elif kind == "object":
        properties, others = node.get("properties", {}), node.get("additionalProperties")
        for key, each in value.items():
            if (inner := properties.get(key, others)) is not None:
                yield from _mismatches(inner, each, f"{path}.{key}")
    elif kind == "array":
        for index, each in enumerate(value):
            yield from _mismatches(node["items"], each, f"{path}[{index}]")


def _unknown(node: Manifest, value: Any, path: str) -> Iterator[tuple[str, str]]:
    node = _resolved(node)
    if type(value) is dict:
        properties, others = node.get("properties", {}), node.get("additionalProperties")
        for key, each in value.items():
            if (inner := properties.get(key, others)) is not None:
                yield from _unknown(inner, each, f"{path}.{key}")
            elif _is_closed(node):
                yield path, key
    elif type(value) is list and "items" in node:
        for index, each in enumerate(value):
            yield from _unknown(node["items"], each, f"{path}[{index}]")


def _known(node: Manifest, value: Any) -> Any:
    node = _resolved(node)
    if type(value) is dict:
        properties, others = node.get("properties", {}), node.get("additionalProperties")
        inner = {key: properties.get(key, others) for key in value}
        return {
            key: each if inner[key] is None else _known(inner[key], each)
            for key, each in value.items()
            if inner[key] is not None or not _is_closed(node)
        }
    if type(value) is list and "items" in node:
        return [_known(node["items"], each) for each in value]
    return value


def _resolved(node: Manifest) -> Manifest:
    while "$ref" in node:
        node = definitions()[node["$ref"]]
    return node
