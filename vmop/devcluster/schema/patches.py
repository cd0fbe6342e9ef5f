"""Merge patches: RFC 7386, and Kubernetes' strategic merge patch with its directives."""

import copy
import json
from typing import Any, Final

from vmop.devcluster.schema.types import Manifest, Type

_PATCH: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_ORDER: Final = "$setElementOrder/"
_DELETE: Final = "$deleteFromPrimitiveList/"


class InvalidPatch(Exception):
    """400: a directive that means nothing, or an item without its merge key."""


def merge_patch(live: Any, patch: Any) -> Any:
    """RFC 7386: maps merge, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(live) if isinstance(live, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def strategic_merge(place: Type, live: Manifest, patch: Manifest) -> Manifest:
    """Strategic merge of ``patch`` into ``live``: lists with a merge key merge by it, directives are followed.

    Raises InvalidPatch.
    """
    merged = _merge_map(place, live, patch)
    return {} if merged is None else merged


def _merge_map(place: Type | None, live: Manifest, patch: Manifest) -> Manifest | None:
    """None when the patch deletes the whole map."""
    match patch.get(_PATCH):
        case "replace":
            replaced: Manifest = _plain({key: value for key, value in patch.items() if key != _PATCH})
            return replaced
        case "delete":
            return None
        case None | "merge":
            pass
        case other:
            raise InvalidPatch(f"Unknown patch type found: {other}")
    merged = dict(live)
    if _RETAIN in patch:
        merged = {key: value for key, value in merged.items() if key in patch[_RETAIN]}
    for key, value in patch.items():
        if key in (_PATCH, _RETAIN) or key.startswith((_ORDER, _DELETE)):
            continue
        if value is None:
            merged.pop(key, None)
            continue
        inner = place.map.at(key) if place is not None and place.map is not None else None
        outcome = _merge_value(inner, merged.get(key), value, patch.get(_ORDER + key))
        if outcome is None:
            merged.pop(key, None)
        else:
            merged[key] = outcome
    _primitive_directives(place, merged, patch)
    return merged


def _merge_value(place: Type | None, live: Any, patch: Any, order: list[Any] | None) -> Any:
    match patch:
        case dict():
            return _merge_map(place, live if isinstance(live, dict) else {}, patch)
        case list():
            strategy = place.schema.get("x-kubernetes-patch-strategy", "") if place is not None else ""
            if "merge" not in strategy.split(","):
                return _plain(patch)
            return _merge_list(place, live if isinstance(live, list) else [], patch, order)
    return patch


def _merge_list(place: Type | None, live: list[Any], patch: list[Any], order: list[Any] | None) -> list[Any]:
    assert place is not None  # noqa: S101 - only lists of a known type merge
    key = place.schema.get("x-kubernetes-patch-merge-key")
    if not key:
        merged = [*live, *(item for item in patch if item not in live)]
        return _ordered(live, merged, order if order is not None else patch, lambda item: item)
    items = place.list.items if place.list is not None else None
    merged = list(live)
    if any(item.get(_PATCH) == "replace" for item in patch):
        return [_plain(item) for item in patch if item.get(_PATCH) != "replace"]
    for item in patch:
        if key not in item:
            raise InvalidPatch(f"map: {_go(item)} does not contain declared merge key: {key}")
        found = [index for index, other in enumerate(merged) if other.get(key) == item[key]]
        if item.get(_PATCH) == "delete":
            merged = [other for index, other in enumerate(merged) if index not in found]
        elif found:
            merged[found[0]] = _merge_map(items, merged[found[0]], item)
        else:
            merged.append(_merge_map(items, {}, item))
    wanted = [entry[key] for entry in (order if order is not None else patch) if entry.get(_PATCH) != "delete"]
    return _ordered(live, merged, wanted, lambda item: item.get(key))


def _ordered(live: list[Any], merged: list[Any], wanted: list[Any], key: Any) -> list[Any]:
    """Items that the patch names in its order, the others where they stood relative to them, but after new ones."""
    named = [item for item in merged if key(item) in wanted]
    named.sort(key=lambda item: wanted.index(key(item)))
    others = [item for item in merged if key(item) not in wanted]
    place = {json.dumps(key(item)): index for index, item in enumerate(live)}

    def before(other: Any, item: Any) -> bool:
        position = place.get(json.dumps(key(item)))
        return position is not None and place[json.dumps(key(other))] < position

    result: list[Any] = []
    while named and others:
        result.append(others.pop(0) if before(others[0], named[0]) else named.pop(0))
    return result + named + others


def _primitive_directives(place: Type | None, merged: Manifest, patch: Manifest) -> None:
    for key, value in patch.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            merged[name] = [item for item in merged.get(name, []) if item not in value]
        elif key.startswith(_ORDER) and key.removeprefix(_ORDER) not in patch:
            name = key.removeprefix(_ORDER)
            inner = place.map.at(name) if place is not None and place.map is not None else None
            merge_key = inner.schema.get("x-kubernetes-patch-merge-key") if inner is not None else None
            if name in merged:
                live = merged[name]
                if merge_key:
                    wanted = [entry[merge_key] for entry in value]
                    merged[name] = _ordered(live, live, wanted, lambda item, by=merge_key: item.get(by))
                else:
                    merged[name] = _ordered(live, live, value, lambda item: item)


def _plain(value: Any) -> Any:
    """A part of a patch as content: directives and nulls left out."""
    match value:
        case dict():
            return {key: _plain(inner) for key, inner in value.items() if inner is not None and not key.startswith("$")}
        case list():
            return [_plain(item) for item in value]
    return value


def _go(item: Manifest) -> str:
    return "map[" + " ".join(f"{key}:{item[key]}" for key in sorted(item)) + "]"
