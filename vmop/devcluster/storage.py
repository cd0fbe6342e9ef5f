"""What the API server remembers: objects by resource, one global increasing version, and a window of past events.

An object is stored once and never changed in place: a write replaces it. Its JSON is made once, when somebody first
asks, and shared by every answer and every watch. The window of events serves three needs: a watch that resumes, a
list at an earlier version (the later pages of a paged list), and 410 for whatever is older than the window
(`compact`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from vmop.devcluster.status import Manifest

EventType: TypeAlias = Literal["ADDED", "MODIFIED", "DELETED"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class GroupResource(NamedTuple):
    """Under what objects are stored: all served versions of a resource share it."""

    group: str
    plural: str

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


class StoredKey(NamedTuple):
    """Namespace (empty for cluster-scoped) and name; sorts as etcd does."""

    namespace: str
    name: str


class Stored:
    """An object at one version. Nobody changes `object`; `fresh()` gives a copy to change."""

    __slots__ = ("_item", "_raw", "key", "object", "resource", "uid", "version")

    def __init__(self, resource: GroupResource, key: StoredKey, obj: Manifest, version: int) -> None:
        self.resource = resource
        self.key = key
        self.object = obj
        self.uid: str = obj["metadata"]["uid"]
        self.version = version
        self._raw: bytes | None = None
        self._item: bytes | None = None

    @property
    def raw(self) -> bytes:
        """The object as JSON."""
        if self._raw is None:
            self._raw = _encode(self.object)
        return self._raw

    @property
    def raw_item(self) -> bytes:
        """The object as JSON without kind and version."""
        if self._item is None:
            self._item = _encode({key: one for key, one in self.object.items() if key not in ("kind", "apiVersion")})
        return self._item

    @property
    def metadata(self) -> Manifest:
        metadata: Manifest = self.object["metadata"]
        return metadata

    def fresh(self) -> Manifest:
        """A copy that belongs to the caller."""
        copy: Manifest = _decode(self.raw)
        return copy


class StorageEvent:
    """A change: what was (`old`), what is (`new`; for a deletion the last state with the version of the deletion)."""

    __slots__ = ("lines", "new", "old", "type", "version")

    def __init__(self, type_: EventType, old: Stored | None, new: Stored) -> None:
        self.type: EventType = type_
        self.old = old
        self.new = new
        self.version = new.version
        self.lines: dict[object, bytes] = {}  # encoded watch lines by representation: made once for all watches


class VersionExpired(Exception):
    """The version asked for lies before the window of events."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")
        self.asked = asked
        self.oldest = oldest


class Subscription:
    """Events in the order of their versions, from a version on. Close it, or use it as a context manager."""

    def __init__(self, leave: Callable[["Subscription"], None], events: Iterable[StorageEvent] = ()) -> None:
        self._leave = leave
        self._pending: deque[StorageEvent] = deque(events)
        self._wake = asyncio.Event()
        self.closed = False
        if self._pending:
            self._wake.set()

    def push(self, event: StorageEvent) -> None:
        self._pending.append(event)
        self._wake.set()

    def take(self) -> list[StorageEvent]:
        """What has happened since the last call."""
        taken = list(self._pending)
        self._pending.clear()
        if not self.closed:
            self._wake.clear()
        return taken

    async def wait(self) -> None:
        """Return once there are events, or the subscription was closed."""
        await self._wake.wait()

    def close(self) -> None:
        self.closed = True
        self._wake.set()
        self._leave(self)

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Bucket:
    """Objects of one resource, the window of their events, and who watches them."""

    __slots__ = ("floor", "history", "objects", "ordered", "subscriptions")

    def __init__(self, floor: int) -> None:
        self.objects: dict[StoredKey, Stored] = {}
        self.ordered: list[StoredKey] | None = []
        self.history: deque[StorageEvent] = deque()
        self.floor = floor  # events up to this version are forgotten
        self.subscriptions: set[Subscription] = set()


