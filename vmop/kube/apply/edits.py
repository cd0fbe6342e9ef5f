"""Edits of single pieces of an object, its status, and the end of it: everything that is written without an apply.

None of these ever creates an object. Each is sent for the very object that was seen (its uid is tested); where
something that was read decides, its version is tested too, and a failed test is a :class:`Conflict`: read again,
decide again.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vmop.kube.apply import metadata as metadata_patches
from vmop.kube.apply.fields import entries_of, give_back
from vmop.kube.apply.memory import Memory
from vmop.kube.apply.metadata import MetadataPatch, names_same, pointer
from vmop.kube.apply.objects import CachedObject, ObjectCache, OwnedByAnother, see
from vmop.kube.apply.plan import DESIRED_ANNOTATION
from vmop.kube.client import Client
from vmop.kube.errors import Conflict, Invalid, NotFound
from vmop.kube.patches import JsonPatch, JsonPatchOp
from vmop.kube.requests import Propagation
from vmop.kube.resources import Manifest, ObjectKey, Resource
from vmop.kube.wire import OUR_MANAGERS

_log = logging.getLogger(__name__)
ATTEMPTS = 5
"""How often a conflict is decided again, from a new read, before it is raised."""
RELEASED = "released"
"""The field manager of what is no longer ours."""


class Editor:
    """The half of the Applier that knows nothing of desired manifests."""

    def __init__(self, client: Client, cache: ObjectCache, *, manager: str, memory: int) -> None:
        self._client = client
        self._cache = cache
        self._manager = manager
        self._managers = OUR_MANAGERS | {manager, f"{manager}-metadata", f"{manager}-status"}
        self._memory = Memory(memory)

    def forget(self, resource: Resource, key: ObjectKey) -> None:
        """Drop what is remembered of an object, as when it is gone. Costs nothing but a closer look at the next
        apply."""
        self._memory.drop(resource, key, tuple(self._managers))

    async def patch_metadata(
        self,
        resource: Resource,
        live: CachedObject | Manifest,
        operations: Sequence[JsonPatchOp],
        *,
        require_version: bool = False,
    ) -> Manifest:
        """Patch ``live``, tested to be the same object; with ``require_version`` also to be unchanged since it was
        seen.

        Never creates anything. Raises :class:`NotFound`, and :class:`Conflict` where a test fails: read again,
        decide again.
        """
        return await self._patch_object(resource, live, operations, writer="metadata", require_version=require_version)

    async def add_finalizer(self, resource: Resource, obj: CachedObject | Manifest, finalizer: str) -> Manifest:
        """Add ``finalizer`` unless it is there."""
        return await self._edit(resource, obj, metadata_patches.add_finalizer(see(obj).metadata, finalizer))

    async def remove_finalizer(self, resource: Resource, obj: CachedObject | Manifest, finalizer: str) -> Manifest:
        """Remove ``finalizer`` if it is there."""
        return await self._edit(resource, obj, metadata_patches.remove_finalizer(see(obj).metadata, finalizer))

    async def set_annotations(
        self, resource: Resource, obj: CachedObject | Manifest, values: Mapping[str, str | None]
    ) -> Manifest:
        """Set annotations; ``None`` removes one."""
        return await self._edit(resource, obj, metadata_patches.set_annotations(see(obj).metadata, values))

    async def set_owner(self, resource: Resource, obj: CachedObject | Manifest, owner: Mapping[str, Any]) -> Manifest:
        """Add an owner reference, replacing a stale one of the same name. Raises :class:`OwnedByAnother`."""
        for other in see(obj).metadata.get("ownerReferences") or ():
            if excludes(other, owner):
                raise OwnedByAnother(
                    f"{resource.kind} {see(obj).key} is owned by other {other['kind']}: {other['name']}, "
                    f"expected: {owner['name']}"
                )
        return await self._edit(resource, obj, metadata_patches.set_owner(see(obj).metadata, owner))

    async def remove_owner(
        self, resource: Resource, obj: CachedObject | Manifest, owner: Mapping[str, Any]
    ) -> Manifest:
        """Remove every owner reference to ``owner``, by uid or by name."""
        return await self._edit(resource, obj, metadata_patches.remove_owner(see(obj).metadata, owner))

    async def _edit(self, resource: Resource, obj: CachedObject | Manifest, patch: MetadataPatch) -> Manifest:
        if not patch.operations:
            return see(obj).manifest()
        return await self.patch_metadata(resource, obj, patch.operations, require_version=patch.decided_by_version)

    async def patch_status(
        self,
        resource: Resource,
        live: CachedObject | Manifest,
        status: Manifest,
        *,
        require_version: bool = False,
    ) -> Manifest:
        """Make ``status`` the object's status, whole; nothing is sent where it is already.

        ``require_version``: what was read decides, so the object must be unchanged since; else :class:`Conflict`.
        """
        manifest = see(live).manifest()
        if (manifest.get("status") or {}) == status:
            return manifest
        operation: JsonPatchOp = {"op": "add", "path": "/status", "value": status}
        return await self._patch_object(
            resource, live, [operation], writer="status", require_version=require_version, subresource="status"
        )

    async def _patch_object(
        self,
        resource: Resource,
        live: CachedObject | Manifest,
        operations: Sequence[JsonPatchOp],
        *,
        writer: str,
        require_version: bool,
        subresource: str = "",
    ) -> Manifest:
        seen = see(live)
        tests: list[JsonPatchOp] = [_test("uid", seen.uid)]
        if require_version:
            tests.append(_test("resourceVersion", seen.resource_version))
        try:
            answer = await self._client.patch(
                resource,
                seen.key,
                JsonPatch([*tests, *operations]),
                subresource=subresource,
                field_manager=f"{self._manager}-{writer}",
            )
        except Invalid as error:
            if error.causes:
                raise
            raise conflict(resource, seen.key, "the object changed since it was read") from error
        self._cache.record_write(resource, answer)
        return answer

    async def delete(
        self, resource: Resource, obj: CachedObject | Manifest, *, propagation: Propagation | None = None
    ) -> None:
        """Delete this very object; that it is gone already, or another has its name, is fine."""
        seen = see(obj)
        self.forget(resource, seen.key)
        try:
            await self._client.delete(resource, seen.key, propagation=propagation, uid=seen.uid)
        except (NotFound, Conflict) as error:
            _log.debug("object was gone already", extra={"object": f"{resource.kind}/{seen.key}", "error": str(error)})
        self._cache.record_delete(resource, seen.key, seen.uid)

    async def release(
        self,
        resource: Resource,
        obj: CachedObject | Manifest,
        *,
        owner: Mapping[str, Any] | None = None,
        annotations: Iterable[str] = (),
        manager: str | None = None,
    ) -> Manifest | None:
        """Give an object up without changing it: our owner reference, our annotations and our name in
        ``managedFields`` go.

        ``annotations`` are removed besides the recorded one; ``manager`` is whose applies are given up. Reads live
        first. Returns the object, ``None`` when it is gone. Raises :class:`Conflict` where others kept writing.
        """
        seen = see(obj)
        self.forget(resource, seen.key)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                live = await self._client.get(resource, seen.key)
                if live["metadata"]["uid"] != seen.uid:
                    return None
                operations = _release(live, owner, (DESIRED_ANNOTATION, *annotations), manager or self._manager)
                if not operations:
                    return live
                return await self.patch_metadata(resource, live, operations, require_version=True)
            except NotFound:
                return None
            except Conflict:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")


def _test(field: str, value: str) -> JsonPatchOp:
    return {"op": "test", "path": pointer("metadata", field), "value": value}


def replace_metadata(field: str, value: object) -> JsonPatchOp:
    """The operation that replaces a field of the metadata."""
    return {"op": "replace", "path": pointer("metadata", field), "value": value}


def _release(
    live: Manifest, owner: Mapping[str, Any] | None, annotations: Iterable[str], manager: str
) -> list[JsonPatchOp]:
    metadata = live["metadata"]
    operations: list[JsonPatchOp] = []
    if owner is not None:
        operations += metadata_patches.remove_owner(metadata, owner).operations
    present = metadata.get("annotations") or {}
    gone = {key: None for key in annotations if key in present}
    operations += metadata_patches.set_annotations(metadata, gone).operations
    managed = entries_of(live)
    given_back = give_back(managed, manager=manager, neutral=RELEASED)
    if given_back != managed:
        operations.append(replace_metadata("managedFields", given_back))
    return operations


def excludes(other: Mapping[str, Any], owner: Mapping[str, Any]) -> bool:
    """Whether an object with the owner ``other`` cannot be ``owner``'s: another object of its kind, or a controller
    of its group."""
    if names_same(other, owner):
        return False
    if all(other.get(field) == owner.get(field) for field in ("apiVersion", "kind")):
        return True
    group, slash, _ = str(owner.get("apiVersion")).partition("/")
    rivals = bool(other.get("controller")) and bool(owner.get("controller"))
    return rivals and bool(slash) and str(other.get("apiVersion")).startswith(f"{group}/")


def conflict(resource: Resource, key: ObjectKey, message: str) -> Conflict:
    """A conflict that was found out here, not by the server's 409."""
    return Conflict(409, "Conflict", message, verb="update", target=f"{resource.kind} {key}")
