"""DaemonSets: one pod a node."""

from collections import defaultdict

from vmop.devcluster.workloads.adoption import claim
from vmop.devcluster.workloads.objects import (
    REVISION_LABEL,
    is_available,
    is_ready,
    is_terminal,
    next_available,
    pod_from,
    scaled,
    without_zeros,
)
from vmop.devcluster.workloads.revisions import revisions_of, truncate
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Informer, StoredObject
from vmop.kube import Manifest, ObjectKey
from vmop.kube.resources import DAEMON_SET, POD
from vmop.runtime import Result

_TOLERATED = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)
_GENERATION = "pod-template-generation"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


class DaemonSets:
    """Reconciles DaemonSets."""

    def __init__(
        self, writer: Writer, daemon_sets: Informer, pods: Informer, nodes: Informer, revisions: Informer
    ) -> None:
        self._writer = writer
        self._daemon_sets = daemon_sets
        self._pods = pods
        self._nodes = nodes
        self._revisions = revisions

    async def reconcile(self, key: ObjectKey) -> Result:
        owner = self._daemon_sets.lister.get(key)
        if owner is None or owner.deletion_timestamp is not None:
            return Result()
        revisions = await revisions_of(self._writer, owner, self._revisions)
        digest = revisions.update.label(REVISION_LABEL) or ""
        nodes = self._eligible(owner)
        await self._place(owner, nodes, digest)
        strategy = owner.get("spec").get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") == "RollingUpdate":
            await self._update(owner, nodes, digest)
        pods = await self._by_node(owner)
        await self._writer.patch_status(DAEMON_SET, owner, self._status(owner, nodes, pods, digest))
        in_use = {f"{owner.name}-{pod.label(REVISION_LABEL)}" for there in pods.values() for pod in there}
        await truncate(self._writer, owner, revisions, in_use)
        everything = [pod for there in pods.values() for pod in there]
        return Result(next_available(everything, _min_ready(owner), self._writer.now()))

    def _eligible(self, owner: StoredObject) -> list[str]:
        selector = (owner.get("spec")["template"]["spec"].get("nodeSelector") or {}).items()
        nodes = [node for node in self._nodes.lister.list() if node.deletion_timestamp is None]
        return sorted(node.name for node in nodes if all(node.label(name) == value for name, value in selector))

    async def _by_node(self, owner: StoredObject) -> dict[str, list[StoredObject]]:
        pods: dict[str, list[StoredObject]] = defaultdict(list)
        for pod in await claim(self._writer, owner, self._pods):
            if not is_terminal(pod):
                pods[_node_of(pod)].append(pod)
        return pods

    async def _place(self, owner: StoredObject, nodes: list[str], digest: str) -> None:
        pods = await self._by_node(owner)
        for node in nodes:
            there = pods.pop(node, [])
            if not there:
                await self._writer.create(POD, _daemon_pod(owner, node, digest))
            for surplus in [pod for pod in there if pod.deletion_timestamp is None][1:]:
                await self._writer.delete(POD, surplus)
        for strays in pods.values():
            for pod in strays:
                if pod.deletion_timestamp is None:
                    await self._writer.delete(POD, pod)

    async def _update(self, owner: StoredObject, nodes: list[str], digest: str) -> None:
        """Delete outdated pods: those that do not work at once, others as far as availability allows."""
        rolling = (owner.get("spec").get("updateStrategy") or {}).get("rollingUpdate") or {}
        allowed = max(1, scaled(rolling.get("maxUnavailable"), len(nodes), up=True))
        now, seconds = self._writer.now(), _min_ready(owner)
        healthy: list[StoredObject] = []
        broken: list[StoredObject] = []
        unavailable = 0
        pods = await self._by_node(owner)
        for node in nodes:
            there = [pod for pod in pods.get(node, ()) if pod.deletion_timestamp is None]
            works = any(is_available(pod, seconds, now) for pod in there)
            unavailable += not works
            outdated = [pod for pod in there if pod.label(REVISION_LABEL) != digest]
            (healthy if works else broken).extend(outdated)
        for pod in [*broken, *healthy[: max(0, allowed - unavailable)]]:
            await self._writer.delete(POD, pod)

    def _status(
        self, owner: StoredObject, nodes: list[str], pods: dict[str, list[StoredObject]], digest: str
    ) -> Manifest:
        now, seconds = self._writer.now(), _min_ready(owner)
        firsts = [pods[node][0] for node in nodes if pods.get(node)]
        available = sum(is_available(pod, seconds, now) for pod in firsts)
        counts = {
            "desiredNumberScheduled": len(nodes),
            "currentNumberScheduled": len(firsts),
            "numberMisscheduled": sum(1 for node in pods if node not in nodes),
            "numberReady": sum(map(is_ready, firsts)),
            "numberAvailable": available,
            "numberUnavailable": len(nodes) - available,
            "updatedNumberScheduled": sum(pod.label(REVISION_LABEL) == digest for pod in firsts),
            "observedGeneration": owner.generation,
            "collisionCount": (owner.get("status") or {}).get("collisionCount"),
        }
        always = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
        return without_zeros(counts, *always)


def _min_ready(owner: StoredObject) -> int:
    return int(owner.get("spec").get("minReadySeconds") or 0)


def _node_of(pod: StoredObject) -> str:
    """Where the pod runs, or where it was made to run."""
    if node := pod.get("spec").get("nodeName"):
        return str(node)
    return target_node(pod.get("spec")) or ""


def target_node(spec: Manifest) -> str | None:
    """The node that a pod's affinity names."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field.get("key") == "metadata.name":
                return str(field["values"][0])
    return None


def _daemon_pod(owner: StoredObject, node: str, digest: str) -> Manifest:
    pod = pod_from(owner, owner.get("spec")["template"])
    labels = pod["metadata"].get("labels") or {}
    generation = owner.annotations.get(_TEMPLATE_GENERATION, str(owner.generation))
    pod["metadata"]["labels"] = labels | {REVISION_LABEL: digest, _GENERATION: generation}
    tolerations = pod["spec"].get("tolerations") or []
    for what, effect in _TOLERATED:
        toleration = {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": effect}
        if toleration not in tolerations:
            tolerations = [*tolerations, toleration]
    pod["spec"]["tolerations"] = tolerations
    affinity = pod["spec"].setdefault("affinity", {}).setdefault("nodeAffinity", {})
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = affinity.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    terms = required.get("nodeSelectorTerms") or [{}]
    required["nodeSelectorTerms"] = [{**term, "matchFields": [field]} for term in terms]
    return pod
