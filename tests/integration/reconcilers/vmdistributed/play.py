"""A VMDistributed reconciled step by step on a dev cluster, with the test in the part of its children's controllers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from aiohttp import web
from prometheus_client import CollectorRegistry

from tests.integration.reconcilers.stage import loose_crds
from vmop.api.v1alpha1 import VMDistributed
from vmop.builders.base import Platform
from vmop.devcluster import ApiServer
from vmop.informers import InformerFactory
from vmop.kube import ApplyPatch, Client, ClientConfig, Manifest, MergePatch, NotFound, ObjectKey, PodHttp, Resource
from vmop.kube.applier import Applier
from vmop.kube.resources import (
    CUSTOM_RESOURCE_DEFINITION,
    ENDPOINT_SLICE,
    EVENT,
    NAMESPACE,
    VM_AGENT,
    VM_AUTH,
    VM_CLUSTER,
    VM_DISTRIBUTED,
    VM_SINGLE,
)
from vmop.reconcilers.context import Context
from vmop.reconcilers.controllers import prepare_informers
from vmop.reconcilers.lifecycle import Parent
from vmop.reconcilers.vmdistributed.kind import VMDistributedKind
from vmop.reconcilers.vmdistributed.metrics import DistributedMetrics
from vmop.runtime import EventRecorder, ReconcileError, Result, TerminalError
from vmop.settings import Settings

MET = ObjectKey("obs", "met")
CHILDREN = (VM_CLUSTER, VM_SINGLE, VM_AGENT, VM_AUTH)
PREFIX = "operator.victoriametrics.com/vmdistributed-"
ZONE_STATE = f"{PREFIX}zone-state"
START = datetime(2030, 1, 1, 10, tzinfo=UTC)
MANAGED = "managed-by=vm-operator"


@attrs.define
class Play:
    """The cluster, the operator's view of it, and its clock."""

    client: Client
    context: Context
    parent: Parent[VMDistributed]
    agents_port: int
    now: datetime
    #: what every vmagent says in its metrics
    metrics: str = ""
    #: names of children whose controllers do nothing
    broken: frozenset[str] = frozenset()
    failures: list[str] = attrs.field(factory=list)

    # -- what users and other controllers do -------------------------------------------------------------------------

    async def apply(self, resource: Resource, name: str, spec: Manifest, **metadata: Any) -> Manifest:
        """Make or change an object as its user does."""
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "namespace": MET.namespace, **metadata},
            "spec": spec,
        }
        patch = ApplyPatch(body)
        key = ObjectKey(MET.namespace, name)
        return await self.seen(
            resource, await self.client.patch(resource, key, patch, field_manager="user", force=True)
        )

    async def met(self, spec: Manifest, **metadata: Any) -> None:
        await self.apply(VM_DISTRIBUTED, MET.name, {"zoneCommon": {"updatePause": "0s"}, **spec}, **metadata)

    async def merge(self, resource: Resource, name: str, patch: Manifest, *, subresource: str = "") -> Manifest:
        key = ObjectKey(MET.namespace, name)
        merged = MergePatch(patch)
        return await self.seen(resource, await self.client.patch(resource, key, merged, subresource=subresource))

    async def seen(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Wait until the operator's caches have what was written."""
        selector = MANAGED if resource is ENDPOINT_SLICE else ""
        lister = self.context.informers.informer(resource, label_selector=selector).lister
        key = ObjectKey(manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"])
        async with asyncio.timeout(10):
            while True:
                stored = lister.get(key)
                if stored is not None and int(stored.resource_version) >= int(manifest["metadata"]["resourceVersion"]):
                    return manifest
                await asyncio.sleep(0.005)

    async def live(self) -> None:
        """Children's controllers do their work: everything is operational, agents have endpoints."""
        for resource in CHILDREN:
            for item in (await self.client.list(resource, MET.namespace)).items:
                if item["metadata"]["name"] not in self.broken:
                    await self._operational(resource, item)
                if resource is VM_AGENT:
                    await self._endpoints(item)

    async def _operational(self, resource: Resource, item: Manifest) -> None:
        metadata, status = item["metadata"], item.get("status") or {}
        wanted = {"updateStatus": "operational", "observedGeneration": metadata["generation"]}
        if any(status.get(key) != value for key, value in wanted.items()):
            await self.merge(resource, metadata["name"], {"status": wanted}, subresource="status")

    async def _endpoints(self, agent: Manifest) -> None:
        name = f"vmagent-{agent['metadata']['name']}"
        lister = self.context.informers.informer(ENDPOINT_SLICE, label_selector=MANAGED).lister
        if lister.get(ObjectKey(MET.namespace, name)) is None:
            labels = {"managed-by": "vm-operator", "kubernetes.io/service-name": name}
            endpoint = {"addresses": ["127.0.0.1"], "targetRef": {"kind": "Pod", "name": f"{name}-0"}}
            slice_ = {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": name, "namespace": MET.namespace, "labels": labels},
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": self.agents_port}],
                "endpoints": [endpoint],
            }
            await self.seen(ENDPOINT_SLICE, await self.client.create(ENDPOINT_SLICE, slice_))

    # -- what the operator does --------------------------------------------------------------------------------------

    async def reconcile(self) -> Result | None:
        """One reconcile; None when it failed, and then why is in `failures`."""
        try:
            return await self.parent.reconcile(MET)
        except (ReconcileError, TerminalError) as error:
            self.failures.append(str(error))
            return None

    async def step(self) -> Result | None:
        """One reconcile, after which the others do their work and some time goes by."""
        result = await self.reconcile()
        await self.live()
        self.now += timedelta(seconds=6)
        return result

    async def settle(self, limit: int = 120) -> None:
        """Reconcile until the VMDistributed is operational and at rest."""
        for _ in range(limit):
            result = await self.step()
            status = await self.status()
            if result == Result() and status.get("updateStatus") == "operational":
                return
        raise AssertionError(f"it does not come to rest: {await self.status()}, {self.failures}")

    # -- what is to be seen ------------------------------------------------------------------------------------------

    async def get(self, resource: Resource, name: str) -> Manifest | None:
        try:
            return await self.client.get(resource, ObjectKey(MET.namespace, name))
        except NotFound:
            return None

    async def must(self, resource: Resource, name: str) -> Manifest:
        return await self.client.get(resource, ObjectKey(MET.namespace, name))

    async def status(self) -> Manifest:
        return (await self.client.get(VM_DISTRIBUTED, MET)).get("status") or {}

    async def names(self, resource: Resource) -> list[str]:
        return sorted(item["metadata"]["name"] for item in (await self.client.list(resource, MET.namespace)).items)

    async def markers(self, resource: Resource, name: str) -> dict[str, str]:
        """Our annotations on a child, without their common prefix."""
        annotations = (await self.must(resource, name))["metadata"].get("annotations") or {}
        return {key.removeprefix(PREFIX): value for key, value in annotations.items() if key.startswith(PREFIX)}

    async def owners(self, resource: Resource, name: str) -> list[str]:
        return [ref["name"] for ref in (await self.must(resource, name))["metadata"].get("ownerReferences") or ()]

    async def marked(self) -> list[str]:
        """Names of the backends that are being updated."""
        found = (await self.client.list(VM_CLUSTER, MET.namespace)).items
        return [i["metadata"]["name"] for i in found if ZONE_STATE in (i["metadata"].get("annotations") or {})]

    async def targets(self) -> tuple[list[str], list[str]]:
        """Names in the read and write refs."""
        refs = {ref["name"]: ref for ref in (await self.must(VM_AUTH, "met"))["spec"]["defaultTargetRefs"]}
        read, write = (refs[name].get("crd", {}).get("objects", []) for name in ("read", "write"))
        return [each["name"] for each in read], [each["name"] for each in write]

    async def messages(self, reason: str) -> list[str]:
        """Messages of the events of that reason about the VMDistributed, each once, after waiting for the first."""
        found: set[str] = set()

        async def look() -> bool:
            sent = (await self.client.list(EVENT, MET.namespace)).items
            mine = [each for each in sent if each["involvedObject"]["name"] == MET.name and each["reason"] == reason]
            found.update(each["message"] for each in mine)
            return bool(found)

        async with asyncio.timeout(10):
            while not await look():
                await asyncio.sleep(0.01)
        return sorted(found)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the operator's caches show something."""
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def playing() -> AsyncIterator[Play]:
    """A fresh cluster with namespace `obs` and the custom resources."""
    holder: list[Play] = []

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=holder[0].metrics)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with ApiServer.start(now=lambda: START) as server:
            config = ClientConfig.with_token(server.url, server.token)
            async with Client(config, qps=0) as client, PodHttp(client, mode="direct") as pods:
                for definition in loose_crds():
                    await client.create(CUSTOM_RESOURCE_DEFINITION, definition)
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MET.namespace}}
                await client.create(NAMESPACE, body)

                def now() -> datetime:
                    return holder[0].now

                factory = InformerFactory(client)
                context = Context(
                    client=client,
                    informers=factory,
                    applier=Applier(client, factory, now=now),
                    events=EventRecorder(client, now=now),
                    pods=pods,
                    settings=Settings(forceresyncinterval=0),
                    platform=Platform(),
                    now=now,
                    random=random.Random(1),
                )
                kind = VMDistributedKind(context, DistributedMetrics(CollectorRegistry()))
                holder.append(
                    Play(client, context, Parent(context, kind), runner.addresses[0][1], START + timedelta(minutes=1))
                )
                prepare_informers(context)
                async with asyncio.TaskGroup() as group:
                    running = [group.create_task(factory.run()), group.create_task(context.events.run())]
                    await factory.wait_synced(10)
                    try:
                        yield holder[0]
                    finally:
                        for task in running:
                            task.cancel()
    finally:
        await runner.cleanup()
