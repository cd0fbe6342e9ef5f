"""The reflector and the informer over it, against a server in memory, on virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.informers.server import Server
from vmop.informers import Informer, InformerMetrics, StoredObject, identity_unless, only_fields
from vmop.informers.handlers import Handler
from vmop.informers.informer import InformerOptions
from vmop.informers.source import Selection
from vmop.kube import Expired, Forbidden, ObjectKey, TooManyRequests, Unavailable
from vmop.kube.resources import CONFIG_MAP

pytestmark = pytest.mark.looptime


class Record:
    """A handler that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_add(self, obj: StoredObject, initial: bool) -> None:
        self.told.append(f"add {obj.key}{' initial' if initial else ''}")

    def on_update(self, old: StoredObject, new: StoredObject) -> None:
        self.told.append(f"update {new.key} {old.resource_version}→{new.resource_version}")

    def on_delete(self, obj: StoredObject) -> None:
        self.told.append(f"delete {obj.key}")


def make(*servers: tuple[str, Server], **options: object) -> Informer:
    fields = {"random": Random(1), **options}
    return Informer(Selection(CONFIG_MAP), dict(servers), InformerOptions(**fields))  # type: ignore[arg-type]  # per test


@asynccontextmanager
async def running(informer: Informer) -> AsyncIterator[Informer]:
    task = asyncio.create_task(informer.run())
    try:
        yield informer
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def settle() -> None:
    await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("streaming", "calls"), [(True, ["stream"]), (False, ["stream", "list limit=500", "watch 12"])]
)
async def test_lists_as_a_stream_or_else_in_pages_and_follows(streaming: bool, calls: list[str]) -> None:
    server, record = Server(streaming=streaming), Record()
    server.put("a")
    server.put("b")
    informer = make(("", server))
    informer.add_handler(record)
    async with running(informer):
        await informer.wait_synced(1)
        server.put("a", x="1")
        server.delete("b")
        server.put("c")
        await settle()
        assert record.told == [
            "add obs/a initial",
            "add obs/b initial",
            "update obs/a 11→13",
            "delete obs/b",
            "add obs/c",
        ]
        assert {stored.key: stored.manifest() for stored in informer.lister.list()} == server.objects
        assert server.calls == calls
    assert server.open == 0


async def test_a_server_that_cannot_stream_is_asked_once() -> None:
    server = Server(streaming=False)
    informer = make(("", server))
    async with running(informer):
        await informer.wait_synced(1)
        server.put("a")
        server.forget()
        server.cut()
        server.put("b")
        server.forget()
        await asyncio.sleep(60)
    assert server.calls.count("stream") == 1


async def test_goes_on_from_the_last_version_when_the_server_ends_the_watch() -> None:
    server, record = Server(), Record()
    informer = make(("", server))
    informer.add_handler(record)
    async with running(informer):
        await informer.wait_synced(1)
        server.put("a")
        await settle()
        server.version = 40
        server.bookmark()
        await settle()
        server.cut()
        await asyncio.sleep(5)
        server.put("b")
        await settle()
    assert server.calls == ["stream", "watch 40"]
    assert record.told == ["add obs/a", "add obs/b"]


async def test_a_silent_connection_is_replaced() -> None:
    server, record = Server(), Record()
    informer = make(("", server), idle_timeout=100.0)
    informer.add_handler(record)
    async with running(informer):
        await informer.wait_synced(1)
        server.misfortunes.extend(["silence", "silence"])
        server.cut()
        await settle()
        server.put("a")
        await asyncio.sleep(99)
        assert record.told == []
        await asyncio.sleep(110)
        assert record.told == ["add obs/a"]
    assert server.calls == ["stream", "watch 10", "watch 10", "watch 10"]
    assert server.open == 0


async def test_a_silent_stream_falls_back_to_pages() -> None:
    server = Server()
    server.misfortunes.append("silence")
    informer = make(("", server), idle_timeout=100.0)
    async with running(informer):
        await informer.wait_synced(101)
    assert server.calls == ["stream", "list limit=500", "watch 10"]


