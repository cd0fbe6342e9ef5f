"""The second embedding example: the operator's controllers within a host's program, with none of our globals."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY, CollectorRegistry

from examples.embedded_operator import host
from tests.support.commands import command
from vmop.cli.demo import example
from vmop.kube import Client, ClientConfig, Manifest, NotFound, ObjectKey, Resource, load_kubeconfig
from vmop.kube.resources import VM_AUTH, VM_CLUSTER, VM_DISTRIBUTED

pytestmark = pytest.mark.timeout(120)

KEY = ObjectKey("default", "my-distributed-cluster")


@pytest.fixture
async def kubeconfig(tmp_path: Path) -> AsyncIterator[Path]:
    """Of a dev cluster in another process, so that this one has nothing but the host."""
    path = tmp_path / "kubeconfig"
    async with command("dev", "--no-operator", "--kubeconfig", str(path)) as dev:
        await dev.line_with("No operator runs in it")
        yield path


@pytest.fixture
async def config(kubeconfig: Path) -> ClientConfig:
    return await load_kubeconfig(kubeconfig)


@pytest.fixture
async def client(config: ClientConfig) -> AsyncIterator[Client]:
    async with Client(config) as client:
        yield client


@contextlib.asynccontextmanager
async def embedded(config: ClientConfig) -> AsyncIterator[CollectorRegistry]:
    """A host that runs the example's program beside what else it does."""
    registry, stop = CollectorRegistry(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(host(config, registry, stop))
        yield registry
        stop.set()


async def apply_example(client: Client) -> None:
    manifest = example()
    manifest["metadata"]["namespace"] = KEY.namespace
    manifest["spec"]["zoneCommon"]["updatePause"] = "1s"
    await client.create(VM_DISTRIBUTED, manifest)


async def until(client: Client, resource: Resource, key: ObjectKey, wanted: Callable[[Manifest], bool]) -> Manifest:
    async with asyncio.timeout(60.0):
        while True:
            with contextlib.suppress(NotFound):
                found = await client.get(resource, key)
                if wanted(found):
                    return found
            await asyncio.sleep(0.1)


def operational(manifest: Manifest) -> bool:
    return bool((manifest.get("status") or {}).get("updateStatus") == "operational")


async def test_a_host_reconciles_a_vmdistributed_and_measures_it_in_its_own_registry(
    config: ClientConfig, client: Client
) -> None:
    defaults = {metric.name for metric in REGISTRY.collect()}
    async with embedded(config) as registry:
        await apply_example(client)
        await until(client, VM_DISTRIBUTED, KEY, operational)
        clusters = (await client.list(VM_CLUSTER, KEY.namespace)).items
        balancer = await client.get(VM_AUTH, ObjectKey(KEY.namespace, "my-distributed-vmauth"))
        reconciled = {
            sample.labels["controller"]
            for metric in registry.collect()
            for sample in metric.samples
            if sample.name == "controller_runtime_reconcile_total" and sample.value
        }
        namespaces = registry.get_sample_value("host_namespaces")
    assert [operational(each) for each in (*clusters, balancer)] == [True, True, True]
    assert reconciled == {"vmcluster", "vmagent", "vmauth", "vmdistributed"}
    assert namespaces == 4
    assert {metric.name for metric in REGISTRY.collect()} == defaults


async def test_nothing_global_is_touched_and_no_task_is_left(config: ClientConfig, client: Client) -> None:
    def state() -> tuple[object, ...]:
        root = logging.getLogger()
        handlers = tuple(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM))
        return asyncio.all_tasks(), tuple(root.handlers), root.level, structlog.is_configured(), handlers

    before = state()
    async with embedded(config):
        await client.create(
            VM_CLUSTER,
            {
                "apiVersion": VM_CLUSTER.api_version,
                "kind": VM_CLUSTER.kind,
                "metadata": {"name": "alone", "namespace": "default"},
                "spec": {"vmselect": {"replicaCount": 1}},
            },
        )
        await until(client, VM_CLUSTER, ObjectKey("default", "alone"), operational)
    assert state() == before


async def test_the_program_runs_until_it_is_interrupted(kubeconfig: Path, client: Client) -> None:
    program = Path(__file__).parents[3] / "examples" / "embedded_operator.py"
    process = await asyncio.create_subprocess_exec(sys.executable, str(program), str(kubeconfig))
    try:
        await apply_example(client)
        await until(client, VM_DISTRIBUTED, KEY, lambda found: bool(found["metadata"].get("finalizers")))
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
