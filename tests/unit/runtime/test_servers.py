import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge

from vmop.runtime.servers import metrics_app, parse_address, probes_app, serve


@contextlib.asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[aiohttp.ClientSession]:
    async with serve(app, "127.0.0.1:0") as url, aiohttp.ClientSession(base_url=url) as session:
        yield session


async def fetch(session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as response:
        return response.status, await response.text()


def synced(yes: bool = True) -> asyncio.Event:
    event = asyncio.Event()
    if yes:
        event.set()
    return event


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/health", "ok"),
        ("/health/", "ok"),
        ("/health/health", "ok"),
        ("/ready", "ok"),
        ("/ready/ready", "ok"),
        ("/health?verbose", "[+]health ok\nhealthz check passed\n"),
        ("/ready?verbose=1", "[+]ready ok\nhealthz check passed\n"),
        ("/ready/ready?verbose", "[+]ready ok\nhealthz check passed\n"),
    ],
)
async def test_probes_of_a_synced_operator_are_fine(path: str, expected: str) -> None:
    async with served(probes_app(synced())) as session:
        assert await fetch(session, path) == (200, expected)


async def test_health_is_fine_while_caches_sync() -> None:
    async with served(probes_app(synced(False))) as session:
        assert await fetch(session, "/health") == (200, "ok")


async def test_ready_fails_after_a_wait_while_caches_sync() -> None:
    async with served(probes_app(synced(False), ready_timeout=0.05)) as session:
        assert await fetch(session, "/ready") == (
            500,
            "[-]ready failed: reason withheld\nhealthz check failed\n",
        )


async def test_ready_answers_a_waiting_request_as_soon_as_caches_are_synced() -> None:
    event = synced(False)
    async with served(probes_app(event)) as session, asyncio.TaskGroup() as group:
        request = group.create_task(fetch(session, "/ready"))
        await asyncio.sleep(0.05)
        event.set()
    assert request.result() == (200, "ok")


async def test_unknown_paths_and_checks_are_not_found() -> None:
    async with served(probes_app(synced())) as session:
        assert [(await fetch(session, path))[0] for path in ("/", "/ready/other")] == [404, 404]


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Gauge("own", "A metric.", registry=registry).set(3)
    async with served(metrics_app(registry)) as session, session.get("/metrics") as response:
        assert await response.text() == "# HELP own A metric.\n# TYPE own gauge\nown 3.0\n"
        assert response.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("address", "expected"),
    [("", None), ("0", None), (":8081", (None, 8081)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:80", ("::1", 80))],
)
def test_addresses_are_read_as_go_reads_them(address: str, expected: tuple[str | None, int] | None) -> None:
    assert parse_address(address) == expected


@pytest.mark.parametrize("address", ["8081", "host:", "host:port"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is no address to listen on: want host:port or :port"):
        parse_address(address)


async def test_an_address_switched_off_serves_nothing() -> None:
    async with serve(probes_app(synced()), "0") as url:
        assert url is None


async def test_all_interfaces_are_reached_by_loopback() -> None:
    async with serve(probes_app(synced()), ":0") as url, aiohttp.ClientSession(base_url=url) as session:
        assert await fetch(session, "/health") == (200, "ok")


async def test_an_occupied_address_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="address already in use"):
        async with serve(probes_app(synced()), f"127.0.0.1:{taken.getsockname()[1]}"):
            pass
