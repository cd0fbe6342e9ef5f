"""Field management: who owns which field, and what an apply makes of that.

The outcome is that of apimachinery's field managers in 1.36: entries keyed by manager, operation, version and
subresource; an update takes what it changed from everybody; an apply owns what it says, and removes what it said
before and nobody else owns; metadata that the server writes has no owner; at most ten updaters are remembered one by
one.
"""

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import attrs

from vmop.devcluster.schema.fields import FieldSet, Path, format_path
from vmop.devcluster.schema.stored import stored_form
from vmop.devcluster.schema.typed import ABSENT, Comparison, TypedError, check, compare, equal, field_set, merge, remove
from vmop.devcluster.schema.types import Manifest, Type

Operation: TypeAlias = Literal["Apply", "Update"]

MAX_UPDATERS: Final = 10
_BEFORE_FIRST_APPLY: Final = "before-first-apply"
_ANCIENT: Final = "ancient-changes"
_SERVER_FIELDS: Final = FieldSet(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [
        ("f:metadata", f"f:{name}")
        for name in (
            "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
            "managedFields", "resourceVersion",
        )
    ]
)  # fmt: skip


class ManagerKey(NamedTuple):
    """Identity of an entry. ``api_version`` is "" for Apply: an applier is the same in every version."""

    manager: str
    operation: Operation
    api_version: str
    subresource: str

    def __str__(self) -> str:
        """As conflicts name it."""
        shown = json.dumps(self.manager, ensure_ascii=False)
        if self.subresource:
            shown += f" with subresource {json.dumps(self.subresource)}"
        return f"{shown} using {self.api_version}" if self.operation == "Update" else shown


@attrs.frozen
class Owned:
    """What one manager owns, in which version it said so, and when (RFC 3339; "" when it changed nothing)."""

    fields: FieldSet
    api_version: str
    time: str = ""


Managers: TypeAlias = dict[ManagerKey, Owned]


class ApplyConflict(Exception):
    """409: fields of the applied configuration belong to others. Apply with force, or leave them out."""

    def __init__(self, conflicts: list[tuple[ManagerKey, Path]]) -> None:
        self.conflicts = [(key, format_path(path)) for key, path in conflicts]
        super().__init__(self._message())

    @property
    def causes(self) -> list[Manifest]:
        """Status causes, one a field."""
        return [
            {"reason": "FieldManagerConflict", "message": f"conflict with {key}", "field": path}
            for key, path in self.conflicts
        ]

    def _message(self) -> str:
        if len(self.conflicts) == 1:
            key, path = self.conflicts[0]
            return f"Apply failed with 1 conflict: conflict with {key}: {path}"
        lines = []
        for key in sorted({key for key, _ in self.conflicts}):
            lines.append(f"conflicts with {key}:")
            lines += [f"- {path}" for other, path in self.conflicts if other == key]
        return f"Apply failed with {len(self.conflicts)} conflicts: " + "\n".join(lines)


class InvalidApply(Exception):
    """400: the configuration cannot be applied at all (carries managedFields, or is of another version)."""


class UntypedApply(Exception):
    """500: the configuration does not fit the schema; the message is the server's."""


class DuplicateKeys(UntypedApply):
    """The configuration repeats the key of a list map or an item of a set."""


class FieldNotDeclared(UntypedApply):
    """The configuration has a field that the schema lacks."""


# Wire form


def decode_managed(entries: list[Manifest]) -> Managers:
    """Read ``metadata.managedFields``. ValueError when an entry is not one."""
    managers: Managers = {}
    for entry in entries:
        operation, api_version = entry.get("operation"), entry.get("apiVersion", "")
        if operation not in ("Apply", "Update"):
            raise ValueError("operation must be `Apply` or `Update`")
        if not api_version:
            raise ValueError("apiVersion must not be empty")
        if entry.get("fieldsType") != "FieldsV1":
            raise ValueError("fieldsType must be `FieldsV1`")
        key = ManagerKey(
            entry.get("manager", ""),
            operation,
            "" if operation == "Apply" else api_version,
            entry.get("subresource", ""),
        )
        fields = FieldSet.from_wire(entry.get("fieldsV1") or {})
        managers[key] = Owned(fields, api_version, entry.get("time") or "")
    return managers


