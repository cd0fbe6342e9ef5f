"""A watch: from what is stored and what happens to it, the lines that one client sees.

A line is encoded once for each form (whole object in one version, metadata only) and kept at the event, so that a
hundred watches cost one encoding; tables are made for each watch, since only its first event names the columns. A
selector makes its own types of events: an object that begins to match is ADDED, one that ceases to match is DELETED.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeAlias

import attrs
import msgspec

from vmop.devcluster.faults import Faults
from vmop.devcluster.negotiation import Form
from vmop.devcluster.registry import Served
from vmop.devcluster.selectors import FieldPredicate, LabelPredicate
from vmop.devcluster.status import Manifest, StatusError, expired
from vmop.devcluster.storage import Storage, StorageEvent, Stored, VersionExpired

Render: TypeAlias = Callable[[Stored], bytes]
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@attrs.frozen
class Selection:
    """Which objects a list or watch is about."""

    namespace: str = ""
    labels: LabelPredicate | None = None
    fields: FieldPredicate | None = None

    def matches(self, stored: Stored) -> bool:
        if self.namespace and stored.key.namespace != self.namespace:
            return False
        if self.labels is not None and not self.labels(stored.metadata.get("labels") or {}):
            return False
        return self.fields is None or self.fields(stored.object)


@attrs.frozen
class WatchOptions:
    """Parameters of a watch; `timeout` in seconds."""

    since: int | None
    send_initial_events: bool
    bookmarks: bool
    timeout: float
    bookmark_interval: float = 60.0


def _line(type_: str, rendered: bytes) -> bytes:
    return b'{"type":"' + type_.encode() + b'","object":' + rendered + b"}\n"


def error_line(error: StatusError) -> bytes:
    """An ERROR event; the watch ends after it."""
    return _line("ERROR", msgspec.json.encode(error.to_json()))


class Watch:
    """One client's watch of one resource. `lines()` yields what to send, chunk by chunk, until the time is over."""

    def __init__(
        self,
        storage: Storage,
        faults: Faults,
        served: Served,
        selection: Selection,
        options: WatchOptions,
        render: Render,
        form: Form,
        cached_as: object,
    ) -> None:
        self._storage = storage
        self._faults = faults
        self._served = served
        self._selection = selection
        self._options = options
        self._render = render
        self._form = form
        self._cached_as = cached_as

    async def lines(self) -> AsyncIterator[bytes]:
        """Chunks of whole lines."""
        options = self._options
        initial = options.since is None or options.send_initial_events
        since = self._storage.version if options.since is None or initial else options.since
        try:
            subscription = self._storage.subscribe(self._served.storage, since)
        except VersionExpired as error:
            yield error_line(expired(str(error)))
            return
        self._faults.watching(subscription)
        try:
            with subscription:
                if initial:
                    yield self._initial()
                loop = asyncio.get_running_loop()
                deadline = loop.time() + options.timeout
                while not subscription.closed and (left := deadline - loop.time()) > 0:
                    try:
                        async with asyncio.timeout(min(left, options.bookmark_interval)):
                            await subscription.wait()
                    except TimeoutError:
                        if options.bookmarks:
                            yield self._bookmark()
                        continue
                    chunk = b"".join(self._events(subscription.take()))
                    if chunk:
                        yield chunk
        finally:
            self._faults.watched(subscription)

    def _initial(self) -> bytes:
        objects = self._storage.objects(self._served.storage, self._selection.namespace)
        lines = [_line("ADDED", self._render(one)) for one in objects if self._selection.matches(one)]
        if self._options.send_initial_events and self._options.bookmarks:
            lines.append(self._bookmark(end_of_initial=True))
        return b"".join(lines)

    def _bookmark(self, *, end_of_initial: bool = False) -> bytes:
        metadata: Manifest = {"resourceVersion": str(self._storage.version)}
        if end_of_initial:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        kind, api_version = self._served.kind, self._served.api_version
        if self._form == "metadata":
            kind, api_version = "PartialObjectMetadata", "meta.k8s.io/v1"
        bookmark = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
        return _line("BOOKMARK", msgspec.json.encode(bookmark))

    def _events(self, events: Iterable[StorageEvent]) -> Iterable[bytes]:
        withhold = self._faults.withhold
        for event in events:
            if withhold is not None and withhold(event):
                continue
            type_ = self._type(event)
            if type_ is None:
                continue
            if self._cached_as is None:
                yield _line(type_, self._render(self._subject(event, type_)))
                continue
            key = (type_, self._cached_as)
            line = event.lines.get(key)
            if line is None:
                line = event.lines[key] = _line(type_, self._render(self._subject(event, type_)))
            yield line

    def _type(self, event: StorageEvent) -> str | None:
        now = event.type != "DELETED" and self._selection.matches(event.new)
        before = event.old is not None and self._selection.matches(event.old)
        match before, now:
            case False, True:
                return "ADDED"
            case True, True:
                return "MODIFIED"
            case True, False:
                return "DELETED"
            case _:
                return None

    @staticmethod
    def _subject(event: StorageEvent, type_: str) -> Stored:
        """What the event shows. An object that left the selection is shown as it last was in it, at the new version."""
        if type_ != "DELETED" or event.type == "DELETED" or event.old is None:
            return event.new
        old = event.old
        metadata = old.metadata | {"resourceVersion": str(event.version)}
        return Stored(old.resource, old.key, old.object | {"metadata": metadata}, event.version)
