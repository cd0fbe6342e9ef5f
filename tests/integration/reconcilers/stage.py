"""The operator's controllers at work on a cluster with nodes, as tests see and disturb them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import attrs
from prometheus_client import CollectorRegistry

from vmop.api import crd
from vmop.api.registry import KINDS
from vmop.builders.base import Platform
from vmop.devcluster.nodes import Knobs, NodeSimulator
from vmop.informers import InformerFactory
from vmop.kube import ApplyPatch, Client, ClientConfig, Manifest, MergePatch, NotFound, ObjectKey, PodHttp, Resource
from vmop.kube.applier import Applier
from vmop.kube.resources import EVENT, POD, VM_CLUSTER
from vmop.reconcilers.context import Context
from vmop.reconcilers.controllers import controllers
from vmop.runtime import Controller, EventRecorder, Manager
from vmop.settings import Settings

NAMESPACE = "shop"
OPERATOR = "vmop-under-test"
SETTINGS = Settings(podwaitreadyintervalcheck=0.1, pvc_wait_ready_interval=0.1, forceresyncinterval=0)
# A real garbage collector learns of new CRDs only every 30 s.
PATIENCE = 75.0


class Clock:
    """The operator's wall clock, which tests put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def put_forward(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@cache
def crds() -> tuple[Manifest, ...]:
    """The definitions of all kinds."""
    return tuple(crd(cls) for cls in KINDS)


def loose_crds() -> tuple[Manifest, ...]:
    """The same kinds without their schemas: quickly served, and whatever is in a spec reaches the operator."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    loose = []
    for definition in crds():
        spec = definition["spec"]
        versions = [{**version, "schema": {"openAPIV3Schema": schema}} for version in spec["versions"]]
        versions = [{k: v for k, v in version.items() if k != "additionalPrinterColumns"} for version in versions]
        loose.append({**definition, "spec": {**spec, "versions": versions}})
    return tuple(loose)


@attrs.frozen
class Stage:
    """A cluster, its nodes, the operator's controllers, and a client of the test's own."""

    client: Client
    context: Context
    nodes: NodeSimulator
    clock: Clock
    controllers: Mapping[str, Controller]
    namespace: str = NAMESPACE

    @property
    def knobs(self) -> Knobs:
        return self.nodes.knobs

    def key(self, name: str) -> ObjectKey:
        return ObjectKey(self.namespace, name)

    # -- what a user does --------------------------------------------------------------------------------------------

    async def cluster(self, name: str = "c", **spec: Any) -> Manifest:
        """Apply a VMCluster."""
        return await self.apply(VM_CLUSTER, {"metadata": {"name": name}, "spec": spec})

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        metadata = {"namespace": self.namespace, **manifest["metadata"]}
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **manifest, "metadata": metadata}
        key = self.key(metadata["name"])
        return await self.client.patch(resource, key, ApplyPatch(body), field_manager="user", force=True)

    async def merge(self, resource: Resource, name: str, patch: Manifest, *, subresource: str = "") -> Manifest:
        return await self.client.patch(
            resource, self.key(name), MergePatch(patch), subresource=subresource, field_manager="user"
        )

    def enqueue(self, name: str = "c") -> None:
        """Have a VMCluster reconciled once more."""
        self.controllers["vmcluster"].enqueue(self.key(name))

    # -- what a user sees --------------------------------------------------------------------------------------------

    async def get(self, resource: Resource, name: str) -> Manifest | None:
        try:
            return await self.client.get(resource, self.key(name))
        except NotFound:
            return None

    async def names(self, resource: Resource, selector: str = "") -> set[str]:
        listed = await self.client.list(resource, self.namespace, label_selector=selector)
        return {item["metadata"]["name"] for item in listed.items if not item["metadata"].get("deletionTimestamp")}

    async def pods(self, part: str) -> dict[str, Manifest]:
        """The pods of a part, by name."""
        listed = await self.client.list(POD, self.namespace, label_selector=f"app.kubernetes.io/name={part}")
        return {item["metadata"]["name"]: item for item in listed.items}

    async def status(self, name: str = "c") -> Manifest:
        found = await self.get(VM_CLUSTER, name)
        return (found or {}).get("status") or {}

    async def events(self, name: str = "c") -> list[tuple[str, str, str]]:
        """Type, reason and message of the events about an object, in order."""
        listed = await self.client.list(EVENT, self.namespace)
        mine = [item for item in listed.items if item["involvedObject"]["name"] == name]
        mine.sort(key=lambda item: int(item["metadata"]["resourceVersion"]))
        return [(item["type"], item["reason"], item["message"]) for item in mine]

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], Awaitable[Any]]) -> None:
        """Look until it holds. Raises TimeoutError with what is the case instead."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await holds():
                    await asyncio.sleep(0.03)
        except TimeoutError:
            pods = (await self.client.list(POD, self.namespace)).items
            seen = [(pod["metadata"]["name"], (pod.get("status") or {}).get("phase")) for pod in pods]
            listed = await self.client.list(VM_CLUSTER, self.namespace)
            states = [{**(item.get("status") or {}), "lastAppliedSpec": ...} for item in listed.items]
            raise TimeoutError(f"statuses {states}, pods {seen}") from None

    async def until_status(self, status: str, name: str = "c") -> Manifest:
        """Wait for a status of the present generation."""

        async def is_there() -> bool:
            found = await self.client.get(VM_CLUSTER, self.key(name))
            seen = found.get("status") or {}
            current = seen.get("observedGeneration") == found["metadata"]["generation"]
            return bool(current and seen.get("updateStatus") == status)

        await self.until(is_there)
        return await self.status(name)

    async def settle(self) -> None:
        """Wait until no controller of the operator has anything to do at once."""
        quiet = 0
        async with asyncio.timeout(PATIENCE):
            while quiet < 10:
                await asyncio.sleep(0.02)
                quiet = 0 if any(len(each.queue) for each in self.controllers.values()) else quiet + 1


@asynccontextmanager
async def staged(
    config: ClientConfig,
    nodes: NodeSimulator,
    *,
    namespace: str = NAMESPACE,
    settings: Settings = SETTINGS,
    run: frozenset[str] = frozenset({"vmcluster"}),
    disabled: frozenset[str] = frozenset(),
) -> AsyncIterator[Stage]:
    """The operator's controllers of these names, running until the context is left."""
    clock = Clock()
    async with (
        Client(config, qps=0, user_agent="tester") as tester,
        Client(config, qps=0, user_agent=OPERATOR) as client,
        PodHttp(client) as pods,
    ):
        factory = InformerFactory(client, now=clock)
        events = EventRecorder(client, now=clock)
        context = Context(
            client=client,
            informers=factory,
            applier=Applier(client, factory, now=clock),
            events=events,
            pods=pods,
            settings=settings,
            platform=Platform(kubernetes=(1, 36)),
            now=clock,
            random=random.Random(1),
            disabled=disabled,
        )
        made = [each for each in controllers(context, workers=4) if each.name in run]
        manager = Manager(client, factory, registry=CollectorRegistry(), drain_timeout=1.0, now=clock)
        manager.add(events)
        for controller in made:
            manager.add(controller)
        stop = asyncio.Event()
        stage = Stage(tester, context, nodes, clock, {each.name: each for each in made}, namespace)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(manager.run(stop), name="operator")
            try:
                yield stage
            finally:
                stop.set()
