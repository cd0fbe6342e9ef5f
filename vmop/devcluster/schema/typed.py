"""The five walks of server-side apply over typed values: check, field set, compare, merge and remove.

They follow structured-merge-diff v6, whose outcome clients see in ``managedFields``. JSON null and "not there" differ
in them, so the latter is :data:`ABSENT`.
"""

from collections.abc import Sequence
from typing import Any, Final

import attrs

from vmop.devcluster.schema.fields import FieldSet, Path, field_element, format_element, item_element
from vmop.devcluster.schema.types import ListShape, MapShape, Scalar, Type


class _Absent:
    """Nothing at this place, not even null."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = _Absent()


class TypedError(Exception):
    """A value that does not fit its type; the message names the path, as the server's does."""


def _shape(place: Type, value: Any) -> Scalar | ListShape | MapShape:
    """Which face of a type a value meets: its own if the type has it, else the first that the type has."""
    match value:
        case bool() | int() | float() | str() if place.scalar is not None:
            return place.scalar
        case list() if place.list is not None:
            return place.list
        case dict() if place.map is not None:
            return place.map
    shape = place.map or place.scalar or place.list
    assert shape is not None  # noqa: S101 - every type has one
    return shape


# Check


def check(place: Type, value: Any, *, allow_duplicates: bool) -> None:
    """Raise TypedError with everything in ``value`` that the type does not allow."""
    errors = [f"{path}: {message}" if path else message for path, message in _check(place, value, allow_duplicates)]
    if len(errors) == 1:
        raise TypedError(errors[0])
    if errors:
        raise TypedError("\n".join(["errors:", *(f"  {error}" for error in errors)]))


def _check(place: Type, value: Any, allow_duplicates: bool) -> list[tuple[str, str]]:
    match _shape(place, value):
        case MapShape() as shape:
            return _check_map(shape, value, allow_duplicates)
        case ListShape() as shape:
            return _check_list(shape, value, allow_duplicates)
        case scalar:
            message = _check_scalar(scalar, value)
            return [("", message)] if message else []


def _check_map(shape: MapShape, value: Any, allow_duplicates: bool) -> list[tuple[str, str]]:
    if value is None:
        return []
    if not isinstance(value, dict):
        return [("", f"expected map, got &{{{_go(value)}}}")]
    errors: list[tuple[str, str]] = []
    for key, inner in value.items():
        place = shape.at(key)
        if place is None:
            # The server stops at the first unknown key of a map.
            return [*errors, ("." + key, "field not declared in schema")]
        errors += [("." + key + path, message) for path, message in _check(place, inner, allow_duplicates)]
    return errors


def _check_list(shape: ListShape, value: Any, allow_duplicates: bool) -> list[tuple[str, str]]:
    if value is None:
        return []
    if not isinstance(value, list):
        return [("", f"expected list, got &{{{_go(value)}}}")]
    errors: list[tuple[str, str]] = []
    seen: set[str] = set()
    for index, item in enumerate(value):
        element = f"i:{index}"
        if shape.associative:
            try:
                element = item_element(shape, item)
            except ValueError as error:
                return [*errors, ("", f"element {index}: {error}")]
            if element in seen and not allow_duplicates:
                errors.append(("", f"duplicate entries for key {format_element(element)}"))
            seen.add(element)
        prefix = format_element(element)
        errors += [(prefix + path, message) for path, message in _check(shape.items, item, allow_duplicates)]
    return errors


def _check_scalar(scalar: Scalar, value: Any) -> str:
    match scalar, value:
        case (_, None) | ("boolean", bool()) | ("string", str()) | ("untyped", bool() | int() | float() | str()):
            return ""
        case ("numeric", int() | float()) if not isinstance(value, bool):
            return ""
        case ("numeric", _):
            return f"expected numeric (int or float), got {_go_type(value)}"
        case ("string", _):
            return f"expected string, got &value.valueUnstructured{{Value:{_go(value)}}}"
        case ("boolean", _):
            return f"expected boolean, got &{{{_go(value)}}}"
    return f"expected any scalar, got &{{{_go(value)}}}"


