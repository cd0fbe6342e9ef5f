"""A namespace of a cluster with simulated nodes, and what tests do there; the cluster is ours or the real one."""

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs

from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.controlplane import ControlPlane
from vmop.devcluster.nodes import NodeSimulator, simulate_nodes
from vmop.kube import Client, ClientConfig, Manifest, MergePatch, NotFound, ObjectKey, Resource
from vmop.kube.resources import (
    CONTROLLER_REVISION,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    NAMESPACE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    STATEFUL_SET,
)

PATIENCE = 20.0
QUIET = 0.7
TLS_GOODBYE = 0.3
SHOWN = (
    DEPLOYMENT,
    REPLICA_SET,
    STATEFUL_SET,
    DAEMON_SET,
    CONTROLLER_REVISION,
    ENDPOINT_SLICE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
)
_numbers = itertools.count()


@attrs.frozen
class Bench:
    """One namespace. Waiting ends with what was waited for, or fails the test after `PATIENCE` seconds."""

    client: Client
    nodes: NodeSimulator
    namespace: str

    def key(self, name: str) -> ObjectKey:
        return ObjectKey(self.namespace, name)

    async def create(self, resource: Resource, name: str, spec: Manifest, **metadata: Any) -> Manifest:
        manifest = {"metadata": {"name": name, "namespace": self.namespace, **metadata}, "spec": spec}
        return await self.client.create(resource, manifest)

    async def get(self, resource: Resource, name: str) -> Manifest:
        return await self.client.get(resource, self.key(name))

    async def patch(self, resource: Resource, name: str, **spec: Any) -> Manifest:
        return await self.client.patch(resource, self.key(name), MergePatch({"spec": spec}))

    async def all(self, resource: Resource, selector: str = "") -> list[Manifest]:
        return (await self.client.list(resource, self.namespace, label_selector=selector)).items

    async def pods(self, app: str) -> list[Manifest]:
        """Pods of an app by name; those that are being deleted are left out."""
        found = [pod for pod in await self.all(POD, f"app={app}") if "deletionTimestamp" not in pod["metadata"]]
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    async def until(self, check: Callable[[], Awaitable[Any]]) -> Any:
        """The first true answer."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(NotFound):
                    if answer := await check():
                        return answer
                await asyncio.sleep(0.03)

    async def status(self, resource: Resource, name: str, **wanted: Any) -> Manifest:
        """The status, once it was observed and shows all of `wanted`."""

        async def check() -> Manifest | None:
            live = await self.get(resource, name)
            status: Manifest = live.get("status") or {}
            observed = status.get("observedGeneration") == live["metadata"]["generation"]
            return status if observed and all(status.get(k, 0) == v for k, v in wanted.items()) else None

        result: Manifest = await self.until(check)
        return result

    async def settled(self) -> Manifest:
        """All objects, comparable, once they have not changed for a while."""
        loop = asyncio.get_running_loop()
        shown, since = await self.shown(), loop.time()
        async with asyncio.timeout(PATIENCE):
            while loop.time() - since < QUIET:
                await asyncio.sleep(0.1)
                again = await self.shown()
                if again != shown:
                    shown, since = again, loop.time()
        return shown

    async def shown(self) -> Manifest:
        return {
            resource.kind: sorted((_comparable(one) for one in await self.all(resource)), key=json.dumps)
            for resource in SHOWN
        }


def pod_template(app: str, version: str = "1", annotations: Manifest | None = None, **container: Any) -> Manifest:
    """A pod of one container whose port has a name."""
    ports = [{"name": "http", "containerPort": 8429}]
    return {
        "metadata": {"labels": {"app": app}, "annotations": annotations or {}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": f"image:{version}", "ports": ports, **container}],
        },
    }


def workload(app: str, version: str = "1", annotations: Manifest | None = None, **spec: Any) -> Manifest:
    """The spec of a workload."""
    template = pod_template(app, version, annotations)
    return {"selector": {"matchLabels": {"app": app}}, "template": template, **spec}


def claim_template(size: str = "1Gi", **spec: Any) -> Manifest:
    resources = {"requests": {"storage": size}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": resources, **spec}
    return {"metadata": {"name": "data", "labels": {"of": "template"}}, "spec": claim}


_HASH = "[bcdfghjklmnpqrstvwxz2456789]"
_SUBSTITUTES = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uid>"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "<time>"),
    (r"\b(127|10)(\.[0-9]+){3}\b", "<address>"),
    (r"\bnode-[0-9]+\b", "<node>"),
    (rf"\b([a-z]+)-{_HASH}{{5,10}}(-{_HASH}{{5}})?\b", r"\1-<hash>"),
    (rf'("(pod-template-hash|controller.kubernetes.io/hash|controller-revision-hash)": )"{_HASH}+"', r'\1"<hash>"'),
)


def _comparable(manifest: Manifest) -> Manifest:
    """Without what differs from cluster to cluster, or depends on how changes happened to be batched."""
    metadata = manifest["metadata"]
    for field in ("managedFields", "resourceVersion"):
        metadata.pop(field, None)
    match manifest["kind"]:
        case "Pod":
            metadata.pop("generation", None)
            metadata["labels"].pop("pod-template-generation", None)
            manifest["spec"] = {"image": manifest["spec"]["containers"][0]["image"]}
            manifest["status"] = {"phase": manifest["status"]["phase"]}
        case "DaemonSet" | "ControllerRevision":
            metadata.pop("annotations", None)
        case "EndpointSlice":
            for field in ("annotations", "generation"):
                metadata.pop(field, None)
            manifest["endpoints"] = sorted(manifest.get("endpoints") or (), key=json.dumps)
        case "ReplicaSet":
            metadata.pop("generation", None)
            manifest["status"].pop("observedGeneration", None)
    for condition in (manifest.get("status") or {}).get("conditions") or ():
        condition.pop("lastUpdateTime", None)
    if conditions := (manifest.get("status") or {}).get("conditions"):
        conditions.sort(key=lambda one: one["type"])
    text = json.dumps(manifest, sort_keys=True)
    for pattern, substitute in _SUBSTITUTES:
        text = re.sub(pattern, substitute, text)
    result: Manifest = json.loads(text)
    if manifest["kind"] == "EndpointSlice":
        result["endpoints"].sort(key=json.dumps)
    return result


@contextlib.asynccontextmanager
async def on_dev(folder: Path) -> AsyncIterator[Bench]:
    async with (
        DevCluster.start(folder) as cluster,
        Client(cluster.config, qps=0) as client,
        _namespace(client, cluster.nodes) as bench,
    ):
        yield bench


@contextlib.asynccontextmanager
async def on_real(plane: ControlPlane) -> AsyncIterator[Bench]:
    config = ClientConfig.with_token(plane.url, plane.token, insecure=True)
    async with simulate_nodes(config) as nodes, Client(config, qps=0) as client, _namespace(client, nodes) as bench:
        yield bench
    # aiohttp's TLS connections need the loop for a moment after they were closed.
    await asyncio.sleep(TLS_GOODBYE)


@contextlib.asynccontextmanager
async def _namespace(client: Client, nodes: NodeSimulator) -> AsyncIterator[Bench]:
    name = f"bench-{next(_numbers)}-{asyncio.get_running_loop().time():.0f}"
    await client.create(NAMESPACE, {"metadata": {"name": name}})
    try:
        yield Bench(client, nodes, name)
    finally:
        await client.delete(NAMESPACE, ObjectKey("", name))
