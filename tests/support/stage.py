"""A stage for rollouts: a dev cluster, the operator as a process, and the checker watching from the start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from tests.support.invariants import Checker
from tests.support.mirror import PREFIX, Change, Routes, refs_of
from vmop.api import KINDS, SpecError, crd, parse, to_json
from vmop.api.v1beta1 import VMAgent, VMCluster, VMSingle
from vmop.builders.registry import with_defaults
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.nodes import Knobs, NodeSimulator
from vmop.devcluster.nodes.behaviour import Choose
from vmop.kube import ApplyPatch, Client, Manifest, ObjectKey
from vmop.kube.resources import by_kind
from vmop.settings import Settings

USER = "kubectl"
NAMESPACE = "default"
#: how often what runs is looked at when no object changes, in seconds
LOOK_INTERVAL = 0.02
#: how long anything is waited for, in seconds; all of it takes a few where nobody else uses the machine
TIMEOUT = 60.0
_PROGRAM = "import sys, os; from vmop.cli.operator import main; sys.exit(main(sys.argv[1:], os.environ))"
_FLAGS = ("-health-probe-bind-address=0", "-metrics-bind-address=0", "-pprof-addr=0")


@attrs.frozen
class Simulated:
    """What runs in the pods of a node simulator."""

    nodes: NodeSimulator

    def config(self, pod: ObjectKey) -> bytes | None:
        return self.nodes.config(pod)

    def pending(self, pod: ObjectKey) -> Mapping[str, float]:
        queues = self.nodes.queues(pod)
        if queues is None:
            return {}
        now = asyncio.get_running_loop().time()
        return {queue.url: queue.advance(now, self.nodes.knobs) for queue in queues.queues}


def may_restart_pods(kind: str, old: Manifest, new: Manifest) -> bool:
    """Two specs of a child differ also when the operator's defaults are applied to both (spec 02 §9.2)."""
    return _defaulted(kind, old) != _defaulted(kind, new)


def _defaulted(kind: str, spec: Manifest) -> Manifest:
    cls = {one.kind: one for one in (VMAgent, VMCluster, VMSingle)}[kind]
    try:
        return to_json(with_defaults(parse(cls, {"metadata": {"name": "any"}, "spec": spec}).object, Settings()).spec)
    except SpecError:
        return {}


