"""The whole dev cluster in one process: API server, workload controllers, nodes.

async with DevCluster.start(folder=path, crds=manifests) as cluster:
    cluster.kubeconfig              # for kubectl and every other client
    cluster.server.faults           # break something
    cluster.nodes.knobs             # how pods behave
"""

import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path

import attrs
from prometheus_client import CollectorRegistry

from vmop.devcluster.nodes import Knobs, Network, NodeSimulator
from vmop.devcluster.nodes.simulator import running, unwrapped, utc_now
from vmop.devcluster.server import ApiServer
from vmop.devcluster.workloads import workload_controllers
from vmop.devcluster.workloads.writer import MANAGER
from vmop.informers import InformerFactory
from vmop.kube import Client, ClientConfig, Manifest
from vmop.kube.resources import CUSTOM_RESOURCE_DEFINITION
from vmop.runtime import Manager


@attrs.frozen
class DevCluster:
    """A running dev cluster; made by :meth:`start`."""

    server: ApiServer
    nodes: NodeSimulator
    kubeconfig: Path

    @property
    def url(self) -> str:
        """Where the API server listens."""
        return self.server.url

    @property
    def config(self) -> ClientConfig:
        """How our own client gets in, without reading the kubeconfig."""
        return ClientConfig.with_token(self.server.url, self.server.token)

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls,
        folder: Path,
        *,
        port: int = 0,
        crds: Sequence[Manifest] = (),
        nodes: int = 3,
        knobs: Knobs | None = None,
        network: Network | None = None,
        now: Callable[[], datetime] = utc_now,
        jitter: random.Random | None = None,
        bookmark_interval: float = 60.0,
    ) -> AsyncIterator["DevCluster"]:
        """Run it until the context is left; nothing stays behind but the kubeconfig in `folder`.

        `port` 0 takes a free one. `crds` are created before anything else. An error of the body comes out as it is.
        """
        with unwrapped():
            async with ApiServer.start(port=port, now=now, bookmark_interval=bookmark_interval) as server:
                config = ClientConfig.with_token(server.url, server.token)
                async with Client(config, qps=0, user_agent=MANAGER, jitter=jitter) as client:
                    for manifest in crds:
                        await client.create(CUSTOM_RESOURCE_DEFINITION, manifest)
                    factory = InformerFactory(client, random=jitter)
                    simulator = NodeSimulator(client, factory, knobs=knobs, network=network, now=now, nodes=nodes)
                    manager = Manager(client, factory, registry=CollectorRegistry(), drain_timeout=1.0, now=now)
                    for one in (*workload_controllers(client, factory, now=now), *simulator.controllers):
                        manager.add(one)
                    async with running(manager, simulator):
                        yield cls(server, simulator, server.write_kubeconfig(folder / "kubeconfig"))
