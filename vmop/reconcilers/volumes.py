"""Claims grow with what is asked for where the storage class allows it (spec 01 §7.8). They never shrink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vmop.api import Manifest
from vmop.informers import StoredObject
from vmop.kube import NotFound, ObjectKey, Resource, key_of
from vmop.kube.apply.compare import quantity
from vmop.kube.apply.metadata import names_same, pointer
from vmop.kube.patches import JsonPatchOp
from vmop.kube.resources import PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS
from vmop.reconcilers.context import FINALIZER, Context
from vmop.reconcilers.objects import lister
from vmop.reconcilers.progress import READY, Failure, Progress
from vmop.runtime import get_logger

ALLOW_EXPANSION = "operator.victoriametrics.com/pvc-allow-volume-expansion"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

_log = get_logger(__name__)


async def grow_claims(context: Context, live: Manifest) -> Progress | None:
    """Resize claims that are smaller than their templates and wait for them; None when nothing is to wait for.

    Labels and annotations of the templates are put on the claims too. Claims of replicas that are gone grow as well,
    but nobody waits for these: no pod uses them.
    """
    spec = live["spec"]
    templates = {claim["metadata"]["name"]: claim for claim in spec.get("volumeClaimTemplates") or ()}
    if not templates or not spec.get("replicas", 1):
        return None
    waiting: list[str] = []
    for claim, template, ordinal in _claims(context, live, templates):
        operations = _metadata(claim, template, spec["selector"]["matchLabels"])
        wanted = _requested(template)
        if wanted is not None and await _may_grow(context, claim, wanted, claim.annotations):
            path = pointer("spec", "resources", "requests", "storage")
            operations.append({"op": "add", "path": path, "value": wanted})
        if operations:
            await context.applier.patch_metadata(PERSISTENT_VOLUME_CLAIM, claim, operations, require_version=True)
        if (
            wanted is not None
            and ordinal < spec.get("replicas", 1)
            and not _is_as_large(claim.get("status") or {}, wanted)
        ):
            waiting.append(claim.key.name)
    if waiting:
        message = f"waiting for claims to be resized: {', '.join(sorted(waiting))}"
        return Progress(message, context.settings.pvc_wait_ready_interval)
    return None


async def apply_claim(context: Context, manifest: Manifest) -> Progress:
    """Apply a claim that stands alone and wait until it is as large as it is asked to be; ready while it is unbound.

    A claim that may not grow stays as it is and keeps nobody waiting; one on its way out is left alone.
    """
    key = key_of(manifest)
    stored: StoredObject | None = context.informers.cached(PERSISTENT_VOLUME_CLAIM, key)
    if stored is not None and stored.metadata.get("deletionTimestamp"):
        _log.info("a claim is being removed and left alone", object=str(key))
        return READY
    if stored is not None:
        manifest = await _with_possible_size(context, manifest, stored)
    applied = await context.applier.apply(PERSISTENT_VOLUME_CLAIM, manifest, strip_finalizer=FINALIZER)
    wanted = _requested(applied.object)
    if wanted is None or _is_as_large(applied.object.get("status") or {}, wanted):
        return READY
    return Progress(f"waiting for claims to be resized: {key.name}", context.settings.pvc_wait_ready_interval)


async def _with_possible_size(context: Context, manifest: Manifest, stored: StoredObject) -> Manifest:
    """The claim with the size that it has, where it cannot get the one that is asked for."""
    wanted, present = _requested(manifest), _requested(stored.manifest())
    annotations = {**stored.annotations, **(manifest["metadata"].get("annotations") or {})}
    if wanted is None or present is None or await _may_grow(context, stored, wanted, annotations):
        return manifest
    spec = manifest["spec"]
    resources = spec["resources"]
    requests = {**resources["requests"], "storage": present}
    return {**manifest, "spec": {**spec, "resources": {**resources, "requests": requests}}}


async def release_claim(context: Context, key: ObjectKey, owner: StoredObject, resource: Resource) -> None:
    """Give up a claim of an owner that is being deleted, so that it is not collected with it (spec 01 §8.3).

    Read live: no cache may be too old, and no lost label may hide it, where data are at stake.
    """
    reference = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": owner.key.name,
        "uid": owner.uid,
    }
    try:
        live = await context.client.get(PERSISTENT_VOLUME_CLAIM, key)
    except NotFound:
        return
    if not any(names_same(each, reference) for each in live["metadata"].get("ownerReferences") or ()):
        return
    released = await context.applier.release(PERSISTENT_VOLUME_CLAIM, live, owner=reference)
    if released is not None:
        await context.applier.remove_finalizer(PERSISTENT_VOLUME_CLAIM, released, FINALIZER)


def _claims(
    context: Context, live: Manifest, templates: Mapping[str, Manifest]
) -> Iterator[tuple[StoredObject, Manifest, int]]:
    """The claims of a StatefulSet with their templates and ordinals; those on their way out are left alone."""
    namespace, name = live["metadata"]["namespace"], live["metadata"]["name"]
    selector = live["spec"]["selector"]["matchLabels"]
    for claim in lister(context, PERSISTENT_VOLUME_CLAIM).list(namespace, selector):
        prefix, _, ordinal = claim.key.name.rpartition("-")
        template = templates.get(prefix.removesuffix(f"-{name}"))
        ours = template is not None and prefix == f"{template['metadata']['name']}-{name}" and ordinal.isdigit()
        if template is not None and ours and not claim.metadata.get("deletionTimestamp"):
            yield claim, template, int(ordinal)


def _metadata(claim: StoredObject, template: Manifest, selector: Mapping[str, str]) -> list[JsonPatchOp]:
    """Operations that give a claim what it lacks of the template's metadata; what it is selected by stays."""
    operations: list[JsonPatchOp] = []
    for field in ("labels", "annotations"):
        present = claim.metadata.get(field) or {}
        wanted = {
            key: value
            for key, value in (template["metadata"].get(field) or {}).items()
            if present.get(key) != value and not (field == "labels" and key in selector)
        }
        if wanted and not present:
            operations.append({"op": "add", "path": pointer("metadata", field), "value": wanted})
        elif wanted:
            operations += [
                {"op": "add", "path": pointer("metadata", field, key), "value": value} for key, value in wanted.items()
            ]
    return operations


