"""The first embedding example: its controller within a host's loop, client, informers and registry; and as a
program."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from examples.own_resource import CRD, GREETING, greeter
from vmop.devcluster.controlplane import ControlPlane
from vmop.informers import InformerFactory
from vmop.kube import AlreadyExists, Client, Manifest, NotFound, ObjectKey
from vmop.kube.resources import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION
from vmop.runtime import Manager

pytestmark = pytest.mark.real


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30.0):
        while not await look():
            await asyncio.sleep(0.05)


def greeting(name: str, to: str) -> Manifest:
    return {
        "apiVersion": GREETING.api_version,
        "kind": GREETING.kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"to": to},
    }


@pytest.fixture
async def greetings(client: Client) -> None:
    """The kind is served."""
    with contextlib.suppress(AlreadyExists):
        await client.create(CUSTOM_RESOURCE_DEFINITION, CRD)

    async def served() -> bool:
        with contextlib.suppress(NotFound):
            await client.list(GREETING)
            return True
        return False

    await eventually(served)


@contextlib.asynccontextmanager
async def embedded(client: Client) -> AsyncIterator[CollectorRegistry]:
    """A host that runs the controller beside what else it does."""
    registry, stop = CollectorRegistry(), asyncio.Event()
    factory = InformerFactory(client)
    manager = Manager(client, factory, registry=registry)
    manager.add(greeter(client, factory))
    async with asyncio.TaskGroup() as host:
        host.create_task(manager.run(stop))
        yield registry
        stop.set()


def text_is(client: Client, name: str, text: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        with contextlib.suppress(NotFound):
            found = await client.get(CONFIG_MAP, ObjectKey("default", name))
            return bool(found["data"]["text"] == text)
        return False

    return look


@pytest.mark.usefixtures("greetings")
async def test_a_greeting_becomes_a_config_map_that_comes_back_when_deleted(client: Client) -> None:
    key = ObjectKey("default", "hello")
    async with embedded(client):
        await client.create(GREETING, greeting("hello", "world"))
        await eventually(text_is(client, "hello", "Hello, world!"))
        before = await client.get(CONFIG_MAP, key)
        await client.delete(CONFIG_MAP, key)
        await eventually(text_is(client, "hello", "Hello, world!"))
        after = await client.get(CONFIG_MAP, key)
    assert before["metadata"]["uid"] != after["metadata"]["uid"]


@pytest.mark.usefixtures("greetings")
async def test_the_hosts_registry_has_the_metrics_while_it_runs(client: Client) -> None:
    async with embedded(client) as registry:
        await client.create(GREETING, greeting("measured", "you"))
        await eventually(text_is(client, "measured", "Hello, you!"))
        labels = {"controller": "greeting", "result": "success"}
        assert registry.get_sample_value("controller_runtime_reconcile_total", labels) is not None
    assert list(registry.collect()) == []


@pytest.mark.usefixtures("greetings")
async def test_stopping_leaves_no_task_behind(client: Client) -> None:
    before = asyncio.all_tasks()
    async with embedded(client):
        await client.create(GREETING, greeting("stopped", "me"))
        await eventually(text_is(client, "stopped", "Hello, me!"))
    assert asyncio.all_tasks() == before


async def test_the_program_runs_until_it_is_interrupted(client: Client, real_cluster: ControlPlane) -> None:
    example = Path(__file__).parents[3] / "examples" / "own_resource.py"
    command = (sys.executable, str(example), str(real_cluster.kubeconfig))
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:

        async def created() -> bool:
            with contextlib.suppress(NotFound, AlreadyExists):
                await client.create(GREETING, greeting("program", "all"))
                return True
            return False

        await eventually(created)
        await eventually(text_is(client, "program", "Hello, all!"))
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert (process.returncode, errors.decode().splitlines()[-1].split("\t")[-1]) == (0, "gracefully stopped")
