"""Faults on demand."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from vmop.devcluster import faults
from vmop.devcluster.requests import Call
from vmop.devcluster.server import ApiServer

MAPS = "/api/v1/namespaces/default/configmaps"


def is_write(call: Call) -> bool:
    return call.is_write


async def test_calls_fail_as_told_and_only_so_often(http: Any, server: ApiServer) -> None:
    hook = faults.on(is_write, faults.fail(503, "ServiceUnavailable", retry_after=2), times=1)
    server.faults.before.append(hook)
    first = await http("POST", MAPS, {"metadata": {"name": "a"}})
    second = await http("POST", MAPS, {"metadata": {"name": "a"}})
    assert (first.status, first.headers["Retry-After"], second.status) == (503, "2", 201)


async def test_a_connection_dropped_before_a_write_has_no_effect(http: Any, server: ApiServer) -> None:
    server.faults.before.append(faults.on(is_write, faults.drop))
    with pytest.raises(aiohttp.ClientError):
        await http("POST", MAPS, {"metadata": {"name": "a"}})
    assert (await http("GET", f"{MAPS}/a")).status == 404


async def test_a_connection_dropped_after_a_write_leaves_the_effect(http: Any, server: ApiServer) -> None:
    server.faults.after.append(faults.on(is_write, faults.drop))
    with pytest.raises(aiohttp.ClientError):
        await http("POST", MAPS, {"metadata": {"name": "a"}})
    assert (await http("GET", f"{MAPS}/a")).status == 200


async def test_a_hook_sees_what_is_asked(http: Any, server: ApiServer) -> None:
    calls = []

    async def note(call: Call) -> None:
        calls.append(str(call))

    server.faults.before.append(note)
    await http("POST", MAPS, {"metadata": {"name": "a"}})
    await http("GET", f"{MAPS}/a")
    await http("GET", "/api/v1/nodes")
    assert calls == ["create configmaps default", "get configmaps default/a", "list nodes"]


async def test_a_delayed_call_waits(http: Any, server: ApiServer) -> None:
    server.faults.before.append(faults.delay(0.05))
    started = asyncio.get_running_loop().time()
    await http("GET", MAPS)
    assert asyncio.get_running_loop().time() - started >= 0.05


async def test_frozen_lists_show_the_past(http: Any, server: ApiServer) -> None:
    await http("POST", MAPS, {"metadata": {"name": "a"}})
    server.faults.freeze_lists("", "configmaps")
    await http("POST", MAPS, {"metadata": {"name": "b"}})
    frozen = await http.ok("GET", MAPS)
    server.faults.thaw_lists("", "configmaps")
    present = await http.ok("GET", MAPS)
    names = [[item["metadata"]["name"] for item in one["items"]] for one in (frozen, present)]
    assert names == [["a"], ["a", "b"]]


async def test_withheld_events_are_a_gap_in_the_watch(http: Any, server: ApiServer) -> None:
    server.faults.withhold = lambda event: event.new.key.name == "a"
    version = server.storage.version
    await http("POST", MAPS, {"metadata": {"name": "a"}})
    await http("POST", MAPS, {"metadata": {"name": "b"}})
    async with http.session.get(f"{MAPS}?watch=1&resourceVersion={version}") as answer:
        event = json.loads(await answer.content.readline())
    assert event["object"]["metadata"]["name"] == "b"


async def test_closed_watches_end(http: Any, server: ApiServer) -> None:
    async with http.session.get(f"{MAPS}?watch=1&resourceVersion=1") as answer:
        server.faults.close_watches()
        assert await answer.read() == b""


async def test_cleared_faults_are_gone(http: Any, server: ApiServer) -> None:
    server.faults.before.append(faults.fail(500))
    server.faults.clear()
    assert (await http("GET", MAPS)).status == 200
