"""Deployments, StatefulSets and DaemonSets: applied, and then looked at until they are ready (spec 01 §7.5 to §7.9).

Nothing here waits. Each call applies what is due, takes at most one step of an update, and says what it waits for;
time limits are measured from what live objects say of themselves. StatefulSets with ``OnDelete`` are updated pod by
pod: :mod:`vmop.reconcilers.ondelete`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import attrs

from vmop.api import Manifest
from vmop.informers import StoredObject
from vmop.kube import Applier, ObjectKey, Resource, key_of
from vmop.kube.apply.plan import Plan, read_record
from vmop.kube.resources import DAEMON_SET, DEPLOYMENT, STATEFUL_SET
from vmop.kube.times import parse_time
from vmop.reconcilers.context import FINALIZER, Context
from vmop.reconcilers.hold import changes_template
from vmop.reconcilers.objects import has_owner_of, lister
from vmop.reconcilers.ondelete import OnDelete, written_at
from vmop.reconcilers.pods import is_ready, pods_of, too_late, unready_since
from vmop.reconcilers.progress import READY, Delay, Failure, Progress
from vmop.reconcilers.recreation import Recreation, recreation
from vmop.reconcilers.volumes import grow_claims

WORKLOADS: Mapping[str, Resource] = {each.kind: each for each in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)}
READY_INTERVAL = 5.0  # seconds until a second look where no event comes: for time limits only


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

    @property
    def replicas_by(self) -> Literal["us", "autoscaler"]:
        return "autoscaler" if self.autoscaled else "us"

    def plan(self, applier: Applier) -> Plan:
        """What the Applier will make of it."""
        return applier.plan(self.resource, self.manifest, replicas_by=self.replicas_by)

    def __str__(self) -> str:
        return f"{self.resource.kind}={self.key}"


async def reconcile_workload(context: Context, workload: Workload) -> Progress:
    """Apply a workload and take the next step of its update; ready when all its pods are, on its current template.

    Raises Failure where pods crash or the API server gave up, Delay where it takes longer than it may.
    """
    stored = lister(context, workload.resource).get(workload.key)
    due = _due(context, workload, stored)
    if stored is not None:
        if workload.held and (
            due.replaces_pods or await changes_template(context, workload.plan(context.applier), stored)
        ):
            return _held(workload, stored.manifest())
        leaves = workload.resource is STATEFUL_SET and bool(stored.metadata.get("deletionTimestamp"))
        if (leaves or due is not Recreation.NONE) and has_owner_of(stored.metadata, workload.manifest):
            return await _recreate(context, workload, stored)
    applied = await context.applier.apply(
        workload.resource,
        workload.manifest if stored is not None else _first(context, workload),
        replicas_by=workload.replicas_by,
        strip_finalizer=FINALIZER,
    )
    if applied.action != "unchanged":
        return Progress(f"waiting for {workload} to be observed", READY_INTERVAL)
    live = applied.object
    if workload.resource is STATEFUL_SET:
        growing = await grow_claims(context, live)
        if growing is not None:
            return growing
    return await _look(context, workload, live)


# -- made again --------------------------------------------------------------------------------------------------------


def _due(context: Context, workload: Workload, stored: StoredObject | None) -> Recreation:
    if stored is None or workload.resource is not STATEFUL_SET:
        return Recreation.NONE
    has_claims = bool(workload.manifest["spec"].get("volumeClaimTemplates"))
    recorded = has_claims and read_record(stored.annotations)[0] == workload.plan(context.applier).recorded
    return recreation(workload.manifest, stored, recorded=recorded)


async def _recreate(context: Context, workload: Workload, stored: StoredObject) -> Progress:
    """Delete a StatefulSet, or let it go that is being deleted, without its pods.

    These stay and are adopted by the new one; those that do not fit it are outdated to its update.
    """
    finalizers = stored.metadata.get("finalizers") or ()
    if FINALIZER in finalizers:
        await context.applier.remove_finalizer(STATEFUL_SET, stored, FINALIZER)
    if "orphan" not in finalizers:
        await context.applier.delete(STATEFUL_SET, stored, propagation="Orphan")
    return Progress(f"waiting for {workload} to be recreated", READY_INTERVAL)


def _first(context: Context, workload: Workload) -> Manifest:
    """The manifest to create a workload with: an autoscaler's StatefulSet that is made again keeps its pods."""
    if not workload.autoscaled or workload.resource is not STATEFUL_SET:
        return workload.manifest
    spec = workload.manifest["spec"]
    pods = pods_of(context, workload.key.namespace, spec["selector"]["matchLabels"])
    ordinals = [pod.key.name.removeprefix(f"{workload.key.name}-") for pod in pods]
    present = max((int(each) + 1 for each in ordinals if each.isdigit()), default=0)
    return {**workload.manifest, "spec": {**spec, "replicas": max(present, int(spec.get("replicas", 1)))}}


# -- readiness ---------------------------------------------------------------------------------------------------------


def _held(workload: Workload, live: Manifest) -> Progress:
    """What keeps its template is ready when as many pods are as there should be; none of them is touched."""
    status = live.get("status") or {}
    if workload.resource is DAEMON_SET:
        ready = status.get("numberAvailable", 0) >= status.get("desiredNumberScheduled", 0)
    else:
        ready = status.get("readyReplicas", 0) >= live["spec"].get("replicas", 1)
    held = f"{workload} has a changed pod template"
    return Progress("" if ready else f"waiting for {workload} to be ready", None if ready else READY_INTERVAL, held)


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
            return await OnDelete(context, live, workload.max_unavailable).step()
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
    pods = sorted(pods_of(context, workload.key.namespace, labels), key=lambda pod: pod.key)
    limit = timedelta(seconds=context.settings.appreadytimeout)
    now = context.now()
    unready = [manifest for pod in pods if not is_ready(manifest := pod.manifest())]
    newest = max((made for pod in unready if (made := unready_since(pod))), default=None)
    since = max(filter(None, (newest, _changed_at(live))), default=now)
    if now - since < limit:
        return Progress(f"waiting for {workload} to be ready", READY_INTERVAL)
    if not pods:
        raise Delay(f"cannot find any pod of {workload}, check kubernetes events")
    if not unready:
        return Progress(f"waiting for {workload} to be ready", READY_INTERVAL)
    raise too_late(unready[0], f"{workload} is not ready in time")


def _changed_at(live: Manifest) -> datetime | None:
    """When the workload last changed, as far as it tells."""
    conditions = (live.get("status") or {}).get("conditions") or ()
    texts = [each.get("lastUpdateTime") or each.get("lastTransitionTime") for each in conditions]
    times = [*map(parse_time, [live["metadata"].get("creationTimestamp"), *texts]), written_at(live)]
    return max(filter(None, times), default=None)
