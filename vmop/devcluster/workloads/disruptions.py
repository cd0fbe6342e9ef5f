"""PodDisruptionBudgets: how many of their pods may go now. The eviction subresource counts on it."""

from collections.abc import Iterable
from datetime import timedelta

from vmop.devcluster.workloads.objects import controller_of, is_active, is_ready, parse_time, scaled, selector_of
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Informer, StoredObject
from vmop.kube import Manifest, ObjectKey
from vmop.kube.resources import POD_DISRUPTION_BUDGET
from vmop.runtime import Result

_FORGET_AFTER = timedelta(minutes=2)


class DisruptionBudgets:
    """Reconciles the status of budgets. `owners` are informers of the workloads that say how many pods are meant."""

    def __init__(self, writer: Writer, budgets: Informer, pods: Informer, owners: Iterable[Informer]) -> None:
        self._writer = writer
        self._budgets = budgets
        self._pods = pods
        self._owners = {informer.resource.kind: informer for informer in owners}

    def budgets_of(self, pod: StoredObject) -> Iterable[ObjectKey]:
        """The budgets that select a pod."""
        for budget in self._budgets.lister.list(pod.namespace):
            if selector_of(budget).matches(pod.label):
                yield budget.key

    async def reconcile(self, key: ObjectKey) -> Result:
        budget = self._budgets.lister.get(key)
        if budget is None:
            return Result()
        pods = [pod for pod in self._pods.lister.list(key.namespace, selector_of(budget)) if is_active(pod)]
        await self._writer.patch_status(POD_DISRUPTION_BUDGET, budget, self._status(budget, pods))
        return Result()

    def _status(self, budget: StoredObject, pods: list[StoredObject]) -> Manifest:
        spec, known = budget.get("spec"), budget.get("status") or {}
        disrupted = self._still_disrupted(known.get("disruptedPods") or {}, pods)
        healthy = sum(is_ready(pod) and pod.name not in disrupted for pod in pods)
        meant = self._expected(pods)
        if (unavailable := spec.get("maxUnavailable")) is not None:
            expected = meant
            desired = max(0, meant - scaled(unavailable, meant, up=True))
        else:
            minimum = spec.get("minAvailable")
            expected = len(pods) if isinstance(minimum, int) else meant
            desired = scaled(minimum, meant, up=True)
        allowed = max(0, healthy - desired) if expected > 0 else 0
        status: Manifest = {
            "observedGeneration": budget.generation,
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "conditions": [self._condition(budget, allowed)],
        }
        return status | ({"disruptedPods": disrupted} if disrupted else {})

    def _still_disrupted(self, known: Manifest, pods: list[StoredObject]) -> Manifest:
        now, there = self._writer.now(), {pod.name for pod in pods}
        return {
            name: since for name, since in known.items() if name in there and now - parse_time(since) < _FORGET_AFTER
        }

    def _expected(self, pods: list[StoredObject]) -> int:
        """Replicas that the pods' workloads are to have."""
        sizes: dict[str, int] = {}
        for pod in pods:
            owner = self._owner(pod)
            deployment = self._owner(owner) if owner is not None else None
            workload = deployment or owner
            if workload is not None:
                replicas = workload.get("spec").get("replicas")
                sizes[workload.uid] = 1 if replicas is None else int(replicas)
        return sum(sizes.values())

    def _owner(self, obj: StoredObject) -> StoredObject | None:
        reference = controller_of(obj)
        informer = self._owners.get(reference["kind"]) if reference else None
        if reference is None or informer is None:
            return None
        return informer.lister.get(ObjectKey(obj.namespace, reference["name"]))

    def _condition(self, budget: StoredObject, allowed: int) -> Manifest:
        status = "True" if allowed else "False"
        reason = "SufficientPods" if allowed else "InsufficientPods"
        for known in (budget.get("status") or {}).get("conditions") or ():
            if known["type"] == "DisruptionAllowed" and known["status"] == status and known["reason"] == reason:
                return {**known, "observedGeneration": budget.generation}
        return {
            "type": "DisruptionAllowed",
            "status": status,
            "reason": reason,
            "message": "",
            "observedGeneration": budget.generation,
            "lastTransitionTime": self._writer.stamp(),
        }
