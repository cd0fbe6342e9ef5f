import asyncio
import json
import logging
import random
from contextlib import aclosing
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from tests.unit.kube.conftest import Script
from vmop.kube import (
    ApiError,
    ApplyPatch,
    Client,
    ClientConfig,
    ClientMetrics,
    Conflict,
    Credentials,
    Expired,
    Fenced,
    Invalid,
    JsonPatch,
    MergePatch,
    NotFound,
    ObjectKey,
    Timeout,
    TokenFile,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from vmop.kube.resources import CONFIG_MAP, DEPLOYMENT, LEASE, POD, SECRET

KEY = ObjectKey("obs", "a")
OBJECT: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "obs"}}
POD_PATH = "/api/v1/namespaces/obs/pods/a"


async def test_a_manifest_comes_back_complete(script: Script) -> None:
    manifest = OBJECT | {"data": {"x": "y"}}
    manifest["metadata"] = OBJECT["metadata"] | {"managedFields": [{"manager": "m", "fieldsV1": {"f:data": {}}}]}
    script.json(manifest)
    async with Client(script.config) as client:
        assert await client.get(CONFIG_MAP, KEY) == manifest
    assert script.calls == [("GET", "/api/v1/namespaces/obs/configmaps/a")]


async def test_metadata_comes_back_under_the_kind_of_the_object(script: Script) -> None:
    script.json({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "a"}})
    async with Client(script.config) as client:
        assert await client.get(POD, KEY, metadata_only=True) == {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "a"},
        }


async def test_a_request_names_who_asks_and_what_it_takes(script: Script) -> None:
    script.json(OBJECT)
    async with Client(script.config, user_agent="test/1") as client:
        await client.patch(CONFIG_MAP, KEY, MergePatch({"data": None}), field_manager="m")
    (seen,) = script.seen
    assert (seen.headers["User-Agent"], seen.headers["Accept"], seen.headers["Content-Type"]) == (
        "test/1",
        "application/json",
        "application/merge-patch+json",
    )
    assert (seen.query, json.loads(seen.body)) == ({"fieldManager": "m"}, {"data": None})


async def test_a_body_of_megabytes_is_sent_without_ado(script: Script) -> None:
    script.json(OBJECT)
    manifest = OBJECT | {"data": {"x": "y" * 3_000_000}}
    async with Client(script.config) as client:
        await client.replace(CONFIG_MAP, manifest)
    assert json.loads(script.seen[0].body) == manifest


async def test_every_writing_verb_reaches_its_path(script: Script) -> None:
    script.json(OBJECT)
    async with Client(script.config, qps=0) as client:
        await client.create(CONFIG_MAP, OBJECT)
        await client.replace(CONFIG_MAP, OBJECT)
        await client.delete(CONFIG_MAP, KEY)
        await client.delete_collection(CONFIG_MAP, "obs", label_selector="a=b")
        await client.evict(KEY)
        await client.get_scale(DEPLOYMENT, KEY)
        await client.patch_scale(DEPLOYMENT, KEY, 3)
    assert script.calls == [
        ("POST", "/api/v1/namespaces/obs/configmaps"),
        ("PUT", "/api/v1/namespaces/obs/configmaps/a"),
        ("DELETE", "/api/v1/namespaces/obs/configmaps/a"),
        ("DELETE", "/api/v1/namespaces/obs/configmaps"),
        ("POST", "/api/v1/namespaces/obs/pods/a/eviction"),
        ("GET", "/apis/apps/v1/namespaces/obs/deployments/a/scale"),
        ("PATCH", "/apis/apps/v1/namespaces/obs/deployments/a/scale"),
    ]
    assert json.loads(script.seen[-1].body) == {"spec": {"replicas": 3}}


async def test_a_server_behind_a_path(script: Script) -> None:
    script.json({"major": "1", "minor": "30+", "gitVersion": "v1.30.2-eks"})
    async with Client(ClientConfig(server=f"{script.url}/k8s/clusters/c-1/")) as client:
        assert attrs.astuple(await client.server_version()) == (1, 30, "v1.30.2-eks")
    assert script.calls == [("GET", "/k8s/clusters/c-1/version")]


