"""Accounts and rights of agents and single nodes that are not wanted any more (spec 01 §7.11, §8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vmop.api import CustomResource
from vmop.builders.metadata import selector_labels
from vmop.builders.rights import rbac_name
from vmop.informers import StoredObject
from vmop.kube import ObjectKey, Resource
from vmop.kube.resources import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from vmop.reconcilers.context import Context
from vmop.reconcilers.objects import lister, remove_account


async def remove_identity(context: Context, cr: CustomResource, prefixed: str) -> None:
    """The user named an account of his own: ours, called `prefixed`, goes, and its rights."""
    await remove_account(context, cr, prefixed)
    for resource, stored in _rights(context, cr.kind, ObjectKey(cr.namespace, cr.name), [prefixed]):
        await context.applier.delete(resource, stored)


async def remove_foreign_rights(context: Context, resource: Resource, key: ObjectKey, prefixed: Iterable[str]) -> None:
    """Delete rights outside the namespace of the object `key` that is being deleted; those inside have it as owner.

    `prefixed` are the names that its objects may have.
    """
    for each, stored in _rights(context, resource.kind, key, prefixed):
        if stored.key.namespace != key.namespace:
            await context.applier.delete(each, stored)


def _rights(
    context: Context, kind: str, key: ObjectKey, prefixed: Iterable[str]
) -> Iterator[tuple[Resource, StoredObject]]:
    """Roles and bindings of an object, by name and labels: those outside its namespace have no owner."""
    labels, names = selector_labels(kind.lower(), key.name), {rbac_name(key.namespace, name) for name in prefixed}
    cluster = () if context.settings.watch_namespace else (CLUSTER_ROLE_BINDING, CLUSTER_ROLE)
    for resource in (*cluster, ROLE_BINDING, ROLE):
        for stored in lister(context, resource).list("", labels):
            if stored.key.name in names and not stored.metadata.get("deletionTimestamp"):
                yield resource, stored
