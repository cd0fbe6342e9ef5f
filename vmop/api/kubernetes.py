"""Embedded Kubernetes structures: their schemas, and whether a value has their types.

They stay plain JSON in our classes (`Manifest`), but a wrong type in them is as wrong as in a field of our own. The
schemas are data, `kubernetes.json`, one definition a line with references between them.
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


@cache
def _checker(name: str) -> Check:
    return _compiled(definitions()[name])


def _compiled(node: Manifest) -> Check:
    """A quick check whether a value has the types of a node, without telling where it does not."""
    if "$ref" in node:
        return _checker(node["$ref"])
    accepted = _accepted(node)
    match node:
        case {"type": "object"}:
            properties = {key: _compiled(inner) for key, inner in node.get("properties", {}).items()}
            others = _compiled(node["additionalProperties"]) if node.get("additionalProperties") else None
            return _object_check(properties, others)
        case {"type": "array"}:
            item = _compiled(node["items"])
            return lambda value: value is None or (type(value) is list and all(map(item, value)))
    return lambda value: value is None or not accepted or type(value) in accepted


def _object_check(properties: Mapping[str, Check], others: Check | None) -> Check:
    def check(value: Any) -> bool:
        if type(value) is not dict:
            return value is None
        for key, each in value.items():
            inner = properties.get(key, others)
            if inner is not None and not inner(each):
                return False
        return True

    return check


def _accepted(node: Manifest) -> tuple[type, ...]:
    """The types of a node's values; none where any will do. A quantity, which has a pattern, may be a fraction."""
    if "x-kubernetes-int-or-string" in node:
        return (int, str, float) if "pattern" in node else (int, str)
    return _TYPES[node["type"]] if "type" in node else ()


def _mismatches(node: Manifest, value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    while "$ref" in node:
        node = definitions()[node["$ref"]]
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
