"""Reasons why an object is invalid, with the words of the server."""

import json
from typing import Any

import attrs


@attrs.frozen
class Cause:
    """``reason`` such as ``FieldValueInvalid``, the message, and the field's path (``spec.zones[1].name``)."""

    reason: str
    message: str
    field: str


def required(field: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", "Required value" + (f": {detail}" if detail else ""), field)


def invalid(field: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {shown(value)}: {detail}", field)


def mistyped(field: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueTypeInvalid", f"Invalid value: {shown(value)}: {detail}", field)


def duplicate(field: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", f"Duplicate value: {shown(value)}", field)


def not_supported(field: str, value: Any, supported: list[str]) -> Cause:
    options = ", ".join(shown(option) for option in supported)
    return Cause("FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {options}", field)


def not_found(field: str, value: Any) -> Cause:
    return Cause("FieldValueNotFound", f"Not found: {shown(value)}", field)


def shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
