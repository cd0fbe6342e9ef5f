"""Objects without a readiness of their own: applied, made again where they cannot be changed, removed when unwanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vmop.api import CustomResource, Manifest
from vmop.informers import Lister, StoredObject
from vmop.kube import Invalid, NotFound, ObjectKey, Resource, key_of
from vmop.kube.apply.metadata import names_same
from vmop.kube.resources import HTTP_ROUTE, SERVICE, SERVICE_ACCOUNT, VERTICAL_POD_AUTOSCALER, by_kind
from vmop.reconcilers.context import FINALIZER, Context

#: selector of what the operator makes; informers of built-in kinds see nothing else (DESIGN)
MANAGED = "managed-by=vm-operator"


async def apply_object(context: Context, manifest: Manifest) -> None:
    """Apply one object; a Service of ours that cannot be changed in place is deleted first."""
    resource = by_kind(manifest["apiVersion"], manifest["kind"])
    stored = context.informers.cached(resource, key_of(manifest))
    if stored is not None and stored.metadata.get("deletionTimestamp"):
        await _strip(context, resource, stored)
    if resource is not SERVICE:
        await context.applier.apply(resource, manifest, strip_finalizer=FINALIZER)
        return
    if stored is not None and _must_recreate(manifest, stored.manifest()) and has_owner_of(stored.metadata, manifest):
        await remove(context, SERVICE, stored)
    try:
        await context.applier.apply(SERVICE, manifest, strip_finalizer=FINALIZER)
    except Invalid:
        if not await _delete_stuck(context, manifest):
            raise
        await context.applier.apply(SERVICE, manifest)


async def _delete_stuck(context: Context, manifest: Manifest) -> bool:
    """Delete a Service that no cache showed to be unchangeable: its class is dropped, or it had lost its label."""
    live = await context.client.get(SERVICE, key_of(manifest))
    dropped = "loadBalancerClass" in live["spec"] and "loadBalancerClass" not in manifest["spec"]
    if not (dropped or _must_recreate(manifest, live)) or not has_owner_of(live["metadata"], manifest):
        return False
    await context.applier.delete(SERVICE, live)
    return True


def has_owner_of(metadata: Mapping[str, Any], manifest: Manifest) -> bool:
    """An object with this metadata has the owner that `manifest` is to have."""
    wanted = manifest["metadata"].get("ownerReferences") or ()
    present = metadata.get("ownerReferences") or ()
    return any(names_same(one, other) for one in wanted for other in present)


async def remove(context: Context, resource: Resource, stored: StoredObject) -> None:
    """Delete an object, without our finalizer that old versions put there; that it is gone already is fine."""
    await _strip(context, resource, stored)
    if not stored.metadata.get("deletionTimestamp"):
        await context.applier.delete(resource, stored, propagation="Background")


async def remove_account(context: Context, cr: CustomResource, name: str) -> None:
    """The user named a service account of his own, so ours goes."""
    account = lister(context, SERVICE_ACCOUNT).get(ObjectKey(cr.namespace, name))
    if account is not None and is_owned(account, cr):
        await remove(context, SERVICE_ACCOUNT, account)


async def _strip(context: Context, resource: Resource, stored: StoredObject) -> None:
    if FINALIZER in (stored.metadata.get("finalizers") or ()):
        try:
            await context.applier.remove_finalizer(resource, stored, FINALIZER)
        except NotFound:
            return


def lister(context: Context, resource: Resource) -> Lister:
    """The lister of what the operator makes of a built-in kind, or of all objects of one of ours."""
    selector = "" if resource.group == CustomResource.group else MANAGED
    return context.informers.informer(resource, label_selector=selector).lister


def _must_recreate(desired: Manifest, present: Manifest) -> bool:
    """A Service whose type, address or class differs cannot be changed in place (spec 01 §7.6)."""
    spec, live = desired["spec"], present["spec"]
    type_, live_type = spec.get("type") or "ClusterIP", live.get("type") or "ClusterIP"
    address, live_address = spec.get("clusterIP", ""), live.get("clusterIP", "")
    headless = (address == "None") != (live_address == "None") and type_ != "ExternalName"
    moved = address not in ("", "None") and address != live_address
    other_class = "loadBalancerClass" in spec and spec["loadBalancerClass"] != live.get("loadBalancerClass")
    return type_ != live_type or headless or moved or other_class


def is_used(context: Context, resource: Resource) -> bool:
    """Whether objects of a kind are served and acted on; those of other kinds are left as they are."""
    settings = context.settings
    enabled = {VERTICAL_POD_AUTOSCALER: settings.vpa_api_enabled, HTTP_ROUTE: settings.gateway_api_enabled}
    return enabled.get(resource, True) and resource.kind not in context.disabled


def is_owned(stored: StoredObject, cr: CustomResource) -> bool:
    """The object carries an owner reference to `cr`; nothing else is ever removed (spec 01 §7.11)."""
    return _is_owned(stored, cr.api_version(), cr.kind, cr.name)


def _is_owned(stored: StoredObject, api_version: str, kind: str, name: str) -> bool:
    return any(
        (ref.get("apiVersion"), ref.get("kind"), ref.get("name")) == (api_version, kind, name)
        for ref in stored.metadata.get("ownerReferences") or ()
    )


async def release_all(
    context: Context, owner: StoredObject, resource: Resource, resources: Iterable[Resource], labels: Mapping[str, str]
) -> None:
    """Take our finalizer, which old versions put there, from everything of an `owner` that is being deleted.

    What has these labels and an owner reference to it is then left to garbage collection (spec 01 §8).
    """
    for each in (each for each in resources if is_used(context, each)):
        for stored in lister(context, each).list(owner.key.namespace, labels):
            if _is_owned(stored, resource.api_version, resource.kind, owner.key.name):
                await _strip(context, each, stored)


async def sweep(
    context: Context,
    cr: CustomResource,
    resources: Iterable[Resource],
    labels: Mapping[str, str],
    keep: Mapping[str, frozenset[str]],
) -> None:
    """Remove objects of `cr` with these labels whose names are not in `keep`; kinds that it lacks are left alone."""
    for resource in resources:
        if resource.kind not in keep or not is_used(context, resource):
            continue
        for stored in lister(context, resource).list(cr.namespace, labels):
            if stored.key.name not in keep[resource.kind] and is_owned(stored, cr):
                await remove(context, resource, stored)