async def test_a_closed_client_says_so(script: Script) -> None:
    with pytest.raises(RuntimeError, match="the client is not open"):
        await Client(script.config).get(POD, KEY)


# lists


def page(*names: str, token: str = "", version: str = "7") -> dict[str, Any]:
    return {
        "kind": "PodList",
        "metadata": {"resourceVersion": version} | ({"continue": token} if token else {}),
        "items": [{"metadata": {"name": name, "namespace": "obs"}} for name in names],
    }


def named(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "obs"}}


async def test_a_list_is_read_page_by_page(script: Script) -> None:
    script.json(page("a", "b", token="t"))
    script.json(page("c"))
    async with Client(script.config) as client:
        result = await client.list(POD, "obs", label_selector="x=y", limit=2)
    assert (result.items, result.resource_version) == ([named("a"), named("b"), named("c")], "7")
    assert [seen.query for seen in script.seen] == [
        {"labelSelector": "x=y", "limit": "2"},
        {"labelSelector": "x=y", "limit": "2", "continue": "t"},
    ]


async def test_a_list_whose_pages_expired_is_read_anew_in_one_piece(script: Script) -> None:
    script.json(page("old", token="t"))
    script.status(410, "Expired")
    script.json(page("a", "b", version="9"))
    async with Client(script.config) as client:
        result = await client.list(POD, "obs", metadata_only=True)
    assert (result.items, result.resource_version) == ([named("a"), named("b")], "9")
    assert [seen.query for seen in script.seen] == [{"limit": "500"}, {"limit": "500", "continue": "t"}, {}]


async def test_a_list_that_is_expired_at_once_raises(script: Script) -> None:
    script.status(410, "Expired")
    async with Client(script.config) as client:
        with pytest.raises(Expired):
            await client.list(POD, "obs")


async def test_pages_come_as_wire_objects(script: Script) -> None:
    script.json(page("a", token="t") | {"metadata": {"resourceVersion": "7", "continue": "t", "remainingItemCount": 1}})
    script.json(page("b"))
    async with Client(script.config) as client:
        pages = [one async for one in client.list_pages(POD, "obs", resource_version="0", limit=1)]
    assert [
        ([item.manifest() for item in one.items], one.resource_version, one.continue_token, one.remaining)
        for one in pages
    ] == [([named("a")], "7", "t", 1), ([named("b")], "7", "", None)]
    assert [seen.query for seen in script.seen] == [
        {"limit": "1", "resourceVersion": "0"},
        {"limit": "1", "continue": "t"},
    ]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"items":[{"metadata":7}]}'])
async def test_a_page_that_is_none_is_an_unreadable_answer(script: Script, body: bytes) -> None:
    script.raw(body)
    async with Client(script.config) as client:
        with pytest.raises(Unavailable) as caught:
            await anext(client.list_pages(POD))
    assert caught.value.reason == "UnreadableAnswer"


async def test_an_object_that_is_no_json_is_an_unreadable_answer(script: Script) -> None:
    script.raw(b"<html>")
    async with Client(script.config) as client:
        with pytest.raises(Unavailable, match=r"^get Pod obs/a: UnreadableAnswer: "):
            await client.get(POD, KEY)


# watches


def event(kind: str, name: str) -> bytes:
    return json.dumps({"type": kind, "object": named(name)}).encode() + b"\n"


async def watched(script: Script, **arguments: Any) -> list[tuple[str, str]]:
    async with Client(script.config) as client, aclosing(client.watch(POD, "obs", **arguments)) as watch:
        return [(one.type, one.object.meta.name) async for one in watch]


