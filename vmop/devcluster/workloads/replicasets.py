"""ReplicaSets: as many pods as asked for, the least useful deleted first."""

import asyncio
from datetime import datetime
from typing import Any

from vmop.devcluster.workloads.adoption import claim
from vmop.devcluster.workloads.objects import (
    is_active,
    is_available,
    is_ready,
    is_terminal,
    next_available,
    phase,
    pod_from,
    ready_at,
    without_zeros,
)
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Informer, LabelSelector, StoredObject
from vmop.kube import Manifest, ObjectKey
from vmop.kube.resources import POD, REPLICA_SET
from vmop.runtime import Result

_BURST = 500


class ReplicaSets:
    """Reconciles ReplicaSets."""

    def __init__(self, writer: Writer, replica_sets: Informer, pods: Informer) -> None:
        self._writer = writer
        self._replica_sets = replica_sets
        self._pods = pods

    async def reconcile(self, key: ObjectKey) -> Result:
        owner = self._replica_sets.lister.get(key)
        if owner is None:
            return Result()
        mine = await claim(self._writer, owner, self._pods)
        if owner.deletion_timestamp is None:
            await self._manage(owner, [pod for pod in mine if is_active(pod)])
            mine = await claim(self._writer, owner, self._pods)
        now = self._writer.now()
        seconds = owner.get("spec").get("minReadySeconds") or 0
        await self._writer.patch_status(REPLICA_SET, owner, replica_set_status(owner, mine, now))
        return Result(next_available([pod for pod in mine if is_active(pod)], seconds, now))

    async def _manage(self, owner: StoredObject, pods: list[StoredObject]) -> None:
        missing = (owner.get("spec").get("replicas") or 0) - len(pods)
        async with asyncio.TaskGroup() as group:
            if missing > 0:
                for _ in range(min(missing, _BURST)):
                    pod = pod_from(owner, owner.get("spec")["template"])
                    group.create_task(self._writer.create(POD, pod))
            elif missing < 0:
                now = self._writer.now()
                for victim in sorted(pods, key=lambda pod: deletion_rank(pod, now))[:-missing]:
                    group.create_task(self._writer.delete(POD, victim))


def deletion_rank(pod: StoredObject, now: datetime) -> tuple[Any, ...]:
    """Pods that go first sort first: unbound, pending, not ready, ready for a shorter time, more restarts, younger."""
    status = pod.get("status") or {}
    restarts = max((one.get("restartCount", 0) for one in status.get("containerStatuses") or ()), default=0)
    since = ready_at(pod)
    age = (now - since).total_seconds() if since else 0.0
    created = str(pod.metadata.get("creationTimestamp") or "")
    bound = bool(pod.get("spec").get("nodeName"))
    young = [-ord(letter) for letter in created]
    return bound, phase(pod) == "Running", is_ready(pod), int(age), -restarts, young, pod.name


def replica_set_status(owner: StoredObject, pods: list[StoredObject], now: datetime) -> Manifest:
    """The counts over the ReplicaSet's pods."""
    spec = owner.get("spec")
    labels = LabelSelector.of((spec["template"].get("metadata") or {}).get("labels") or {})
    seconds = spec.get("minReadySeconds") or 0
    active = [pod for pod in pods if is_active(pod)]
    terminating = [pod for pod in pods if pod.deletion_timestamp is not None and not is_terminal(pod)]
    counts = {
        "replicas": len(active),
        "fullyLabeledReplicas": sum(labels.matches(pod.label) for pod in active),
        "readyReplicas": sum(map(is_ready, active)),
        "availableReplicas": sum(is_available(pod, seconds, now) for pod in active),
        "terminatingReplicas": len(terminating),
        "observedGeneration": owner.generation,
        "conditions": (owner.get("status") or {}).get("conditions"),
    }
    return without_zeros(counts, "replicas", "terminatingReplicas")
