"""Deployments: a ReplicaSet for each template, and the pods moved from one to the next."""

import copy
from collections.abc import Mapping

from vmop.devcluster.workloads.adoption import claim, controlled_by
from vmop.devcluster.workloads.deployment_model import (
    DESIRED,
    MAXIMUM,
    NOT_COPIED,
    REVISION,
    REVISION_HISTORY,
    Conditions,
    Rollout,
    revision_of,
    spec_replicas,
    status_of,
    without_hash,
)
from vmop.devcluster.workloads.objects import (
    HASH_LABEL,
    condition,
    is_terminal,
    owner_reference,
    template_hash,
)
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Informer, StoredObject
from vmop.kube import AlreadyExists, Manifest, ObjectKey
from vmop.kube.resources import DEPLOYMENT, REPLICA_SET
from vmop.runtime import Result


class Deployments:
    """Reconciles Deployments."""

    def __init__(self, writer: Writer, deployments: Informer, replica_sets: Informer, pods: Informer) -> None:
        self._writer = writer
        self._deployments = deployments
        self._replica_sets = replica_sets
        self._pods = pods

    async def reconcile(self, key: ObjectKey) -> Result:
        rollout = await self._look(key)
        if rollout is None:
            return Result()
        paused = bool(rollout.spec.get("paused"))
        if rollout.deployment.deletion_timestamp is not None:
            await self._write_status(rollout, rolling=False)
            return Result()
        await self._note_pause(rollout, paused=paused)
        if paused or _was_scaled(rollout):
            await self._scale(rollout)
            await self._write_status(await self._look(key), rolling=False)
        elif rollout.is_rolling:
            await self._roll(rollout)
        else:
            await self._recreate(rollout)
        return await self._next_look(key)

    async def _look(self, key: ObjectKey) -> Rollout | None:
        deployment = self._deployments.lister.get(key)
        if deployment is None:
            return None
        return Rollout(deployment, tuple(await claim(self._writer, deployment, self._replica_sets)))

    async def _next_look(self, key: ObjectKey) -> Result:
        rollout = await self._look(key)
        left = rollout.seconds_left(self._writer.now()) if rollout else None
        # A second more, for the conditions' times have no fractions.
        return Result(None if left is None else max(0.1, left + 1))

    # The two strategies

    async def _roll(self, rollout: Rollout) -> None:
        rollout = await self._with_newest(rollout)
        newest = rollout.newest
        if newest is not None:
            wanted = min(rollout.new_replicas(), rollout.replicas)
            if spec_replicas(newest) != wanted:
                await self._set_size(rollout, newest, wanted)
                await self._write_status(await self._again(rollout))
                return
        sizes = rollout.scale_down()
        for one in rollout.old:
            if one.name in sizes:
                await self._set_size(rollout, one, sizes[one.name])
        rollout = await self._again(rollout)
        await self._finish(rollout)

    async def _recreate(self, rollout: Rollout) -> None:
        old = [one for one in rollout.old if spec_replicas(one) > 0]
        for one in old:
            await self._set_size(rollout, one, 0)
        if old or self._has_old_pods(rollout):
            await self._write_status(await self._again(rollout))
            return
        rollout = await self._with_newest(rollout)
        if rollout.newest is not None and spec_replicas(rollout.newest) != rollout.replicas:
            await self._set_size(rollout, rollout.newest, rollout.replicas)
            rollout = await self._again(rollout)
        await self._finish(rollout)

    def _has_old_pods(self, rollout: Rollout) -> bool:
        return any(not is_terminal(pod) for one in rollout.old for pod in controlled_by(one, self._pods))

    async def _finish(self, rollout: Rollout) -> None:
        if rollout.is_complete(rollout.counts()):
            await self._clean_up(rollout)
        await self._write_status(await self._again(rollout))

    # ReplicaSets

    async def _with_newest(self, rollout: Rollout) -> Rollout:
        """The same with a ReplicaSet of the present template, whose revision is the highest."""
        revision = str(max(map(revision_of, rollout.old), default=0) + 1)
        newest = rollout.newest
        if newest is None:
            await self._create(rollout, revision)
        else:
            await self._annotate(rollout, newest, revision)
        rollout = await self._again(rollout)
        newest = rollout.newest
        if newest is not None:
            number = newest.annotations.get(REVISION, revision)
            if rollout.deployment.annotations.get(REVISION) != number:
                body = {"metadata": {"annotations": {REVISION: number}}}
                await self._writer.patch(DEPLOYMENT, rollout.deployment.key, body)
            text = f'Found new replica set "{newest.name}"'
            if condition(rollout.deployment.get("status") or {}, "Progressing") is None:
                await self._note(rollout, "FoundNewReplicaSet", text)
        return await self._again(rollout)

    async def _create(self, rollout: Rollout, revision: str) -> None:
        owner = rollout.deployment
        spec, known = rollout.spec, owner.get("status") or {}
        number = template_hash(without_hash(spec["template"]), known.get("collisionCount") or 0)
        template = copy.deepcopy(spec["template"])
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH_LABEL] = number
        selector = copy.deepcopy(spec["selector"])
        selector["matchLabels"] = (selector.get("matchLabels") or {}) | {HASH_LABEL: number}
        replicas = rollout.new_replicas() if rollout.is_rolling else rollout.replicas
        annotations = _copied(owner.annotations) | _sizes(rollout) | {REVISION: revision}
        manifest: Manifest = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{owner.name}-{number}",
                "namespace": owner.namespace,
                "labels": dict(template["metadata"]["labels"]),
                "annotations": annotations,
                "ownerReferences": [owner_reference(owner)],
            },
            "spec": {
                "replicas": replicas,
                "minReadySeconds": spec.get("minReadySeconds") or 0,
                "selector": selector,
                "template": template,
            },
        }
        try:
            created = await self._writer.create(REPLICA_SET, manifest)
        except AlreadyExists:
            collisions = (known.get("collisionCount") or 0) + 1
            body = {"status": {"collisionCount": collisions}}
            await self._writer.patch(DEPLOYMENT, owner.key, body, subresource="status")
            return
        name = created["metadata"]["name"]
        await self._note(rollout, "NewReplicaSetCreated", f'Created new replica set "{name}"', always=True)

    async def _note(self, rollout: Rollout, reason: str, message: str, *, always: bool = False) -> None:
        """A condition of progress, from which the deadline counts."""
        live = self._deployments.lister.get(rollout.deployment.key)
        if rollout.deadline is None or live is None:
            return
        status = live.get("status") or {}
        conditions = Conditions(status.get("conditions") or (), self._writer.now())
        conditions.set("Progressing", "True", reason, message, refresh=always)
        await self._writer.patch_status(DEPLOYMENT, live, {**status, "conditions": conditions.all})

    async def _note_pause(self, rollout: Rollout, *, paused: bool) -> None:
        """While paused there is no deadline."""
        current = condition(rollout.deployment.get("status") or {}, "Progressing")
        reason = current["reason"] if current else ""
        if rollout.deadline is None or reason == "ProgressDeadlineExceeded":
            return
        status = rollout.deployment.get("status") or {}
        conditions = Conditions(status.get("conditions") or (), self._writer.now())
        if paused and reason != "DeploymentPaused":
            conditions.set("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        elif not paused and reason == "DeploymentPaused":
            conditions.set("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
        else:
            return
        await self._writer.patch_status(DEPLOYMENT, rollout.deployment, {**status, "conditions": conditions.all})

    async def _annotate(self, rollout: Rollout, newest: StoredObject, revision: str) -> None:
        known = dict(newest.annotations)
        wanted = known | _copied(rollout.deployment.annotations) | _sizes(rollout)
        before = known.get(REVISION)
        if int(before or 0) < int(revision):
            wanted[REVISION] = revision
            if before:
                history = [one for one in known.get(REVISION_HISTORY, "").split(",") if one]
                wanted[REVISION_HISTORY] = ",".join([*history, before])
        seconds = rollout.spec.get("minReadySeconds") or 0
        body: Manifest = {}
        if changed := {name: value for name, value in wanted.items() if known.get(name) != value}:
            body["metadata"] = {"annotations": changed}
        if (newest.get("spec").get("minReadySeconds") or 0) != seconds:
            body["spec"] = {"minReadySeconds": seconds}
        if body:
            await self._writer.patch(REPLICA_SET, newest.key, body)

    async def _scale(self, rollout: Rollout) -> None:
        sizes = rollout.scaling()
        for one in rollout.sets:
            if one.name in sizes or (spec_replicas(one) > 0 and _has_old_size(rollout, one)):
                await self._set_size(rollout, one, sizes.get(one.name, spec_replicas(one)))

    async def _set_size(self, rollout: Rollout, one: StoredObject, replicas: int) -> None:
        body: Manifest = {"metadata": {"annotations": _sizes(rollout)}}
        if spec_replicas(one) != replicas:
            body["spec"] = {"replicas": replicas}
        await self._writer.patch(REPLICA_SET, one.key, body)

    async def _clean_up(self, rollout: Rollout) -> None:
        limit = rollout.spec.get("revisionHistoryLimit")
        if limit is None:
            return
        idle = [one for one in rollout.old if one.deletion_timestamp is None]
        excess = len(idle) - int(limit)
        for one in sorted(idle, key=revision_of)[: max(0, excess)]:
            busy = status_of(one, "replicas") or spec_replicas(one)
            if not busy and status_of(one, "observedGeneration") >= one.generation:
                await self._writer.delete(REPLICA_SET, one)

    async def _again(self, rollout: Rollout) -> Rollout:
        return await self._look(rollout.deployment.key) or rollout

    async def _write_status(self, rollout: Rollout | None, *, rolling: bool = True) -> None:
        if rollout is not None:
            status = rollout.status(self._writer.now(), rolling=rolling)
            await self._writer.patch_status(DEPLOYMENT, rollout.deployment, status)


def _copied(annotations: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in annotations.items() if name not in NOT_COPIED}


def _sizes(rollout: Rollout) -> dict[str, str]:
    return {DESIRED: str(rollout.replicas), MAXIMUM: str(rollout.replicas + rollout.max_surge)}


def _has_old_size(rollout: Rollout, one: StoredObject) -> bool:
    return any(one.annotations.get(name) != value for name, value in _sizes(rollout).items())


def _was_scaled(rollout: Rollout) -> bool:
    """Whether an active ReplicaSet was sized for another number of replicas."""
    active = [one for one in rollout.sets if spec_replicas(one) > 0]
    wanted = str(rollout.replicas)
    return any(one.annotations.get(DESIRED, wanted) != wanted for one in active)
