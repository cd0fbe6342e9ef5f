"""What the controllers ask of objects: pure functions over what informers hold."""

import copy
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from vmop.informers import LabelSelector, StoredObject
from vmop.kube import Manifest, Resource

HASH_LABEL = "pod-template-hash"
REVISION_LABEL = "controller-revision-hash"

_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def controller_of(obj: StoredObject) -> Mapping[str, Any] | None:
    """The reference to the owner that controls it."""
    for reference in obj.metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            owner: Mapping[str, Any] = reference
            return owner
    return None


def owner_reference(owner: StoredObject) -> Manifest:
    """The reference that makes `owner` the controller."""
    return {
        "apiVersion": owner.resource.api_version,
        "kind": owner.resource.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_controlled_by(obj: StoredObject, owner: StoredObject) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == owner.uid


def selector_of(obj: StoredObject) -> LabelSelector:
    """The label selector of a workload. An empty one, which the API server refuses, would select everything."""
    return LabelSelector.from_manifest(obj.get("spec").get("selector") or {})


def is_active(pod: StoredObject) -> bool:
    """Neither ended nor being deleted."""
    return not is_terminal(pod) and pod.deletion_timestamp is None


def is_terminal(pod: StoredObject) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def phase(pod: StoredObject) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


def condition(status: Mapping[str, Any], kind: str) -> Manifest | None:
    """The condition of this type."""
    for one in status.get("conditions") or ():
        if one["type"] == kind:
            found: Manifest = one
            return found
    return None


def is_ready(pod: StoredObject) -> bool:
    ready = condition(pod.get("status") or {}, "Ready")
    return ready is not None and ready["status"] == "True"


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def ready_at(pod: StoredObject) -> datetime | None:
    """Since when the pod is ready; None while it is not."""
    ready = condition(pod.get("status") or {}, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    since = ready.get("lastTransitionTime")
    return parse_time(since) if since else datetime.fromtimestamp(0, UTC)


def unavailable_for(pod: StoredObject, min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until a ready pod counts as available (0: it does); None while it is not ready."""
    since = ready_at(pod)
    if since is None:
        return None
    return max(0.0, (since + timedelta(seconds=min_ready_seconds) - now).total_seconds())


def is_available(pod: StoredObject, min_ready_seconds: int, now: datetime) -> bool:
    return unavailable_for(pod, min_ready_seconds, now) == 0


def next_available(pods: list[StoredObject], min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until the next of the ready pods becomes available."""
    waits = [unavailable_for(pod, min_ready_seconds, now) for pod in pods]
    return min((wait for wait in waits if wait), default=None)


def scaled(value: int | str | None, total: int, *, up: bool) -> int:
    """An int-or-percent of `total`, rounded up or down."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    share = int(value.removesuffix("%")) * total / 100
    return math.ceil(share) if up else math.floor(share)


def template_hash(template: Any, collisions: int = 0) -> str:
    """A hash that looks like that of Kubernetes: FNV-1a of the content, in letters that make no words."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    if collisions:
        text += collisions.to_bytes(4, "little")
    value = 2166136261
    for byte in text:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return "".join(_SAFE[int(digit) % len(_SAFE)] for digit in str(value))


def pod_from(owner: StoredObject, template: Manifest, *, name: str = "") -> Manifest:
    """A pod made of a template, controlled by `owner`; without `name` the server gives it one."""
    template = copy.deepcopy(template)
    metadata = template.get("metadata") or {}
    kept = {field: metadata[field] for field in ("labels", "annotations", "finalizers") if metadata.get(field)}
    named = {"name": name} if name else {"generateName": f"{owner.name}-"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**kept, **named, "namespace": owner.namespace, "ownerReferences": [owner_reference(owner)]},
        "spec": template["spec"],
    }


def without_zeros(status: Mapping[str, Any], *kept: str) -> Manifest:
    """Fields that are zero or empty are left out of a status, but those that are always there."""
    return {name: value for name, value in status.items() if value not in (0, [], None, "") or name in kept}


def is_kind(reference: Mapping[str, Any], resource: Resource) -> bool:
    """Whether an owner reference is to an object of this kind, whatever its version."""
    group = str(reference["apiVersion"]).rpartition("/")[0]
    return bool(reference["kind"] == resource.kind and group == resource.group)
