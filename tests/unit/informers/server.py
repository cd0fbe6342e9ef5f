"""A server in memory: objects, a log of events, and scripted misfortunes."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Literal

from tests.unit.informers.objects import config_map, wire
from vmop.kube import ApiError, BadRequest, Expired, Manifest, ObjectKey, WatchEvent, WireObject, WirePage
from vmop.kube.wire import WireMetadata

Misfortune = Literal["close", "silence"]


class Server:
    """A :class:`vmop.informers.reflector.ListWatch`. ``calls`` says what was asked, in order."""

    def __init__(self, *, streaming: bool = True) -> None:
        self.streaming = streaming
        self.version = 10
        self.uids = 0
        self.objects: dict[ObjectKey, Manifest] = {}
        self.oldest = 0
        self.calls: list[str] = []
        self.list_failures: deque[ApiError] = deque()
        self.watch_failures: deque[ApiError] = deque()
        self.misfortunes: deque[Misfortune] = deque()
        self.open = 0
        self._log: list[tuple[int, str, Manifest]] = []
        self._news = asyncio.Event()
        self._cut = asyncio.Event()

    def put(self, name: str, *, namespace: str = "obs", **data: str) -> Manifest:
        key = ObjectKey(namespace, name)
        self.version += 1
        known = self.objects.get(key)
        if known is None:
            self.uids += 1
        manifest = config_map(name, namespace=namespace, version=str(self.version), number=self.uids, data=data)
        if known is not None:
            manifest["metadata"]["uid"] = known["metadata"]["uid"]
        self.objects[key] = manifest
        self._publish("ADDED" if known is None else "MODIFIED", manifest)
        return manifest

    def delete(self, name: str, *, namespace: str = "obs") -> None:
        self.version += 1
        manifest = self.objects.pop(ObjectKey(namespace, name))
        last = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": str(self.version)}}
        self._publish("DELETED", last)

    def bookmark(self) -> None:
        self._publish("BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}})

    def cut(self) -> None:
        """All open watches end."""
        self._cut.set()
        self._cut = asyncio.Event()

    def forget(self) -> None:
        """What was before is too old to watch from."""
        self.oldest = self.version

    async def list_pages(self, *, limit: int) -> AsyncGenerator[WirePage, None]:
        self.calls.append(f"list limit={limit}")
        if self.list_failures:
            raise self.list_failures.popleft()
        items = [wire(manifest) for manifest in self.objects.values()]
        size = limit or len(items) or 1
        version = str(self.version)
        for start in range(0, max(1, len(items)), size):
            await asyncio.sleep(0)
            yield WirePage(items[start : start + size], version)

    async def watch(
        self, *, resource_version: str, timeout_seconds: int, send_initial_events: bool, idle_timeout: float | None
    ) -> AsyncGenerator[WatchEvent, None]:
        self.calls.append("stream" if send_initial_events else f"watch {resource_version}")
        assert 300 <= timeout_seconds <= 600
        if send_initial_events and not self.streaming:
            raise BadRequest(400, "BadRequest", "sendInitialEvents is forbidden")
        if self.watch_failures:
            raise self.watch_failures.popleft()
        misfortune = self.misfortunes.popleft() if self.misfortunes else None
        if misfortune == "close":
            return
        self.open += 1
        try:
            if misfortune == "silence":
                await asyncio.Event().wait()
            if send_initial_events:
                after = self.version
                for manifest in list(self.objects.values()):
                    yield WatchEvent("ADDED", wire(manifest))
                end = WireMetadata(resource_version=str(after), annotations={"k8s.io/initial-events-end": "true"})
                yield WatchEvent("BOOKMARK", WireObject(end, {}))
            else:
                after = int(resource_version)
                if after < self.oldest:
                    raise Expired(410, "Expired", "too old resource version")
            cut = self._cut
            while not cut.is_set():
                for version, kind, manifest in list(self._log):
                    if version > after or (kind == "BOOKMARK" and version >= after):
                        yield WatchEvent(kind, wire(manifest))
                after = self.version
                self._log = [entry for entry in self._log if entry[1] != "BOOKMARK"]
                await self._wait(cut)
        finally:
            self.open -= 1

    async def _wait(self, cut: asyncio.Event) -> None:
        news = self._news
        waiters = [asyncio.ensure_future(news.wait()), asyncio.ensure_future(cut.wait())]
        try:
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()
            await asyncio.gather(*waiters, return_exceptions=True)

    def _publish(self, kind: str, manifest: Manifest) -> None:
        self._log.append((self.version, kind, manifest))
        self._news.set()
        self._news = asyncio.Event()
