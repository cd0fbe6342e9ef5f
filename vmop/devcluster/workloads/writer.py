"""How the workload controllers write: as kube-controller-manager does, and remembered until the watch shows it.

What is written is recorded in the factory's informers, so that no reconcile acts on a cache that does not know yet
what this process did: that is what client-go's controllers keep "expectations" for. Objects are changed by merge
patches of what differs, never replaced: informers keep managed fields and last-applied annotations in part only.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from vmop.informers import InformerFactory, StoredObject
from vmop.kube import Client, Conflict, Forbidden, Manifest, MergePatch, NotFound, ObjectKey, Resource, key_of
from vmop.runtime import RetryAfter

MANAGER = "kube-controller-manager"

_TERMINATING_RETRY = 1.0


@attrs.frozen
class Writer:
    """Writes to one server; `now` is the wall clock."""

    client: Client
    factory: InformerFactory
    now: Callable[[], datetime]
    manager: str = MANAGER

    def stamp(self) -> str:
        """Now, as it stands in conditions."""
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """POST. In a namespace that is going away it is tried again in a moment: its owner will go, too."""
        try:
            created = await self.client.create(resource, manifest, field_manager=self.manager)
        except Forbidden as error:
            raise RetryAfter(_TERMINATING_RETRY, str(error)) from None
        self.factory.record_write(resource, created)
        return created

    async def patch(self, resource: Resource, key: ObjectKey, body: Manifest, *, subresource: str = "") -> Manifest:
        """Merge `body` into the object."""
        patched = await self.client.patch(
            resource, key, MergePatch(body), subresource=subresource, field_manager=self.manager
        )
        self.factory.record_write(resource, patched)
        return patched

    async def patch_status(self, resource: Resource, obj: StoredObject, status: Manifest) -> bool:
        """Make the status what `status` says, unless it is. Returns whether something was written."""
        change = merge_difference(obj.get("status") or {}, status)
        if not change:
            return False
        body: Manifest = {"metadata": {"uid": obj.uid}, "status": change}
        try:
            await self.patch(resource, obj.key, body, subresource="status")
        except (NotFound, Conflict):
            return False
        return True

    async def delete(self, resource: Resource, obj: StoredObject) -> None:
        """Delete this very object; fine when it is gone or another one has its name."""
        try:
            answer = await self.client.delete(resource, obj.key, uid=obj.uid, propagation="Background")
        except (NotFound, Conflict):
            return
        metadata = answer.get("metadata") or {}
        lingers = metadata.get("deletionTimestamp") and (
            metadata.get("deletionGracePeriodSeconds") or metadata.get("finalizers")
        )
        if answer.get("kind") == resource.kind and lingers:
            self.factory.record_write(resource, answer)
        else:
            self.factory.record_delete(resource, obj.key, obj.uid)

    def stored(self, resource: Resource, manifest: Manifest) -> StoredObject | None:
        """A manifest that was just written, as informers hold it."""
        return self.factory.cached(resource, key_of(manifest))


def merge_difference(live: Mapping[str, Any], desired: Mapping[str, Any]) -> Manifest:
    """The merge patch that makes `desired` of `live`; empty when they are equal."""
    patch: Manifest = {}
    for name, value in desired.items():
        before = live.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := merge_difference(before, value):
                patch[name] = inner
        elif name not in live or before != value:
            patch[name] = value
    patch |= {name: None for name in live if name not in desired}
    return patch
