import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import pytest

from tests.unit.runtime.memory import MemoryCluster, now, thing
from vmop.kube import Fenced, Manifest, Unavailable
from vmop.kube.resources import CONFIG_MAP, EVENT, NODE
from vmop.runtime import EventRecorder, ObjectReference

pytestmark = pytest.mark.looptime

ABOUT = ObjectReference("VMAgent", "obs", "edge", "u-1", "7")


@contextlib.asynccontextmanager
async def recording(cluster: MemoryCluster) -> AsyncIterator[EventRecorder]:
    recorder = EventRecorder(cluster, now=now)
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run())
        yield recorder
        recorder.stop()


def events(cluster: MemoryCluster) -> list[Manifest]:
    return list(cluster.objects.get(EVENT, {}).values())


async def test_an_event_has_the_fields_that_the_go_operator_writes() -> None:
    cluster = MemoryCluster()
    async with recording(cluster) as recorder:
        recorder.event(ABOUT, "Normal", "ReconcileEvent", "starting object update")
    (event,) = events(cluster)
    metadata = event.pop("metadata")
    assert re.fullmatch(r"victoria-metrics-operator-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", metadata["name"])
    assert metadata["namespace"] == "obs"
    assert event == {
        "apiVersion": "v1",
        "kind": "Event",
        "type": "Normal",
        "reason": "ReconcileEvent",
        "message": "starting object update",
        "source": {"component": "victoria-metrics-operator"},
        "firstTimestamp": "2026-03-01T10:00:00Z",
        "lastTimestamp": "2026-03-01T10:00:00Z",
        "involvedObject": {
            "kind": "VMAgent",
            "namespace": "obs",
            "name": "edge",
            "uid": "u-1",
            "resourceVersion": "7",
        },
    }


async def test_an_event_may_be_about_a_manifest() -> None:
    cluster = MemoryCluster()
    async with recording(cluster) as recorder:
        recorder.event(thing(CONFIG_MAP, "a", uid="u-2", resourceVersion="3"), "Warning", "Reason", "text")
    (event,) = events(cluster)
    assert event["involvedObject"] == {
        "kind": "ConfigMap",
        "namespace": "obs",
        "name": "a",
        "uid": "u-2",
        "resourceVersion": "3",
    }


async def test_an_event_may_be_about_a_cached_object() -> None:
    cluster = MemoryCluster()
    cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "a", uid="00000000-0000-4000-8000-000000000009"))
    factory = cluster.factory()
    lister = factory.informer(CONFIG_MAP).lister
    async with asyncio.TaskGroup() as group:
        informers = group.create_task(factory.run())
        await factory.wait_synced(10.0)
        async with recording(cluster) as recorder:
            recorder.event(lister.list()[0], "Normal", "Reason", "text")
        informers.cancel()
    (event,) = events(cluster)
    assert event["involvedObject"]["uid"] == "00000000-0000-4000-8000-000000000009"


async def test_an_event_about_a_cluster_scoped_object_lives_in_the_default_namespace() -> None:
    cluster = MemoryCluster()
    node = {"apiVersion": "v1", "kind": NODE.kind, "metadata": {"name": "n1"}}
    async with recording(cluster) as recorder:
        recorder.event(node, "Normal", "Reason", "text")
    (event,) = events(cluster)
    assert event["metadata"]["namespace"] == "default"
    assert event["involvedObject"] == {"kind": "Node", "name": "n1"}


async def test_events_of_the_go_operator_are_written_each_time() -> None:
    cluster = MemoryCluster()
    async with recording(cluster) as recorder:
        for _ in range(40):
            recorder.event(ABOUT, "Warning", "ReconciliationError", "broken")
    assert len(events(cluster)) == 40


async def test_own_events_are_told_once_in_ten_minutes() -> None:
    cluster = MemoryCluster()
    async with recording(cluster) as recorder:
        for _ in range(25):  # minute by minute
            recorder.event(ABOUT, "Warning", "UnknownField", "spec.foo", own=True)
            await asyncio.sleep(60.0)
    assert [event["lastTimestamp"][11:16] for event in events(cluster)] == ["10:00", "10:10", "10:20"]


async def test_different_own_events_are_all_told() -> None:
    cluster = MemoryCluster()
    async with recording(cluster) as recorder:
        for message in ("spec.foo", "spec.bar"):
            recorder.event(ABOUT, "Warning", "UnknownField", message, own=True)
    assert [event["message"] for event in events(cluster)] == ["spec.foo", "spec.bar"]


async def test_own_events_about_one_object_are_limited_in_rate() -> None:
    cluster = MemoryCluster()
    async with recording(cluster) as recorder:
        for number in range(100):
            recorder.event(ABOUT, "Warning", "UnknownField", f"spec.f{number}", own=True)
        await asyncio.sleep(300.0)
        for number in range(100, 110):
            recorder.event(ABOUT, "Warning", "UnknownField", f"spec.f{number}", own=True)
    assert [event["message"] for event in events(cluster)] == [f"spec.f{n}" for n in (*range(25), 100)]


@pytest.mark.parametrize("failure", [Unavailable(503, "", "down"), Fenced("not held")])
async def test_an_event_that_cannot_be_written_fails_nothing(failure: Exception) -> None:
    cluster = MemoryCluster()
    async with recording(cluster) as recorder:
        cluster.failure = failure
        recorder.event(ABOUT, "Normal", "Lost", "text")
        await asyncio.sleep(1.0)
        cluster.failure = None
        recorder.event(ABOUT, "Normal", "Written", "text")
    assert [event["reason"] for event in events(cluster)] == ["Written"]


async def test_events_beyond_what_may_wait_are_dropped() -> None:
    cluster = MemoryCluster()
    async with recording(cluster) as recorder:
        for number in range(1100):
            recorder.event(ABOUT, "Normal", "Reason", str(number))
    assert len(events(cluster)) == 1000


async def test_what_is_remembered_is_bounded() -> None:
    recorder = EventRecorder(MemoryCluster(), now=now)
    for number in range(5000):
        recorder.event(ObjectReference("VMAgent", "obs", str(number)), "Normal", "Reason", "text", own=True)
    assert len(recorder._told) == len(recorder._budgets) == 4096
