"""StatefulSets with ``OnDelete``: one step at a time of bringing their pods to the current template (spec 01 §7.9).

What to do is decided by :class:`~vmop.reconcilers.podupdate.PodUpdate`; here it is done. Before a pod goes, the
StatefulSet and its pods are read live and it is decided once more: a stale cache must not cost a pod (spec 00 §7).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from vmop.api import Manifest
from vmop.kube import Conflict, NotFound, ObjectKey, TooManyRequests, key_of
from vmop.kube.apply.plan import read_record
from vmop.kube.resources import POD, STATEFUL_SET
from vmop.kube.times import parse_time
from vmop.reconcilers.context import Context
from vmop.reconcilers.pods import (
    Pod,
    became_ready_at,
    is_ready,
    key_of_pod,
    pods_of,
    too_late,
    unready_since,
)
from vmop.reconcilers.podupdate import ALL, PodUpdate
from vmop.reconcilers.progress import READY, Delay, Progress
from vmop.runtime import ObjectReference


@attrs.frozen
class OnDelete:
    """The update of one StatefulSet, of which `live` is the observed state."""

    context: Context
    live: Manifest
    limit: int | str

    def __str__(self) -> str:
        return f"StatefulSet={self.key}"

    @property
    def key(self) -> ObjectKey:
        return key_of(self.live)

    async def step(self) -> Progress:
        """Take down the next pods if that may be done, or say what is waited for. Raises Failure and Delay."""
        seen = self._see([pod.manifest() for pod in pods_of(self.context, self.key.namespace, self._labels)])
        if not seen.replicas:
            return READY
        if not seen.revision:
            return self._wait(f"waiting for the revision of {self}")
        if seen.next():
            return await self._take_down()
        if not seen.done:
            self._check_patience(seen)
            if seen.missing and self._is_late(seen):
                await self._check_missing()
            return self._wait(f"waiting for pods of {self}")
        await self._settle(seen)
        return READY

    @property
    def _labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.live["spec"]["selector"]["matchLabels"]
        return labels

    def _see(self, pods: list[Manifest]) -> PodUpdate:
        return PodUpdate(self.live, pods, self.limit, self.context.now())

    def _wait(self, message: str) -> Progress:
        return Progress(message, self.context.settings.podwaitreadyintervalcheck)

    # -- pods go -----------------------------------------------------------------------------------------------------

    async def _take_down(self) -> Progress:
        try:
            live = await self.context.client.get(STATEFUL_SET, self.key)
        except NotFound:
            return self._wait(f"waiting for {self} to be recreated")
        if not _is_same(live, self.live):
            return self._wait(f"waiting for {self} to be observed")
        fresh = attrs.evolve(self, live=live)._see(await self._live_pods())
        for pod in fresh.next():
            if not await self._remove(pod):
                return self._wait(f"eviction of pod {key_of_pod(pod)} is refused by its disruption budget")
        return self._wait(f"updating pods of {self}")

    async def _live_pods(self) -> list[Manifest]:
        selector = ",".join(f"{key}={value}" for key, value in self._labels.items())
        return (await self.context.client.list(POD, self.key.namespace, label_selector=selector)).items

    async def _remove(self, pod: Pod) -> bool:
        """Evict this very pod; False where its disruption budget does not allow that now.

        A budget protects pods that serve: one that is not ready is deleted where its eviction is refused, or a budget
        could keep a broken template from ever being replaced.
        """
        key, metadata = key_of_pod(pod), pod["metadata"]
        try:
            if self.limit == ALL:
                await self.context.client.delete(POD, key, uid=metadata["uid"])
            else:
                await self.context.client.evict(key, uid=metadata["uid"])
        except TooManyRequests as error:
            if is_ready(pod):
                self._tell_refused(key, error)
                return False
            await self._delete_unready(key, metadata["uid"], metadata["resourceVersion"])
        except (NotFound, Conflict):
            return True
        return True

    async def _delete_unready(self, key: ObjectKey, uid: str, version: str) -> None:
        try:
            await self.context.client.delete(POD, key, uid=uid, resource_version=version)
        except (NotFound, Conflict):
            return

    def _tell_refused(self, pod: ObjectKey, error: TooManyRequests) -> None:
        for owner in self.live["metadata"].get("ownerReferences") or ():
            about = ObjectReference(owner["kind"], self.key.namespace, owner["name"], owner.get("uid", ""))
            message = f"eviction of pod {pod} is refused: {error.message}"
            self.context.events.event(about, "Warning", "EvictionRefused", message, own=True)

    # -- pods come ---------------------------------------------------------------------------------------------------

    def _check_patience(self, seen: PodUpdate) -> None:
        """Give up for now on pods that take longer to become ready, or to go, than they may."""
        limit, now = timedelta(seconds=self.context.settings.podwaitreadytimeout), self.context.now()
        for pod in seen.unready:
            since = None if is_ready(pod) else unready_since(pod)
            if since is not None and now - since >= limit:
                raise too_late(pod, f"pod of {self} is not ready in time")
        for pod in seen.leaving:
            since = parse_time(pod["metadata"]["deletionTimestamp"])
            if since is not None and now - since >= limit:
                raise Delay(f"pod {key_of_pod(pod)} of {self} is not gone in time")

    def _is_late(self, seen: PodUpdate) -> bool:
        """Nothing happened for so long that missing pods are not just being made."""
        times = [parse_time(self.live["metadata"].get("creationTimestamp")), written_at(self.live)]
        for pod in seen.members:
            times += [parse_time(pod["metadata"].get("creationTimestamp")), became_ready_at(pod)]
        limit = timedelta(seconds=self.context.settings.appreadytimeout)
        return self.context.now() - max(filter(None, times), default=self.context.now()) >= limit

    async def _check_missing(self) -> None:
        now = self._see(await self._live_pods())
        if now.missing > 0:
            counts = f"actual pod count: {len(now.members)} less than needed: {now.replicas}"
            raise Delay(f"{self}: {counts}, possible statefulset misconfiguration")

    async def _settle(self, seen: PodUpdate) -> None:
        """All pods are on the current revision; with OnDelete nobody else says so in the StatefulSet's status."""
        status: Manifest = self.live.get("status") or {}
        if status.get("currentRevision") != seen.revision:
            done = {**status, "currentRevision": seen.revision, "currentReplicas": seen.replicas}
            await self.context.applier.patch_status(STATEFUL_SET, self.live, done, require_version=True)


def _is_same(live: Manifest, seen: Manifest) -> bool:
    """The same StatefulSet with the same spec, not on its way out, observed by its controller."""
    metadata, generation = live["metadata"], live["metadata"].get("generation", 0)
    return (
        metadata["uid"] == seen["metadata"]["uid"]
        and generation == seen["metadata"].get("generation", 0)
        and not metadata.get("deletionTimestamp")
        and int((live.get("status") or {}).get("observedGeneration", 0)) >= generation
    )


def written_at(live: Manifest) -> datetime | None:
    """When the operator last changed the object, as it recorded."""
    return parse_time(read_record(live["metadata"].get("annotations"))[1] or None)
