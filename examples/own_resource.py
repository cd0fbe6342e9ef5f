"""A controller for a resource of your own, in 20 lines: each Greeting becomes a ConfigMap with its text.

Run it against any cluster with ``python examples/own_resource.py KUBECONFIG``, apply this, and look at
``kubectl get configmap hello -o yaml``::

    apiVersion: examples.vmop.dev/v1
    kind: Greeting
    metadata: {name: hello}
    spec: {to: world}

Change or delete the ConfigMap: it comes back. Delete the Greeting: it goes, too. Ctrl-C stops.
"""

import asyncio
import contextlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from vmop.informers import InformerFactory
from vmop.kube import AlreadyExists, Client, Manifest, ObjectKey, Resource, load_kubeconfig
from vmop.kube.applier import Applier
from vmop.kube.resources import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION
from vmop.runtime import Controller, Manager, Result, configure_logging, generation_changed, stop_on_signals

GREETING = Resource("examples.vmop.dev", "v1", "Greeting", "greetings")


def greeter(client: Client, factory: InformerFactory) -> Controller:
    """The controller. Everything it needs is the host's: event loop, client, informers, later a metrics registry."""
    greetings = factory.informer(GREETING)
    config_maps = factory.informer(CONFIG_MAP)
    applier = Applier(client, factory, now=lambda: datetime.now(UTC), manager="greeter")

    async def reconcile(key: ObjectKey) -> Result:
        greeting = greetings.lister.get(key)
        if greeting is not None and greeting.deletion_timestamp is None:
            owner = {"apiVersion": GREETING.api_version, "kind": GREETING.kind, "name": key.name, "uid": greeting.uid}
            metadata = {
                "name": key.name,
                "namespace": key.namespace,
                "ownerReferences": [{**owner, "controller": True}],
            }
            data = {"text": f"Hello, {greeting.get('spec')['to']}!"}
            await applier.apply(
                CONFIG_MAP, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            )
        return Result()

    return Controller("greeting", reconcile).watch_for(greetings, generation_changed).owns(config_maps, GREETING)


CRD: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "greetings.examples.vmop.dev"},
    "spec": {
        "group": GREETING.group,
        "names": {"kind": GREETING.kind, "plural": GREETING.plural},
        "scope": "Namespaced",
        "versions": [
            {
                "name": GREETING.version,
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["to"],
                                "properties": {"to": {"type": "string"}},
                            }
                        },
                    }
                },
            }
        ],
    },
}


async def main(kubeconfig: Path) -> None:
    """Run the controller as a program until Ctrl-C."""
    stop = asyncio.Event()
    async with Client(await load_kubeconfig(kubeconfig)) as client:
        with contextlib.suppress(AlreadyExists):
            await client.create(CUSTOM_RESOURCE_DEFINITION, CRD)
        factory = InformerFactory(client)
        manager = Manager(client, factory, registry=CollectorRegistry())
        manager.add(greeter(client, factory))
        with stop_on_signals(stop):
            await manager.run(stop)


if __name__ == "__main__":
    configure_logging("console")
    asyncio.run(main(Path(sys.argv[1])))
