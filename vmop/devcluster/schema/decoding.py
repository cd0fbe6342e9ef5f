"""Does JSON fit the Go types of built-in kinds and of metadata? The server's decoder says so before anything else looks
at an object."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from vmop.devcluster.schema.quantity import parse_quantity
from vmop.devcluster.schema.types import DEDUCED, UNTYPED, Manifest, Type

_FREE: Final = (".RawExtension", ".FieldsV1", ".apiextensions.v1.JSON")
_JSON_TYPES: Final[Mapping[type, str]] = {
    bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"
}  # fmt: skip
_GO_TYPES: Final[Mapping[str, str]] = {"boolean": "bool", "integer": "int64", "number": "float64"}


class Undecodable(ValueError):
    """The text says which field does not fit, in the words of Go's decoder."""


def check_decodable(place: Type, manifest: Manifest) -> None:
    """Raise :class:`Undecodable` for the first field of a wrong type (of custom resources: within metadata)."""
    if place.builtin:
        _check(place, manifest, place.name.rpartition(".")[2], "")
    elif "metadata" in manifest:
        _check(place.field("metadata"), manifest["metadata"], manifest.get("kind", ""), "metadata")


def _check(place: Type, value: Any, struct: str, path: str) -> None:
    if value is None or place is UNTYPED or place is DEDUCED or place.name.endswith(_FREE):
        return
    if place.name.endswith(".Quantity"):
        _quantity(value)
    elif place.name.endswith(".IntOrString"):
        if not isinstance(value, str) and not _is_integer(value):
            raise _misfit(value, struct, path, "int32")
    elif not _FITS.get(place.type, lambda value: True)(value):
        raise _misfit(value, struct, path, _go_type(place))
    elif isinstance(value, str) and place.schema.get("format") == "byte":
        _base64(value)
    elif isinstance(value, dict) and place.map is not None:
        below = place.name.rpartition(".")[2] or struct
        for key, inner in value.items():
            field = place.map.at(key)
            if field is not None:
                in_struct = key in place.map.fields
                _check(field, inner, below, (f"{path}.{key}" if path else key) if in_struct else path)
    elif isinstance(value, list) and place.list is not None:
        for item in value:
            _check(place.list.items, item, struct, path)


def _is_integer(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


_FITS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _misfit(value: Any, struct: str, path: str, wanted: str) -> Undecodable:
    found = _JSON_TYPES[type(value)]
    if isinstance(value, float):
        found = f"number {value}"
    return Undecodable(f"json: cannot unmarshal {found} into Go struct field {struct}.{path} of type {wanted}")


def _go_type(place: Type) -> str:
    match place.type:
        case "array" if place.list is not None:
            return f"[]{_go_type(place.list.items)}"
        case "object" if place.map is not None and not place.map.fields and place.map.element is not None:
            return f"map[string]{_go_type(place.map.element)}"
        case "object":
            version, _, name = place.name.rpartition(".")
            return f"{version.rpartition('.')[2]}.{name}"
    return str(place.schema.get("format") or _GO_TYPES.get(place.type, place.type))


def _quantity(value: Any) -> None:
    try:
        parse_quantity(value)
    except ValueError as error:
        raise Undecodable(str(error)) from None
    except (TypeError, AttributeError):
        raise Undecodable("quantities must match the regular expression") from None


def _base64(value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        legal = re.match(r"[A-Za-z0-9+/]*", value)
        raise Undecodable(f"illegal base64 data at input byte {legal.end() if legal else 0}") from None