def encode_managed(managers: Managers) -> list[Manifest]:
    """``metadata.managedFields`` in the server's order: appliers first, oldest first."""
    ordered = sorted(
        managers.items(),
        key=lambda item: (
            item[0].operation, item[1].time, item[0].manager, item[1].api_version, item[0].subresource,
        ),
    )  # fmt: skip
    entries = []
    for key, owned in ordered:
        entry: Manifest = {"manager": key.manager, "operation": key.operation, "apiVersion": owned.api_version}
        if owned.time:
            entry["time"] = owned.time
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": owned.fields.to_wire()}
        if key.subresource:
            entry["subresource"] = key.subresource
        entries.append(entry)
    return entries


# Operations


def track_update(
    place: Type,
    old: Manifest | None,
    new: Manifest,
    manager: str,
    operation: Operation,
    subresource: str,
    now: datetime,
    *,
    ignored: FieldSet | None = None,
) -> Manifest:
    """``new`` with its ``managedFields`` after a create (``old`` None), update or patch by ``manager``.

    ``managedFields`` that the request itself carries replace those of ``old`` (``[]`` or ``[{}]`` clears them), but not
    through a subresource. ``ignored`` are fields that this endpoint resets and so does not own.
    """
    api_version = new.get("apiVersion", "")
    live = place_empty(place, new) if old is None else old
    managers = _requested(live, new, bool(subresource))
    result = _without_managed(new)
    if not managers and old is not None:
        return result  # nobody tracks this object: not before the first apply
    key = ManagerKey(manager, operation, api_version, subresource)
    comparison = compare(place, _without_managed(live), result)
    managers = _take(managers, comparison, None, ignored)
    taken = (comparison.modified | comparison.added) - _SERVER_FIELDS
    if ignored is not None:
        taken = taken.without_tree(ignored)
    if taken:
        previous = managers.get(key)
        fields = taken | previous.fields if previous is not None else taken
        managers[key] = Owned(fields, api_version, _timestamp(now))
    return with_managed(result, _capped(managers))


def apply(
    place: Type,
    live: Manifest | None,
    applied: Manifest,
    manager: str,
    *,
    force: bool,
    now: datetime,
    subresource: str = "",
    ignored: FieldSet | None = None,
) -> Manifest:
    """The object that server-side apply makes of ``live`` (None: it creates), before defaulting and admission.

    An apply that changes no field of the object leaves the time of its entry as it was (none for a new entry).
    Raises ApplyConflict (409), InvalidApply (400), DuplicateKeys and FieldNotDeclared (500).
    """
    api_version = applied.get("apiVersion", "")
    if applied.get("metadata", {}).get("managedFields") is not None:
        raise InvalidApply("metadata.managedFields must be nil")
    _check_applied(place, applied)
    current = place_empty(place, applied) if live is None else live
    managers = _decoded(current)
    current = _without_managed(current)
    if not managers:
        managers = _before_first_apply(place, current, api_version, now)
    key = ManagerKey(manager, "Apply", "", subresource)
    before = managers.get(key)
    merged = merge(place, current, applied)
    merged = {} if merged is ABSENT else merged
    claimed = field_set(place, applied)
    if ignored is not None:
        claimed = claimed.without_tree(ignored)
    managers[key] = Owned(claimed, api_version, before.time if before else "")
    result = _pruned(place, merged, managers, before)
    managers = _apply_ownership(place, current, result, managers, key, force=force, ignored=ignored)
    changed = not equal(current, result)
    if key in managers:
        fields = managers[key].fields - _SERVER_FIELDS
        time = _timestamp(now) if changed else managers[key].time
        if fields:
            managers[key] = Owned(fields, api_version, time)
        else:
            del managers[key]
    return with_managed(result if changed else current, managers)


def place_empty(place: Type, like: Manifest) -> Manifest:
    """What "nothing yet" is: for Go types a struct with its empty structs, for custom resources only the kind."""
    empty: Manifest = {"apiVersion": like.get("apiVersion", ""), "kind": like.get("kind", "")}
    return empty if not place.builtin else stored_form(place, empty)


def _check_applied(place: Type, applied: Manifest) -> None:
    try:
        check(place, applied, allow_duplicates=False)
    except TypedError as error:
        metadata = applied.get("metadata", {})
        group_version, kind = applied.get("apiVersion", ""), applied.get("kind", "")
        qualified = group_version if "/" in group_version else f"/{group_version}"
        name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        message = f"failed to create typed patch object ({name}; {qualified}, Kind={kind}): {error}"
        if "duplicate entries for key" in str(error):
            raise DuplicateKeys(message) from None
        if "field not declared in schema" in str(error):
            raise FieldNotDeclared(message) from None
        raise UntypedApply(message) from None


