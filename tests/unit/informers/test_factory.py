"""The factory over servers in memory: one a namespace."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import attrs
import pytest

from tests.unit.informers.server import Server
from vmop.informers import FieldSelector, InformerFactory, LabelSelector
from vmop.kube import Forbidden, ObjectKey, Resource, Unavailable, WatchEvent, WirePage
from vmop.kube.resources import CONFIG_MAP, NAMESPACE, SECRET

pytestmark = pytest.mark.looptime


@attrs.frozen
class Version:
    major: int
    minor: int


@attrs.define
class Cluster:
    """A :class:`vmop.informers.factory.VersionedServer`."""

    version: Version | None = Version(1, 36)
    servers: dict[tuple[str, str], Server] = attrs.field(factory=dict)

    def server(self, resource: Resource, namespace: str = "") -> Server:
        return self.servers.setdefault((resource.plural, namespace), Server())

    async def server_version(self) -> Version:
        if self.version is None:
            raise Unavailable(0, "", "connection refused")
        return self.version

    def list_pages(
        self, resource: Resource, namespace: str = "", *, limit: int = 500, **_: Any
    ) -> AsyncIterator[WirePage]:
        return self.server(resource, namespace).list_pages(limit=limit)

    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        resource_version: str = "",
        timeout_seconds: int = 300,
        send_initial_events: bool = False,
        idle_timeout: float | None = None,
        **_: Any,
    ) -> AsyncIterator[WatchEvent]:
        return self.server(resource, namespace).watch(
            resource_version=resource_version,
            timeout_seconds=timeout_seconds,
            send_initial_events=send_initial_events,
            idle_timeout=idle_timeout,
        )


@asynccontextmanager
async def running(factory: InformerFactory) -> AsyncIterator[None]:
    task = asyncio.create_task(factory.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def make(cluster: Cluster, *namespaces: str) -> InformerFactory:
    return InformerFactory(cluster, namespaces=namespaces, random=Random(1))


async def test_equal_questions_share_an_informer() -> None:
    factory = make(Cluster())
    assert factory.informer(CONFIG_MAP) is factory.informer(CONFIG_MAP)
    assert factory.informer(CONFIG_MAP) is not factory.informer(CONFIG_MAP, label_selector="a=b")


async def test_limits_namespaced_resources_to_its_namespaces() -> None:
    factory = make(Cluster(), "x", "y")
    assert factory.informer(CONFIG_MAP).namespaces == ("x", "y")
    assert factory.informer(CONFIG_MAP, namespace="z").namespaces == ("z",)
    assert factory.informer(NAMESPACE).namespaces == ("",)


@pytest.mark.parametrize(
    ("version", "first"), [(Version(1, 36), "stream"), (Version(1, 31), "list limit=500"), (None, "list limit=500")]
)
async def test_streams_where_the_version_allows_it(version: Version | None, first: str) -> None:
    cluster = Cluster(version)
    factory = make(cluster)
    factory.informer(CONFIG_MAP)
    async with running(factory):
        await factory.wait_synced(1)
    assert cluster.server(CONFIG_MAP).calls[0] == first


async def test_informers_asked_for_later_start_too() -> None:
    factory = make(Cluster())
    async with running(factory):
        await asyncio.sleep(1)
        await factory.informer(CONFIG_MAP).wait_synced(1)


async def test_names_what_is_not_synced_and_why() -> None:
    cluster = Cluster()
    refusal = Forbidden(403, "Forbidden", "no role", verb="watch", target="secrets")
    cluster.server(SECRET).watch_failures.append(refusal)
    factory = make(cluster)
    factory.informer(CONFIG_MAP)
    factory.informer(SECRET, label_selector="a=b")
    async with running(factory):
        with pytest.raises(TimeoutError) as raised:
            await factory.wait_synced(0.1)
    assert str(raised.value) == f"not synced after 0.1 s: Secret (a=b): {refusal}"


async def test_is_the_cache_of_whole_objects_that_shows_our_writes() -> None:
    cluster = Cluster()
    server = cluster.server(CONFIG_MAP, "obs")
    factory = make(cluster, "obs")
    factory.informer(CONFIG_MAP)
    factory.informer(SECRET, metadata_only=True)
    key = ObjectKey("obs", "a")
    assert not factory.is_cached(CONFIG_MAP)
    async with running(factory):
        await factory.wait_synced(1)
        assert factory.is_cached(CONFIG_MAP)
        assert factory.is_cached(CONFIG_MAP, "obs")
        assert not factory.is_cached(CONFIG_MAP, "elsewhere")
        assert not factory.is_cached(SECRET)
        assert factory.cached(CONFIG_MAP, key) is None
        factory.record_write(CONFIG_MAP, server.put("a", x="1"))
        shown = factory.cached(CONFIG_MAP, key)
        assert shown is not None
        assert shown.get("data") == {"x": "1"}
        factory.record_delete(CONFIG_MAP, key, shown.uid)
        assert factory.cached(CONFIG_MAP, key) is None


async def test_a_write_that_the_selector_hides_is_not_shown() -> None:
    cluster = Cluster()
    factory = make(cluster)
    informer = factory.informer(CONFIG_MAP, label_selector="a=b")
    async with running(factory):
        await factory.wait_synced(1)
        factory.record_write(CONFIG_MAP, cluster.server(CONFIG_MAP).put("a"))
        assert informer.lister.list() == []


async def test_listers_find_by_namespace_label_and_index() -> None:
    cluster = Cluster()
    server = cluster.server(CONFIG_MAP)
    factory = make(cluster)
    informer = factory.informer(CONFIG_MAP)
    informer.add_index("x", lambda stored: [stored.get("data")["x"]])
    with pytest.raises(ValueError, match="has an index 'x' already"):
        informer.add_index("x", lambda stored: [])
    async with running(factory):
        await factory.wait_synced(1)
        server.put("a", namespace="one", x="1")
        server.put("b", namespace="two", x="1")
        server.put("broken", namespace="two")
        await asyncio.sleep(1)
        lister = informer.lister
        assert [stored.name for stored in lister.list("two")] == ["b", "broken"]
        assert [stored.name for stored in lister.by_index("x", "1")] == ["a", "b"]
        assert lister.list(selector=LabelSelector.parse("a=b")) == []
        assert len(lister.list("one", LabelSelector.parse("!a"))) == 1
        with pytest.raises(KeyError, match="no index 'y'"):
            lister.by_index("y", "1")
    assert FieldSelector.parse("a=b").matches({"a": "b"})
