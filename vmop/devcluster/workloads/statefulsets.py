"""StatefulSets: numbered pods with claims of their own, made in order and replaced from the last to the first."""

import contextlib
from collections.abc import Iterable

import attrs

from vmop.devcluster.workloads.adoption import claim
from vmop.devcluster.workloads.objects import (
    REVISION_LABEL,
    is_active,
    is_available,
    is_terminal,
    next_available,
    scaled,
    without_zeros,
)
from vmop.devcluster.workloads.revisions import Revisions, revisions_of, truncate
from vmop.devcluster.workloads.stateful_pods import (
    claim_owners,
    claims_for,
    first_ordinal,
    is_healthy,
    is_running_and_ready,
    ordinal_of,
    parent_and_ordinal,
    stateful_pod,
)
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Informer, StoredObject
from vmop.kube import AlreadyExists, Manifest, NotFound, ObjectKey
from vmop.kube.resources import PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET
from vmop.runtime import Result


@attrs.frozen
class _Look:
    """One look at a StatefulSet: its revisions and its pods by number."""

    owner: StoredObject
    revisions: Revisions
    pods: dict[int, StoredObject]

    @property
    def replicas(self) -> int:
        replicas = self.owner.get("spec").get("replicas")
        return 1 if replicas is None else int(replicas)

    @property
    def wanted(self) -> range:
        start = first_ordinal(self.owner)
        return range(start, start + self.replicas)

    @property
    def condemned(self) -> list[int]:
        """Numbers of pods to delete, in that order."""
        return sorted((number for number in self.pods if number not in self.wanted), reverse=True)

    @property
    def is_ordered(self) -> bool:
        return bool(self.owner.get("spec").get("podManagementPolicy", "OrderedReady") != "Parallel")

    @property
    def is_rolling(self) -> bool:
        strategy = self.owner.get("spec").get("updateStrategy") or {}
        return bool(strategy.get("type", "RollingUpdate") == "RollingUpdate")

    @property
    def partition(self) -> int:
        rolling = (self.owner.get("spec").get("updateStrategy") or {}).get("rollingUpdate") or {}
        return int(rolling.get("partition") or 0)

    @property
    def max_unavailable(self) -> int:
        rolling = (self.owner.get("spec").get("updateStrategy") or {}).get("rollingUpdate") or {}
        return max(1, scaled(rolling.get("maxUnavailable"), self.replicas, up=True))

    @property
    def min_ready(self) -> int:
        return int(self.owner.get("spec").get("minReadySeconds") or 0)

    def revision_for(self, number: int) -> StoredObject:
        """The revision that a pod made now has: below the partition of a rolling update the present one."""
        if self.is_rolling and number < first_ordinal(self.owner) + self.partition:
            return self.revisions.current
        return self.revisions.update


