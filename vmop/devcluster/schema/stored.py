"""The form in which objects are stored: what is left of JSON that went through the server's Go types.

Empty values go where the Go field says so, structs without a pointer are always there, unknown fields are dropped,
quantities are spelled one way. Custom resources pass only with their metadata.
"""

from typing import Any, Final

from vmop.devcluster.schema.quantity import canonical_quantity
from vmop.devcluster.schema.types import Manifest, Type

_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING: Final = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_FREE: Final = frozenset(
    {
        "io.k8s.apimachinery.pkg.runtime.RawExtension",
        "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
    }
)


def stored_form(place: Type, manifest: Manifest) -> Manifest:
    """``manifest`` as the server would write it, in a new object."""
    if place.builtin:
        stored: Manifest = _form(place, manifest)
    else:
        stored = {**manifest, "metadata": _form(place.field("metadata"), manifest.get("metadata") or {})}
    for key in ("kind", "apiVersion"):
        if key in manifest:
            stored[key] = manifest[key]
    return stored


def _form(place: Type, value: Any) -> Any:
    if place.name == _QUANTITY:
        return canonical_quantity(value)
    if place.name in _FREE or value is None:
        return value
    if place.map is not None and isinstance(value, dict):
        if place.map.fields:
            return _struct(place, value)
        element = place.map.element
        return {key: _form(element, inner) if element is not None else inner for key, inner in value.items()}
    if place.list is not None and isinstance(value, list):
        return [_form(place.list.items, item) for item in value]
    return value


def _struct(place: Type, value: Manifest) -> Manifest:
    assert place.map is not None  # noqa: S101 - the caller looked
    stored: Manifest = {}
    for name, field in place.map.fields.items():
        inner = value.get(name)
        if inner is None:
            inner = _unset(field)
            if inner is None and field.go not in ("P", "V", "v"):
                continue
            if inner is None and field.go == "v" and not _is_time(field):
                continue
            stored[name] = inner
        elif field.go == "v" and not _is_struct(field) and inner in (0, "", False, [], {}):
            continue
        else:
            stored[name] = _form(field, inner)
    return stored


def _unset(field: Type) -> Any:
    """JSON of a Go field that nobody set; None for null and for what is left out."""
    if field.go not in ("V", "v"):
        return None
    match field.name:
        case name if name == _QUANTITY:
            return "0"
        case name if name == _INT_OR_STRING:
            return 0
    if _is_struct(field):
        return _struct(field, {})
    if field.go == "v" or field.type in ("array", "object"):
        return None
    return field.default


def _is_struct(field: Type) -> bool:
    """A struct that is held by value and so never left out."""
    if field.name in (_QUANTITY, _INT_OR_STRING):
        return True
    return field.default == {} and field.map is not None and bool(field.map.fields)


def _is_time(field: Type) -> bool:
    return field.name.endswith((".meta.v1.Time", ".meta.v1.MicroTime"))
