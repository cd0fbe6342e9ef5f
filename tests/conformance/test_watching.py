"""Watches: where they begin, what they show, how they end."""

import asyncio
import json
from typing import Any

import pytest

from tests.conformance.conftest import install
from tests.support.clusters import Http, Manifest

STREAMING = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
THING: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.watch.example.com"},
    "spec": {
        "group": "watch.example.com",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


async def add(http: Http, name: str, **labels: str) -> str:
    """Create a secret; its version."""
    made = await http.ok("POST", "secrets", {"metadata": {"name": name, "labels": labels}})
    return str(made["metadata"]["resourceVersion"])


async def label(http: Http, name: str, **labels: str | None) -> None:
    await http.ok("PATCH", f"secrets/{name}", {"metadata": {"labels": labels}}, kind="merge")


async def lines(http: Http, query: str, count: int = 0, *, path: str = "secrets", accept: str = "*/*") -> list[Any]:
    """The first `count` events of a watch, or all until it ends."""
    found: list[Any] = []
    async with (
        asyncio.timeout(20),
        http.session.get(http.path(f"{path}?watch=1&{query}"), headers={"Accept": accept}) as answer,
    ):
        buffer = b""
        async for chunk in answer.content.iter_any():
            *whole, buffer = (buffer + chunk).split(b"\n")
            found += map(json.loads, whole)
            if count and len(found) >= count:
                if answer.connection is not None and answer.connection.transport is not None:
                    answer.connection.transport.abort()  # closing would wait for the server to say good-bye
                break
    return found


def shown(events: list[Any]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


async def test_a_watch_resumes_after_a_version(http: Http) -> None:
    await add(http, "a")
    version = await add(http, "b")
    await add(http, "c")
    await label(http, "b", x="y")
    await http.ok("DELETE", "secrets/a")
    events = await lines(http, f"resourceVersion={version}", 3)
    assert shown(events) == [("ADDED", "c"), ("MODIFIED", "b"), ("DELETED", "a")]


async def test_versions_rise_from_event_to_event(http: Http) -> None:
    version = await add(http, "a")
    await label(http, "a", x="y")
    await add(http, "b")
    await http.ok("DELETE", "secrets/a")
    events = await lines(http, f"resourceVersion={version}", 3)
    versions = [int(version), *(int(event["object"]["metadata"]["resourceVersion"]) for event in events)]
    assert versions == sorted(set(versions))


async def test_a_watch_without_a_version_begins_with_what_there_is(http: Http) -> None:
    await add(http, "a")
    await add(http, "b")
    assert shown(await lines(http, "", 2)) == [("ADDED", "a"), ("ADDED", "b")]


async def test_a_watch_from_version_zero_begins_with_what_there_is(http: Http) -> None:
    await add(http, "a")
    await http.ok("GET", "secrets")  # a consistent list: the watch cache has seen the write
    assert shown(await lines(http, "resourceVersion=0", 1)) == [("ADDED", "a")]


async def test_a_streaming_list_ends_with_a_bookmark_and_goes_on(http: Http) -> None:
    await add(http, "a")
    version = await add(http, "b")
    watch = asyncio.create_task(lines(http, STREAMING, 4))
    await asyncio.sleep(0.5)
    await add(http, "c")
    events = await watch
    assert shown(events) == [("ADDED", "a"), ("ADDED", "b"), ("BOOKMARK", ""), ("ADDED", "c")]
    bookmark = events[2]["object"]
    assert int(bookmark["metadata"].pop("resourceVersion")) >= int(version)
    assert bookmark == {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"annotations": {"k8s.io/initial-events-end": "true"}},
    }


async def test_a_streaming_list_of_nothing_is_a_bookmark(http: Http) -> None:
    assert shown(await lines(http, STREAMING, 1)) == [("BOOKMARK", "")]


async def test_a_streaming_list_obeys_its_selector(http: Http) -> None:
    await add(http, "a", app="x")
    await add(http, "b", app="y")
    events = await lines(http, f"{STREAMING}&labelSelector=app%3Dy", 2)
    assert shown(events) == [("ADDED", "b"), ("BOOKMARK", "")]


async def test_objects_enter_and_leave_a_label_selector(http: Http) -> None:
    version = await add(http, "a", app="x")
    await label(http, "a", app="y")
    await label(http, "a", app="y", more="z")
    await label(http, "a", app="x")
    events = await lines(http, f"resourceVersion={version}&labelSelector=app%3Dx", 2)
    assert shown(events) == [("DELETED", "a"), ("ADDED", "a")]
    assert events[0]["object"]["metadata"]["labels"] == {"app": "x"}


async def test_a_field_selector_watches_one_object(http: Http) -> None:
    version = await add(http, "a")
    await add(http, "b")
    await label(http, "a", x="y")
    events = await lines(http, f"resourceVersion={version}&fieldSelector=metadata.name%3Da", 1)
    assert shown(events) == [("MODIFIED", "a")]


async def test_writes_that_change_nothing_are_no_events(http: Http) -> None:
    version = await add(http, "a", x="y")
    await label(http, "a", x="y")
    await http.ok("PATCH", "secrets/a?dryRun=All", {"metadata": {"labels": {"x": "z"}}}, kind="merge")
    await http.ok("POST", "secrets?dryRun=All", {"metadata": {"name": "b"}})
    await http("DELETE", "secrets/a", {"preconditions": {"uid": "another"}})
    await add(http, "c")
    assert shown(await lines(http, f"resourceVersion={version}", 1)) == [("ADDED", "c")]


async def test_a_deletion_with_finalizers_is_two_events(http: Http) -> None:
    made = await http.ok("POST", "secrets", {"metadata": {"name": "a", "finalizers": ["x.y/z"]}})
    await http.ok("DELETE", "secrets/a")
    await http.ok("PATCH", "secrets/a", {"metadata": {"finalizers": None}}, kind="merge")
    events = await lines(http, f"resourceVersion={made['metadata']['resourceVersion']}", 2)
    assert shown(events) == [("MODIFIED", "a"), ("DELETED", "a")]
    marked = ["deletionTimestamp" in event["object"]["metadata"] for event in events]
    assert marked == [True, True]


async def test_a_watch_from_a_forgotten_version_is_expired(http: Http) -> None:
    await install(http, THING)
    (event,) = await lines(http, "resourceVersion=1", path="watch.example.com/v1/things")
    told = event["object"].pop("message")
    assert told.startswith("too old resource version: 1 (")
    assert event == {
        "type": "ERROR",
        "object": {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "reason": "Expired",
            "code": 410,
        },
    }


async def test_a_watch_ends_at_its_time_limit_without_a_word(http: Http) -> None:
    version = await add(http, "a")
    assert await lines(http, f"resourceVersion={version}&timeoutSeconds=1") == []


async def test_a_watch_of_metadata_shows_only_that(http: Http) -> None:
    version = await add(http, "a")
    await http.ok("POST", "secrets", {"metadata": {"name": "b"}, "data": {"k": "dg=="}})
    accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    (event,) = await lines(http, f"resourceVersion={version}", 1, accept=accept)
    assert (event["object"]["kind"], sorted(event["object"])) == (
        "PartialObjectMetadata",
        ["apiVersion", "kind", "metadata"],
    )


async def test_a_watch_of_tables_names_the_columns_once(http: Http) -> None:
    version = await add(http, "a")
    await add(http, "b")
    await add(http, "c")
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    events = await lines(http, f"resourceVersion={version}", 2, accept=accept)
    assert [event["object"]["kind"] for event in events] == ["Table", "Table"]
    assert [bool(event["object"].get("columnDefinitions")) for event in events] == [True, False]
    assert [[row["cells"][0] for row in event["object"]["rows"]] for event in events] == [["b"], ["c"]]


async def test_a_list_and_a_watch_from_it_have_no_gap(http: Http) -> None:
    async def write() -> None:
        for number in range(30):
            await add(http, f"s{number:02}")

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.05)
    listed = await http.ok("GET", "secrets")
    await writing
    names = [item["metadata"]["name"] for item in listed["items"]]
    rest = 30 - len(names)
    if rest:
        events = await lines(http, f"resourceVersion={listed['metadata']['resourceVersion']}", rest)
        names += [name for _, name in shown(events)]
    assert names == [f"s{number:02}" for number in range(30)]


