"""Whether pods loaded the newest config, as their config-reloaders tell over HTTP."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from vmop.kube import Client, ClientConfig, ObjectKey, PodHttp
from vmop.kube.apply.plan import DESIRED_ANNOTATION
from vmop.reconcilers.progress import READY, Delay, Progress
from vmop.reconcilers.reloads import Reload, is_blocked

NOW = datetime(2030, 1, 1, 10, tzinfo=UTC)
CONFIG = b"compressed"
HASH = zlib.crc32(CONFIG)
WAITING = Progress("waiting for pods of edge/gw to load the config", 2.0)
OWNER = ObjectKey("edge", "gw")


def at(ago: float) -> str:
    return (NOW - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def secret(written: float | None = 0.0, made: float = 3600.0) -> dict[str, Any]:
    """The config Secret, last written so many seconds ago; None: not by us."""
    metadata: dict[str, Any] = {"creationTimestamp": at(made)}
    if written is not None:
        metadata["annotations"] = {DESIRED_ANNOTATION: f"abc {at(written)}"}
    return {"metadata": metadata, "data": {"config.yaml.gz": b64encode(CONFIG).decode()}}


def pod(ready: bool = True, ip: str = "127.0.0.1", since: float = 3600.0, leaving: bool = False) -> dict[str, Any]:
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": at(since)}
    metadata = {"namespace": "edge", "name": "gw-1", "creationTimestamp": at(3600.0)}
    if leaving:
        metadata["deletionTimestamp"] = at(1.0)
    return {"metadata": metadata, "status": {"phase": "Running", "podIP": ip, "conditions": [condition]}}


class Reloader:
    """A config-reloader's metrics."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.page = ""
        self.status = 200


@pytest.fixture
async def reloader() -> AsyncIterator[Reloader]:
    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text=served.page, status=served.status)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served = Reloader(runner.addresses[0][1])
    yield served
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[PodHttp]:
    async with Client(ClientConfig(server="http://127.0.0.1:1")) as client, PodHttp(client, mode="direct") as http:
        yield http


@pytest.mark.parametrize(
    ("page", "status", "expected"),
    [
        (f'# HELP x\nconfigreloader_reload_content_hash{{key="main"}} {HASH}\nother 1\n', 200, READY),
        (f'configreloader_reload_content_hash{{key="main"}} {float(HASH):.10e}\n', 200, READY),
        ("other 1\n", 200, READY),
        (f'configreloader_reload_content_hash{{key="main"}} {HASH + 1}\n', 200, WAITING),
        ('configreloader_reload_content_hash{key="main"} NaN\n', 200, WAITING),
        ('configreloader_reload_content_hash{key="main"} x\n', 200, WAITING),
        (f'configreloader_reload_content_hash{{key="main"}} {HASH}\n', 500, WAITING),
    ],
)
async def test_what_a_reloader_tells(
    reloader: Reloader, http: PodHttp, page: str, status: int, expected: Progress
) -> None:
    reloader.page, reloader.status = page, status
    assert await Reload(http, NOW, OWNER, secret(), reloader.port).check([pod()]) == expected


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([], READY),
        ([pod()], READY),
        ([pod(), pod(leaving=True)], WAITING),
        ([pod(), pod(ready=False)], WAITING),
        ([pod(), pod(ip="")], WAITING),
    ],
)
async def test_all_pods_count(
    reloader: Reloader, http: PodHttp, pods: list[dict[str, Any]], expected: Progress
) -> None:
    assert await Reload(http, NOW, OWNER, secret(), reloader.port).check(pods) == expected


async def test_a_pod_that_does_not_answer_has_not_loaded(http: PodHttp) -> None:
    assert await Reload(http, NOW, OWNER, secret(), 1).check([pod()]) == WAITING


@pytest.mark.parametrize(
    ("written", "made", "since", "late"),
    [
        (59.0, 3600.0, 3600.0, False),
        (61.0, 3600.0, 3600.0, True),
        (61.0, 3600.0, 59.0, False),
        (None, 61.0, 3600.0, True),
        (None, 59.0, 3600.0, False),
    ],
)
async def test_patience_begins_with_the_last_change(
    http: PodHttp, written: float | None, made: float, since: float, late: bool
) -> None:
    check = Reload(http, NOW, OWNER, secret(written, made), 1).check([pod(since=since)])
    if not late:
        assert await check == WAITING
        return
    with pytest.raises(Delay) as raised:
        await check
    assert str(raised.value) == "timed out waiting for edge/gw to reload config: context deadline exceeded"


@pytest.mark.parametrize(
    ("pods", "expected"),
    [([], False), ([pod()], False), ([pod(ready=False)], True), ([pod(), pod(ready=False, leaving=True)], False)],
)
def test_a_pod_that_stays_and_is_not_ready_blocks(pods: list[dict[str, Any]], expected: bool) -> None:
    assert is_blocked(pods) is expected
