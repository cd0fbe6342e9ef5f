"""A cluster in memory, as much as real informers, elections and recorders ask of a client. It works on virtual time."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from vmop.informers import InformerFactory
from vmop.kube import (
    AlreadyExists,
    ClientConfig,
    Conflict,
    Manifest,
    NotFound,
    ObjectKey,
    Resource,
    WatchEvent,
    WirePage,
    decode_object,
    key_of,
)
from vmop.kube.wire import encode


@attrs.frozen
class Version:
    major: int = 1
    minor: int = 31


class MemoryCluster:
    """Objects by resource and key, and the log of their changes."""

    def __init__(self) -> None:
        self.config = ClientConfig(server="http://127.0.0.1:1")
        self.fence: Callable[[], None] | None = None
        self.objects: dict[Resource, dict[ObjectKey, Manifest]] = {}
        self.calls: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.latency = 0.0
        self._log: list[tuple[Resource, str, Manifest]] = []
        self._changed = asyncio.Event()

    def put(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Create or replace an object, as somebody else would."""
        manifest = copy.deepcopy(manifest)
        before = self.objects.setdefault(resource, {}).get(key_of(manifest))
        metadata = manifest["metadata"]
        self._log.append((resource, "MODIFIED" if before else "ADDED", manifest))
        metadata["resourceVersion"] = str(len(self._log))
        metadata.setdefault("uid", f"00000000-0000-4000-8000-{len(self._log):012d}")
        self.objects[resource][key_of(manifest)] = manifest
        self._tell()
        return copy.deepcopy(manifest)

    def remove(self, resource: Resource, key: ObjectKey) -> None:
        manifest = copy.deepcopy(self.objects[resource].pop(key))
        self._log.append((resource, "DELETED", manifest))
        manifest["metadata"]["resourceVersion"] = str(len(self._log))
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _called(self, verb: str, resource: Resource) -> None:
        self.calls.append((verb, resource.kind))
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.failure is not None:
            raise self.failure

    async def server_version(self) -> Version:
        return Version()

    async def list_pages(self, resource: Resource, namespace: str = "", **_: Any) -> AsyncIterator[WirePage]:
        await self._called("list", resource)
        items = [decode_object(encode(item), resource) for item in self.objects.get(resource, {}).values()]
        yield WirePage(items, str(len(self._log)))

    async def watch(
        self, resource: Resource, namespace: str = "", *, resource_version: str = "", **_: Any
    ) -> AsyncIterator[WatchEvent]:
        seen = int(resource_version)
        while True:
            for of, type_, manifest in self._log[seen:]:
                if of == resource:
                    yield WatchEvent(type_, decode_object(encode(manifest), resource))
            seen = len(self._log)
            await self._changed.wait()

    async def get(self, resource: Resource, key: ObjectKey) -> Manifest:
        await self._called("get", resource)
        return self._live(resource, key)

    def _live(self, resource: Resource, key: ObjectKey) -> Manifest:
        try:
            return copy.deepcopy(self.objects.setdefault(resource, {})[key])
        except KeyError:
            raise NotFound(404, "", "no such object") from None

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        await self._called("create", resource)
        if key_of(manifest) in self.objects.setdefault(resource, {}):
            raise AlreadyExists(409, "", "there is one")
        return self.put(resource, manifest)

    async def replace(self, resource: Resource, manifest: Manifest) -> Manifest:
        await self._called("update", resource)
        live = self._live(resource, key_of(manifest))
        if live["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            raise Conflict(409, "", "the object has been modified")
        return self.put(resource, manifest)

    def factory(self) -> InformerFactory:
        return InformerFactory(self)


def now() -> datetime:
    """A wall clock that goes with the loop's."""
    return datetime(2026, 3, 1, 10, 0, 0, tzinfo=UTC) + timedelta(seconds=asyncio.get_running_loop().time())


def thing(resource: Resource, name: str, namespace: str = "obs", **metadata: Any) -> Manifest:
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name, "namespace": namespace, **metadata},
    }