class StatefulSets:
    """Reconciles StatefulSets."""

    def __init__(
        self, writer: Writer, stateful_sets: Informer, pods: Informer, claims: Informer, revisions: Informer
    ) -> None:
        self._writer = writer
        self._stateful_sets = stateful_sets
        self._pods = pods
        self._claims = claims
        self._revisions = revisions

    async def reconcile(self, key: ObjectKey) -> Result:
        owner = self._stateful_sets.lister.get(key)
        if owner is None:
            return Result()
        revisions = await revisions_of(self._writer, owner, self._revisions)
        look = _Look(owner, revisions, await self._pods_of(owner))
        if owner.deletion_timestamp is None:
            await self._advance(look)
        else:
            await self._own_claims(look)
        look = attrs.evolve(look, pods=await self._pods_of(owner))
        await self._writer.patch_status(STATEFUL_SET, owner, self._status(look))
        if owner.deletion_timestamp is None:
            in_use = {pod.label(REVISION_LABEL) or "" for pod in look.pods.values()}
            await truncate(self._writer, owner, revisions, in_use)
        active = [pod for pod in look.pods.values() if is_active(pod)]
        return Result(next_available(active, look.min_ready, self._writer.now()))

    async def _pods_of(self, owner: StoredObject) -> dict[int, StoredObject]:
        def belongs(pod: StoredObject) -> bool:
            return parent_and_ordinal(pod.name)[0] == owner.name

        return {ordinal_of(pod): pod for pod in await claim(self._writer, owner, self._pods, belongs=belongs)}

    def _is_available(self, look: _Look, pod: StoredObject) -> bool:
        return is_healthy(pod) and is_available(pod, look.min_ready, self._writer.now())

    # One step after the other, as far as order lets us

    async def _advance(self, look: _Look) -> None:
        await self._own_claims(look)
        if not await self._scale_up(look):
            return
        if not await self._scale_down(look):
            return
        if look.is_rolling:
            await self._update(look)

    async def _scale_up(self, look: _Look) -> bool:
        """Returns whether to go on: with ordered management every pod waits for those before it."""
        for number in look.wanted:
            pod = look.pods.get(number)
            if pod is not None and is_terminal(pod) and pod.deletion_timestamp is None:
                await self._writer.delete(POD, pod)
                pod = self._pods.lister.get(pod.key)
            if pod is None:
                await self._create(look, number)
                if look.is_ordered:
                    return False
            elif not self._is_available(look, pod) and look.is_ordered:
                return False
        return True

    async def _create(self, look: _Look, number: int) -> None:
        for manifest in claims_for(look.owner, number):
            key = ObjectKey(look.owner.namespace, manifest["metadata"]["name"])
            if self._claims.lister.get(key) is None:
                with contextlib.suppress(AlreadyExists):
                    await self._writer.create(PERSISTENT_VOLUME_CLAIM, manifest)
        pod = stateful_pod(look.owner, look.revision_for(number), number)
        with contextlib.suppress(AlreadyExists):
            await self._writer.create(POD, pod)

    async def _scale_down(self, look: _Look) -> bool:
        """Returns whether to go on: with ordered management one pod goes at a time, and only if all else is well."""
        numbers = look.condemned
        unhealthy = [number for number, pod in sorted(look.pods.items()) if not is_healthy(pod)]
        for number in numbers:
            pod = look.pods[number]
            if pod.deletion_timestamp is not None:
                if look.is_ordered:
                    return False
                continue
            others_first = look.is_ordered and not is_running_and_ready(pod) and unhealthy[:1] != [number]
            if others_first:
                return False
            await self._writer.delete(POD, pod)
            if look.is_ordered:
                return False
        return True

    async def _update(self, look: _Look) -> None:
        unavailable = 0
        for number in reversed(look.wanted):
            pod = look.pods.get(number)
            if pod is None or not self._is_available(look, pod):
                unavailable += 1
        first = first_ordinal(look.owner) + look.partition
        for number in reversed(look.wanted):
            if number < first:
                return
            pod = look.pods.get(number)
            if pod is None:
                continue
            outdated = pod.label(REVISION_LABEL) != look.revisions.update.name
            broken = not self._is_available(look, pod)
            if outdated and pod.deletion_timestamp is None:
                if not broken and unavailable >= look.max_unavailable:
                    return
                await self._writer.delete(POD, pod)
                unavailable += not broken
            if broken and unavailable >= look.max_unavailable:
                return

    # Claims

    async def _own_claims(self, look: _Look) -> None:
        """Have the retention policy say who owns the claims."""
        condemned = set(look.condemned)
        for number in sorted({*look.pods, *look.wanted}):
            for manifest in claims_for(look.owner, number):
                found = self._claims.lister.get(ObjectKey(look.owner.namespace, manifest["metadata"]["name"]))
                if found is not None and found.deletion_timestamp is None:
                    await self._set_owners(look, number, found, condemned)

    async def _set_owners(self, look: _Look, number: int, found: StoredObject, condemned: Iterable[int]) -> None:
        wanted = claim_owners(look.owner, look.pods.get(number), found, condemned=number in condemned)
        if wanted != list(found.metadata.get("ownerReferences") or ()):
            with contextlib.suppress(NotFound):
                body = {"metadata": {"uid": found.uid, "ownerReferences": wanted or None}}
                await self._writer.patch(PERSISTENT_VOLUME_CLAIM, found.key, body)

    # Status

    def _status(self, look: _Look) -> Manifest:
        owner, revisions = look.owner, look.revisions
        pods = [pod for pod in look.pods.values() if not is_terminal(pod)]
        active = [pod for pod in pods if pod.deletion_timestamp is None]
        known = owner.get("status") or {}
        counts = {
            "replicas": len(pods),
            "readyReplicas": sum(map(is_running_and_ready, pods)),
            "availableReplicas": sum(self._is_available(look, pod) for pod in pods),
            "currentReplicas": sum(pod.label(REVISION_LABEL) == revisions.current.name for pod in active),
            "updatedReplicas": sum(pod.label(REVISION_LABEL) == revisions.update.name for pod in active),
            "currentRevision": revisions.current.name,
            "updateRevision": revisions.update.name,
            "observedGeneration": owner.generation,
            "collisionCount": known.get("collisionCount") or 0,
            "conditions": known.get("conditions"),
        }
        complete = counts["updatedReplicas"] == counts["readyReplicas"] == counts["replicas"] == look.replicas
        if look.is_rolling and complete:
            counts |= {"currentReplicas": counts["updatedReplicas"], "currentRevision": revisions.update.name}
        return without_zeros(counts, "replicas", "availableReplicas", "collisionCount")
