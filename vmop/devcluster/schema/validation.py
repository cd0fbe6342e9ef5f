"""Validation: structural schemas of custom resources here, built-in kinds by their own rules (``builtin_validation``).

Reasons and messages are those of a 1.36 API server. It stops before CEL rules when the object has an error that makes
rules meaningless, and says so in a cause without a field.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from vmop.devcluster.schema.builtin_validation import validate_builtin
from vmop.devcluster.schema.causes import Cause, duplicate, invalid, mistyped, not_supported, required, shown
from vmop.devcluster.schema.cel import CelError, Rule
from vmop.devcluster.schema.fields import item_element
from vmop.devcluster.schema.types import Manifest, Type

_NO_FIELD: Final = "<nil>"
_BLOCKING: Final = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
_UNCHECKED: Final = Cause(
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
    _NO_FIELD,
)
_BOUNDS: Final = {"int32": 2**31, "int64": 2**63}


def validate(place: Type, new: Manifest, old: Manifest | None = None) -> list[Cause]:
    """Why the server would refuse ``new`` (``old`` is what it replaces), in its words; empty if it would not."""
    if place.builtin:
        return list(validate_builtin(new, old))
    causes = list(_schema(place.schema, new, ""))
    causes += _lists(place, new, "")
    has_rules = _has_rules(place.schema)
    if any(cause.reason in _BLOCKING for cause in causes):
        return [*causes, _UNCHECKED] if has_rules else causes
    return [*causes, *_rules(place, new, old, "")] if has_rules else causes


# Structural schema


def _schema(schema: Manifest, value: Any, path: str) -> Iterator[Cause]:
    wanted = _types(schema)
    if value is None and schema.get("nullable"):
        return
    actual = _type_name(value)
    if wanted and not (actual in wanted or (actual == "integer" and "number" in wanted)):
        yield mistyped(path, actual, f'{path} in body must be of type {",".join(wanted)}: "{actual}"')
        if schema.get("x-kubernetes-int-or-string"):
            yield _no_field(f'"{path}" must validate at least one schema (anyOf)')
            yield mistyped(path, actual, f'{path} in body must be of type integer: "{actual}"')
        elif actual == "number":
            form = f"with format {schema['format']}" if schema.get("format") else "(default format)"
            yield _no_field(f"Checked value must be of type integer {form} in {path}")
        return
    match value:
        case dict():
            yield from _object(schema, value, path)
        case list():
            yield from _array(schema, value, path)
        case str():
            yield from _string(schema, value, path)
        case bool():
            pass
        case int() | float():
            yield from _number(schema, value, path)
    supported = schema.get("enum")
    if supported is not None and value not in supported:
        yield not_supported(path, value, supported)
    yield from _combined(schema, value, path)


def _types(schema: Manifest) -> list[str]:
    if schema.get("x-kubernetes-int-or-string"):
        return ["integer", "string"]
    return [schema["type"]] if schema.get("type") else []


def _type_name(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def _object(schema: Manifest, value: Manifest, path: str) -> Iterator[Cause]:
    for name in schema.get("required", ()):
        if name not in value:
            yield required(_join(path, name))
    size = len(value)
    if size < schema.get("minProperties", 0):
        yield invalid(path, size, f"{path} in body should have at least {schema['minProperties']} properties")
    if size > schema.get("maxProperties", size):
        yield _too_many(path, size, schema["maxProperties"])
    properties = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    for name, inner in value.items():
        below = properties.get(name, rest if isinstance(rest, dict) else None)
        if below is not None and not (not path and name == "metadata"):
            yield from _schema(below, inner, _join(path, name))


def _array(schema: Manifest, value: list[Any], path: str) -> Iterator[Cause]:
    size = len(value)
    if size < schema.get("minItems", 0):
        yield invalid(path, size, f"{path} in body should have at least {schema['minItems']} items")
    if size > schema.get("maxItems", size):
        yield _too_many(path, size, schema["maxItems"])
    if isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from _schema(schema["items"], item, f"{path}[{index}]")


def _too_many(path: str, size: int, most: int) -> Cause:
    return Cause("FieldValueTooMany", f"Too many: {size}: must have at most {most} items", path)


def _string(schema: Manifest, value: str, path: str) -> Iterator[Cause]:
    if len(value) > schema.get("maxLength", len(value)):
        message = f"Too long: may not be more than {schema['maxLength']} bytes"
        yield Cause("FieldValueTooLong", message, path)
    elif len(value) < schema.get("minLength", 0):
        yield invalid(path, value, f"{path} in body should be at least {schema['minLength']} chars long")
    elif schema.get("pattern") and re.search(schema["pattern"], value) is None:
        yield invalid(path, value, f"{path} in body should match '{schema['pattern']}'")
    if schema.get("format") == "date-time" and not _is_time(value):
        yield mistyped(path, value, f"{path} in body must be of type date-time: {shown(value)}")


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _number(schema: Manifest, value: float, path: str) -> Iterator[Cause]:
    bound = _BOUNDS.get(schema.get("format", ""))
    if bound is not None and not -bound <= value < bound:
        kind, form = schema.get("type", "integer"), schema["format"]
        message = f'Invalid value: "": Checked value must be of type {kind} with format {form} in {path}'
        yield Cause("FieldValueInvalid", message, _NO_FIELD)
    least, most, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if least is not None and (value < least or (value == least and schema.get("exclusiveMinimum"))):
        words = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield invalid(path, value, f"{path} in body should be {words} {least}")
    if most is not None and (value > most or (value == most and schema.get("exclusiveMaximum"))):
        words = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield invalid(path, value, f"{path} in body should be {words} {most}")
    if step and value % step:
        yield invalid(path, value, f"{path} in body should be a multiple of {step}")


def _combined(schema: Manifest, value: Any, path: str) -> Iterator[Cause]:
    for part in schema.get("allOf", ()):
        yield from _schema(part, value, path)
    if schema.get("anyOf") and not schema.get("x-kubernetes-int-or-string"):
        failures = [list(_schema(part, value, path)) for part in schema["anyOf"]]
        if all(failures):
            yield _no_field(f'"{path}" must validate at least one schema (anyOf)')
            yield from failures[0]
    if schema.get("oneOf"):
        failures = [list(_schema(part, value, path)) for part in schema["oneOf"]]
        valid = sum(not failure for failure in failures)
        if valid != 1:
            found = f"{valid} valid alternatives" if valid else "none valid"
            yield _no_field(f'"{path}" must validate one and only one schema (oneOf). Found {found}')
            if not valid:
                yield from failures[0]
    if "not" in schema and not list(_schema(schema["not"], value, path)):
        yield _no_field(f'"{path}" must not validate the schema (not)')


def _no_field(detail: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "": {detail}', _NO_FIELD)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# Sets and list maps


def _lists(place: Type, value: Any, path: str) -> Iterator[Cause]:
    if isinstance(value, dict) and place.map is not None:
        for name, inner in value.items():
            below = place.map.at(name)
            if below is not None and not below.builtin:
                yield from _lists(below, inner, _join(path, name))
    elif isinstance(value, list) and place.list is not None:
        seen: set[str] = set()
        for index, item in enumerate(value):
            item_path = f"{path}[{index}]"
            if place.list.associative:
                if place.list.keys and not isinstance(item, dict):
                    yield invalid(item_path, item, "must be an object for an array of list-type map")
                    continue
                try:
                    element = item_element(place.list, item)
                except ValueError:
                    continue
                if element in seen:
                    key = {name: item[name] for name in place.list.keys if name in item} if place.list.keys else item
                    yield duplicate(item_path, key)
                seen.add(element)
            yield from _lists(place.list.items, item, item_path)


# Rules


def _has_rules(schema: Any) -> bool:
    match schema:
        case dict():
            return bool(schema.get("x-kubernetes-validations")) or any(_has_rules(part) for part in schema.values())
        case list():
            return any(_has_rules(part) for part in schema)
    return False


def _rules(place: Type, value: Any, old: Any, path: str) -> Iterator[Cause]:
    for rule in place.schema.get("x-kubernetes-validations", ()):
        cause = _rule(rule, value, old, path)
        if cause is not None:
            yield cause
    if isinstance(value, dict) and place.map is not None:
        before = old if isinstance(old, dict) else {}
        for name, inner in value.items():
            below = place.map.at(name)
            if below is not None and not below.builtin:
                yield from _rules(below, inner, before.get(name), _join(path, name))
    elif isinstance(value, list) and place.list is not None:
        for index, item in enumerate(value):
            yield from _rules(place.list.items, item, _counterpart(place, item, old), f"{path}[{index}]")


def _counterpart(place: Type, item: Any, old: Any) -> Any:
    """The item of the old list that a transition rule compares with: by key in list maps, none elsewhere."""
    shape = place.list
    if shape is None or not shape.keys or not isinstance(old, list):
        return None
    element = item_element(shape, item)
    return next((other for other in old if item_element(shape, other) == element), None)


def _rule(rule: Manifest, value: Any, old: Any, path: str) -> Cause | None:
    text, message = rule["rule"], rule.get("message") or f"failed rule: {rule['rule'].strip()}"
    try:
        parsed = _parsed(text)
        if (parsed.is_transition and old is None) or parsed.holds(value, old):
            return None
    except CelError as error:
        return invalid(path, _type_name(value), f"{error} evaluating rule: {rule.get('message') or text}")
    match rule.get("reason", "FieldValueInvalid"):
        case "FieldValueRequired" as reason:
            return Cause(reason, f"Required value: {message}", path)
        case "FieldValueForbidden" as reason:
            return Cause(reason, f"Forbidden: {message}", path)
        case "FieldValueDuplicate" as reason:
            return Cause(reason, f"Duplicate value: {shown(value)}", path)
    if isinstance(value, dict | list):
        return Cause("FieldValueInvalid", f"Invalid value: {message}", path)
    return invalid(path, value, message)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Rule:
    return Rule(text)
