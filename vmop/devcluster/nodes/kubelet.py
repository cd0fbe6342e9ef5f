"""Scheduler and kubelets in one: pods are bound, started, watched over and stopped.

What a pod is at any moment follows from how it is to behave and how long it has run, so that it is the same after
any number of looks, and changes when somebody turns a knob.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from aiohttp import web

from vmop.devcluster.nodes.apps import App
from vmop.devcluster.nodes.behaviour import STOP_AFTER, Behaviour, Knobs, annotated_seconds
from vmop.devcluster.nodes.sockets import Handle, Network, PodSockets
from vmop.devcluster.nodes.status import Moment, pod_status
from vmop.devcluster.workloads.daemonsets import target_node
from vmop.devcluster.workloads.objects import is_terminal
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Informer, StoredObject
from vmop.kube import Conflict, NotFound, ObjectKey
from vmop.kube.requests import JSON, Request
from vmop.kube.resources import POD
from vmop.kube.wire import encode
from vmop.runtime import Result, TerminalError

_LOOK_AGAIN = 0.25
_DEFAULT_GRACE = 30.0


@attrs.define
class Running:
    """A started pod: since when (the loop's clock), what it serves, and where."""

    uid: str
    since: float
    app: App
    sockets: PodSockets
    restarts: int = 0
    next_crash: float | None = None
    stopping_since: float | None = None


class Kubelet:
    """Reconciles Pods. `start` makes the workload of a pod, or says None while something that it mounts is missing."""

    def __init__(
        self,
        writer: Writer,
        pods: Informer,
        nodes: Informer,
        network: Network,
        knobs: Knobs,
        start: Callable[[StoredObject], App | None],
    ) -> None:
        self._writer = writer
        self._pods = pods
        self._nodes = nodes
        self._network = network
        self._knobs = knobs
        self._start = start
        self.running: dict[ObjectKey, Running] = {}
        self._bound: dict[str, str] = {}

    async def close(self) -> None:
        """Close all sockets."""
        for key in list(self.running):
            await self._forget(key)

    async def reconcile(self, key: ObjectKey) -> Result:
        pod = self._pods.lister.get(key)
        known = self.running.get(key)
        if known is not None and (pod is None or pod.uid != known.uid or is_terminal(pod)):
            await self._forget(key)
        if pod is None or is_terminal(pod):
            return Result()
        if pod.deletion_timestamp is not None:
            return await self._stop(pod)
        if not pod.get("spec").get("nodeName"):
            return await self._bind(pod)
        return await self._tend(pod)

    async def _forget(self, key: ObjectKey) -> None:
        known = self.running.pop(key, None)
        if known is not None:
            self._bound.pop(known.uid, None)
            await self._network.close(known.sockets)

    # Scheduling

    async def _bind(self, pod: StoredObject) -> Result:
        node = target_node(pod.get("spec")) or self._least_used()
        if node is None:
            return Result(_LOOK_AGAIN)
        self._bound[pod.uid] = node
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        request = Request(
            verb="create",
            method="POST",
            path=POD.path(pod.namespace, pod.name, "binding"),
            target=f"Pod/binding {pod.key}",
            content_type=JSON,
            body=encode(binding),
            idempotent=False,
            write=True,
        )
        with contextlib.suppress(Conflict, NotFound):
            await self._writer.client.send(request)
        return Result()

    def _least_used(self) -> str | None:
        nodes = [node.name for node in self._nodes.lister.list() if not (node.get("spec") or {}).get("unschedulable")]
        used = Counter(self._bound.values())
        return min(nodes, key=lambda node: (used[node], node), default=None)

    # Life

    async def _tend(self, pod: StoredObject) -> Result:
        known = self.running.get(pod.key)
        if known is None:
            app = self._start(pod)
            if app is None:
                await self._show(pod, Moment("creating", "", self._host(pod), 0, self._writer.stamp()))
                return Result(_LOOK_AGAIN)
            wanted = (pod.get("status") or {}).get("podIP") or ""
            sockets = await self._network.listen(app.ports, self._answering(pod.key, app), wanted=wanted)
            known = Running(pod.uid, asyncio.get_running_loop().time(), app, sockets, _restarts(pod.get("status")))
            self.running[pod.key] = known
            self._bound[pod.uid] = pod.get("spec")["nodeName"]
        try:
            behaviour = self._knobs.of(pod)
        except ValueError as error:
            raise TerminalError(str(error)) from None
        moment, again = self._now(pod, known, behaviour)
        await self._show(pod, moment)
        return Result(again)

    def _answering(self, key: ObjectKey, app: App) -> Handle:
        """A pod whose containers have crashed answers nothing."""

        async def handle(port: int, request: web.BaseRequest) -> web.StreamResponse:
            known = self.running.get(key)
            if known is not None and known.next_crash is not None and request.transport is not None:
                request.transport.abort()
                raise ConnectionResetError
            return await app.handle(port, request)

        return handle

    def _now(self, pod: StoredObject, known: Running, behaviour: Behaviour) -> tuple[Moment, float | None]:
        """How the pod is now, and in how many seconds to look again."""
        now = asyncio.get_running_loop().time()

        def moment(state: Any) -> Moment:
            return Moment(state, known.sockets.address, self._host(pod), known.restarts, self._writer.stamp())

        left = known.since + behaviour.ready_after - now
        if behaviour.kind != "crash":
            known.next_crash = None
        if behaviour.kind == "never":
            return moment("starting"), None
        if left > 0:
            return moment("starting"), left
        if behaviour.kind == "ready":
            return moment("ready"), None
        if known.next_crash is None or known.next_crash <= now:
            known.restarts += 1
            known.next_crash = now + self._knobs.crash_interval
        return moment("crashing"), known.next_crash - now

    async def _show(self, pod: StoredObject, moment: Moment) -> None:
        known = pod.get("status") or {}
        await self._writer.patch_status(POD, pod, pod_status(pod.get("spec"), known, moment))

    def _host(self, pod: StoredObject) -> str:
        node = self._nodes.lister.get(ObjectKey("", pod.get("spec")["nodeName"]))
        for address in ((node.get("status") if node else None) or {}).get("addresses") or ():
            if address["type"] == "InternalIP":
                return str(address["address"])
        return "127.0.0.1"

    # Death

    async def _stop(self, pod: StoredObject) -> Result:
        if pod.metadata.get("deletionGracePeriodSeconds") == 0:
            await self._forget(pod.key)
            return Result()
        known = self.running.get(pod.key)
        if known is not None:
            now = asyncio.get_running_loop().time()
            known.stopping_since = now if known.stopping_since is None else known.stopping_since
            grace = float(pod.metadata.get("deletionGracePeriodSeconds", _DEFAULT_GRACE))
            delay = min(annotated_seconds(pod, STOP_AFTER, self._knobs.stop_after), grace)
            left = known.stopping_since + delay - now
            if left > 0:
                return Result(left)
        await self._forget(pod.key)
        self._bound.pop(pod.uid, None)
        with contextlib.suppress(NotFound, Conflict):
            await self._writer.client.delete(POD, pod.key, uid=pod.uid, grace_seconds=0)
        return Result()


def _restarts(status: Mapping[str, Any] | None) -> int:
    return max((one.get("restartCount", 0) for one in (status or {}).get("containerStatuses") or ()), default=0)
