"""The client: every verb, over one session.

Single objects come back as plain manifests, complete. Pages of lists and watch events come as :class:`WireObject`, for
informers: see :mod:`vmop.kube.wire` for what those leave out.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
import attrs
import msgspec

from vmop.kube import requests
from vmop.kube.config import ClientConfig
from vmop.kube.discovery import Discovery, discover
from vmop.kube.errors import Expired, Timeout, Unavailable, error_from_status
from vmop.kube.metrics import ClientMetrics
from vmop.kube.patches import MergePatch, Patch
from vmop.kube.ratelimit import TokenBucket
from vmop.kube.requests import Propagation, Request
from vmop.kube.resources import Manifest, ObjectKey, Resource
from vmop.kube.transport import Answer, Transport
from vmop.kube.wire import OUR_MANAGERS, LineSplitter, ObjectDecoder, WatchEvent, WireObject, WirePage, decode

_SLICE = 200
"""Objects of a page that are decoded before the event loop may do something else."""


@attrs.frozen
class ObjectList:
    """All objects of a list, and the resource version at which it was true."""

    items: list[Manifest] = attrs.field(repr=False)
    resource_version: str


@attrs.frozen
class ServerVersion:
    """What ``/version`` says; ``major`` and ``minor`` as numbers, without the ``+`` of some providers."""

    major: int
    minor: int
    git_version: str = ""


class Client:
    """A client of one API server; use it in ``async with``.

    ``qps`` and ``burst`` limit the rate of all calls together (``qps=0``: no limit), except those for leases.
    ``timeout`` is the limit in seconds of one call but a watch, ``retries`` how often an idempotent one is repeated.
    ``fence`` is called right before each write, except of leases, and raises :class:`vmop.kube.Fenced` to hold it
    back; it can be set later. ``own_managers`` are the field managers whose changes are no news to the reader of
    watches.

    All verbs raise the types of :mod:`vmop.kube.errors`.
    """

    def __init__(
        self,
        config: ClientConfig,
        *,
        qps: float = 50.0,
        burst: int = 100,
        metrics: ClientMetrics | None = None,
        fence: Callable[[], None] | None = None,
        timeout: float = 60.0,
        retries: int = 3,
        jitter: random.Random | None = None,
        user_agent: str = "vmop",
        own_managers: Collection[str] = OUR_MANAGERS,
    ) -> None:
        self.config = config
        self._own_managers = frozenset(own_managers)
        self._transport = Transport(
            config,
            limiter=TokenBucket(qps, burst),
            metrics=metrics,
            fence=fence,
            timeout=timeout,
            retries=retries,
            jitter=jitter or random.Random(),
            user_agent=user_agent,
        )

    @property
    def fence(self) -> Callable[[], None] | None:
        """What is asked before each write; a manager sets it once it has its leader election."""
        return self._transport.fence

    @fence.setter
    def fence(self, fence: Callable[[], None] | None) -> None:
        self._transport.fence = fence

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._transport.close()

    # reading

    async def get(
        self, resource: Resource, key: ObjectKey, *, subresource: str = "", metadata_only: bool = False
    ) -> Manifest:
        """The object as it is now."""
        manifest = await self._send(requests.get(resource, key, subresource=subresource, metadata_only=metadata_only))
        return _as_partial(manifest, resource) if metadata_only else manifest

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        limit: int = 500,
    ) -> ObjectList:
        """All objects, read in pages of ``limit``. Should the pages expire on the way, the list is read anew in one
        piece.
        """
        items: list[Manifest] = []
        token = ""
        while True:
            request = requests.list_page(
                resource,
                namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                metadata_only=metadata_only,
                limit=limit,
                continue_token=token,
            )
            try:
                page = await self._send(request)
            except Expired:
                if not token:
                    raise
                items, token, limit = [], "", 0
                continue
            for item in page.get("items") or ():
                item.setdefault("apiVersion", resource.api_version)
                item.setdefault("kind", resource.kind)
                items.append(_as_partial(item, resource) if metadata_only else item)
            metadata = page.get("metadata") or {}
            token = metadata.get("continue") or ""
            if not token:
                return ObjectList(items, metadata.get("resourceVersion") or "")

    async def list_pages(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        limit: int = 500,
        resource_version: str = "",
        resource_version_match: str = "",
    ) -> AsyncGenerator[WirePage, None]:
        """The pages of a list, as they come. Raises :class:`Expired` when a page took too long to be asked for: list
        again.
        """
        decoder = ObjectDecoder(resource, metadata_only=metadata_only, own_managers=self._own_managers)
        token = ""
        while True:
            request = requests.list_page(
                resource,
                namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                metadata_only=metadata_only,
                limit=limit,
                continue_token=token,
                resource_version=resource_version,
                resource_version_match=resource_version_match,
            )
            body = (await self._transport.send(request)).body
            try:
                page = await _decode_page(decoder, body)
            except msgspec.DecodeError as error:
                raise _unreadable(request, error) from None
            yield page
            token = page.continue_token
            if not token:
                return

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        timeout_seconds: int = 0,
        send_initial_events: bool = False,
        allow_bookmarks: bool = True,
        idle_timeout: float | None = None,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Changes after ``resource_version``, until the server ends the watch (after ``timeout_seconds``, 0: it
        chooses).

        Leave the generator through :func:`contextlib.aclosing`, else its connection stays open for a while. A watch
        that says nothing for ``idle_timeout`` seconds raises :class:`Timeout`; an ``ERROR`` event raises its type,
        most often :class:`Expired`; a broken connection :class:`Unavailable`.
        """
        decoder = ObjectDecoder(resource, metadata_only=metadata_only, own_managers=self._own_managers)
        splitter = LineSplitter()
        request = requests.watch(
            resource,
            namespace,
            resource_version=resource_version,
            label_selector=label_selector,
            field_selector=field_selector,
            metadata_only=metadata_only,
            timeout_seconds=timeout_seconds,
            send_initial_events=send_initial_events,
            allow_bookmarks=allow_bookmarks,
        )
        async with self._transport.stream(request) as response:
            while chunk := await _next_chunk(request, response, idle_timeout):
                for line in splitter.feed(chunk):
                    yield _decode_event(request, decoder, line)
            if splitter.flush():
                raise Unavailable(
                    0,
                    "ConnectionFailed",
                    "the watch ended in the middle of an event",
                    verb=request.verb,
                    target=request.target,
                )

    # writing

    async def create(
        self, resource: Resource, manifest: Manifest, *, dry_run: bool = False, field_manager: str = ""
    ) -> Manifest:
        """POST: the object must not exist yet (:class:`AlreadyExists`). Never repeated."""
        return await self._send(requests.create(resource, manifest, dry_run=dry_run, field_manager=field_manager))

    async def replace(
        self,
        resource: Resource,
        manifest: Manifest,
        *,
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str = "",
    ) -> Manifest:
        """PUT: all of the object, or of its subresource; with a resource version only over that version."""
        return await self._send(
            requests.replace(resource, manifest, subresource=subresource, dry_run=dry_run, field_manager=field_manager)
        )

    async def patch(
        self,
        resource: Resource,
        key: ObjectKey,
        patch: Patch,
        *,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> Manifest:
        """Change a part; ``force`` lets a server-side apply take fields from other managers."""
        return await self._send(
            requests.patch(
                resource,
                key,
                patch,
                subresource=subresource,
                field_manager=field_manager,
                force=force,
                dry_run=dry_run,
            )
        )

    async def delete(
        self,
        resource: Resource,
        key: ObjectKey,
        *,
        propagation: Propagation | None = None,
        uid: str = "",
        resource_version: str = "",
        grace_seconds: int | None = None,
        dry_run: bool = False,
    ) -> Manifest:
        """Delete, if ``uid`` and ``resource_version`` are still those (else :class:`Conflict`).

        Returns the object where it goes on to exist for a while, else a ``Status``.
        """
        return await self._send(
            requests.delete(
                resource,
                key,
                propagation=propagation,
                uid=uid,
                resource_version=resource_version,
                grace_seconds=grace_seconds,
                dry_run=dry_run,
            )
        )

    async def delete_collection(
        self, resource: Resource, namespace: str, *, label_selector: str = "", field_selector: str = ""
    ) -> None:
        """Delete all objects that the selectors find."""
        await self._send(
            requests.delete_collection(
                resource, namespace, label_selector=label_selector, field_selector=field_selector
            )
        )

    async def evict(
        self, key: ObjectKey, *, uid: str = "", grace_seconds: int | None = None, dry_run: bool = False
    ) -> None:
        """Evict a pod. :class:`TooManyRequests` with cause ``DisruptionBudget``: its budget does not allow it now."""
        await self._send(requests.evict(key, uid=uid, grace_seconds=grace_seconds, dry_run=dry_run))

    async def get_scale(self, resource: Resource, key: ObjectKey) -> Manifest:
        """The ``Scale`` of a workload."""
        return await self.get(resource, key, subresource="scale")

    async def patch_scale(
        self, resource: Resource, key: ObjectKey, replicas: int, *, field_manager: str = ""
    ) -> Manifest:
        """Set the replicas of a workload through its scale subresource."""
        body = {"spec": {"replicas": replicas}}
        return await self.patch(resource, key, MergePatch(body), subresource="scale", field_manager=field_manager)

    # the server itself

    async def get_raw(self, path: str, *, params: Mapping[str, str] | None = None) -> bytes:
        """GET of any path: ``/version``, ``/openapi/v3``, ``/metrics``."""
        return (await self._transport.send(requests.raw(path, params=tuple((params or {}).items())))).body

    async def server_version(self) -> ServerVersion:
        """The version of the server. Raises :class:`ValueError` when it does not say it in numbers."""
        version = decode(await self.get_raw("/version"))
        major, minor = str(version.get("major")), str(version.get("minor"))
        return ServerVersion(int(major.rstrip("+")), int(minor.rstrip("+")), str(version.get("gitVersion") or ""))

    async def discover(self) -> Discovery:
        """Which kinds the server has, now."""
        return await discover(self)

    async def send(self, request: Request) -> Answer:
        """Send a request of one's own (:mod:`vmop.kube.requests`): for what has no method here."""
        return await self._transport.send(request)

    async def _send(self, request: Request) -> Manifest:
        body = (await self._transport.send(request)).body
        try:
            manifest: Manifest = decode(body)
        except msgspec.DecodeError as error:
            raise _unreadable(request, error) from None
        return manifest


def _as_partial(manifest: Manifest, resource: Resource) -> Manifest:
    """Metadata under the kind of the object itself, whether or not the server knows partial objects."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": manifest.get("metadata") or {},
    }


async def _decode_page(decoder: ObjectDecoder, body: bytes) -> WirePage:
    metadata, raw = decoder.page(body)
    items: list[WireObject] = []
    for start in range(0, len(raw), _SLICE):
        items += map(decoder.decode, raw[start : start + _SLICE])
        await asyncio.sleep(0)
    return WirePage(items, metadata.resource_version, metadata.continue_token, metadata.remaining_item_count)


async def _next_chunk(request: Request, response: aiohttp.ClientResponse, idle_timeout: float | None) -> bytes:
    try:
        async with asyncio.timeout(idle_timeout):
            return await response.content.readany()
    except TimeoutError:
        raise Timeout(
            0, "Idle", f"nothing was heard for {idle_timeout} s", verb=request.verb, target=request.target
        ) from None


def _decode_event(request: Request, decoder: ObjectDecoder, line: bytes) -> WatchEvent:
    try:
        kind, decoded = decoder.event(line)
        if kind != "ERROR":
            return WatchEvent(kind, decoded)
        status: dict[str, Any] = decoded.manifest()
    except msgspec.DecodeError as error:
        raise _unreadable(request, error) from None
    raise error_from_status(500, status, verb=request.verb, target=request.target)


def _unreadable(request: Request, error: msgspec.DecodeError) -> Unavailable:
    """msgspec's message says where and of which type, never what stood there."""
    return Unavailable(
        0,
        "UnreadableAnswer",
        f"the server's answer is not what it should be: {error}",
        verb=request.verb,
        target=request.target,
    )
