"""The reflector: brings what the server has into a store, and keeps it there, whatever happens to connections.

It is a state machine, and always in exactly one of these states:

* :class:`Listing` — what the store has is nothing, or too old to go on from. Asks for everything, at best as
  a stream: a watch that begins with the present objects and marks their end by a bookmark (Kubernetes 1.32; a
  server that refuses is remembered and asked for pages instead).
* :class:`Watching` — the store is as of a resource version; changes follow. A stream passes into this state
  without a new request.
* :class:`Waiting` — something failed; the next attempt comes after a backoff with jitter.

::

    Listing ──end of list──▶ Watching ──410, or five failures in a row──▶ Listing
    Watching ──server's time-out, or silence──▶ Watching (from the last version)
    Listing, Watching ──any other failure──▶ Waiting ──▶ where it came from

A watch says something at least every minute or so: events, or bookmarks that tell how far it is. One that is
silent for longer than ``idle_timeout`` is replaced, because a half-open connection looks exactly like a quiet
one.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Final, Literal, Protocol, TypeAlias, TypeVar

import attrs

from vmop.informers.metrics import InformerCounters
from vmop.kube import (
    ApiError,
    BadRequest,
    Expired,
    Invalid,
    Timeout,
    WatchEvent,
    WireObject,
    WirePage,
)

_log = logging.getLogger(__name__)

INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
"""Annotation of the bookmark that ends the initial objects of a stream (Kubernetes API concepts, "Streaming
lists").
"""

_PAGE: Final = 500
_SLICE: Final = 0.01
_FAILURES_TO_LIST: Final = 5

_Item = TypeVar("_Item")
Way: TypeAlias = Literal["stream", "pages"]


class ListWatch(Protocol):
    """The calls of a reflector, bound to one resource, namespace and selector.

    :mod:`vmop.informers.source` makes them of a client.
    """

    def list_pages(self, *, limit: int) -> AsyncIterator[WirePage]:
        """A consistent list in pages (``limit`` 0: in one). Raises :class:`ApiError`."""
        ...

    def watch(
        self, *, resource_version: str, timeout_seconds: int, send_initial_events: bool, idle_timeout: float | None
    ) -> AsyncIterator[WatchEvent]:
        """Changes since a version, with bookmarks, until the server's time-out. Raises :class:`ApiError`."""
        ...


class Sink(Protocol):
    """Where a reflector puts what it gets: an informer."""

    def begin_list(self) -> int: ...

    def listed(self, wire: WireObject) -> None: ...

    def finish_list(self, seen: set[tuple[str, str]], version: str, mark: int) -> None: ...

    def changed(self, kind: str, wire: WireObject) -> None: ...

    def bookmark(self, version: str) -> None: ...


@attrs.frozen
class Listing:
    """The next thing to do is a list. ``limit`` is the size of a page; 0 after pages have expired under our hands."""

    limit: int = _PAGE


@attrs.frozen
class Watching:
    """The store is as of ``version``."""

    version: str


@attrs.frozen
class Waiting:
    """``then`` comes after ``delay`` seconds, because of ``cause``."""

    delay: float
    cause: str
    then: Listing | Watching


State: TypeAlias = Listing | Watching | Waiting


class Backoff:
    """Doubling delays with jitter (each between half and all of its step).

    Fresh again when ``healthy`` seconds passed without one.
    """

    def __init__(self, random: Random, *, base: float = 0.8, maximum: float = 30.0, healthy: float = 120.0) -> None:
        self._random = random
        self._base = base
        self._maximum = maximum
        self._healthy = healthy
        self._step = base
        self._last = float("-inf")

    def next(self, now: float) -> float:
        """The delay of a failure at ``now`` (seconds of the loop's clock)."""
        if now - self._last > self._healthy + self._step:
            self._step = self._base
        self._last = now
        step = self._step
        self._step = min(self._maximum, step * 2)
        return step * (0.5 + self._random.random() / 2)


class Reflector:
    """See the module. ``streaming`` says whether a streaming list may be tried; ``idle_timeout`` is in seconds."""

    def __init__(
        self,
        source: ListWatch,
        sink: Sink,
        *,
        name: str,
        random: Random,
        counters: InformerCounters,
        streaming: bool = True,
        idle_timeout: float = 150.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._source = source
        self._sink = sink
        self._name = name
        self._random = random
        self._counters = counters
        self._way: Way = "stream" if streaming else "pages"
        self._idle_timeout = idle_timeout
        self._backoff = backoff or Backoff(random)
        self._state: State = Listing()
        self._failures = 0
        self._told = ""
        self.last_sign = float("-inf")
        """When (loop's clock) the server last said something."""
        self.failure: ApiError | None = None
        """Why nothing comes at present: the last refusal, until something comes again."""

    @property
    def state(self) -> State:
        return self._state

    async def run(self) -> None:
        """Until cancelled. No failure of the server or of the network ends it."""
        while True:
            self._state = await self._step(self._state)

    async def _step(self, state: State) -> State:
        try:
            match state:
                case Waiting(delay=delay, then=then):
                    await asyncio.sleep(delay)
                    return then
                case Listing() if self._way == "stream":
                    return await self._stream()
                case Listing(limit=limit):
                    return await self._pages(limit)
                case Watching(version=version):
                    return await self._watch(version)
        except TimeoutError:
            return self._after_silence()
        except ApiError as error:
            return self._after_refusal(error)
        except Exception as error:  # noqa: BLE001 - nothing may end the watch
            _log.exception("following a resource failed; it is tried again", extra={"resource": self._name})
            return self._wait(type(error).__name__)

    # --- the states -------------------------------------------------------------------------------------------------

    async def _stream(self) -> State:
        self._counters.listed("stream")
        mark = self._sink.begin_list()
        return await self._follow("", _List(mark))

    async def _pages(self, limit: int) -> State:
        self._counters.listed("pages")
        mark = self._sink.begin_list()
        seen: set[tuple[str, str]] = set()
        version = ""
        async with (
            _closing(self._source.list_pages(limit=limit)) as pages,
            asyncio.timeout(self._idle_timeout) as idle,
        ):
            async for page in pages:
                self._alive()
                version = page.resource_version
                pause = _Pause()
                for wire in page.items:
                    self._listed(wire, seen)
                    if pause.is_due():
                        await pause.take()
                idle.reschedule(self.last_sign + self._idle_timeout)
        self._finish(seen, version, mark)
        return Watching(version)

    async def _watch(self, version: str) -> State:
        self._counters.watched()
        return await self._follow(version, None)

    async def _follow(self, version: str, listing: "_List | None") -> State:
        """One watch, to its end. ``listing`` while it still brings the initial objects."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        stream = self._source.watch(
            resource_version=version,
            timeout_seconds=self._random.randint(300, 600),
            send_initial_events=listing is not None,
            idle_timeout=self._idle_timeout,
        )
        silent = True
        pause = _Pause()
        extended = began
        async with _closing(stream) as events, asyncio.timeout(self._idle_timeout) as idle:
            async for event in events:
                silent = False
                now = loop.time()
                if now - extended >= 1:
                    extended = now
                    idle.reschedule(now + self._idle_timeout)
                self._alive(now)
                wire = event.object
                kind = event.type
                if kind == "BOOKMARK":
                    self._counters.event(kind)
                    version = wire.meta.resource_version
                    if listing is not None and (wire.meta.annotations or {}).get(INITIAL_EVENTS_END) == "true":
                        self._finish(listing.seen, version, listing.mark)
                        listing = None
                    elif listing is None:
                        self._sink.bookmark(version)
                elif listing is not None and kind == "ADDED":
                    self._listed(wire, listing.seen)
                else:
                    version = wire.meta.resource_version
                    self._counters.event(kind)
                    self._sink.changed(kind, wire)
                if listing is None:
                    self._state = Watching(version)
                if pause.is_due():
                    await pause.take()
        self._counters.ended("closed")
        if listing is not None:
            return self._wait("the stream ended before the list did")
        if silent and loop.time() - began < 1:
            return self._wait("the server closed the watch at once")
        return Watching(version)

    def _listed(self, wire: WireObject, seen: set[tuple[str, str]]) -> None:
        seen.add((wire.meta.namespace, wire.meta.name))
        self._sink.listed(wire)

    def _finish(self, seen: set[tuple[str, str]], version: str, mark: int) -> None:
        self._counters.event("LISTED", len(seen))
        self._sink.finish_list(seen, version, mark)

    # --- failures ---------------------------------------------------------------------------------------------------

    def _after_silence(self) -> State:
        """Nothing came for too long: the connection may be dead, nobody can know."""
        self._counters.ended("silence")
        _log.info("a connection was silent for too long and is replaced", extra={"resource": self._name})
        match self._state:
            case Watching() as state:
                return state
            case _ if self._way == "stream":
                self._way = "pages"
                return Listing()
            case _:
                return self._wait("the list did not come")

    def _after_refusal(self, error: ApiError) -> State:
        self._counters.ended(error.reason or type(error).__name__)
        match self._state, error:
            case Watching(), Expired():
                return Listing()
            case Listing(limit=limit), Expired() if limit:
                return self._wait(error.reason, then=Listing(limit=0))
            case Listing(), BadRequest() | Invalid() if self._way == "stream":
                self._way = "pages"
                return Listing()
            case ((Watching() | Listing()), Timeout()) if not self._failures:
                self._failures += 1
                return self._after_silence()
            case _:
                self._complain(error)
                return self._wait(error.reason, at_least=error.retry_after or 0.0)

    def _wait(self, cause: str, *, at_least: float = 0.0, then: Listing | None = None) -> Waiting:
        self._failures += 1
        target: Listing | Watching
        match self._state:
            case Watching() as state if self._failures < _FAILURES_TO_LIST:
                target = state
            case _:
                target = then or Listing()
        return Waiting(max(at_least, self._backoff.next(asyncio.get_running_loop().time())), cause, target)

    def _complain(self, error: ApiError) -> None:
        """Each refusal is logged once, until something works again."""
        self.failure = error
        if self._told != error.reason:
            self._told = error.reason
            _log.warning(
                "following a resource is refused; it is tried again: %s", error, extra={"resource": self._name}
            )

    def _alive(self, now: float | None = None) -> None:
        self.last_sign = asyncio.get_running_loop().time() if now is None else now
        self.failure = None
        self._failures = 0
        self._told = ""


@attrs.define
class _List:
    """A list that comes as a stream."""

    mark: int
    seen: set[tuple[str, str]] = attrs.field(factory=set)


class _Pause:
    """Gives the event loop to others now and then during a burst."""

    __slots__ = ("_count", "_loop", "_until")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + _SLICE
        self._count = 0

    def is_due(self) -> bool:
        self._count += 1
        return self._count & 63 == 0 and self._loop.time() >= self._until

    async def take(self) -> None:
        await asyncio.sleep(0)
        self._until = self._loop.time() + _SLICE


@asynccontextmanager
async def _closing(items: AsyncIterator[_Item]) -> AsyncIterator[AsyncIterator[_Item]]:
    """Closes a generator, and so its connection, also when it was left in the middle."""
    try:
        yield items
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()
