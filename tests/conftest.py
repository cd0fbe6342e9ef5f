"""Fixtures that every suite shares: the clusters.

A test that asks for `cluster` (or `client`, `namespace`, `http`, which are of it) runs on the dev cluster and on the
real control plane, which is one for a whole run; `--cluster=dev|real|both` chooses. Where the real one is not built,
its half is skipped with the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.clusters import Cluster, Http, connected, dev_control_plane
from vmop.devcluster.controlplane import ControlPlane, ControlPlaneMissing, find_assets
from vmop.kube import Client
from vmop.kube.resources import NAMESPACE

REPOSITORY = Path(__file__).parent.parent

# Told that there is no loop, the policy makes none for whoever asks (the looptime plugin does) and then leaves it open.
asyncio.set_event_loop(None)

CLUSTERS = {"dev": ("dev",), "real": ("real",), "both": ("dev", "real")}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cluster", choices=tuple(CLUSTERS), default="both", help="where tests of a cluster run")
    parser.addoption(
        "--record", action="store_true", help="take the real cluster's answers as the right ones (tests/conformance)"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cluster" in metafunc.fixturenames:
        marks = {"dev": (), "real": (pytest.mark.real,)}
        names = CLUSTERS[metafunc.config.getoption("cluster")]
        metafunc.parametrize("cluster", [pytest.param(name, marks=marks[name]) for name in names], indirect=True)


@pytest.fixture
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """The cluster under test: a dev cluster of this test alone, or the real one, which all tests share."""
    if request.param == "real":
        plane: ControlPlane = request.getfixturevalue("real_cluster")
        yield Cluster("real", plane.url, plane.token)
        return
    async with dev_control_plane() as cluster:
        yield cluster


@pytest.fixture
def beyond_dev(cluster: Cluster) -> None:
    """For tests of what the dev cluster does not have."""
    if cluster.name == "dev":
        pytest.skip("the dev cluster has no RBAC, no mutating admission and one version of each built-in kind")


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    async with Client(cluster.config, qps=0) as client:
        yield client


@pytest.fixture
async def namespace(client: Client) -> str:
    """A namespace of this test alone. It is left behind: so is the whole cluster."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    await client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.fixture
async def http(cluster: Cluster, namespace: str) -> AsyncIterator[Http]:
    """Plain HTTP in that namespace."""
    async with connected(cluster, namespace) as http:
        yield http


@pytest.fixture(scope="session")
def real_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real kube-apiserver with etcd and kube-controller-manager; skipped with the reason where they are not built.

    It lives in a thread and event loop of its own, so that tests on loops of their own (and on virtual time) share it.
    """
    try:
        assets = find_assets(os.environ, REPOSITORY / "hack" / "bin")
    except ControlPlaneMissing as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("control-plane")
    started: list[ControlPlane] = []
    failed: list[BaseException] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            try:
                started.append(await stack.enter_async_context(ControlPlane.start(folder, assets=assets)))
            except BaseException as error:
                failed.append(error)
                raise
            finally:
                ready.set()
            await stop.wait()

    def run() -> None:
        with contextlib.suppress(Exception):
            loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run, name="control-plane")
    thread.start()
    ready.wait()
    if failed:
        thread.join()
        raise failed[0]
    yield started[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
