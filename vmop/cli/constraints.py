"""What the API server would refuse beside types: the rules of a kind's schema.

`vmop.api.parse` finds wrong types and `validate` what no schema can say; between them stand required fields, enums,
patterns, limits and keys of lists, which live in the CRD. No message repeats a value, which may be a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vmop.api import Manifest, Problem

OPEN = "x-kubernetes-preserve-unknown-fields"
_FORMATS = {"int32": 31, "int64": 63}


def broken_rules(schema: Manifest, value: Any, path: str) -> Iterator[Problem]:
    """Where a value breaks the rules of a structural schema. A value of a wrong type is passed over.

    A null stands for an absent field, which is how the API server takes it, but is no entry of a list.
    """
    if "enum" in schema and value not in schema["enum"]:
        yield Problem(path, "expected one of " + ", ".join(map(str, schema["enum"])))
    match value:
        case bool():
            return
        case str():
            yield from _string(schema, value, path)
        case int() | float():
            yield from _number(schema, value, path)
        case list():
            yield from _list(schema, value, path)
        case dict():
            yield from _object(schema, value, path)


def _string(schema: Manifest, value: str, path: str) -> Iterator[Problem]:
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield Problem(path, f"must match {schema['pattern']}")
    if len(value) < schema.get("minLength", 0):
        yield Problem(path, "must not be empty" if not value else f"must have {schema['minLength']} characters or more")
    if len(value) > schema.get("maxLength", len(value)):
        yield Problem(path, f"must have {schema['maxLength']} characters or less")


def _number(schema: Manifest, value: float, path: str) -> Iterator[Problem]:
    if value < schema.get("minimum", value):
        yield Problem(path, f"must be {schema['minimum']} or more")
    if value > schema.get("maximum", value):
        yield Problem(path, f"must be {schema['maximum']} or less")
    bits = _FORMATS.get(schema.get("format", ""))
    if bits is not None and not -(2**bits) <= value < 2**bits:
        yield Problem(path, f"does not fit {schema['format']}")


def _list(schema: Manifest, value: list[Any], path: str) -> Iterator[Problem]:
    if len(value) < schema.get("minItems", 0):
        yield Problem(path, f"must have {schema['minItems']} entries or more")
    if len(value) > schema.get("maxItems", len(value)):
        yield Problem(path, f"must have {schema['maxItems']} entries or less")
    yield from _repeated(schema, value, path)
    items = schema.get("items", {})
    for index, each in enumerate(value):
        if each is not None:
            yield from broken_rules(items, each, f"{path}[{index}]")
        elif "type" in items and not items.get("nullable"):
            yield Problem(f"{path}[{index}]", "must not be null")


def _repeated(schema: Manifest, value: list[Any], path: str) -> Iterator[Problem]:
    match schema.get("x-kubernetes-list-type"):
        case "map":
            keys = schema["x-kubernetes-list-map-keys"]
            entries = [tuple(each.get(key) for key in keys) if isinstance(each, dict) else each for each in value]
            what = " and ".join(keys)
        case "set":
            entries, what = value, "value"
        case _:
            return
    for index, entry in enumerate(entries):
        if (first := entries.index(entry)) < index:
            yield Problem(f"{path}[{index}]", f"has the same {what} as [{first}]")


def _object(schema: Manifest, value: Manifest, path: str) -> Iterator[Problem]:
    for name in schema.get("required", ()):
        if value.get(name) is None:
            yield Problem(f"{path}.{name}", "is required")
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name, each in value.items():
        inner = properties.get(name, others)
        if isinstance(inner, dict):
            if each is not None:
                yield from broken_rules(inner, each, f"{path}.{name}")
        elif schema.get("type") == "object" and others is None and not schema.get(OPEN):
            yield Problem(f"{path}.{name}", "unknown field")
