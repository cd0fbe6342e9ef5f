import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.unit.kube.conftest import Script
from vmop.kube import Client, NotFound, ObjectKey, PodHttp, PodResponse, Timeout, Unavailable

POD = ObjectKey("obs", "vmagent-0")
PROXY_PATH = "/api/v1/namespaces/obs/pods/vmagent-0:{port}/proxy/metrics"


@pytest.fixture
async def client(script: Script) -> AsyncIterator[Client]:
    async with Client(script.config) as client:
        yield client


def port(script: Script) -> int:
    """The scripted server plays both parts: the pod is at its port too."""
    return int(script.url.rpartition(":")[2])


async def test_a_pod_with_an_address_is_asked_directly_and_without_our_credentials(
    script: Script, client: Client
) -> None:
    script.raw(b"up 1")
    async with PodHttp(client) as pods:
        response = await pods.get(POD, port(script), "/metrics", params={"a": "b c"}, pod_ip="127.0.0.1")
    assert response == PodResponse(200, b"up 1")
    (seen,) = script.seen
    assert (seen.method, seen.path, seen.query, "Authorization" in seen.headers) == (
        "GET",
        "/metrics",
        {"a": "b c"},
        False,
    )


async def test_a_pod_without_an_address_is_asked_through_the_server(script: Script, client: Client) -> None:
    script.raw(b"ok", 200)
    async with PodHttp(client) as pods:
        assert await pods.post(POD, 8429, "-/reload", body=b"x", params={"a": "b"}) == PodResponse(200, b"ok")
    (seen,) = script.seen
    assert (seen.method, seen.path, seen.query, seen.body) == (
        "POST",
        "/api/v1/namespaces/obs/pods/vmagent-0:8429/proxy/-/reload",
        {"a": "b"},
        b"x",
    )


@pytest.mark.parametrize("mode", ["direct", "proxy"])
async def test_any_status_of_the_pod_is_an_answer(script: Script, client: Client, mode: str) -> None:
    script.raw(b'{"kind":"Status","apiVersion":"mine/v1"}', 503)
    async with PodHttp(client, "direct" if mode == "direct" else "proxy") as pods:
        response = await pods.get(POD, port(script), "/metrics", pod_ip="127.0.0.1")
    assert response == PodResponse(503, b'{"kind":"Status","apiVersion":"mine/v1"}')


async def test_what_the_server_itself_says_is_an_error(script: Script, client: Client) -> None:
    script.status(404, "NotFound")
    async with PodHttp(client, "proxy") as pods:
        with pytest.raises(NotFound, match=r"^get Pod obs/vmagent-0 port 8429: NotFound \(404\)"):
            await pods.get(POD, 8429)


async def test_where_pods_cannot_be_reached_the_server_is_used_and_remembered(script: Script, client: Client) -> None:
    script.raw(b"up 1")
    async with PodHttp(client) as pods:
        assert await pods.get(POD, 1, "/metrics", pod_ip="127.0.0.1") == PodResponse(200, b"up 1")
        assert await pods.get(POD, port(script), "/metrics", pod_ip="127.0.0.1") == PodResponse(200, b"up 1")
    assert [seen.path for seen in script.seen] == [
        PROXY_PATH.format(port=1),
        PROXY_PATH.format(port=port(script)),
    ]


@pytest.mark.parametrize(("code", "reason"), [(503, "ServiceUnavailable"), (403, "Forbidden"), (504, "Timeout")])
async def test_a_pod_that_neither_way_reaches_is_unavailable_and_both_reasons_are_told(
    script: Script, client: Client, code: int, reason: str
) -> None:
    script.status(code, reason)
    async with PodHttp(client) as pods:
        with pytest.raises(Unavailable, match=rf"Cannot connect to host .*; through the API server: says {reason}"):
            await pods.get(POD, 1, pod_ip="127.0.0.1")


async def test_direct_alone_does_not_ask_the_server(script: Script, client: Client) -> None:
    script.raw(b"")
    async with PodHttp(client, "direct") as pods:
        with pytest.raises(Unavailable):
            await pods.get(POD, 1, pod_ip="127.0.0.1")
        with pytest.raises(Unavailable, match="the pod has no address yet"):
            await pods.get(POD, 1)
    assert script.seen == []


async def test_a_pod_that_hangs_up_may_have_acted_so_the_server_is_not_asked(script: Script, client: Client) -> None:
    script.hang_up()
    async with PodHttp(client) as pods:
        with pytest.raises(Unavailable, match="ConnectionFailed"):
            await pods.post(POD, port(script), "/-/reload", pod_ip="127.0.0.1", params={"authKey": "hunter2"})
    assert [seen.path for seen in script.seen] == ["/-/reload"]


async def test_a_slow_pod_is_a_timeout(script: Script, client: Client) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()

    script.replies.append(never)
    async with PodHttp(client) as pods:
        with pytest.raises(Timeout, match=r"no answer within 0.05 s"):
            await pods.get(POD, port(script), pod_ip="127.0.0.1", timeout=0.05)


async def test_https_and_ipv6_have_their_spellings(script: Script, client: Client) -> None:
    script.raw(b"")
    async with PodHttp(client, "proxy") as pods:
        await pods.get(POD, 8429, "/metrics", scheme="https")
    async with PodHttp(client, "direct") as pods:
        with pytest.raises(Unavailable, match=r"\[::1\]|::1"):
            await pods.get(POD, 1, pod_ip="::1", scheme="https")
    assert [seen.path for seen in script.seen] == [
        "/api/v1/namespaces/obs/pods/https:vmagent-0:8429/proxy/metrics",
    ]
