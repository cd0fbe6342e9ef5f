"""The node simulator: everything below the API server that pods and claims need to live.

It is made of controllers and works against any API server: the dev cluster's, in one manager with the workload
controllers, or a real one, where kube-controller-manager does that part (:func:`simulate_nodes`).
"""

import asyncio
import base64
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from vmop.devcluster.nodes.apps import App, app_of, reloader_source
from vmop.devcluster.nodes.behaviour import RELOAD_AFTER, Knobs, annotated_seconds
from vmop.devcluster.nodes.claims import Claims
from vmop.devcluster.nodes.kubelet import Kubelet, Running
from vmop.devcluster.nodes.reloader import ConfigSource, Reloader
from vmop.devcluster.nodes.sockets import Network
from vmop.devcluster.nodes.vmagent import Queues, internal_names, service_of
from vmop.devcluster.workloads import controller
from vmop.devcluster.workloads.endpoints import SERVICE_NAME
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Handler, InformerFactory, StoredObject
from vmop.kube import AlreadyExists, Client, ClientConfig, Manifest, MergePatch, ObjectKey, Resource
from vmop.kube.resources import (
    CONFIG_MAP,
    ENDPOINT_SLICE,
    NODE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    SECRET,
    STORAGE_CLASS,
)
from vmop.runtime import Controller, Manager

KUBELET = "kubelet"


def utc_now() -> datetime:
    return datetime.now(UTC)


class NodeSimulator:
    """Nodes with pods on them. `knobs` say how they behave; `agents` and `configs` show what runs.

    Made by whoever has a client and a factory; its `controllers` go into a manager, then :meth:`prepare` makes the
    nodes and storage classes, and :meth:`close` ends what pods serve.
    """

    def __init__(
        self,
        client: Client,
        factory: InformerFactory,
        *,
        knobs: Knobs | None = None,
        network: Network | None = None,
        now: Callable[[], datetime] = utc_now,
        nodes: int = 3,
    ) -> None:
        self.knobs = knobs or Knobs()
        self._client = client
        self._writer = Writer(client, factory, now, manager=KUBELET)
        self._names = [f"node-{number}" for number in range(nodes)]
        self._pods = factory.informer(POD)
        self._slices = factory.informer(ENDPOINT_SLICE)
        self._secrets = factory.informer(SECRET)
        self._config_maps = factory.informer(CONFIG_MAP, metadata_only=True)
        nodes_informer = factory.informer(NODE)
        claims, classes = factory.informer(PERSISTENT_VOLUME_CLAIM), factory.informer(STORAGE_CLASS)
        self._claims = claims
        self._kubelet = Kubelet(self._writer, self._pods, nodes_informer, network or Network(), self.knobs, self._start)
        self._slices.add_handler(Handler(self._endpoints_added, self._endpoints_changed, self._endpoints_gone))
        self._secrets.add_handler(Handler(self._secret_added, self._secret_changed))
        volumes = Claims(self._writer, claims, classes, self.knobs)
        self._pod_controller = controller("dev-kubelet", self._kubelet.reconcile).watch_for(self._pods)
        self._claim_controller = controller("dev-volumes", volumes.reconcile).watch_for(claims)

    @property
    def controllers(self) -> list[Controller]:
        return [self._pod_controller, self._claim_controller]

    async def prepare(self) -> None:
        """Make nodes and storage classes, those that are not there."""
        for number, name in enumerate(self._names):
            await self._make(NODE, {"apiVersion": "v1", "kind": "Node", "metadata": _node_metadata(name)})
            await self._client.patch(NODE, ObjectKey("", name), MergePatch({"spec": {"taints": None}}))
            status = MergePatch({"status": _node_status(number, self._writer.stamp())})
            await self._client.patch(NODE, ObjectKey("", name), status, subresource="status", field_manager=KUBELET)
        for manifest in STORAGE_CLASSES:
            await self._make(STORAGE_CLASS, manifest)

    async def _make(self, resource: Resource, manifest: Manifest) -> None:
        with contextlib.suppress(AlreadyExists):
            await self._client.create(resource, manifest, field_manager=KUBELET)

    async def close(self) -> None:
        """Close all sockets of pods."""
        await self._kubelet.close()

    # What tests see and do

    def refresh(self) -> None:
        """Have every pod looked at again: after a knob was turned."""
        for pod in self._pods.lister.list():
            self._pod_controller.enqueue(pod.key)

    def queues(self, pod: ObjectKey) -> Queues | None:
        """The queues of a running vmagent pod."""
        known = self._kubelet.running.get(pod)
        return known.app.queues if known else None

    def config(self, pod: ObjectKey) -> bytes | None:
        """The config that a running pod with a config-reloader runs with at this moment."""
        known = self._kubelet.running.get(pod)
        if known is None or known.app.reloader is None:
            return None
        return known.app.reloader.config(_clock())

    @property
    def running(self) -> dict[ObjectKey, Running]:
        """The pods that are started, with what they serve."""
        return dict(self._kubelet.running)

    # What pods are made of

    def _start(self, pod: StoredObject) -> App | None:
        """The workload of a pod; None while something that it mounts is missing."""
        spec = pod.get("spec")
        if not self._has_volumes(pod):
            return None
        source = reloader_source(spec, pod.namespace)
        if source is not None and self._content(source) is None:
            return None

        def queues(urls: Sequence[str], folder: str, show_url: bool) -> Queues:
            def taken(url: str) -> bool:
                return self._is_taken(url, pod.namespace)

            made = Queues(urls, folder, self.knobs, taken, show_url=show_url)
            made.advance(_clock())
            return made

        def reloader(source: ConfigSource) -> Reloader:
            def delay() -> float:
                return annotated_seconds(pod, RELOAD_AFTER, self.knobs.reload_after)

            return Reloader(source, self._content(source) or b"", _clock(), delay)

        return app_of(pod, queues=queues, reloader=reloader, clock=_clock)

    def _has_volumes(self, pod: StoredObject) -> bool:
        for volume in pod.get("spec").get("volumes") or ():
            for kind, field, informer in (
                ("secret", "secretName", self._secrets),
                ("configMap", "name", self._config_maps),
                ("persistentVolumeClaim", "claimName", self._claims),
            ):
                source = volume.get(kind)
                if source is None or source.get("optional"):
                    continue
                if informer.lister.get(ObjectKey(pod.namespace, source[field])) is None:
                    return False
        return True

    def _content(self, source: ConfigSource) -> bytes | None:
        stored = self._secrets.lister.get(ObjectKey(source.namespace, source.secret))
        return _decoded(stored, source.key) if stored is not None else None

    def _reloaders(self, secret: StoredObject) -> Iterable[Reloader]:
        for known in self._kubelet.running.values():
            reloader = known.app.reloader
            if reloader is not None and secret.key == (reloader.source.namespace, reloader.source.secret):
                yield reloader

    def _secret_added(self, secret: StoredObject, initial: bool) -> None:
        for reloader in self._reloaders(secret):
            content = _decoded(secret, reloader.source.key)
            if content is not None:
                reloader.follow(content, _clock())

    def _secret_changed(self, old: StoredObject, new: StoredObject) -> None:
        self._secret_added(new, False)

    # Who takes what agents write

    def _is_taken(self, url: str, namespace: str) -> bool:
        service = service_of(url, namespace)
        if service is None:
            return True
        behind = [name for name in internal_names(service) if self._slices_of(name)]
        return self._has_ready(service) and all(map(self._has_ready, behind))

    def _slices_of(self, service: ObjectKey) -> list[StoredObject]:
        return self._slices.lister.list(service.namespace, {SERVICE_NAME: service.name})

    def _has_ready(self, service: ObjectKey) -> bool:
        return any(
            (endpoint.get("conditions") or {}).get("ready") is not False
            for one in self._slices_of(service)
            for endpoint in one.get("endpoints") or ()
        )

    def _advance_queues(self) -> None:
        now = _clock()
        for known in self._kubelet.running.values():
            if known.app.queues is not None:
                known.app.queues.advance(now)

    def _endpoints_added(self, obj: StoredObject, initial: bool) -> None:
        self._advance_queues()

    def _endpoints_changed(self, old: StoredObject, new: StoredObject) -> None:
        self._advance_queues()

    def _endpoints_gone(self, obj: StoredObject) -> None:
        self._advance_queues()


