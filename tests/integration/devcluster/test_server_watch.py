"""Lists, pages and watches."""

import asyncio
import json
from typing import Any

import pytest

from vmop.devcluster.server import ApiServer

MAPS = "/api/v1/namespaces/default/configmaps"


async def add(http: Any, name: str, **labels: str) -> dict[str, Any]:
    created: dict[str, Any] = await http.ok("POST", MAPS, {"metadata": {"name": name, "labels": labels}})
    return created


async def watch(http: Any, query: str, count: int) -> list[tuple[str, str]]:
    """The first events: their types, with the objects' names."""
    seen = []
    async with asyncio.timeout(5), http.session.get(f"{MAPS}?watch=1&{query}") as answer:
        async for line in answer.content:
            event = json.loads(line)
            seen.append((event["type"], event["object"]["metadata"].get("name", "")))
            if len(seen) == count:
                break
    return seen


async def test_a_watch_resumes_after_a_version(http: Any) -> None:
    await add(http, "a")
    version = (await add(http, "b"))["metadata"]["resourceVersion"]
    await add(http, "c")
    await http.ok("DELETE", f"{MAPS}/a")
    assert await watch(http, f"resourceVersion={version}", 2) == [("ADDED", "c"), ("DELETED", "a")]


async def test_a_watch_without_a_version_begins_with_what_there_is(http: Any) -> None:
    await add(http, "a")
    assert await watch(http, "", 1) == [("ADDED", "a")]


async def test_a_streaming_list_ends_with_a_bookmark(http: Any) -> None:
    await add(http, "a")
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    assert await watch(http, query, 2) == [("ADDED", "a"), ("BOOKMARK", "")]


async def test_an_object_that_leaves_the_selector_is_deleted_for_the_watch(http: Any) -> None:
    version = (await add(http, "a", app="x"))["metadata"]["resourceVersion"]
    media = "application/merge-patch+json"
    for app in ("y", "x"):
        await http.ok("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"app": app}}}, media=media)
    seen = await watch(http, f"resourceVersion={version}&labelSelector=app%3Dx", 2)
    assert seen == [("DELETED", "a"), ("ADDED", "a")]


async def test_a_watch_from_a_forgotten_version_is_expired(http: Any, server: ApiServer) -> None:
    await add(http, "a")
    server.faults.expire()
    async with http.session.get(f"{MAPS}?watch=1&resourceVersion=1") as answer:
        event = json.loads(await answer.text())
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_a_watch_ends_at_its_time_limit_with_bookmarks_before() -> None:
    async with ApiServer.start(bookmark_interval=0.2) as server:
        import aiohttp

        async with aiohttp.ClientSession(server.url) as session:
            query = "watch=1&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=1"
            async with session.get(f"/api/v1/nodes?{query}") as answer:
                types = {json.loads(line)["type"] for line in (await answer.text()).splitlines()}
    assert types == {"BOOKMARK"}


async def test_the_server_stops_with_watches_open() -> None:
    import aiohttp

    async with asyncio.timeout(10):
        async with ApiServer.start() as server, aiohttp.ClientSession() as session:
            answer = await session.get(f"{server.url}{MAPS}?watch=1")
            assert server.faults.open_watches == 1
        answer.close()


async def test_later_pages_show_the_version_of_the_first(http: Any) -> None:
    for name in "abcd":
        await add(http, name)
    first = await http.ok("GET", f"{MAPS}?limit=2")
    await http.ok("DELETE", f"{MAPS}/c")
    await add(http, "e")
    second = await http.ok("GET", f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
    names = [[item["metadata"]["name"] for item in page["items"]] for page in (first, second)]
    assert names == [["a", "b"], ["c", "d"]]
    assert first["metadata"]["remainingItemCount"] == 2
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_a_continue_token_expires(http: Any, server: ApiServer) -> None:
    for name in "ab":
        await add(http, name)
    first = await http.ok("GET", f"{MAPS}?limit=1")
    await add(http, "c")
    server.storage.compact()
    answer = await http("GET", f"{MAPS}?limit=1&continue={first['metadata']['continue']}")
    assert (answer.status, answer.body["reason"]) == (410, "Expired")


async def test_a_list_of_the_future_times_out(http: Any) -> None:
    answer = await http("GET", f"{MAPS}?resourceVersion=99999")
    assert (answer.status, answer.body["reason"], answer.headers["Retry-After"]) == (504, "Timeout", "1")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("labelSelector=app%3Dx", ["a"]),
        ("labelSelector=app+in+(x,y)", ["a", "b"]),
        ("labelSelector=!app", ["c"]),
        ("fieldSelector=metadata.name%3Db", ["b"]),
        ("fieldSelector=metadata.name!%3Db", ["a", "c"]),
    ],
)
async def test_selectors(http: Any, query: str, names: list[str]) -> None:
    await add(http, "a", app="x")
    await add(http, "b", app="y")
    await add(http, "c")
    listed = await http.ok("GET", f"{MAPS}?{query}")
    assert [item["metadata"]["name"] for item in listed["items"]] == names


async def test_an_unknown_field_selector_is_refused(http: Any) -> None:
    answer = await http("GET", f"{MAPS}?fieldSelector=spec.x%3Dy")
    assert answer.body["message"] == (
        '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )
