"""An Applier on the dev cluster and on a real API server, with what stands around it: a cache that shows what an
informer would, and other writers."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import yaml
from prometheus_client import CollectorRegistry

from tests.support.clusters import Cluster
from vmop.kube import Client, ClientMetrics, Manifest, NotFound, ObjectKey, Resource, key_of
from vmop.kube.applier import Applied, Applier
from vmop.kube.resources import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, by_kind
from vmop.kube.wire import WireObject, decode_object

REPOSITORY = Path(__file__).parents[4]
SEEN_KINDS = ("vmclusters", "vmagents", "vmauths", "vmservicescrapes")


@attrs.frozen
class Seen:
    """An object as an informer holds it."""

    wire: WireObject

    @property
    def key(self) -> ObjectKey:
        return self.wire.key

    @property
    def uid(self) -> str:
        return self.wire.meta.uid

    @property
    def resource_version(self) -> str:
        return self.wire.meta.resource_version

    @property
    def generation(self) -> int:
        return self.wire.meta.generation

    @property
    def metadata(self) -> Any:
        return self.wire.metadata

    def manifest(self) -> Manifest:
        return self.wire.manifest()


class Cache:
    """Shows an object as it was when it was last looked at: by :meth:`watch`, or by a write of the Applier."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._objects: dict[tuple[Resource, ObjectKey], Seen] = {}

    def is_cached(self, resource: Resource) -> bool:
        return True

    def cached(self, resource: Resource, key: ObjectKey) -> Seen | None:
        return self._objects.get((resource, key))

    def record_write(self, resource: Resource, manifest: Manifest) -> None:
        self._objects[resource, key_of(manifest)] = Seen(decode_object(msgspec.json.encode(manifest)))

    def record_delete(self, resource: Resource, key: ObjectKey, uid: str) -> None:
        self._objects.pop((resource, key), None)

    async def watch(self, resource: Resource, key: ObjectKey) -> None:
        """Look at the object as it is now."""
        try:
            self.record_write(resource, await self._client.get(resource, key))
        except NotFound:
            self._objects.pop((resource, key), None)


@attrs.frozen
class Stage:
    """One namespace with an Applier in it, which uses ``own``; ``client`` is that of other writers, who are not
    counted.
    """

    client: Client
    own: Client
    applier: Applier
    cache: Cache
    namespace: str
    registry: CollectorRegistry
    restart: Callable[[], Applier]

    def requests(self) -> int:
        """How many requests the Applier has sent so far."""
        return int(
            sum(
                sample.value
                for metric in self.registry.collect()
                for sample in metric.samples
                if sample.name == "rest_client_requests_total"
            )
        )

    def manifest(self, resource: Resource, name: str, **fields: Any) -> Manifest:
        metadata = {"name": name, "namespace": self.namespace, **fields.pop("metadata", {})}
        return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **fields}

    async def live(self, resource: Resource, name: str) -> Manifest:
        return await self.client.get(resource, ObjectKey(self.namespace, name))

    async def apply(self, resource: Resource, desired: Manifest, **how: Any) -> Applied:
        """Apply after the cache has caught up."""
        await self.cache.watch(resource, key_of(desired))
        return await self.applier.apply(resource, desired, **how)

    async def owner(self, name: str = "owner", resource: Resource = CONFIG_MAP) -> dict[str, Any]:
        """An owner reference, as a controller, to an object that is there."""
        made = await self.client.create(resource, self.manifest(resource, name))
        return {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "name": name,
            "uid": made["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }


@pytest.fixture
async def stage(cluster: Cluster, client: Client, namespace: str) -> AsyncIterator[Stage]:
    registry = CollectorRegistry()
    cache = Cache(client)
    async with Client(cluster.config, qps=0, metrics=ClientMetrics(registry)) as own:

        def start() -> Applier:
            return Applier(own, cache, now=lambda: datetime.now(UTC))

        yield Stage(client, own, start(), cache, namespace, registry, start)


def _definitions() -> list[Manifest]:
    ours = REPOSITORY / "config" / "crd"
    files = sorted(ours.rglob("*.yaml")) if ours.is_dir() else []
    files = files or [REPOSITORY.parent / "shared" / "parity" / "crds" / "crd.descriptionless.yaml"]
    documents = [document for file in files for document in yaml.load_all(file.read_text(), yaml.CSafeLoader)]
    return [
        document
        for document in documents
        if document
        and document["kind"] == "CustomResourceDefinition"
        and document["spec"]["names"]["plural"] in SEEN_KINDS
    ]


@pytest.fixture
async def crds(client: Client) -> None:
    """The custom resources that these tests use, installed once a run."""
    for definition in _definitions():
        try:
            await client.get(CUSTOM_RESOURCE_DEFINITION, key_of(definition))
        except NotFound:
            await client.create(CUSTOM_RESOURCE_DEFINITION, definition)
        await _served(client, definition)


async def _served(client: Client, definition: Manifest) -> None:
    while True:
        found = await client.get(CUSTOM_RESOURCE_DEFINITION, key_of(definition))
        conditions = {c["type"]: c["status"] for c in (found.get("status") or {}).get("conditions") or ()}
        if conditions.get("Established") == "True":
            return


GOLDEN = REPOSITORY.parent / "shared" / "parity" / "cases" / "golden"


@pytest.fixture(scope="session")
def golden() -> Callable[[str, str], list[Manifest]]:
    """Objects that the Go operator made of a parity case: ``golden(case, step)``."""

    def load(case: str, step: str) -> list[Manifest]:
        file = GOLDEN / f"{case}.yaml"
        if not file.exists():
            pytest.skip("the recorded outcomes of the Go operator are not here")
        outcome = yaml.load(file.read_text(), yaml.CSafeLoader)
        return [json.loads(json.dumps(manifest)) for manifest in outcome[step].values()]

    return load


@pytest.fixture
def into_namespace(namespace: str) -> Callable[[Manifest], tuple[Resource, Manifest]]:
    """A recorded object made ready to be created: its resource, and the manifest in this namespace without owners."""
    versions = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1"}
    versions |= {"PodDisruptionBudget": "policy/v1", "HorizontalPodAutoscaler": "autoscaling/v2"}
    versions |= {"NetworkPolicy": "networking.k8s.io/v1", "Ingress": "networking.k8s.io/v1"}
    versions |= {"Role": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1"}

    def ready(manifest: Manifest) -> tuple[Resource, Manifest]:
        kind = manifest["kind"]
        version = versions.get(kind, "operator.victoriametrics.com/v1beta1" if kind.startswith("VM") else "v1")
        metadata = {k: v for k, v in manifest["metadata"].items() if k in ("name", "labels", "annotations")}
        rest = {
            k: v
            for k, v in manifest.items()
            if k not in ("kind", "metadata", "status", "apiVersion", "updateStatus", "reason")
        }
        if kind == "Secret":
            rest["data"] = {k: base64.b64encode(json.dumps(v).encode()).decode() for k, v in rest["data"].items()}
        return by_kind(version, kind), {
            "apiVersion": version,
            "kind": kind,
            "metadata": {**metadata, "namespace": namespace},
            **rest,
        }

    return ready