async def test_events_that_keep_coming_keep_the_connection() -> None:
    server = Server()
    informer = make(("", server), idle_timeout=10.0)
    async with running(informer):
        await informer.wait_synced(1)
        for _ in range(100):
            await asyncio.sleep(0.5)
            server.bookmark()
        await settle()
    assert server.calls == ["stream"]


async def test_what_was_deleted_while_not_watching_is_told() -> None:
    server, record = Server(), Record()
    server.put("a")
    server.put("b")
    informer = make(("", server))
    informer.add_handler(record)
    async with running(informer):
        await informer.wait_synced(1)
        server.watch_failures.append(Unavailable(0, "", "connection refused"))
        server.cut()
        await asyncio.sleep(0)
        server.delete("a")
        server.put("b", x="2")
        server.forget()
        await asyncio.sleep(60)
        assert record.told == [
            "add obs/a initial",
            "add obs/b initial",
            "update obs/b 12→14",
            "delete obs/a",
        ]
        assert informer.lister.keys() == [ObjectKey("obs", "b")]
    assert server.calls[-1] == "stream"


async def test_pages_that_expire_are_asked_for_in_one() -> None:
    server = Server(streaming=False)
    server.list_failures.append(Expired(410, "Expired", "token"))
    informer = make(("", server))
    async with running(informer):
        await informer.wait_synced(10)
    assert server.calls == ["stream", "list limit=500", "list limit=0", "watch 10"]


async def test_a_watch_that_fails_again_and_again_becomes_a_list() -> None:
    server = Server()
    informer = make(("", server))
    async with running(informer):
        await informer.wait_synced(1)
        server.watch_failures.extend(Unavailable(500, "InternalError", "no") for _ in range(5))
        server.cut()
        await asyncio.sleep(120)
    assert server.calls == ["stream", *["watch 10"] * 5, "stream"]


async def test_a_refusal_is_shown_until_it_ends_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    refusals = [Forbidden(403, "Forbidden", "no role", verb="watch", target="configmaps") for _ in range(3)]
    server.watch_failures.extend(refusals)
    informer = make(("", server))
    async with running(informer):
        with pytest.raises(TimeoutError):
            await informer.wait_synced(0.1)
        assert informer.failure is refusals[0]
        await informer.wait_synced(60)
        assert informer.failure is None
    assert len(caplog.records) == 1


async def test_a_busy_server_is_left_alone_as_long_as_it_asks() -> None:
    server = Server()
    server.watch_failures.append(TooManyRequests(429, "TooManyRequests", "later", retry_after=20))
    informer = make(("", server))
    async with running(informer):
        with pytest.raises(TimeoutError):
            await informer.wait_synced(19)
        await informer.wait_synced(2)


async def test_a_watch_that_is_closed_at_once_is_not_asked_for_in_a_loop() -> None:
    server = Server()
    informer = make(("", server))
    async with running(informer):
        await informer.wait_synced(1)
        server.misfortunes.extend(["close"] * 50)
        server.cut()
        await asyncio.sleep(60)
    assert len(server.calls) < 12


async def test_several_namespaces_are_one_informer() -> None:
    one, two, record = Server(), Server(), Record()
    one.put("a", namespace="one")
    two.put("a", namespace="two")
    two.list_failures.append(Unavailable(0, "", "no"))
    informer = make(("one", one), ("two", two))
    informer.add_handler(record)
    async with running(informer):
        await informer.wait_synced(5)
        one.delete("a", namespace="one")
        one.forget()
        one.cut()
        await asyncio.sleep(5)
        assert informer.lister.keys() == [ObjectKey("two", "a")]
    assert record.told == ["add one/a initial", "add two/a initial", "delete one/a"]


async def test_a_late_handler_is_told_what_is_there() -> None:
    server, record = Server(), Record()
    server.put("a")
    informer = make(("", server))
    async with running(informer):
        await informer.wait_synced(1)
        registration = informer.add_handler(record)
        assert not registration.synced
        await registration.wait_synced()
        assert record.told == ["add obs/a initial"]
        registration.remove()
        server.put("b")
        await settle()
    assert record.told == ["add obs/a initial"]