class Storage:
    """All objects. `window` bounds how many events of a resource are remembered."""

    def __init__(self, *, window: int = 10_000) -> None:
        self._window = window
        self._buckets: dict[GroupResource, _Bucket] = {}
        self._firehoses: set[Subscription] = set()
        self._by_uid: dict[str, Stored] = {}
        self._floor = 0
        self.version = 1

    # Reading

    def get(self, resource: GroupResource, key: StoredKey) -> Stored | None:
        bucket = self._buckets.get(resource)
        return bucket.objects.get(key) if bucket else None

    def by_uid(self, uid: str) -> Stored | None:
        """The object of this uid, of whatever resource."""
        return self._by_uid.get(uid)

    def resources(self) -> list[GroupResource]:
        """Resources that have, or had, objects."""
        return list(self._buckets)

    def count(self, resource: GroupResource) -> int:
        bucket = self._buckets.get(resource)
        return len(bucket.objects) if bucket else 0

    def objects(self, resource: GroupResource, namespace: str = "") -> list[Stored]:
        """Present objects, ordered by namespace and name."""
        bucket = self._buckets.get(resource)
        if bucket is None:
            return []
        if bucket.ordered is None:
            bucket.ordered = sorted(bucket.objects)
        objects = bucket.objects
        if not namespace:
            return [objects[key] for key in bucket.ordered]
        return [objects[key] for key in bucket.ordered if key.namespace == namespace]

    def list_at(self, resource: GroupResource, version: int, namespace: str = "") -> list[Stored]:
        """Objects as they were at `version`; raises `VersionExpired` when that is before the window."""
        bucket = self._bucket(resource)
        if version < bucket.floor:
            raise VersionExpired(version, bucket.floor)
        objects = dict(bucket.objects)
        for event in reversed(bucket.history):
            if event.version <= version:
                break
            if event.old is None:
                objects.pop(event.new.key, None)
            else:
                objects[event.old.key] = event.old
        return [objects[key] for key in sorted(objects) if not namespace or key.namespace == namespace]

    # Writing

    def put(self, resource: GroupResource, key: StoredKey, obj: Manifest) -> Stored:
        """Store `obj` (kept, not copied) at the next version, which is written into its metadata."""
        bucket = self._bucket(resource)
        old = bucket.objects.get(key)
        new = Stored(resource, key, obj, self._advance(obj))
        bucket.objects[key] = new
        self._by_uid[new.uid] = new
        if old is None:
            bucket.ordered = None
        self._publish(bucket, StorageEvent("ADDED" if old is None else "MODIFIED", old, new))
        return new

    def remove(self, resource: GroupResource, key: StoredKey) -> Stored:
        """Delete; the result is the last state with the version of the deletion. `KeyError` when absent."""
        bucket = self._bucket(resource)
        old = bucket.objects.pop(key)
        bucket.ordered = None
        self._by_uid.pop(old.uid, None)
        last = old.object | {"metadata": dict(old.metadata)}
        new = Stored(resource, key, last, self._advance(last))
        self._publish(bucket, StorageEvent("DELETED", old, new))
        return new

    def begin(self, resource: GroupResource) -> None:
        """From now on there is such a resource: it has no past to watch."""
        if resource not in self._buckets:
            self._buckets[resource] = _Bucket(self.version)

    def compact(self) -> None:
        """Forget all past events: a watch or a list from an earlier version is told 410."""
        self._floor = self.version
        for bucket in self._buckets.values():
            bucket.history.clear()
            bucket.floor = self.version

    # Watching

    def subscribe(self, resource: GroupResource, since: int) -> Subscription:
        """Events of `resource` after version `since`; raises `VersionExpired` when they are not all remembered."""
        bucket = self._bucket(resource)
        if since < bucket.floor:
            raise VersionExpired(since, bucket.floor)
        subscription = Subscription(bucket.subscriptions.discard, self._since(bucket, since))
        bucket.subscriptions.add(subscription)
        return subscription

    def firehose(self) -> Subscription:
        """Every event of every resource from now on."""
        subscription = Subscription(self._firehoses.discard)
        self._firehoses.add(subscription)
        return subscription

    def close(self) -> None:
        """End all subscriptions."""
        open_ones = [one for bucket in self._buckets.values() for one in bucket.subscriptions]
        for subscription in (*open_ones, *self._firehoses):
            subscription.close()

    # Inside

    def _bucket(self, resource: GroupResource) -> _Bucket:
        bucket = self._buckets.get(resource)
        if bucket is None:
            bucket = self._buckets[resource] = _Bucket(self._floor)
        return bucket

    def _advance(self, obj: Manifest) -> int:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        return self.version

    def _publish(self, bucket: _Bucket, event: StorageEvent) -> None:
        if len(bucket.history) >= self._window:
            bucket.floor = bucket.history.popleft().version
        bucket.history.append(event)
        for subscription in bucket.subscriptions:
            subscription.push(event)
        for subscription in self._firehoses:
            subscription.push(event)

    @staticmethod
    def _since(bucket: _Bucket, version: int) -> Iterator[StorageEvent]:
        missed: list[StorageEvent] = []
        for event in reversed(bucket.history):
            if event.version <= version:
                break
            missed.append(event)
        return reversed(missed)
