"""What pods say about themselves: ready, on which revision, since when, and whether they can ever become ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from vmop.informers import StoredObject
from vmop.kube import ObjectKey
from vmop.kube.resources import POD
from vmop.kube.times import parse_time
from vmop.reconcilers.context import Context
from vmop.reconcilers.objects import lister
from vmop.reconcilers.progress import Delay, Failure

REVISION = "controller-revision-hash"

Pod = Mapping[str, Any]


def pods_of(context: Context, namespace: str, selector: Mapping[str, str]) -> list[StoredObject]:
    """The pods that a selector matches, as caches have them; only our own pods are cached (DESIGN)."""
    return lister(context, POD).list(namespace, selector)


def is_ready(pod: Pod, min_ready_seconds: int = 0, now: datetime | None = None) -> bool:
    """Running and Ready, for `min_ready_seconds` at `now`, and not on its way out (spec 01 §7.9)."""
    if pod["metadata"].get("deletionTimestamp") or (pod.get("status") or {}).get("phase") != "Running":
        return False
    condition = _condition(pod, "Ready")
    if condition is None or condition.get("status") != "True":
        return False
    since = parse_time(condition.get("lastTransitionTime"))
    if not min_ready_seconds or now is None or since is None:
        return True
    return (now - since).total_seconds() >= min_ready_seconds


def unready_since(pod: Pod) -> datetime | None:
    """When a pod stopped being ready, or was made."""
    condition = _condition(pod, "Ready")
    changed = parse_time((condition or {}).get("lastTransitionTime"))
    return changed or parse_time(pod["metadata"].get("creationTimestamp"))


def became_ready_at(pod: Pod) -> datetime | None:
    """When a pod last became ready; None for one that is not."""
    condition = _condition(pod, "Ready") or {}
    return parse_time(condition.get("lastTransitionTime")) if condition.get("status") == "True" else None


def has_crashed(pod: Pod) -> bool:
    """A container keeps crashing, or waits for something that it says will not come by itself (spec 01 §7.9).

    One that runs again after its second crash counts too, or every restart of a crash loop would look like hope.
    """
    return any(map(_is_lost, _containers(pod)))


def _containers(pod: Pod) -> list[Mapping[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _is_lost(container: Mapping[str, Any]) -> bool:
    state = container.get("state") or {}
    restarts = container.get("restartCount", 0) if (container.get("lastState") or {}).get("terminated") else 0
    waiting = state.get("waiting")
    if waiting is None:
        return restarts > 1 and "running" in state and not container.get("ready")
    refused = waiting.get("message") and waiting.get("reason") != "PodInitializing"
    return bool(restarts > 0 or refused)


def too_late(pod: Pod, what: str) -> Failure | Delay:
    """The error for a pod that takes longer than it may: crashed containers make a failure, others a delay."""
    message = f"{what}: {describe(pod)}"
    return Failure(message) if has_crashed(pod) else Delay(message)


def describe(pod: Pod) -> str:
    """Why a pod is not ready, for a status or an event: phase, conditions, states of its containers."""
    status = pod.get("status") or {}
    conditions = ", ".join(
        f"{condition['type']}={condition['status']}"
        for condition in status.get("conditions") or ()
        if condition.get("status") != "True"
    )
    states = ", ".join(filter(None, map(_state, _containers(pod))))
    name = pod["metadata"].get("name", "")
    text = f"pod {name}: phase={status.get('phase', 'Unknown')}, conditions=[{conditions}], containers=[{states}]"
    return f"{text}: pod has crashed containers" if has_crashed(pod) else text


def _state(container: Mapping[str, Any]) -> str:
    waiting = (container.get("state") or {}).get("waiting")
    if waiting is None:
        return ""
    reason = waiting.get("reason", "waiting")
    return f"{container.get('name')}: {reason} after {container.get('restartCount', 0)} restarts"


def _condition(pod: Pod, type_: str) -> Mapping[str, Any] | None:
    conditions: Iterable[Mapping[str, Any]] = (pod.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == type_), None)


def key_of_pod(pod: Pod) -> ObjectKey:
    """Namespace and name."""
    return ObjectKey(pod["metadata"]["namespace"], pod["metadata"]["name"])
