"""Objects without a readiness of their own: applied, made again where they cannot be changed, removed when unwanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vmop.api import CustomResource, Manifest
from vmop.informers import StoredObject
from vmop.kube import Resource, key_of
from vmop.kube.resources import SERVICE, by_kind
from vmop.reconcilers.context import Context

MANAGED = "managed-by=vm-operator"


async def apply_object(context: Context, manifest: Manifest) -> None:
    """Apply one object; a Service that cannot be changed in place is deleted first."""
    resource = by_kind(manifest["apiVersion"], manifest["kind"])
    if resource is SERVICE:
        stored = lister(context, SERVICE).get(key_of(manifest))
        if stored is not None and (_must_recreate(manifest, stored) or stored.metadata.get("deletionTimestamp")):
            await context.applier.delete(SERVICE, stored)
    await context.applier.apply(resource, manifest)


def lister(context: Context, resource: Resource) -> Any:
    """The lister of what the operator makes of a built-in kind, or of all objects of one of ours."""
    selector = "" if resource.group == CustomResource.group else MANAGED
    return context.informers.informer(resource, label_selector=selector).lister


def _must_recreate(desired: Manifest, stored: StoredObject) -> bool:
    """A Service whose type, address or class differs cannot be changed in place (spec 01 §7.6)."""
    spec, live = desired["spec"], stored.get("spec") or {}
    type_, live_type = spec.get("type") or "ClusterIP", live.get("type") or "ClusterIP"
    address, live_address = spec.get("clusterIP", ""), live.get("clusterIP", "")
    headless = (address == "None") != (live_address == "None") and type_ != "ExternalName"
    moved = address not in ("", "None") and address != live_address
    other_class = "loadBalancerClass" in spec and spec["loadBalancerClass"] != live.get("loadBalancerClass")
    return type_ != live_type or headless or moved or other_class


def is_owned(stored: StoredObject, cr: CustomResource) -> bool:
    """The object carries an owner reference to `cr`; nothing else is ever removed (spec 01 §7.11)."""
    return any(
        (ref.get("apiVersion"), ref.get("kind"), ref.get("name")) == (cr.api_version(), cr.kind, cr.name)
        for ref in stored.metadata.get("ownerReferences") or ()
    )


async def sweep(
    context: Context,
    cr: CustomResource,
    resources: Iterable[Resource],
    labels: Mapping[str, str],
    keep: Mapping[str, frozenset[str]],
) -> None:
    """Remove objects of `cr` with these labels whose names are not in `keep` (by kind)."""
    for resource in resources:
        wanted = keep.get(resource.kind, frozenset())
        for stored in lister(context, resource).list(cr.namespace, labels):
            unwanted = stored.key.name not in wanted and not stored.metadata.get("deletionTimestamp")
            if unwanted and is_owned(stored, cr):
                await context.applier.delete(resource, stored, propagation="Background")
