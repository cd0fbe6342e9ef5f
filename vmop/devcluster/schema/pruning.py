"""Unknown fields: what the server leaves out of an object, and what it says of them when asked to be strict."""

from typing import Any, Final

from vmop.devcluster.schema.types import DEDUCED, UNTYPED, Manifest, Type

_META: Final = frozenset({"apiVersion", "kind", "metadata"})


def prune(place: Type, manifest: Manifest) -> Manifest:
    """``manifest``, the body of a request, without the fields that the schema does not know (a new object).

    Nulls of custom resources go too, where the schema does not allow them. So this is not for what :func:`apply`
    returns: there the server refuses a null that a removal left behind.
    """
    kept: Manifest = _prune(place, manifest, "", [])
    return kept


def _drops_null(place: Type) -> bool:
    """Null means "not there" in a request, where the schema of a custom resource does not allow it."""
    return not (place.builtin or place is DEDUCED or place.schema.get("nullable"))


def unknown_fields(place: Type, manifest: Manifest) -> list[str]:
    """Paths of unknown fields as strict validation names them: ``spec.zones[1].nmae``."""
    found: list[str] = []
    _prune(place, manifest, "", found)
    return found


def _prune(place: Type, value: Any, path: str, found: list[str]) -> Any:
    if place is UNTYPED or place is DEDUCED:
        return value
    if (
        isinstance(value, dict)
        and place.map is not None
        and not (place.builtin and place.name.endswith("RawExtension"))
    ):
        embedded = place.schema.get("x-kubernetes-embedded-resource") is True
        kept = {}
        for key, inner in value.items():
            below = place.map.at(key)
            inner_path = f"{path}.{key}" if path else key
            if inner is None and below is not None and _drops_null(below):
                continue
            if below is not None:
                kept[key] = _prune(below, inner, inner_path, found)
            elif embedded and key in _META:
                kept[key] = inner
            else:
                found.append(inner_path)
        return kept
    if isinstance(value, list) and place.list is not None:
        return [_prune(place.list.items, item, f"{path}[{index}]", found) for index, item in enumerate(value)]
    return value