async def _may_grow(context: Context, claim: StoredObject, wanted: str, annotations: Mapping[str, str]) -> bool:
    present = _requested(claim.manifest())
    if present is not None and quantity(wanted) == quantity(present):
        return False
    if present is not None and _number(wanted) < _number(present):
        _log.info("a claim is never shrunk", object=str(claim.key), requested=present, template=wanted)
        return False
    if not await _is_expandable(context, claim, annotations):
        _log.info("storage class does not allow expansion", object=str(claim.key), template=wanted)
        return False
    return True


def _requested(claim: Mapping[str, Any]) -> str | None:
    size = (((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
    return None if size is None else str(size)


def _number(size: str) -> Any:
    number = quantity(size)
    if number is None:
        raise Failure(f"storage request {size!r} is not a quantity")
    return number


def _is_as_large(status: Mapping[str, Any], wanted: str) -> bool:
    """The volume behind a claim has this size, or there is none yet."""
    capacity = (status.get("capacity") or {}).get("storage")
    resizing = any(
        condition.get("type") == "Resizing" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )
    return capacity is None or (_number(str(capacity)) >= _number(wanted) and not resizing)


async def _is_expandable(context: Context, claim: StoredObject, annotations: Mapping[str, str]) -> bool:
    """The claim's annotation decides; without one, its storage class, where we may read it."""
    said = annotations.get(ALLOW_EXPANSION)
    if said is not None:
        if said not in ("true", "false"):
            message = f'unexpected value format for annotation={ALLOW_EXPANSION}: "{said}", want true or false'
            raise Failure(message)
        return said == "true"
    if context.settings.watch_namespace:
        return False
    name = claim.annotations.get(_CLASS_ANNOTATION) or (claim.get("spec") or {}).get("storageClassName")
    classes = context.informers.informer(STORAGE_CLASS).lister.list()
    chosen = [
        each for each in classes if (each.key.name == name if name else each.annotations.get(_DEFAULT_CLASS) == "true")
    ]
    return any(each.get("allowVolumeExpansion") is True for each in chosen)
