"""Claims of StatefulSets grow with their templates where the storage class allows it (spec 01 §7.8). Never shrink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vmop.api import Manifest
from vmop.informers import StoredObject
from vmop.kube.apply.compare import quantity
from vmop.kube.apply.metadata import pointer
from vmop.kube.patches import JsonPatchOp
from vmop.kube.resources import PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS
from vmop.reconcilers.context import Context
from vmop.reconcilers.progress import Failure, Progress
from vmop.runtime import get_logger

ALLOW_EXPANSION = "operator.victoriametrics.com/pvc-allow-volume-expansion"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
MANAGED = "managed-by=vm-operator"

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
        if wanted is not None and await _may_grow(context, claim, wanted):
            path = pointer("spec", "resources", "requests", "storage")
            operations.append({"op": "add", "path": path, "value": wanted})
        if operations:
            await context.applier.patch_metadata(PERSISTENT_VOLUME_CLAIM, claim, operations, require_version=True)
        if wanted is not None and ordinal < spec.get("replicas", 1) and not _has_size(claim, wanted):
            waiting.append(claim.key.name)
    if waiting:
        message = f"waiting for claims to be resized: {', '.join(sorted(waiting))}"
        return Progress(message, context.settings.pvc_wait_ready_interval)
    return None


def _claims(
    context: Context, live: Manifest, templates: Mapping[str, Manifest]
) -> Iterator[tuple[StoredObject, Manifest, int]]:
    """The claims of a StatefulSet with their templates and ordinals; those on their way out are left alone."""
    namespace, name = live["metadata"]["namespace"], live["metadata"]["name"]
    lister = context.informers.informer(PERSISTENT_VOLUME_CLAIM, label_selector=MANAGED).lister
    for claim in lister.list(namespace, live["spec"]["selector"]["matchLabels"]):
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


async def _may_grow(context: Context, claim: StoredObject, wanted: str) -> bool:
    present = _requested(claim.manifest())
    if present is not None and quantity(wanted) == quantity(present):
        return False
    if present is not None and _number(wanted) < _number(present):
        _log.info("a claim is never shrunk", object=str(claim.key), requested=present, template=wanted)
        return False
    if not await _is_expandable(context, claim):
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


def _has_size(claim: StoredObject, wanted: str) -> bool:
    status = claim.get("status") or {}
    capacity = (status.get("capacity") or {}).get("storage")
    resizing = any(
        condition.get("type") == "Resizing" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )
    return capacity is None or (_number(str(capacity)) >= _number(wanted) and not resizing)


async def _is_expandable(context: Context, claim: StoredObject) -> bool:
    """The claim's annotation decides; without one, its storage class, where we may read it."""
    said = claim.annotations.get(ALLOW_EXPANSION)
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