def _go(value: Any) -> str:
    """A value as Go prints it with %v."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return "[" + " ".join(_go(item) for item in value) + "]"
        case dict():
            return "map[" + " ".join(f"{key}:{_go(value[key])}" for key in sorted(value)) + "]"
        case None:
            return "<nil>"
    return str(value)


def _go_type(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case list():
            return "[]interface {}"
    return "map[string]interface {}"


# Field set


def field_set(place: Type, value: Any) -> FieldSet:
    """Every path that an applied configuration claims."""
    found = FieldSet()
    _collect(place, value, (), found)
    return found


def _collect(place: Type, value: Any, path: Path, found: FieldSet) -> None:
    match _shape(place, value):
        case MapShape() as shape:
            _collect_map(shape, value, path, found)
        case ListShape() as shape:
            if not shape.associative:
                found.insert(path)
            elif isinstance(value, list):
                _collect_list(shape, value, path, found)
        case _:
            found.insert(path)


def _collect_map(shape: MapShape, value: Any, path: Path, found: FieldSet) -> None:
    if shape.atomic:
        found.insert(path)
        return
    for key, inner in (value or {}).items():
        place = shape.at(key)
        if place is None:
            continue
        below = (*path, field_element(key))
        _collect(place, inner, below, found)
        if inner is None or inner == {} or key not in shape.fields:
            found.insert(below)


def _collect_list(shape: ListShape, value: list[Any], path: Path, found: FieldSet) -> None:
    elements = [item_element(shape, item) for item in value]
    repeated = {element for element in elements if elements.count(element) > 1}
    for element, item in zip(elements, value, strict=True):
        below = (*path, element)
        if element not in repeated:
            _collect(shape.items, item, below, found)
        found.insert(below)


# Compare


@attrs.frozen
class Comparison:
    """What differs between two values: paths of leaves, and of maps and items that came or went as a whole."""

    added: FieldSet = attrs.Factory(FieldSet)
    modified: FieldSet = attrs.Factory(FieldSet)
    removed: FieldSet = attrs.Factory(FieldSet)

    def without_tree(self, ignored: FieldSet) -> "Comparison":
        return Comparison(
            self.added.without_tree(ignored),
            self.modified.without_tree(ignored),
            self.removed.without_tree(ignored),
        )


def compare(place: Type, old: Any, new: Any) -> Comparison:
    result = Comparison()
    _compare(place, old, new, (), result)
    return result


def _compare(place: Type, old: Any, new: Any, path: Path, result: Comparison) -> None:
    old_shape = _shape(place, old)
    new_shape = _shape(place, new)
    if new is ABSENT:
        leaf = _compare_shape(old_shape, old, new, path, result)
    else:
        if old is not ABSENT and old_shape is not new_shape:
            _compare_shape(old_shape, old, new, path, result)
        leaf = _compare_shape(new_shape, old, new, path, result)
    if not leaf:
        if old is ABSENT:
            result.added.insert(path)
        elif new is ABSENT:
            result.removed.insert(path)


def _compare_shape(shape: Scalar | ListShape | MapShape, old: Any, new: Any, path: Path, result: Comparison) -> bool:
    """Compare under one face of the type; True if it was compared as one leaf."""
    match shape:
        case MapShape():
            before, after = _as(dict, old), _as(dict, new)
            if not shape.atomic and (before or after):
                for key in [*before, *(key for key in after if key not in before)]:
                    inner = shape.at(key)
                    if inner is not None:
                        below = (*path, field_element(key))
                        _compare(inner, before.get(key, ABSENT), after.get(key, ABSENT), below, result)
                return False
        case ListShape():
            items_before, items_after = _as(list, old), _as(list, new)
            if shape.associative and (items_before or items_after):
                _compare_items(shape, items_before, items_after, path, result)
                return False
    if old is ABSENT:
        result.added.insert(path)
    elif new is ABSENT:
        result.removed.insert(path)
    elif not equal(old, new):
        result.modified.insert(path)
    return True


def _compare_items(shape: ListShape, old: list[Any], new: list[Any], path: Path, result: Comparison) -> None:
    before, after = _grouped(shape, old), _grouped(shape, new)
    for element in [*before, *(element for element in after if element not in before)]:
        was, now = before.get(element, []), after.get(element, [])
        below = (*path, element)
        if len(was) <= 1 and len(now) <= 1:
            _compare(shape.items, was[0] if was else ABSENT, now[0] if now else ABSENT, below, result)
        elif len(was) > 1 and len(now) > 1:
            if not equal(was, now):
                result.modified.insert(below)
        elif len(was) > 1:
            if now:
                _compare(shape.items, ABSENT, now[0], below, result)
            result.removed.insert(below)
        else:
            if was:
                _compare(shape.items, was[0], ABSENT, below, result)
            result.added.insert(below)


def _grouped(shape: ListShape, items: list[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(item_element(shape, item), []).append(item)
    return groups


def equal(left: Any, right: Any) -> bool:
    """Deep equality in which ``True`` is not ``1``."""
    return bool(left == right) and not _has_bool(left, right)


def _has_bool(left: Any, right: Any) -> bool:
    match left, right:
        case (bool(), _) | (_, bool()):
            return type(left) is not type(right)
        case (dict(), dict()):
            return any(_has_bool(left[key], right[key]) for key in left)
        case (list(), list()):
            return any(_has_bool(one, other) for one, other in zip(left, right, strict=True))
    return False


def _as(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else kind()


# Merge


def merge(place: Type, live: Any, applied: Any) -> Any:
    """``applied`` (checked before) laid over ``live``; ABSENT if nothing is left. Items of ``live`` come first."""
    shape = _shape(place, live if applied is ABSENT else applied)
    match shape:
        case MapShape():
            before, after = _as(dict, live), _as(dict, applied)
            if not shape.atomic and (before or after):
                return _merge_map(shape, before, after)
        case ListShape():
            items_before, items_after = _as(list, live), _as(list, applied)
            if shape.associative and (items_before or items_after):
                return _merge_list(shape, items_before, items_after)
    return live if applied is ABSENT else applied


def _merge_map(shape: MapShape, live: dict[str, Any], applied: dict[str, Any]) -> Any:
    merged = {}
    for key in [*live, *(key for key in applied if key not in live)]:
        place = shape.at(key)
        if place is None:
            continue
        value = merge(place, live.get(key, ABSENT), applied.get(key, ABSENT))
        if value is not ABSENT:
            merged[key] = value
    return merged or ABSENT


def _merge_list(shape: ListShape, live: list[Any], applied: list[Any]) -> Any:
    left = [item_element(shape, item) for item in live]
    right = [item_element(shape, item) for item in applied]
    by_left: dict[str, Any] = {}
    for element, item in zip(left, live, strict=True):
        # A repeated item is not merged with the applied one, which replaces it.
        by_left[element] = None if element in by_left else item
    by_right = dict(zip(right, applied, strict=True))
    out: list[Any] = []

    def take(live_item: Any, applied_item: Any) -> None:
        value = merge(shape.items, live_item, applied_item)
        if value is not ABSENT:
            out.append(value)

    for source, element, index in _interleave(left, right, by_left, by_right):
        if source == "live":
            take(live[index], ABSENT)
        else:
            take(by_left.get(element, ABSENT), by_right[element])
    return out or ABSENT


def _interleave(
    left: Sequence[str], right: Sequence[str], by_left: dict[str, Any], by_right: dict[str, Any]
) -> list[tuple[str, str, int]]:
    """The order of a merged list: applied items in their order, each after the live-only items that stood before it."""
    shared = [element for element in right if element in by_left]
    upcoming = iter(shared)
    expected = next(upcoming, None)
    taken: set[str] = set()
    order: list[tuple[str, str, int]] = []
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right):
            element = left[i]
            if element == right[j]:
                taken.add(element)
                order.append(("both", element, j))
                i, j = i + 1, j + 1
                expected = next(upcoming, None)
                continue
            if element in by_right and expected is not None and expected != element:
                i += 1
                continue
        if i < len(left):
            element = left[i]
            if element not in by_right:
                order.append(("live", element, i))
                i += 1
                continue
            if element in taken:
                i += 1
        if j < len(right):
            element = right[j]
            taken.add(element)
            order.append(("both", element, j))
            j += 1
            if expected == element:
                expected = next(upcoming, None)
    return order


# Remove


def remove(place: Type, value: Any, paths: FieldSet) -> Any:
    """``value`` without ``paths``. As on the server, an object or list that loses its last part becomes null."""
    match _shape(place, value):
        case MapShape() as shape:
            if shape.atomic or not isinstance(value, dict):
                return None
            kept = {}
            for key, inner in value.items():
                element = field_element(key)
                below = shape.at(key)
                if element in paths:
                    continue
                subset = paths.below(element)
                kept[key] = remove(below, inner, subset) if subset and below is not None else inner
            return kept or None
        case ListShape() as shape:
            if not shape.associative or not isinstance(value, list):
                return None
            items = []
            for item in value:
                element = item_element(shape, item)
                if element in paths:
                    continue
                subset = paths.below(element)
                items.append(remove(shape.items, item, subset) if subset else item)
            return items or None
    return value
