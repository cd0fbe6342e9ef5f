"""Deployments, StatefulSets and DaemonSets: applied, and then looked at until they are ready (spec 01 §7.5 to §7.9).

Nothing here waits. Each call applies what is due, takes at most one step of an update, and says what it waits for;
time limits are measured from what live objects say of themselves.

StatefulSets with ``OnDelete`` are updated here, pod by pod. A pod that is ready is taken down only while no more than
``maxUnavailable`` pods are not, so a template whose first pod does not become ready stops there; pods that are not
ready anyway come first, so a corrected template recovers by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs

from vmop.api import Manifest
from vmop.informers import StoredObject
from vmop.kube import NotFound, ObjectKey, Resource, TooManyRequests, key_of
from vmop.kube.apply.claims import claims_of
from vmop.kube.apply.compare import contains
from vmop.kube.apply.plan import make_plan, read_record
from vmop.kube.patches import ApplyPatch
from vmop.kube.resources import DAEMON_SET, DEPLOYMENT, POD, STATEFUL_SET
from vmop.reconcilers.context import Context
from vmop.reconcilers.pods import (
    REVISION,
    describe,
    has_crashed,
    is_ready,
    key_of_pod,
    parse_time,
    pods_of,
    unready_since,
)
from vmop.reconcilers.progress import READY, Delay, Failure, Progress
from vmop.reconcilers.recreation import Recreation, recreation
from vmop.reconcilers.volumes import grow_claims

WORKLOADS: Mapping[str, Resource] = {each.kind: each for each in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)}
MANAGED = "managed-by=vm-operator"
FIELD_MANAGER = "vmop"
READY_INTERVAL = 1.0


@attrs.frozen
class Workload:
    """One workload to apply."""

    manifest: Manifest
    #: an autoscaler moves its replicas
    autoscaled: bool = False
    #: pods of an OnDelete StatefulSet that may be down at once: a number, or a percentage of the replicas
    max_unavailable: int | str = 1
    #: a changed pod template must wait for its zone's turn (:mod:`vmop.reconcilers.hold`)
    held: bool = False

    @property
    def resource(self) -> Resource:
        return WORKLOADS[self.manifest["kind"]]

    @property
    def key(self) -> ObjectKey:
        return key_of(self.manifest)

    def __str__(self) -> str:
        return f"{self.resource.kind}={self.key}"


async def reconcile_workload(context: Context, workload: Workload) -> Progress:
    """Apply a workload and take the next step of its update; ready when all its pods are, on its current template.

    Raises Failure where pods crash or the API server gave up, Delay where it takes longer than it may.
    """
    stored = _lister(context, workload.resource).get(workload.key)
    if stored is not None and workload.held and await _changes_template(context, workload, stored):
        return attrs.evolve(READY, held=f"{workload} has a changed pod template")
    if stored is not None and workload.resource is STATEFUL_SET:
        due = recreation(workload.manifest, stored)
        if due is not Recreation.NONE or stored.metadata.get("deletionTimestamp"):
            # pods stay and are adopted by the new one; those that do not fit it are outdated to the update below
            await context.applier.delete(STATEFUL_SET, stored, propagation="Orphan")
            return Progress(f"waiting for {workload} to be recreated", READY_INTERVAL)
    applied = await context.applier.apply(
        workload.resource, workload.manifest, replicas_by="autoscaler" if workload.autoscaled else "us"
    )
    if applied.action != "unchanged":
        return Progress(f"waiting for {workload} to be observed", READY_INTERVAL)
    live = applied.object
    if workload.resource is STATEFUL_SET:
        growing = await grow_claims(context, live)
        if growing is not None:
            return growing
    return await _look(context, workload, live)


def _lister(context: Context, resource: Resource) -> Any:
    return context.informers.informer(resource, label_selector=MANAGED).lister


async def _changes_template(context: Context, workload: Workload, stored: StoredObject) -> bool:
    """Applying the workload would change its pod template.

    Nothing is asked while the record on the object is that of the same manifest. Where it is not, and the template
    holds all that is desired, a dry run tells whether something would go.
    """
    plan = make_plan(
        workload.resource,
        workload.manifest,
        claims=claims_of(workload.resource),
        manager=FIELD_MANAGER,
        replicas_by="autoscaler" if workload.autoscaled else "us",
    )
    if read_record(stored.annotations)[0] == plan.recorded:
        return False
    template: Manifest = stored.manifest()["spec"]["template"]
    if not contains(template, workload.manifest["spec"]["template"], zero_is_absent=True):
        return True
    try:
        result = await context.client.patch(
            workload.resource,
            workload.key,
            ApplyPatch(workload.manifest),
            field_manager=FIELD_MANAGER,
            force=True,
            dry_run=True,
        )
    except NotFound:
        return False
    return bool(result["spec"]["template"] != template)


# -- readiness ---------------------------------------------------------------------------------------------------------


async def _look(context: Context, workload: Workload, live: Manifest) -> Progress:
    status = live.get("status") or {}
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return Progress(f"waiting for {workload} to be observed", READY_INTERVAL)
    match workload.resource.kind:
        case "DaemonSet":
            wanted = status.get("desiredNumberScheduled", 0)
            done = status.get("updatedNumberScheduled", 0) >= wanted and status.get("numberAvailable", 0) >= wanted
            return READY if done else _not_ready(context, workload, live)
        case "StatefulSet" if (live["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
            return await _OnDelete(context, workload, live).step()
        case "Deployment":
            _check_progress_deadline(workload, status)
    wanted = live["spec"].get("replicas", 1)
    if status.get("readyReplicas", 0) == wanted == status.get("updatedReplicas", 0):
        return READY
    return _not_ready(context, workload, live)


def _check_progress_deadline(workload: Workload, status: Mapping[str, Any]) -> None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            raise Failure(f"progress deadline exceeded for {workload}")


def _not_ready(context: Context, workload: Workload, live: Manifest) -> Progress:
    """Keep waiting, or say of the first pod that is not ready why that takes too long."""
    labels = live["spec"]["selector"]["matchLabels"]
    pods = [pod.manifest() for pod in pods_of(context, workload.key.namespace, labels)]
    limit = timedelta(seconds=context.settings.appreadytimeout)
    now = context.now()
    unready = [pod for pod in pods if not is_ready(pod)]
    newest = max((made for pod in unready if (made := unready_since(pod))), default=None)
    since = max(filter(None, (newest, _changed_at(live))), default=now)
    if now - since < limit:
        return Progress(f"waiting for {workload} to be ready", READY_INTERVAL)
    if not pods:
        raise Delay(f"cannot find any pod of {workload}, check kubernetes events")
    if not unready:
        return Progress(f"waiting for {workload} to be ready", READY_INTERVAL)
    raise_for(unready[0], f"{workload} is not ready in time")
    return READY


def raise_for(pod: Manifest, what: str) -> None:
    """Give up for now on a pod that takes too long: crashed pods make a failure, others a delay."""
    message = f"{what}: {describe(pod)}"
    if has_crashed(pod):
        raise Failure(message)
    raise Delay(message)


def _changed_at(live: Manifest) -> datetime | None:
    """When the workload last changed, as far as it tells."""
    conditions = (live.get("status") or {}).get("conditions") or ()
    texts = [each.get("lastUpdateTime") or each.get("lastTransitionTime") for each in conditions]
    return max(filter(None, map(parse_time, [live["metadata"].get("creationTimestamp"), *texts])), default=None)


# -- pod by pod --------------------------------------------------------------------------------------------------------


@attrs.frozen
class _OnDelete:
    """One step of updating the pods of a StatefulSet that are on an older revision."""

    context: Context
    workload: Workload
    live: Manifest

    @property
    def replicas(self) -> int:
        return int(self.live["spec"].get("replicas", 1))

    @property
    def revision(self) -> str:
        return str((self.live.get("status") or {}).get("updateRevision", ""))

    async def step(self) -> Progress:
        if not self.replicas:
            return READY
        labels = self.live["spec"]["selector"]["matchLabels"]
        pods = [pod.manifest() for pod in pods_of(self.context, self.workload.key.namespace, labels)]
        members = self.members(pods)
        candidates = self.next_outdated(members)
        if candidates:
            return await self.evict(labels)
        outdated = [pod for pod in members if self.is_outdated(pod)]
        unready = [pod for pod in members if not self.is_updated_and_ready(pod)]
        if len(members) < self.replicas or unready:
            self.check_patience([pod for pod in unready if pod not in outdated])
            return Progress(f"waiting for pods of {self.workload}", self.context.settings.podwaitreadyintervalcheck)
        return await self.settle()

    def members(self, pods: Sequence[Manifest]) -> list[Manifest]:
        """The pods of this StatefulSet, by ordinal."""
        name, uid = self.workload.key.name, self.live["metadata"]["uid"]
        mine = []
        for pod in pods:
            owners = pod["metadata"].get("ownerReferences") or ()
            prefix, _, ordinal = pod["metadata"]["name"].rpartition("-")
            if prefix == name and ordinal.isdigit() and any(owner.get("uid") == uid for owner in owners):
                mine.append((int(ordinal), pod))
        return [pod for _, pod in sorted(mine, key=lambda each: each[0])]

    def is_outdated(self, pod: Manifest) -> bool:
        """Made from an older template, or made for a StatefulSet with other claims or another Service (§7.7)."""
        if pod["metadata"].get("labels", {}).get(REVISION) != self.revision:
            return True
        claims = {claim["metadata"]["name"] for claim in self.live["spec"].get("volumeClaimTemplates") or ()}
        volumes = {volume["name"] for volume in pod["spec"].get("volumes") or ()}
        return pod["spec"].get("subdomain", "") != self.live["spec"].get("serviceName", "") or not claims <= volumes

    def is_updated_and_ready(self, pod: Manifest) -> bool:
        min_ready = int(self.live["spec"].get("minReadySeconds", 0))
        return not self.is_outdated(pod) and is_ready(pod, min_ready, self.context.now())

    @property
    def budget(self) -> int:
        """How many pods may be down at once (§7.9): a percentage is rounded down, at least one."""
        limit = self.workload.max_unavailable
        if isinstance(limit, str):
            return max(1, self.replicas * int(limit.rstrip("%")) // 100)
        return max(1, limit)

    def next_outdated(self, members: Sequence[Manifest]) -> list[Manifest]:
        """Outdated pods that may go now: those that are not ready anyway, else as many as the budget has left."""
        going = [pod for pod in members if pod["metadata"].get("deletionTimestamp")]
        outdated = [pod for pod in members if self.is_outdated(pod) and pod not in going]
        broken = [pod for pod in outdated if not is_ready(pod)]
        if broken:
            return broken[: max(0, self.budget - len(going))]
        min_ready, now = int(self.live["spec"].get("minReadySeconds", 0)), self.context.now()
        down = self.replicas - sum(is_ready(pod, min_ready, now) for pod in members)
        return outdated[: max(0, self.budget - down)]

    async def evict(self, labels: Mapping[str, str]) -> Progress:
        """Take the next pods down, decided once more on what the API server has at this moment (spec 00 §7)."""
        waiting = Progress(f"updating pods of {self.workload}", self.context.settings.podwaitreadyintervalcheck)
        live = await self.context.client.get(STATEFUL_SET, self.workload.key)
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        listed = await self.context.client.list(POD, self.workload.key.namespace, label_selector=selector)
        now = attrs.evolve(self, live=live)
        if (live.get("status") or {}).get("observedGeneration", 0) < live["metadata"].get("generation", 0):
            return waiting
        for pod in now.next_outdated(now.members(listed.items)):
            try:
                if self.workload.max_unavailable == "100%":
                    await self.context.client.delete(POD, key_of_pod(pod), uid=pod["metadata"]["uid"])
                else:
                    await self.context.client.evict(key_of_pod(pod), uid=pod["metadata"]["uid"])
            except TooManyRequests:
                return Progress(f"eviction of pod {key_of_pod(pod)} is refused by its disruption budget", waiting.after)
            except NotFound:
                continue
        return waiting

    def check_patience(self, unready: Sequence[Manifest]) -> None:
        limit = timedelta(seconds=self.context.settings.podwaitreadytimeout)
        for pod in unready:
            since = unready_since(pod)
            if since is not None and self.context.now() - since >= limit:
                raise_for(pod, f"pod of {self.workload} is not ready in time")

    async def settle(self) -> Progress:
        """All pods are on the new revision; with OnDelete nobody else says so in the StatefulSet's status."""
        status: Manifest = self.live.get("status") or {}
        if status.get("currentRevision") != self.revision:
            done = {**status, "currentRevision": self.revision, "currentReplicas": self.replicas}
            await self.context.applier.patch_status(STATEFUL_SET, self.live, done, require_version=True)
        return READY
