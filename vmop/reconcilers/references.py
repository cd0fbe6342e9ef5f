"""What a reconciler hands to builders of objects that a resource refers to: contents of Secrets, ConfigMaps, targets.

Contents are read from the API server at each reconcile: caches hold of others' Secrets no more than metadata. Only
resources that refer to something pay for it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping

from vmop.api import CustomResource, Manifest
from vmop.builders.references import Reference, References
from vmop.builders.vmauth import TargetKey
from vmop.kube import NotFound, NotRegistered, ObjectKey, Resource
from vmop.kube.resources import CONFIG_MAP, SECRET, by_kind
from vmop.reconcilers.context import Context

_SOURCES: Mapping[str, Resource] = {"secret": SECRET, "configmap": CONFIG_MAP}


async def read_references(context: Context, wanted: Iterable[Reference]) -> References:
    """The contents of what exists of these Secrets and ConfigMaps."""
    contents = {}
    for reference in sorted(wanted):
        resource = _SOURCES[reference.source]
        try:
            manifest = await context.client.get(resource, ObjectKey(reference.namespace, reference.name))
        except NotFound:
            continue
        contents[reference] = {key: _value(resource, text) for key, text in (manifest.get("data") or {}).items()}
    return References(contents)


def _value(resource: Resource, text: str) -> bytes:
    return b64decode(text) if resource is SECRET else text.encode()


async def read_targets(context: Context, wanted: Iterable[TargetKey]) -> Mapping[TargetKey, Manifest]:
    """The stored manifests of what exists of these objects: from caches, and of kinds that nobody watches live."""
    found = {}
    for key in sorted(wanted):
        resource, place = _resource(key.kind), ObjectKey(key.namespace, key.name)
        if context.informers.is_cached(resource):
            stored = context.informers.informer(resource).lister.get(place)
            if stored is not None:
                found[key] = stored.manifest()
            continue
        try:
            found[key] = await context.client.get(resource, place)
        except NotFound:
            continue
    return found


def _resource(kind: str) -> Resource:
    """A kind of this operator, or of its sister for logs and traces."""
    try:
        return by_kind(f"{CustomResource.group}/v1beta1", kind)
    except NotRegistered:
        version = "v1beta1" if kind == "VLogs" else "v1"
        plural = kind.lower() if kind == "VLogs" else f"{kind.lower()}s"
        return Resource(CustomResource.group, version, kind, plural)
