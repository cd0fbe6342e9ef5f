"""The shared informer: one copy of a resource for everybody in the process."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from random import Random

import attrs

from vmop.informers.handlers import EventHandler, Registration
from vmop.informers.indexes import IndexFunction
from vmop.informers.lister import Lister
from vmop.informers.metrics import InformerCounters, InformerMetrics
from vmop.informers.objects import DecodedCache
from vmop.informers.reflector import ListWatch, Reflector
from vmop.informers.selectors import FieldSelector, LabelSelector
from vmop.informers.source import Selection
from vmop.informers.store import Change, Keep, Store
from vmop.informers.transforms import Transform
from vmop.kube import ApiError, Manifest, ObjectKey, Resource, WireObject
from vmop.kube.wire import ObjectDecoder, encode

_log = logging.getLogger(__name__)


@attrs.frozen
class InformerOptions:
    """What an informer takes from its factory. Times in seconds."""

    random: Random
    metrics: InformerMetrics | None = None
    resync: float | None = None
    idle_timeout: float = 150.0
    comparable: Callable[[], bool] = lambda: True
    streaming: Callable[[], bool] = lambda: True
    decoded: DecodedCache = attrs.field(factory=DecodedCache)


class Informer:
    """Follows a selection of one resource in one or several namespaces, keeps it in a store and tells handlers.

    ``sources`` are the calls by namespace; the namespace is empty where one call covers all. Handlers and
    indexes may be added before and while it runs.
    """

    def __init__(
        self,
        selection: Selection,
        sources: dict[str, ListWatch],
        options: InformerOptions,
        *,
        transform: Transform | None = None,
        keep: Keep | None = None,
        number: int = 0,
    ) -> None:
        self.selection = selection
        self._options = options
        self._transform = transform
        self._labels = LabelSelector.parse(selection.label_selector)
        self._fields = FieldSelector.parse(selection.field_selector)
        self._decoder = ObjectDecoder(selection.resource, metadata_only=selection.metadata_only)
        self._store = Store(
            selection.resource,
            decoded=options.decoded,
            number=number,
            comparable=options.comparable,
            keep=keep,
            selective=bool(selection.label_selector or selection.field_selector),
        )
        self.lister = Lister(self._store)
        self._unlisted = set(sources)
        self._synced = asyncio.Event()
        self._registrations: list[Registration] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._counters = InformerCounters(options.metrics, str(selection.resource), str(selection))
        self._sources = sources
        self._reflectors: list[Reflector] = []

    @property
    def resource(self) -> Resource:
        return self.selection.resource

    @property
    def namespaces(self) -> Sequence[str]:
        """The namespaces followed; one empty one for all."""
        return tuple(self._sources)

    @property
    def complete(self) -> bool:
        """Whether the store holds whole objects: not metadata alone, nothing transformed away."""
        return not self.selection.metadata_only and self._transform is None and self._store.keeps_all

    @property
    def synced(self) -> bool:
        """Whether the first list of every namespace is in the store."""
        return self._synced.is_set()

    @property
    def failure(self) -> ApiError | None:
        """Why the server refuses to be followed at present (a missing role, say); ``None`` when all is well."""
        return next((one.failure for one in self._reflectors if one.failure is not None), None)

    async def wait_synced(self, timeout: float | None = None) -> None:
        """Returns when synced. Raises :class:`TimeoutError` after ``timeout`` seconds."""
        async with asyncio.timeout(timeout):
            await self._synced.wait()

    def add_handler(self, handler: EventHandler) -> Registration:
        """Tells ``handler`` of everything that is there, then of every change."""
        registration = Registration(handler, str(self.resource), self._registrations.remove)
        self._registrations.append(registration)
        for stored in self._store.watched():
            registration.notify(None, stored, initial=True)
        if self.synced:
            registration.mark_synced()
        if self._tasks is not None:
            self._tasks.create_task(registration.run())
        return registration

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Lets listers find objects by what ``function`` gives. Raises :class:`ValueError` when the name is taken."""
        self._store.add_index(name, function)

    def covers(self, namespace: str) -> bool:
        """Whether objects of ``namespace`` would be seen."""
        return "" in self._sources or namespace in self._sources

    async def run(self) -> None:
        """Follows the server until cancelled."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._counters.observe(
            lambda: float(len(self._store)),
            lambda: loop.time() - max(began, min((one.last_sign for one in self._reflectors), default=began)),
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for registration in self._registrations:
                    tasks.create_task(registration.run())
                for namespace, source in self._sources.items():
                    tasks.create_task(self._follow(namespace, source).run())
                if self._options.resync:
                    tasks.create_task(self._resync(self._options.resync))
        finally:
            self._tasks = None
            self._counters.forget()

    def _follow(self, namespace: str, source: ListWatch) -> Reflector:
        reflector = Reflector(
            source,
            _Scope(self, namespace),
            name=" ".join(filter(None, (str(self.resource), namespace, str(self.selection)))),
            random=self._options.random,
            counters=self._counters,
            streaming=self._options.streaming(),
            idle_timeout=self._options.idle_timeout,
        )
        self._reflectors.append(reflector)
        return reflector

    async def _resync(self, period: float) -> None:
        while True:
            await asyncio.sleep(period)
            if self.synced:
                for stored in list(self._store.watched()):
                    self._tell(Change(stored, stored))

    # --- our own writes -----------------------------------------------------------------------------------------------

    def record_write(self, manifest: Manifest) -> None:
        """Lays the server's answer to a write over what the watch delivered so far."""
        wire = self._decoder.decode(encode(manifest))
        if not self.covers(wire.meta.namespace):
            return
        matches = self._labels.matches((wire.meta.labels or {}).get) and self._fields.matches(manifest)
        prepared = wire if self._transform is None else self._prepare(wire, self._transform)
        if prepared is not None:
            self._store.record_write(prepared, asyncio.get_running_loop().time(), matches=matches)

    def record_delete(self, key: ObjectKey, uid: str) -> None:
        """Takes the object out of the listers' sight: the server confirmed that it is gone."""
        if self.covers(key.namespace):
            self._store.record_delete(key, uid, asyncio.get_running_loop().time())

    # --- what the scopes bring ----------------------------------------------------------------------------------------

    def _prepare(self, wire: WireObject, transform: Transform) -> WireObject | None:
        """``wire`` transformed; ``None`` when that failed, which leaves this object out and no other."""
        try:
            return transform(wire)
        except Exception:  # noqa: BLE001 - the function is the caller's
            _log.exception(
                "a transform failed; the object is left out",
                extra={"resource": str(self.resource), "object": str(wire.key)},
            )
            return None

    def _tell(self, change: Change | None, *, initial: bool = False) -> None:
        if change is not None:
            for registration in self._registrations:
                registration.notify(change.old, change.new, initial=initial)

    def _upsert(self, wire: WireObject, scope: str, *, listed: bool) -> None:
        prepared = wire if self._transform is None else self._prepare(wire, self._transform)
        if prepared is not None:
            change = self._store.upsert(prepared, None if listed else scope)
            if change is not None and self._registrations:
                self._tell(change, initial=scope in self._unlisted)

    def _remove(self, wire: WireObject, scope: str) -> None:
        self._tell(self._store.remove(wire, scope))

    def _finish_list(self, scope: str, seen: set[tuple[str, str]], version: str, mark: int) -> None:
        for change in self._store.finish_list(scope, seen, version, mark):
            self._tell(change)
        self._unlisted.discard(scope)
        if not self._unlisted and not self._synced.is_set():
            self._synced.set()
            for registration in self._registrations:
                registration.mark_synced()


@attrs.frozen
class _Scope:
    """Where the reflector of one namespace puts what it gets. The only writer of that part of the store."""

    informer: Informer
    namespace: str

    def begin_list(self) -> int:
        return self.informer._store.begin_list()

    def listed(self, wire: WireObject) -> None:
        self.informer._upsert(wire, self.namespace, listed=True)

    def finish_list(self, seen: set[tuple[str, str]], version: str, mark: int) -> None:
        self.informer._finish_list(self.namespace, seen, version, mark)

    def changed(self, kind: str, wire: WireObject) -> None:
        if kind == "DELETED":
            self.informer._remove(wire, self.namespace)
        else:
            self.informer._upsert(wire, self.namespace, listed=False)

    def bookmark(self, version: str) -> None:
        self.informer._store.bookmark(self.namespace, version, asyncio.get_running_loop().time())