async def test_a_watch_yields_events_however_the_stream_is_cut_until_the_server_ends_it(script: Script) -> None:
    stream = event("ADDED", "a") + event("MODIFIED", "b" * 300_000) + event("DELETED", "c")
    script.stream(stream[:20], stream[20:100_000], stream[100_000:])
    assert await watched(script, resource_version="7") == [
        ("ADDED", "a"),
        ("MODIFIED", "b" * 300_000),
        ("DELETED", "c"),
    ]
    assert script.seen[0].query == {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": "7"}


async def test_an_error_event_is_raised_as_its_type(script: Script) -> None:
    status = {"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired", "message": "too old"}
    script.stream(event("ADDED", "a"), json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
    with pytest.raises(Expired, match=r"^watch pods in obs: Expired \(410\): too old$"):
        await watched(script)


async def test_a_watch_that_is_refused_raises(script: Script) -> None:
    script.status(410, "Expired")
    with pytest.raises(Expired):
        await watched(script)


async def test_a_silent_watch_is_given_up(script: Script) -> None:
    async def wait(request: web.Request) -> None:
        await asyncio.sleep(3600)

    script.stream(event("ADDED", "a"), then=wait)
    with pytest.raises(Timeout) as caught:
        await watched(script, idle_timeout=0.05)
    assert caught.value.reason == "Idle"


async def test_a_watch_that_is_torn_is_unavailable(script: Script) -> None:
    async def tear(request: web.Request) -> None:
        assert request.transport is not None
        request.transport.abort()

    script.stream(event("ADDED", "a"), then=tear)
    with pytest.raises(Unavailable, match=r"^watch pods in obs: ConnectionFailed: "):
        await watched(script)


async def test_a_watch_that_ends_within_an_event_is_unavailable(script: Script) -> None:
    script.stream(event("ADDED", "a")[:30])
    with pytest.raises(Unavailable, match="in the middle of an event"):
        await watched(script)


async def test_a_line_that_is_no_event_is_an_unreadable_answer(script: Script) -> None:
    script.stream(b'{"type":"ADDED","object":"hunter2"}\n')
    with pytest.raises(Unavailable) as caught:
        await watched(script)
    assert caught.value.reason == "UnreadableAnswer"
    assert "hunter2" not in str(caught.value)


# repetition


async def test_an_idempotent_call_is_repeated_when_the_server_says_later(script: Script) -> None:
    script.status(429, "TooManyRequests", {"Retry-After": "0"})
    script.status(503, "ServiceUnavailable")
    script.json(OBJECT)
    async with Client(script.config, jitter=random.Random(1)) as client:
        await client.patch(CONFIG_MAP, KEY, ApplyPatch({}), field_manager="m", force=True)
    assert len(script.seen) == 3


async def test_a_connection_that_fails_is_tried_again(script: Script) -> None:
    script.hang_up()
    script.hang_up()
    script.json(OBJECT)
    async with Client(script.config, jitter=random.Random(1)) as client:
        assert await client.get(CONFIG_MAP, KEY) == OBJECT


async def test_it_is_not_repeated_for_ever(script: Script) -> None:
    script.status(503, "ServiceUnavailable", {"Retry-After": "0"})
    async with Client(script.config, retries=2) as client:
        with pytest.raises(Unavailable):
            await client.get(POD, KEY)
    assert len(script.seen) == 3


@pytest.mark.parametrize(
    ("code", "reason", "headers", "kind"),
    [
        (500, "InternalError", {}, Unavailable),
        (404, "NotFound", {"Retry-After": "0"}, NotFound),
        (409, "Conflict", {"Retry-After": "0"}, Conflict),
        (429, "TooManyRequests", {"Retry-After": "31"}, TooManyRequests),
        (418, "", {}, ApiError),
    ],
)
async def test_what_does_not_pass_by_itself_soon_is_not_repeated(
    script: Script, code: int, reason: str, headers: dict[str, str], kind: type[ApiError]
) -> None:
    script.status(code, reason, headers)
    async with Client(script.config) as client:
        with pytest.raises(kind):
            await client.get(POD, KEY)
    assert len(script.seen) == 1


async def test_an_internal_error_is_repeated_when_the_server_asks_for_it(script: Script) -> None:
    script.status(500, "InternalError", {"Retry-After": "0"})
    script.json(OBJECT)
    async with Client(script.config) as client:
        assert await client.get(CONFIG_MAP, KEY) == OBJECT


async def test_an_apply_that_cannot_be_typed_is_not_repeated(script: Script) -> None:
    text = "failed to create typed patch object (x): duplicate entries for key"
    script.json({"kind": "Status", "code": 500, "message": text}, 500, {"Retry-After": "0"})
    async with Client(script.config) as client:
        with pytest.raises(Invalid):
            await client.patch(DEPLOYMENT, KEY, ApplyPatch({}))
    assert len(script.seen) == 1


async def test_what_is_not_idempotent_is_never_repeated(script: Script) -> None:
    script.status(503, "ServiceUnavailable", {"Retry-After": "0"})
    async with Client(script.config) as client:
        for call in (
            client.create(CONFIG_MAP, OBJECT),
            client.patch(CONFIG_MAP, KEY, JsonPatch([{"op": "remove", "path": "/data"}])),
            client.evict(KEY),
            client.delete(CONFIG_MAP, KEY),
        ):
            with pytest.raises(Unavailable):
                await call
    assert len(script.seen) == 4


async def test_a_server_that_does_not_answer_in_time_is_a_timeout_and_not_asked_again(script: Script) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()

    script.replies.append(never)
    async with Client(script.config, timeout=0.05) as client:
        with pytest.raises(Timeout, match=r"^get Pod obs/a: Timeout: no answer within 0.05 s$"):
            await client.get(POD, KEY)
    assert len(script.seen) == 1


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with Client(ClientConfig(server="http://127.0.0.1:1"), retries=0) as client:
        with pytest.raises(Unavailable, match=r"^get Pod obs/a: ConnectionFailed: "):
            await client.get(POD, KEY)


async def test_a_redirect_is_not_followed(script: Script) -> None:
    script.raw(b"", 302, {"Location": "http://elsewhere/"})
    async with Client(script.config) as client:
        with pytest.raises(ApiError, match=r"\(302\)"):
            await client.get(POD, KEY)


# credentials


def secured(script: Script, source: TokenFile) -> ClientConfig:
    return ClientConfig(server=script.url, credentials=source)


async def test_a_rejected_token_is_read_again_once_for_any_call(script: Script, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    source = TokenFile(token)
    await source.current()
    token.write_text("new")
    script.status(401, "Unauthorized")
    script.json(OBJECT)
    async with Client(secured(script, source)) as client:
        await client.create(CONFIG_MAP, OBJECT)
    assert [seen.headers["Authorization"] for seen in script.seen] == ["Bearer old", "Bearer new"]


async def test_a_token_that_stays_rejected_is_unauthorized(script: Script, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hunter2")
    script.status(401, "Unauthorized")
    async with Client(secured(script, TokenFile(token))) as client:
        with pytest.raises(Unauthorized) as caught:
            await client.get(POD, KEY)
    assert len(script.seen) == 1
    assert "hunter2" not in f"{caught.value} {caught.value!r}"


class Rotating:
    """A source that has other credentials each time it is asked to renew."""

    def __init__(self) -> None:
        self.number = 0
        self.credentials = Credentials("Bearer 0")

    async def current(self, rejected: Credentials | None = None) -> Credentials:
        if rejected is self.credentials:
            self.number += 1
            self.credentials = Credentials(f"Bearer {self.number}")
        return self.credentials


async def test_credentials_are_renewed_once_and_not_in_a_circle(script: Script) -> None:
    script.status(401, "Unauthorized")
    async with Client(ClientConfig(server=script.url, credentials=Rotating())) as client:
        with pytest.raises(Unauthorized):
            await client.get(POD, KEY)
    assert [seen.headers["Authorization"] for seen in script.seen] == ["Bearer 0", "Bearer 1"]


# the fence, the limit, metrics, warnings


def held() -> None:
    raise Fenced("the lease was renewed 20 s ago")


async def test_without_the_lease_nothing_is_written_but_reads_go_on(script: Script) -> None:
    script.json(OBJECT)
    async with Client(script.config, fence=held) as client:
        for call in (
            client.create(CONFIG_MAP, OBJECT),
            client.replace(CONFIG_MAP, OBJECT),
            client.patch(CONFIG_MAP, KEY, MergePatch({})),
            client.delete(CONFIG_MAP, KEY),
            client.delete_collection(CONFIG_MAP, "obs"),
            client.evict(KEY),
        ):
            with pytest.raises(Fenced):
                await call
        await client.get(CONFIG_MAP, KEY)
    assert script.calls == [("GET", "/api/v1/namespaces/obs/configmaps/a")]


async def test_the_lease_itself_can_be_written_behind_the_fence(script: Script) -> None:
    script.json(OBJECT)
    async with Client(script.config) as client:
        client.fence = held
        await client.replace(LEASE, OBJECT)
        assert client.fence is held
    assert script.calls == [("PUT", "/apis/coordination.k8s.io/v1/namespaces/obs/leases/a")]


async def test_the_fence_is_asked_again_before_a_repetition(script: Script) -> None:
    asked = []

    def fence() -> None:
        asked.append(len(script.seen))
        if script.seen:
            raise Fenced("lost meanwhile")

    script.status(503, "ServiceUnavailable", {"Retry-After": "0"})
    async with Client(script.config, fence=fence) as client:
        with pytest.raises(Fenced, match="lost meanwhile"):
            await client.replace(CONFIG_MAP, OBJECT)
    assert asked == [0, 0, 1]


async def test_a_lease_that_is_lost_while_connecting_keeps_the_write_from_being_sent(script: Script) -> None:
    asked = []

    def fence() -> None:
        asked.append(len(script.seen))
        if len(asked) > 1:
            raise Fenced("lost while connecting")

    script.json(OBJECT)
    async with Client(script.config, fence=fence) as client:
        with pytest.raises(Fenced, match="lost while connecting"):
            await client.replace(CONFIG_MAP, OBJECT)
    assert (asked, script.seen) == ([0, 0], [])


async def test_a_version_that_the_server_has_not_reached_is_not_asked_for_again(script: Script) -> None:
    details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}
    status = {"kind": "Status", "apiVersion": "v1", "code": 504, "reason": "Timeout", "details": details}
    script.json(status, 504, {"Retry-After": "0"})
    async with Client(script.config) as client:
        with pytest.raises(Timeout):
            await anext(client.list_pages(POD, resource_version="9", resource_version_match="NotOlderThan"))
    assert len(script.seen) == 1


async def test_calls_wait_for_the_rate_limit_but_those_for_leases_do_not(script: Script) -> None:
    script.json(OBJECT)
    async with Client(script.config, qps=0.001, burst=1) as client:
        await client.get(POD, KEY)
        await client.get(LEASE, KEY)
        waiting = asyncio.create_task(client.get(POD, KEY))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(script.seen) == 2


async def test_answers_and_failures_are_counted(script: Script) -> None:
    registry = CollectorRegistry()
    script.json(OBJECT)
    script.status(404, "NotFound")
    script.hang_up()
    async with Client(script.config, metrics=ClientMetrics(registry), retries=0) as client:
        await client.get(POD, KEY)
        with pytest.raises(NotFound):
            await client.get(POD, KEY)
        with pytest.raises(Unavailable):
            await client.get(POD, KEY)
    assert {
        sample.labels["code"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "rest_client_requests_total"
    } == {"200": 1, "404": 1, "<error>": 1}
    assert (
        registry.get_sample_value("rest_client_request_duration_seconds_count", {"method": "GET", "api": POD_PATH}) == 3
    )


async def test_a_warning_of_the_server_is_logged_once(script: Script, caplog: pytest.LogCaptureFixture) -> None:
    script.json(OBJECT, headers={"Warning": '299 - "unknown field \\"spec.foo\\""'})
    with caplog.at_level(logging.WARNING, "vmop.kube"):
        async with Client(script.config) as client:
            await client.get(CONFIG_MAP, KEY)
            await client.get(CONFIG_MAP, KEY)
            await client.replace(SECRET, OBJECT)
    assert [record.getMessage() for record in caplog.records] == ['the API server warns: unknown field "spec.foo"']


async def test_nothing_of_a_secret_is_in_the_error_when_it_is_refused(script: Script) -> None:
    script.json({"kind": "Status", "code": 422, "reason": "Invalid", "message": "expected map, got hunter2"}, 422)
    async with Client(script.config) as client:
        with pytest.raises(Invalid) as caught:
            await client.replace(SECRET, OBJECT | {"data": "hunter2"})
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
