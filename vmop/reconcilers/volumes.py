"""Claims of StatefulSets grow with their templates where the storage class allows it (spec 01 §7.8). Never shrink."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vmop.api import Manifest
from vmop.informers import StoredObject
from vmop.kube import ObjectKey
from vmop.kube.apply.compare import quantity
from vmop.kube.apply.metadata import pointer
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
    """Resize claims that are smaller than their templates and wait for them; None when nothing is to wait for."""
    templates = {claim["metadata"]["name"]: claim for claim in live["spec"].get("volumeClaimTemplates") or ()}
    if not templates or not live["spec"].get("replicas", 1):
        return None
    waiting: list[str] = []
    for claim, template in _claims(context, live, templates):
        wanted = _requested(template)
        if wanted is None:
            continue
        present = _requested(claim.manifest())
        if present is not None and quantity(wanted) == quantity(present):
            pass
        elif present is not None and _number(wanted) < _number(present):
            _log.info("a claim is never shrunk", object=str(claim.key), requested=present, template=wanted)
            continue
        elif await _is_expandable(context, claim):
            operation = {"op": "add", "path": pointer("spec", "resources", "requests", "storage"), "value": wanted}
            await context.applier.patch_metadata(PERSISTENT_VOLUME_CLAIM, claim, [operation], require_version=True)
        else:
            _log.info("storage class does not allow expansion", object=str(claim.key), template=wanted)
        if not _has_size(claim, wanted):
            waiting.append(claim.key.name)
    if waiting:
        message = f"waiting for claims to be resized: {', '.join(sorted(waiting))}"
        return Progress(message, context.settings.pvc_wait_ready_interval)
    return None


def _claims(context: Context, live: Manifest, templates: Mapping[str, Manifest]) -> list[tuple[StoredObject, Manifest]]:
    namespace, name = live["metadata"]["namespace"], live["metadata"]["name"]
    lister = context.informers.informer(PERSISTENT_VOLUME_CLAIM, label_selector=MANAGED).lister
    found = []
    for claim_name, template in templates.items():
        for ordinal in range(live["spec"].get("replicas", 1)):
            claim = lister.get(ObjectKey(namespace, f"{claim_name}-{name}-{ordinal}"))
            if claim is not None and not claim.metadata.get("deletionTimestamp"):
                found.append((claim, template))
    return found


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