class Stage:
    """Made by :func:`stage`. The operator starts and ends as the test says, which is also the cluster's user."""

    def __init__(self, cluster: DevCluster, client: Client, folder: Path) -> None:
        self.cluster = cluster
        self.client = client
        self.checker = Checker(Simulated(cluster.nodes), may_restart_pods)
        self.changes: list[Change] = []
        self.operator: asyncio.subprocess.Process | None = None
        self.log = folder / "operator.log"
        self._news = asyncio.Event()

    # -- the user ----------------------------------------------------------------------------------------------------

    async def apply(self, *manifests: Manifest) -> None:
        """What `kubectl apply --server-side` does."""
        for manifest in manifests:
            resource = by_kind(manifest["apiVersion"], manifest["kind"])
            metadata = {"namespace": NAMESPACE} | manifest["metadata"]
            key = ObjectKey(metadata["namespace"], metadata["name"])
            patch = ApplyPatch(manifest | {"metadata": metadata})
            await self.client.patch(resource, key, patch, field_manager=USER, force=True)

    async def delete(self, manifest: Manifest) -> None:
        """What `kubectl delete` does, without waiting."""
        resource = by_kind(manifest["apiVersion"], manifest["kind"])
        key = ObjectKey(manifest["metadata"].get("namespace", NAMESPACE), manifest["metadata"]["name"])
        await self.client.delete(resource, key, propagation="Background")

    def get(self, kind: str, name: str) -> Manifest | None:
        """An object as it is stored now."""
        return self.checker.mirror.get(kind, NAMESPACE, name)

    def names(self, kind: str) -> list[str]:
        return sorted(one["metadata"]["name"] for one in self.checker.mirror.all(kind))

    def annotations(self, kind: str, name: str) -> dict[str, str]:
        return ((self.get(kind, name) or {}).get("metadata") or {}).get("annotations") or {}

    def spec(self, kind: str, name: str) -> Manifest:
        """The stored spec."""
        return (self.get(kind, name) or {}).get("spec") or {}

    def status(self, distributed: str) -> Manifest:
        return (self.get("VMDistributed", distributed) or {}).get("status") or {}

    def is_idle(self, distributed: str) -> bool:
        """No rollout runs, and the last one is completed."""
        return (self.status(distributed).get("rollout") or {}).get("state") == "Idle"

    def traces(self, kind: str, name: str) -> list[str]:
        """What shows that an object belongs, or has belonged, to a VMDistributed."""
        metadata = (self.get(kind, name) or {})["metadata"]
        owners = [one["kind"] for one in metadata.get("ownerReferences") or () if one["kind"] == "VMDistributed"]
        return owners + [key for key in metadata.get("annotations") or () if key.startswith(PREFIX)]

    def events(self, name: str, reason: str) -> list[str]:
        """Messages of events of this reason on objects of this name."""
        return [
            one["message"]
            for one in self.checker.mirror.all("Event")
            if one["involvedObject"]["name"] == name and one["reason"] == reason
        ]

    def phase(self, distributed: str, zone: str) -> str:
        """What the status of a VMDistributed says of a zone."""
        return _said_of(zone, self.status(distributed), "phase")

    def waits_for(self, distributed: str, zone: str) -> str:
        """What its status says that a zone waits for; empty for none."""
        return _said_of(zone, self.status(distributed), "message")

    def phases(self, distributed: str, zone: str) -> list[str]:
        """All phases of a zone that the status has ever shown, in order; of those that took no time nobody was told."""
        shown = [
            _said_of(zone, change.status, "phase")
            for change in self.changes
            if change.kind == "VMDistributed" and change.new["metadata"]["name"] == distributed
        ]
        return [one for one, before in zip(shown, ["", *shown], strict=False) if one not in ("", "Pending", before)]

    def running_routes(self, distributed: str) -> dict[ObjectKey, Routes]:
        """Zones among the targets of every vmauth pod, from the config that it runs with."""
        manifest = self.get("VMDistributed", distributed)
        return self.checker.mirror.running_routes(manifest) if manifest is not None else {}

    def stored_routes(self, distributed: str) -> list[Routes]:
        """All targets that the VMAuth of a VMDistributed has ever had, in order."""
        manifest = self.get("VMDistributed", distributed) or {"metadata": {"name": distributed}}
        zones, name = self.checker.mirror.zones(manifest), self.checker.mirror.balancer_name(manifest)
        found: list[Routes] = []
        for change in self.changes:
            if change.kind == "VMAuth" and change.key.name == name:
                routes = refs_of(change.new, zones)
                if found[-1:] != [routes]:
                    found.append(routes)
        return found

    def pods(self, app: str, instance: str) -> list[Manifest]:
        return self.checker.mirror.pods(NAMESPACE, app, instance)

    def pods_of(self, cluster: str) -> list[Manifest]:
        """All pods of a VMCluster."""
        return [pod for app in ("vmstorage", "vmselect", "vminsert") for pod in self.pods(app, cluster)]

    def arguments(self, app: str, instance: str) -> dict[str, str]:
        """The command line of the container `app` in the one pod that runs it, by flag."""
        [pod] = self.pods(app, instance)
        [container] = [one for one in pod["spec"]["containers"] if one["name"] == app]
        words = (word.lstrip("-").partition("=") for word in container.get("args") or ())
        return {name: value for name, _, value in words}

    # -- the simulator -----------------------------------------------------------------------------------------------

    def behave(self, choose: Choose | None) -> None:
        """Have pods behave otherwise, those that run already too."""
        self.cluster.nodes.knobs.behaviour = choose
        self.cluster.nodes.refresh()

    def queue(self, agent: str, backend: str, size: float) -> None:
        """Have so many bytes on the disk of each pod of an agent, for a VMCluster."""
        for pod in self.checker.mirror.pods(NAMESPACE, "vmagent", agent):
            queues = self.cluster.nodes.queues(ObjectKey(NAMESPACE, pod["metadata"]["name"]))
            for queue in queues.queues if queues is not None else ():
                if f"//vminsert-{backend}." in queue.url:
                    queue.put(size)

    def hold_queues(self) -> None:
        """From now on nothing drains."""
        self.cluster.nodes.knobs.drain_rate = 0.0

    def release_queues(self) -> None:
        self.cluster.nodes.knobs.drain_rate = Knobs().drain_rate

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], Any], what: str, timeout: float = TIMEOUT) -> None:
        """Until it holds after some change. Raises AssertionError, with the end of the operator's log."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{what}: not within {timeout:.0f} s\n{self._tail()}") from None

    async def until_operational(self, kind: str, name: str, timeout: float = TIMEOUT) -> None:
        """Until an object says that it is through with the spec that is stored."""
        await self.until(lambda: is_operational(self.get(kind, name)), f"{kind} {name} operational", timeout)

    async def watch(self) -> None:
        """Feed the checker, until cancelled."""
        with self.cluster.server.storage.firehose() as changes:
            while not changes.closed:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_INTERVAL):
                        await changes.wait()
                for event in changes.take():
                    change = Change.of(event)
                    self.changes.append(change)
                    self.checker.feed(change)
                    self._news.set()
                self.checker.look()

    # -- the operator ------------------------------------------------------------------------------------------------

    async def start_operator(self, **settings: str) -> None:
        """Start it with these environment variables."""
        assert self.operator is None
        environ = {name: value for name, value in os.environ.items() if not name.startswith("VM_")}
        with self.log.open("ab") as log:
            self.operator = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _PROGRAM, *_FLAGS),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environ | settings | {"KUBECONFIG": str(self.cluster.kubeconfig)},
            )

    async def kill_operator(self) -> None:
        """SIGKILL, and wait for its end."""
        await self._end_operator(signal.SIGKILL)

    async def stop_operator(self) -> None:
        """SIGTERM, and wait for its end."""
        await self._end_operator(signal.SIGTERM)

    async def _end_operator(self, number: signal.Signals) -> None:
        operator, self.operator = self.operator, None
        if operator is not None:
            with contextlib.suppress(ProcessLookupError):
                operator.send_signal(number)
            await operator.wait()

    def _tail(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


@contextlib.asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """A dev cluster with our CRDs and the checker at work; the operator is killed at the end if it still runs.

    Configs are reloaded at once: the operator asks for that every two seconds only.
    """
    knobs = Knobs(reload_after=0.0)
    crds = [crd(kind) for kind in KINDS]
    async with DevCluster.start(folder, crds=crds, knobs=knobs) as cluster, Client(cluster.config, qps=0) as client:
        made = Stage(cluster, client, folder)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(made.watch())
            try:
                yield made
            finally:
                await made.kill_operator()
                watching.cancel()


def _said_of(zone: str, status: Manifest, field: str) -> str:
    return next((str(one.get(field) or "") for one in status.get("zones") or () if one["name"] == zone), "")


def is_operational(manifest: Manifest | None) -> bool:
    """It is through with the spec that is stored."""
    status, generation = (manifest or {}).get("status") or {}, (manifest or {}).get("metadata", {}).get("generation")
    return status.get("updateStatus") == "operational" and status.get("observedGeneration") == generation