async def test_custom_objects_are_watched(http: Http) -> None:
    await install(http, THING)
    body = {"apiVersion": "watch.example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"x": [1]}}
    made = await http.ok("POST", "watch.example.com/v1/things", body)
    await http.ok("PATCH", "watch.example.com/v1/things/a", {"spec": {"x": None}}, kind="merge")
    query = f"resourceVersion={made['metadata']['resourceVersion']}"
    (event,) = await lines(http, query, 1, path="watch.example.com/v1/things")
    assert (event["type"], event["object"]["kind"], event["object"]["spec"]) == ("MODIFIED", "Thing", {})
    assert event["object"]["metadata"]["generation"] == 2


async def test_big_objects_are_one_line(http: Http) -> None:
    version = await add(http, "a")
    await http.ok("POST", "secrets", {"metadata": {"name": "b"}, "data": {"k": "A" * 900_000}})
    (event,) = await lines(http, f"resourceVersion={version}", 1)
    assert len(event["object"]["data"]["k"]) == 900_000


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("sendInitialEvents=true", "Invalid"),
        ("sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=5", "Invalid"),
        ("resourceVersionMatch=NotOlderThan", "Invalid"),
        ("labelSelector=x%3D%3D%3Dy", "BadRequest"),
        ("fieldSelector=data%3Dx", "BadRequest"),
    ],
)
async def test_a_watch_that_makes_no_sense_is_refused(http: Http, query: str, reason: str) -> None:
    answer = await http("GET", f"secrets?watch=1&{query}")
    assert answer.body["reason"] == reason
