"""From the start of the operator's process to its first reconcile, on a dev cluster in this process.

The process reads a kubeconfig, so it pays for kubernetes-asyncio, which one in a cluster does not import.
"""

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path

import attrs

from vmop.cli.dev import DevEnvironment, dev_environment
from vmop.kube import Manifest, ObjectKey
from vmop.kube.resources import VM_CLUSTER

KEY = ObjectKey("default", "first")


@attrs.frozen
class StartFigures:
    """Seconds until the first reconcile's first write is seen, and resident memory then, in bytes (0: not known)."""

    seconds: float
    resident: int


def measure() -> StartFigures:
    """Start the operator in front of one VMCluster that waits for it."""
    return asyncio.run(_measure())


async def _measure() -> StartFigures:
    with tempfile.TemporaryDirectory() as folder:
        async with dev_environment(Path(folder) / "kubeconfig") as environment:
            created = await environment.client.create(VM_CLUSTER, _cluster())
            version = created["metadata"]["resourceVersion"]
            log = (Path(folder) / "operator.log").open("wb")
            started = time.perf_counter()
            with log:
                async with environment.operator(log=log) as operator:
                    await _first_write(environment, version)
                    return StartFigures(time.perf_counter() - started, _resident(operator.pid))


async def _first_write(environment: DevEnvironment, version: str) -> None:
    selector = f"metadata.name={KEY.name}"
    watch = environment.client.watch(VM_CLUSTER, KEY.namespace, resource_version=version, field_selector=selector)
    async with contextlib.aclosing(watch) as events:
        async for event in events:
            if event.type == "MODIFIED":
                return


def _cluster() -> Manifest:
    return {
        "apiVersion": VM_CLUSTER.api_version,
        "kind": VM_CLUSTER.kind,
        "metadata": {"name": KEY.name, "namespace": KEY.namespace},
        "spec": {"vmstorage": {"replicaCount": 1}},
    }


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024


if __name__ == "__main__":
    figures = measure()
    print(f"start to first reconcile: {figures.seconds:.2f} s, {figures.resident / 1e6:.0f} MB resident")
