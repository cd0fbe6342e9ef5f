"""The store: what the watch delivered, with our own writes laid over it.

One writer, the reflector, brings in what the server says (:meth:`Store.upsert`, :meth:`Store.remove`,
:meth:`Store.finish_list`); readers go through a :class:`vmop.informers.lister.Lister`. Two views must not be
confused:

* the **watched** view is what lists and watches delivered, in their order. Handlers are told of its changes.
* the **shown** view is what listers give and indexes cover. It differs from the watched one by the overlay:
  objects that this process wrote or deleted, until the watch has caught up with the server's answer
  (``spec/00-writing.md`` §7).

When has it caught up? Where resource versions are comparable, when the watch has passed the version of the
answer. Where they are not, when the very version is seen, or a higher generation, or the deletion of that
uid, or when a list has ended that began after the write; as the last resort when a bookmark comes
:data:`SETTLED` seconds after the write. An overlay therefore never stays for good.
"""

from collections import deque
from collections.abc import Callable, Container, Iterator
from typing import Final, NamedTuple

import attrs

from vmop.informers.indexes import Index, IndexFunction
from vmop.informers.objects import DecodedCache, Home, Kind, StoredObject, pack
from vmop.informers.versions import not_older
from vmop.kube import ObjectKey, Resource
from vmop.kube.wire import WireObject

SETTLED: Final = 30.0
"""Seconds after which a bookmark is taken to be newer than a write, where nothing else tells."""

_REMEMBERED: Final = 1024

Keep = Callable[[WireObject], bool]
"""Whether more than the identity of an object is worth keeping."""


class Change(NamedTuple):
    """A change of the watched view: ``old`` is ``None`` for an addition, ``new`` for a deletion."""

    old: StoredObject | None
    new: StoredObject | None


@attrs.define
class _Pending:
    """An own write that the watch has not shown yet.

    ``shown`` is ``None`` for a deletion (or what the selector hides).
    """

    watched: StoredObject | None
    shown: StoredObject | None
    uid: str
    version: str
    generation: int
    ends: bool
    number: int
    since: float


