"""Fixtures that every suite shares: the real control plane, one for a whole run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmop.devcluster.controlplane import ControlPlane, ControlPlaneMissing, find_assets

REPOSITORY = Path(__file__).parent.parent

# Told that there is no loop, the policy makes none for whoever asks (the looptime plugin does) and then leaves it open.
asyncio.set_event_loop(None)


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
