"""JSON patches of single finalizers, annotations and owner references.

Each is made from what was seen and tests it, so that a patch made from an old view is refused instead of hitting a
neighbour. Patches that make a list or map which was absent would overwrite one that appeared since: these need a
test of the version, which :attr:`MetadataPatch.decided_by_version` says.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from vmop.kube.patches import JsonPatchOp


@attrs.frozen
class MetadataPatch:
    """Operations, none when there is nothing to do, and whether they hold for the seen version of the object only."""

    operations: tuple[JsonPatchOp, ...] = ()
    decided_by_version: bool = False


def pointer(*names: str | int) -> str:
    """The JSON pointer (RFC 6901) of ``names``."""
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)


def add_finalizer(metadata: Mapping[str, Any], finalizer: str) -> MetadataPatch:
    """Append ``finalizer`` unless it is there."""
    present = metadata.get("finalizers") or []
    if finalizer in present:
        return MetadataPatch()
    return _append("finalizers", list(present), finalizer)


def remove_finalizer(metadata: Mapping[str, Any], finalizer: str) -> MetadataPatch:
    """Remove ``finalizer`` from its place."""
    present = list(metadata.get("finalizers") or ())
    if finalizer not in present:
        return MetadataPatch()
    path = pointer("metadata", "finalizers", present.index(finalizer))
    return MetadataPatch(({"op": "test", "path": path, "value": finalizer}, {"op": "remove", "path": path}))


def set_annotations(metadata: Mapping[str, Any], values: Mapping[str, str | None]) -> MetadataPatch:
    """Set annotations, or remove those whose value is ``None``."""
    present = metadata.get("annotations") or {}
    changes = {key: value for key, value in values.items() if present.get(key) != value}
    if not changes:
        return MetadataPatch()
    if not present:
        return MetadataPatch(
            ({"op": "add", "path": pointer("metadata", "annotations"), "value": changes},), decided_by_version=True
        )
    return MetadataPatch(
        tuple(
            {"op": "remove", "path": pointer("metadata", "annotations", key)}
            if value is None
            else {"op": "add", "path": pointer("metadata", "annotations", key), "value": value}
            for key, value in changes.items()
        )
    )


def set_owner(metadata: Mapping[str, Any], owner: Mapping[str, Any]) -> MetadataPatch:
    """Add ``owner``, in the place of a reference to a gone object of the same name if there is one.

    Where another owner controls the object, ours is added without that (the API server refuses two).
    """
    present = list(metadata.get("ownerReferences") or ())
    stale = [i for i, ref in enumerate(present) if names_same(ref, owner) and ref.get("uid") != owner["uid"]]
    if any(ref.get("uid") == owner["uid"] for ref in present):
        return MetadataPatch()
    controlled = any(ref.get("controller") and i not in stale for i, ref in enumerate(present))
    wanted = {**owner, "controller": False} if controlled and owner.get("controller") else dict(owner)
    if not stale:
        return _append("ownerReferences", present, wanted)
    place = pointer("metadata", "ownerReferences", stale[0])
    return MetadataPatch(
        (
            {"op": "test", "path": f"{place}/uid", "value": present[stale[0]]["uid"]},
            {"op": "replace", "path": place, "value": wanted},
        )
    )


def remove_owner(metadata: Mapping[str, Any], owner: Mapping[str, Any]) -> MetadataPatch:
    """Remove every reference to ``owner``: by uid, or by ``apiVersion``, ``kind`` and ``name``."""
    present = list(metadata.get("ownerReferences") or ())
    operations: list[JsonPatchOp] = []
    for index in reversed(range(len(present))):
        reference = present[index]
        if names_same(reference, owner) or reference.get("uid") == owner.get("uid"):
            place = pointer("metadata", "ownerReferences", index)
            operations.append({"op": "test", "path": f"{place}/uid", "value": reference["uid"]})
            operations.append({"op": "remove", "path": place})
    return MetadataPatch(tuple(operations))


def names_same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether both references name the same object, whatever its uid."""
    return all(first.get(field) == second.get(field) for field in ("apiVersion", "kind", "name"))


def _append(field: str, present: list[Any], value: object) -> MetadataPatch:
    if present:
        return MetadataPatch(({"op": "add", "path": pointer("metadata", field, "-"), "value": value},))
    return MetadataPatch(
        ({"op": "add", "path": pointer("metadata", field), "value": [value]},), decided_by_version=True
    )