class Store:
    """See the module.

    ``comparable`` says whether the server declares its resource versions comparable (Kubernetes 1.35).
    """

    def __init__(
        self,
        resource: Resource,
        *,
        decoded: DecodedCache | None = None,
        number: int = 0,
        comparable: Callable[[], bool] = lambda: True,
        keep: Keep | None = None,
        selective: bool = False,
    ) -> None:
        self.resource = resource
        self._kind = Kind(resource, decoded if decoded is not None else DecodedCache(), number)
        self._comparable = comparable
        self._keep = keep
        self._selective = selective
        self._homes: dict[str, Home] = {}
        self._objects: dict[str, dict[str, StoredObject]] = {}
        self._count = 0
        self._indexes: dict[str, Index] = {}
        self._pending: dict[ObjectKey, _Pending] = {}
        self._writes = 0
        self._passed: dict[str, str] = {}
        self._seen: deque[str] = deque(maxlen=_REMEMBERED)

    @property
    def keeps_all(self) -> bool:
        """Whether whole objects are kept."""
        return self._keep is None

    @property
    def pending(self) -> int:
        """How many of our own writes the watch has not shown yet."""
        return len(self._pending)

    # --- what readers use -------------------------------------------------------------------------------------------

    def get(self, key: ObjectKey) -> StoredObject | None:
        objects = self._objects.get(key[0])
        return None if objects is None else objects.get(key[1])

    def objects(self, namespace: str = "") -> Iterator[StoredObject]:
        """All objects shown, or those of one namespace."""
        if namespace:
            yield from self._objects.get(namespace, {}).values()
            return
        for objects in self._objects.values():
            yield from objects.values()

    def index(self, name: str) -> Index | None:
        return self._indexes.get(name)

    def __len__(self) -> int:
        return self._count

    def add_index(self, name: str, function: IndexFunction) -> Index:
        """Adds an index and fills it. Raises :class:`ValueError` when the name is taken."""
        if name in self._indexes:
            raise ValueError(f"the store of {self.resource} has an index {name!r} already")
        index = Index(name, function)
        for stored in self.objects():
            index.change(None, stored)
        self._indexes[name] = index
        return index

    # --- what the watch brings --------------------------------------------------------------------------------------

    def watched(self) -> Iterator[StoredObject]:
        """All objects as the watch delivered them, without our own writes."""
        for stored in self.objects():
            pending = self._pending.get(stored.key) if self._pending else None
            if pending is None:
                yield stored
            elif pending.watched is not None:
                yield pending.watched
        for pending in self._pending.values():
            if pending.shown is None and pending.watched is not None:
                yield pending.watched

    def upsert(self, wire: WireObject, scope: str | None = None) -> Change | None:
        """The server has this object. ``None`` when it is what was known already.

        ``scope`` is the namespace that the watch covers (empty for all); it is given for events of a watch,
        which come in the order of versions, and left out for items of a list, which do not.
        """
        version = wire.meta.resource_version
        stored = self._pack(wire)
        if scope is not None:
            self._advance(scope, version)
        if self._pending:
            pending = self._pending.get(stored.key)
            if pending is not None:
                return self._upsert_below(pending, stored)
        if not self._comparable():
            self._seen.append(version)
        objects = self._objects.get(stored.home.namespace)
        old = None if objects is None else objects.get(stored.name)
        if old is not None and old.identity == stored.identity and old.is_complete == stored.is_complete:
            return None
        self._show(old, stored)
        return Change(old, stored)

    def remove(self, wire: WireObject, scope: str) -> Change | None:
        """The object is gone, or does not match the selector any more. ``None`` when it was not known."""
        meta, key = wire.meta, wire.key
        self._advance(scope, meta.resource_version)
        self._seen.append(meta.resource_version if self._selective else meta.uid)
        pending = self._pending.get(key)
        if pending is None:
            old = self.get(key)
            if old is not None:
                self._show(old, None)
        else:
            old, pending.watched = pending.watched, None
            if pending.uid == meta.uid and self._ends(pending, meta.resource_version):
                self._settle(key)
        return None if old is None else Change(old, None)

    def begin_list(self) -> int:
        """To be called before a list is requested; :meth:`finish_list` takes what it returns."""
        return self._writes

    def finish_list(self, scope: str, seen: Container[tuple[str, str]], version: str, mark: int) -> list[Change]:
        """A consistent list has ended: what it did not contain is gone.

        ``seen`` holds the keys (as plain tuples) that it contained, ``version`` is the resource version of the list.
        """
        self._advance(scope, version)
        for key, pending in list(self._pending.items()):
            if scope in ("", key.namespace) and pending.number <= mark:
                self._settle(key)
        missing = [
            stored
            for stored in (self.watched() if self._pending else self.objects(scope))
            if scope in ("", stored.home.namespace) and (stored.home.namespace, stored.name) not in seen
        ]
        for stored in missing:
            still_pending = self._pending.get(stored.key)
            if still_pending is None:
                self._show(stored, None)
            else:
                still_pending.watched = None
        return [Change(stored, None) for stored in missing]

    def bookmark(self, scope: str, version: str, now: float) -> None:
        """The watch has passed ``version``; ``now`` is the loop's time."""
        self._advance(scope, version)
        for key, pending in list(self._pending.items()):
            if scope in ("", key.namespace) and now - pending.since >= SETTLED:
                self._settle(key)

    # --- what we wrote ----------------------------------------------------------------------------------------------

    def record_write(self, wire: WireObject, now: float, *, matches: bool = True) -> None:
        """The server answered a write with this object.

        ``matches`` says whether the selector of the watch lets it through.
        """
        meta = wire.meta
        key = wire.key
        gone = meta.deletion_timestamp is not None and not meta.finalizers and not meta.deletion_grace_period_seconds
        if gone:
            self.record_delete(key, meta.uid, now)
            return
        uid, version, generation, ends = (
            meta.uid,
            meta.resource_version,
            meta.generation,
            meta.deletion_timestamp is not None,
        )
        pending = self._pending.get(key)
        watched = self.get(key) if pending is None else pending.watched
        if uid in self._seen or self._has_passed(key.namespace, version, watched, uid, generation):
            if pending is not None and not self._comparable() and pending.version != version:
                # answers come in the order of the writes: what an earlier one laid over is older than what was watched
                self._settle(key)
            return
        if pending is not None and pending.uid == uid and self._outlives(pending, version, ends):
            return
        shown = self._pack(wire) if matches else None
        self._record(key, _Pending(watched, shown, uid, version, generation, ends, self._next(), now))

    def record_delete(self, key: ObjectKey, uid: str, now: float) -> None:
        """The server confirmed that the object with ``uid`` is gone."""
        pending = self._pending.get(key)
        watched = self.get(key) if pending is None else pending.watched
        shown = self.get(key)
        if shown is not None and shown.uid != uid:
            return  # the answer is late: another has taken its place
        if uid in self._seen:
            if pending is not None:
                self._settle(key)
            return
        self._record(key, _Pending(watched, None, uid, "", 0, True, self._next(), now))

    # --- inside -----------------------------------------------------------------------------------------------------

    def _pack(self, wire: WireObject) -> StoredObject:
        namespace = wire.meta.namespace
        home = self._homes.get(namespace)
        if home is None:
            home = self._homes[namespace] = Home(self._kind, namespace)
        return pack(wire, home, identity_only=self._keep is not None and not self._keep(wire))

    def _next(self) -> int:
        self._writes += 1
        return self._writes

    def _record(self, key: ObjectKey, pending: _Pending) -> None:
        self._pending[key] = pending
        self._show(self.get(key), pending.shown)

    def _upsert_below(self, pending: _Pending, stored: StoredObject) -> Change | None:
        """An event for an object that we wrote: it changes the watched view, and the shown one if it is not older."""
        old, pending.watched = pending.watched, stored
        if self._catches_up(pending, old, stored):
            self._settle(stored.key)
        if old is not None and old.identity == stored.identity:
            return None
        return Change(old, stored)

    def _catches_up(self, pending: _Pending, old: StoredObject | None, stored: StoredObject) -> bool:
        uid = stored.uid
        if not pending.version:  # we deleted it: another uid is another object, unless it is the one before ours
            if uid == pending.uid:
                return stored.deletion_timestamp is not None
            return old is None or old.uid != uid
        if self._comparable():
            newer = not_older(stored.resource_version, pending.version)
            if newer is not None:
                return newer
        if uid != pending.uid:
            return False
        return stored.resource_version == pending.version or stored.generation > pending.generation > 0

    def _ends(self, pending: _Pending, version: str) -> bool:
        """Whether a deletion at ``version``, of the uid that we wrote, is the end of it rather than a state
        before our write.

        A watch with a selector tells of an object that stopped matching as of a deletion, and we may have
        restored it since.
        """
        if not pending.version:
            return True
        if self._is_older(version, pending.version):
            return False
        return pending.shown is None or pending.ends or not self._selective

    def _outlives(self, pending: _Pending, version: str, ends: bool) -> bool:
        """Whether an answer for the same uid at ``version``, which came later, was given before ``pending``."""
        return self._is_older(version, pending.version) if pending.version else not ends

    def _is_older(self, version: str, than: str) -> bool:
        return self._comparable() and not_older(version, than) is False

    def _has_passed(
        self, namespace: str, version: str, watched: StoredObject | None, uid: str, generation: int
    ) -> bool:
        """Whether the watch has shown ``version`` of an object, or a newer one, already."""
        if watched is not None and watched.uid == uid and watched.generation > generation > 0:
            return True
        if watched is not None and watched.resource_version == version:
            return True
        if not self._comparable():
            return version in self._seen
        if watched is not None and not_older(watched.resource_version, version):
            return True
        return any(not_older(self._passed[scope], version) for scope in ("", namespace) if scope in self._passed)

    def _advance(self, scope: str, version: str) -> None:
        """The watch of ``scope`` has passed ``version``: own writes up to it have been shown, or replaced."""
        self._passed[scope] = version
        if self._pending and self._comparable():
            for key, pending in list(self._pending.items()):
                if scope in ("", key.namespace) and pending.version and not_older(version, pending.version):
                    self._settle(key)

    def _settle(self, key: ObjectKey) -> None:
        """Shows again what the watch says."""
        pending = self._pending.pop(key)
        if pending.watched is not pending.shown:
            self._show(pending.shown, pending.watched)

    def _show(self, old: StoredObject | None, new: StoredObject | None) -> None:
        """Replaces ``old`` by ``new`` in the shown view and in every index."""
        if new is not None:
            namespace = new.home.namespace
            objects = self._objects.get(namespace)
            if objects is None:
                objects = self._objects[namespace] = {}
            objects[new.name] = new
            if old is None:
                self._count += 1
        elif old is not None:
            objects = self._objects[old.home.namespace]
            del objects[old.name]
            self._count -= 1
            if not objects:
                del self._objects[old.home.namespace]
                self._homes.pop(old.home.namespace, None)
        if self._indexes:
            for index in self._indexes.values():
                index.change(old, new)
