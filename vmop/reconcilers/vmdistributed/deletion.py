"""A VMDistributed is deleted: what it made goes with it, what it only referenced is given back (spec 02 §17.2).

Everything is decided on live lists, never on caches or on names of the spec: it may not parse, zones may have been
removed from it, and an object that is overlooked would be collected with its owner.
"""

from __future__ import annotations

from vmop.api import Manifest
from vmop.builders.vmdistributed import ownership
from vmop.builders.vmdistributed.ownership import Origin, Owner
from vmop.builders.vmdistributed.referenced import LiveChild, restored_insert, without_additions
from vmop.informers import StoredObject
from vmop.kube import CachedObject, NotFound, Resource
from vmop.kube.apply.metadata import pointer
from vmop.kube.apply.objects import see
from vmop.kube.resources import VM_AGENT
from vmop.reconcilers.context import Context
from vmop.reconcilers.progress import Delay
from vmop.reconcilers.vmdistributed.actions import MANAGER
from vmop.reconcilers.vmdistributed.observe import CHILD_RESOURCES


async def finalize(context: Context, stored: StoredObject) -> None:
    """Give back every child that is to be kept. Raises Delay while one still refers to us."""
    owner = Owner(stored.key.namespace, stored.key.name, stored.uid)
    retain = (stored.get("spec") or {}).get("retain", False)
    keep_all = retain is not False and retain is not None
    created_at = str(stored.metadata.get("creationTimestamp", ""))

    async def kept() -> list[tuple[Resource, Manifest]]:
        return [
            (resource, child)
            for resource, child in await _owned(context, owner)
            if keep_all or ownership.origin_of(child["metadata"], owner, created_at) is not Origin.CREATED
        ]

    if "foregroundDeletion" in (stored.metadata.get("finalizers") or ()):
        # told in any case: what is to be kept may be gone already
        message = "children are collected at once: referenced objects may be lost before they are given back"
        context.events.event(stored, "Warning", "ForegroundDeletion", message, own=True)
    for resource, child in await kept():
        await disown(context, resource, child, owner)
        context.events.event(stored, "Normal", "ObjectDisowned", f"{resource.kind}={see(child).key} is kept", own=True)
    if left := await kept():
        names = ", ".join(f"{resource.kind}={see(child).key}" for resource, child in left)
        raise Delay(f"failed to disown {names}")


async def disown(context: Context, resource: Resource, child: CachedObject | Manifest, owner: Owner) -> None:
    """Give a child back: reference and annotations go.

    Its spec stays, but for replicas that a mode held at 0 (§6.4) and what was added to an agent's own spec (S6).
    """
    part = _users_own(resource, LiveChild(see(child).manifest(), Origin.REFERENCED))
    if part:
        operations = [{"op": "add", "path": pointer("spec", key), "value": value} for key, value in part.items()]
        child = await context.applier.patch_metadata(resource, child, operations, require_version=True)
    await context.applier.release(
        resource, child, owner=owner.reference(), annotations=ownership.MARKERS, manager=MANAGER
    )


def _users_own(resource: Resource, live: LiveChild) -> Manifest:
    """The top-level fields of a child's spec as its user had them, where they were changed in his spec."""
    if resource is VM_AGENT:
        return without_additions(live)
    insert = restored_insert(live)
    return {} if insert is None else {"vminsert": insert}


async def _owned(context: Context, owner: Owner) -> list[tuple[Resource, Manifest]]:
    """All children with our reference or our marker, as the API server has them now."""
    found: list[tuple[Resource, Manifest]] = []
    for resource in CHILD_RESOURCES.values():
        try:
            listed = await context.client.list(resource, owner.namespace)
        except NotFound:
            # the kind is not installed
            continue
        found += [
            (resource, child)
            for child in listed.items
            if ownership.refers_to(child["metadata"], owner) or ownership.is_marked_as_ours(child["metadata"], owner)
        ]
    return found