def _before_first_apply(place: Type, current: Manifest, api_version: str, now: datetime) -> Managers:
    """Everything that is there belongs to nobody we know: one entry of that name owns it."""
    comparison = compare(place, place_empty(place, current), current)
    fields = (comparison.modified | comparison.added) - _SERVER_FIELDS
    if not fields or not current.get("metadata", {}).get("uid"):
        return {}
    key = ManagerKey(_BEFORE_FIRST_APPLY, "Update", api_version, "")
    return {key: Owned(fields, api_version, _timestamp(now))}


def _pruned(place: Type, merged: Manifest, managers: Mapping[ManagerKey, Owned], before: Owned | None) -> Any:
    """``merged`` without what this applier said last time and nobody, itself included, says now."""
    if before is None or not before.fields:
        return merged
    last = before.fields.with_named_fields(place)
    everything = field_set(place, merged).with_named_fields(place)
    managed = FieldSet()
    for owned in managers.values():
        managed |= owned.fields
    pruned = remove(place, merged, last)
    left = field_set(place, pruned).with_named_fields(place)
    pruned = remove(place, merged, everything - (left | managed.with_named_fields(place)))
    left = field_set(place, pruned).with_named_fields(place)
    return remove(place, merged, (everything - left) & last)


def _apply_ownership(
    place: Type,
    current: Manifest,
    result: Manifest,
    managers: Managers,
    key: ManagerKey,
    *,
    force: bool,
    ignored: FieldSet | None,
) -> Managers:
    comparison = compare(place, current, result)
    if not force:
        seen = comparison if ignored is None else comparison.without_tree(ignored)
        wanted = seen.modified | seen.added
        conflicts = [
            (other, path) for other, owned in managers.items() if other != key for path in owned.fields & wanted
        ]
        if conflicts:
            raise ApplyConflict(conflicts)
    return _take(managers, comparison, key, ignored)


def _take(managers: Managers, comparison: Comparison, keep: ManagerKey | None, ignored: FieldSet | None) -> Managers:
    """Managers without what changed hands; ``keep`` is not touched."""
    if ignored is not None:
        comparison = comparison.without_tree(ignored)
    changed = comparison.modified | comparison.added
    left: Managers = {}
    for key, owned in managers.items():
        fields = owned.fields
        if key != keep:
            fields = fields - (fields & changed) - comparison.removed
        if fields:
            left[key] = attrs.evolve(owned, fields=fields)
    return left


def _requested(live: Manifest, new: Manifest, subresource: bool) -> Managers:
    entries = new.get("metadata", {}).get("managedFields")
    if not subresource:
        if entries in ([], [{}]):
            return {}
        try:
            managers = decode_managed(entries or [])
        except (ValueError, TypeError):
            managers = {}
        if managers:
            return managers
    return _decoded(live)


def _decoded(live: Manifest) -> Managers:
    try:
        return decode_managed(live.get("metadata", {}).get("managedFields") or [])
    except (ValueError, TypeError):
        return {}


def _capped(managers: Managers) -> Managers:
    """At most ten updaters: the oldest of a version go into one entry."""
    updaters = sorted((key for key in managers if key.operation == "Update"), key=lambda key: (managers[key].time, key))
    length = len(updaters)
    first: dict[str, ManagerKey] = {}
    for key in updaters:
        if length <= MAX_UPDATERS:
            break
        version = managers[key].api_version
        if version not in first:
            first[version] = key
            continue
        bucket = ManagerKey(_ANCIENT, "Update", version, "")
        if bucket not in managers:
            managers[bucket] = managers.pop(first[version])
        owned = managers.pop(key)
        managers[bucket] = Owned(owned.fields | managers[bucket].fields, version, owned.time)
        length -= 1
    return managers


def _without_managed(manifest: Manifest) -> Manifest:
    metadata = {key: value for key, value in manifest.get("metadata", {}).items() if key != "managedFields"}
    copied = copy.deepcopy({key: value for key, value in manifest.items() if key != "metadata"})
    return copied | ({"metadata": copy.deepcopy(metadata)} if "metadata" in manifest else {})


def with_managed(manifest: Manifest, managers: Managers) -> Manifest:
    """``manifest`` carrying these owners, or no ``managedFields`` at all when there are none."""
    metadata = {**(manifest.get("metadata") or {})}
    metadata.pop("managedFields", None)
    if managers:
        metadata["managedFields"] = encode_managed(managers)
    return {**manifest, "metadata": metadata}


def _timestamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
