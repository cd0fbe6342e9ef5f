"""The operator's controllers inside a program of your own: your loop, client, informers, manager and metrics registry.

The host below has a metric of its own and watches Namespaces for its own purposes; VMCluster, VMAgent, VMAuth and
VMDistributed are reconciled next to that. Nothing global is touched: no signal handler, no logging set-up, no
environment variable, no default registry. Cancel :func:`host` (or set `stop`), and nothing of it is left.

Run it against any cluster with our CRDs (``config/crd``): ``python examples/embedded_operator.py KUBECONFIG``
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from vmop.builders import Platform
from vmop.informers import InformerFactory
from vmop.kube import Client, ClientConfig, PodHttp, load_kubeconfig
from vmop.kube.applier import Applier
from vmop.kube.resources import NAMESPACE
from vmop.reconcilers.context import Context
from vmop.reconcilers.controllers import controllers
from vmop.runtime import EventRecorder, Manager, stop_on_signals
from vmop.settings import Settings


def now() -> datetime:
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def operator_context(client: Client, informers: InformerFactory) -> AsyncIterator[Context]:
    """What the controllers work with. All of it is the host's, and may be shared with the host's own controllers."""
    version = await client.server_version()
    async with PodHttp(client) as pods:
        yield Context(
            client=client,
            informers=informers,
            applier=Applier(client, informers, now=now),
            events=EventRecorder(client, now=now),
            pods=pods,
            settings=Settings(),  # the operator's defaults, whatever the environment says
            platform=Platform(kubernetes=(version.major, version.minor)),
            now=now,
            random=random.Random(),
        )


async def host(config: ClientConfig, registry: CollectorRegistry, stop: asyncio.Event) -> None:
    """The host's program: runs until `stop` is set."""
    async with Client(config) as client:
        informers = InformerFactory(client)
        namespaces = informers.informer(NAMESPACE)
        gauge = Gauge("host_namespaces", "Namespaces that the host sees.", registry=registry)
        gauge.set_function(lambda: len(namespaces.lister))
        manager = Manager(client, informers, registry=registry)
        async with operator_context(client, informers) as context:
            manager.add(context.events)
            for controller in controllers(context):
                manager.add(controller)
            await manager.run(stop)


async def main(kubeconfig: Path) -> None:
    stop = asyncio.Event()
    with stop_on_signals(stop):
        await host(await load_kubeconfig(kubeconfig), CollectorRegistry(), stop)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