@contextlib.asynccontextmanager
async def simulate_nodes(
    config: ClientConfig,
    *,
    knobs: Knobs | None = None,
    network: Network | None = None,
    nodes: int = 3,
    now: Callable[[], datetime] = utc_now,
    jitter: random.Random | None = None,
) -> AsyncIterator[NodeSimulator]:
    """Simulate nodes for any API server, until the context is left.

    Without a `network` pods have addresses of 10.250.0.0/16 and answer nowhere: a real API server refuses loopback
    addresses in endpoints. In a network namespace in which that network is local, give one that serves.
    """
    async with Client(config, qps=0, user_agent=KUBELET) as client:
        factory = InformerFactory(client, random=jitter)
        network = network or Network("10.250.0.0/16", serve=False)
        simulator = NodeSimulator(client, factory, knobs=knobs, network=network, now=now, nodes=nodes)
        manager = Manager(client, factory, registry=CollectorRegistry(), now=now)
        for one in simulator.controllers:
            manager.add(one)
        with unwrapped():
            async with running(manager, simulator):
                yield simulator


@contextlib.asynccontextmanager
async def running(manager: Manager, simulator: NodeSimulator) -> AsyncIterator[None]:
    """A manager at work, with the nodes of `simulator`."""
    stop = asyncio.Event()
    await simulator.prepare()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(manager.run(stop), name="dev-cluster-controllers")
            try:
                yield
            finally:
                stop.set()
    finally:
        await simulator.close()


@contextlib.contextmanager
def unwrapped() -> Iterator[None]:
    """What task groups wrap comes out as itself, when it is one error."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _decoded(secret: StoredObject, key: str) -> bytes | None:
    data = (secret.get("data") or {}).get(key)
    return None if data is None else base64.b64decode(data)


STORAGE_CLASSES: tuple[Manifest, ...] = tuple(
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, **({"annotations": annotations} if annotations else {})},
        "provisioner": "simulator.vmop/volumes",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": expandable,
    }
    for name, annotations, expandable in (
        ("standard", {"storageclass.kubernetes.io/is-default-class": "true"}, True),
        ("fixed", {}, False),
    )
)


def _node_metadata(name: str) -> Manifest:
    return {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}}


def _node_status(number: int, stamp: str) -> Manifest:
    size = {"cpu": "64", "memory": "256Gi", "pods": "5000"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "simulated"}
    return {
        "capacity": size,
        "allocatable": size,
        "addresses": [{"type": "InternalIP", "address": f"10.251.0.{number + 1}"}],
        "conditions": [ready | {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": "",
            "containerRuntimeVersion": "simulated://1",
            "kernelVersion": "",
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.36.0",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "simulated",
            "systemUUID": "",
        },
    }