async def test_a_slow_or_failing_handler_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    server, record = Server(), Record()
    server.put("a")
    informer = make(("", server))

    async def slowly(obj: StoredObject, initial: bool) -> None:
        await asyncio.sleep(1000)

    def fail(obj: StoredObject, initial: bool) -> None:
        raise RuntimeError("broken")

    informer.add_handler(Handler(add=slowly))
    informer.add_handler(Handler(add=fail))
    informer.add_handler(record)
    async with running(informer):
        await informer.wait_synced(1)
        server.put("b")
        await settle()
        assert record.told == ["add obs/a initial", "add obs/b"]
    assert [entry.message for entry in caplog.records] == [
        "an event handler failed; it goes on with the next event"
    ] * 2


async def test_resync_tells_of_everything_again() -> None:
    server, record = Server(), Record()
    server.put("a")
    informer = make(("", server), resync=100.0)
    informer.add_handler(record)
    async with running(informer):
        await asyncio.sleep(201)
    assert record.told == ["add obs/a initial", "update obs/a 11→11", "update obs/a 11→11"]


async def test_listers_show_our_writes_before_the_watch_does() -> None:
    server = Server()
    server.put("a", x="1")
    informer = make(("", server))
    async with running(informer):
        await informer.wait_synced(1)
        server.misfortunes.append("silence")
        server.cut()
        await settle()
        informer.record_write(server.put("a", x="2"))
        written = informer.lister.get(ObjectKey("obs", "a"))
        assert written is not None
        assert written.get("data") == {"x": "2"}
        server.delete("a")
        informer.record_delete(written.key, written.uid)
        assert informer.lister.list() == []


async def test_transforms_and_policies_keep_less() -> None:
    server = Server()
    server.put("a", x="1")
    server.put("b", x="1")
    informer = Informer(
        Selection(CONFIG_MAP),
        {"": server},
        InformerOptions(random=Random(1)),
        transform=only_fields(),
        keep=identity_unless({ObjectKey("obs", "a")}),
    )
    async with running(informer):
        await informer.wait_synced(1)
        a, b = informer.lister.list()
        assert a.is_complete
        assert not b.is_complete
        assert a.raw("data") is None
        assert b.manifest() == {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "b", "namespace": "obs", "uid": b.uid, "resourceVersion": "12"},
        }


async def test_a_transform_that_fails_leaves_out_that_object_only(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    server.put("a")
    server.put("b")

    def transform(wire: object) -> object:
        if wire.key.name == "a":  # type: ignore[attr-defined]  # a wire object
            raise RuntimeError("broken")
        return wire

    informer = Informer(
        Selection(CONFIG_MAP),
        {"": server},
        InformerOptions(random=Random(1)),
        transform=transform,  # type: ignore[arg-type]  # see above
    )
    async with running(informer):
        await informer.wait_synced(1)
        assert informer.lister.keys() == [ObjectKey("obs", "b")]
    assert len(caplog.records) == 1


async def test_metrics_tell_what_happens() -> None:
    server, registry = Server(), CollectorRegistry()
    server.put("a")
    informer = make(("", server), metrics=InformerMetrics(registry))
    labels = {"resource": "ConfigMap", "selector": ""}
    async with running(informer):
        await informer.wait_synced(1)
        server.put("b")
        await settle()
        server.cut()
        await asyncio.sleep(30)
        assert registry.get_sample_value("vmop_informer_lists_total", {**labels, "way": "stream"}) == 1
        assert registry.get_sample_value("vmop_informer_watches_total", labels) == 1
        assert registry.get_sample_value("vmop_informer_events_total", {**labels, "type": "LISTED"}) == 1
        assert registry.get_sample_value("vmop_informer_events_total", {**labels, "type": "ADDED"}) == 1
        assert registry.get_sample_value("vmop_informer_objects", labels) == 2
        assert registry.get_sample_value("vmop_informer_silence_seconds", labels) == pytest.approx(30, abs=0.1)
    assert registry.get_sample_value("vmop_informer_objects", labels) is None
