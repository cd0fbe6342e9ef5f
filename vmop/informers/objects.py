"""What the store holds: an object as a few bytes, unpacked on demand.

An operator's caches hold many objects and look at few of them, so an entry is made to be small. Name,
identity (uid and resource version, packed), generation and labels are kept ready; the rest of the metadata is
one piece of JSON, every other top-level field another. What is decoded goes through a bounded cache shared by
all stores of a factory.
"""

import sys
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from vmop.kube import Manifest, ObjectKey, Resource
from vmop.kube.wire import WireMetadata, WireObject, decode, encode

_METADATA: Final = msgspec.json.Decoder(WireMetadata)
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_PACKED: Final = b"\1"
_PLAIN: Final = b"\0"


class DecodedCache:
    """The most recently used decoded fields, bounded by the size of their JSON.

    ``max_bytes`` counts JSON; decoded, it takes about five times that. A field bigger than a quarter of it is
    decoded anew each time.
    """

    def __init__(self, max_bytes: int = 4 << 20) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[tuple[int, str, bytes, str], tuple[Any, int]] = OrderedDict()

    def get(self, key: tuple[int, str, bytes, str]) -> Any:
        """What was put under ``key``; ``None`` when it was never there or had to go."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: tuple[int, str, bytes, str], value: Any, size: int) -> None:
        if size > self._max_bytes // 4:
            return
        replaced = self._entries.pop(key, None)
        if replaced is not None:
            self._bytes -= replaced[1]
        self._entries[key] = (value, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._bytes -= self._entries.popitem(last=False)[1][1]

    def __len__(self) -> int:
        return len(self._entries)


class Home:
    """What all objects of one store and namespace have in common: kept once, not with each object."""

    __slots__ = ("decoded", "namespace", "resource", "store_number")

    def __init__(self, resource: Resource, namespace: str, decoded: DecodedCache, store_number: int) -> None:
        self.resource = resource
        self.namespace = namespace
        self.decoded = decoded
        self.store_number = store_number


class _Content(msgspec.Struct, frozen=True, gc=False):
    """All that an object is beyond its identity. ``labels`` and ``fields`` alternate names and values."""

    generation: int
    labels: tuple[str, ...]
    metadata: bytes
    fields: tuple[Any, ...]


class StoredObject(msgspec.Struct, frozen=True, gc=False, eq=False):
    """An object in a store: immutable and compact. It equals only itself.

    A struct without garbage collection, because entries are many and never part of a cycle. ``content`` is
    ``None`` where the store was told to keep only the identity
    (:func:`vmop.informers.transforms.identity_unless`): then labels, annotations and fields look empty. What
    ``metadata``, ``annotations`` and :meth:`get` return is shared: do not change it.
    """

    name: str
    identity: bytes
    home: Home
    content: _Content | None

    @property
    def resource(self) -> Resource:
        return self.home.resource

    @property
    def namespace(self) -> str:
        return self.home.namespace

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.home.namespace, self.name)

    @property
    def uid(self) -> str:
        return _unpack_uid(self.identity)

    @property
    def resource_version(self) -> str:
        return _unpack_version(self.identity)

    @property
    def generation(self) -> int:
        """``metadata.generation``; 0 for kinds that have none."""
        return 0 if self.content is None else self.content.generation

    @property
    def is_complete(self) -> bool:
        """Whether the store kept more than the identity."""
        return self.content is not None

    @property
    def labels(self) -> Mapping[str, str]:
        if self.content is None:
            return _NOTHING
        labels = self.content.labels
        return dict(zip(labels[::2], labels[1::2], strict=True))

    def label(self, name: str) -> str | None:
        """The value of one label, without making a mapping of all."""
        if self.content is None:
            return None
        labels = self.content.labels
        for index in range(0, len(labels), 2):
            if labels[index] == name:
                value: str = labels[index + 1]
                return value
        return None

    @property
    def annotations(self) -> Mapping[str, str]:
        annotations: Mapping[str, str] = self.metadata.get("annotations") or _NOTHING
        return annotations

    @property
    def deletion_timestamp(self) -> str | None:
        """When its deletion began (RFC 3339), or ``None``."""
        if self.content is None or b'"deletionTimestamp"' not in self.content.metadata:
            return None
        timestamp: str | None = self.metadata.get("deletionTimestamp")
        return timestamp

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata as in the manifest, ``managedFields`` reduced as the wire decoder says."""
        home = self.home
        key = (home.store_number, self.name, self.identity, "metadata")
        known = home.decoded.get(key)
        if known is None:
            known = MappingProxyType(self._decode_metadata())
            home.decoded.put(key, known, 64 if self.content is None else 64 + len(self.content.metadata))
        result: Mapping[str, Any] = known
        return result

    def raw(self, field: str) -> bytes | None:
        """The JSON of a top-level field other than metadata; ``None`` when it is absent."""
        if self.content is None:
            return None
        fields = self.content.fields
        for index in range(0, len(fields), 2):
            if fields[index] == field:
                value: bytes = fields[index + 1]
                return value
        return None

    def get(self, field: str, default: Any = None) -> Any:
        """The decoded top-level field (``spec``, ``status``, ``data``, …), or ``default``."""
        if field == "metadata":
            return self.metadata
        raw = self.raw(field)
        if raw is None:
            match field:
                case "apiVersion":
                    return self.resource.api_version
                case "kind":
                    return self.resource.kind
                case _:
                    return default
        home = self.home
        key = (home.store_number, self.name, self.identity, field)
        value = home.decoded.get(key)
        if value is None:
            value = decode(raw)
            home.decoded.put(key, value, len(raw))
        return value

    def manifest(self) -> Manifest:
        """The whole object, decoded afresh: the caller may change it."""
        manifest: Manifest = {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "metadata": self._decode_metadata(),
        }
        if self.content is not None:
            fields = self.content.fields
            for index in range(0, len(fields), 2):
                manifest[fields[index]] = decode(fields[index + 1])
        return manifest

    def _decode_metadata(self) -> Manifest:
        meta = WireMetadata() if self.content is None else _METADATA.decode(self.content.metadata)
        meta.name = self.name
        meta.namespace = self.home.namespace
        meta.uid = self.uid
        meta.resource_version = self.resource_version
        meta.generation = self.generation
        if self.content is not None and self.content.labels:
            meta.labels = dict(self.labels)
        result: Manifest = msgspec.to_builtins(meta)
        return result

    def __repr__(self) -> str:
        return f"StoredObject({self.resource} {self.key}, resourceVersion={self.resource_version})"


def pack(wire: WireObject, home: Home, *, identity_only: bool = False) -> StoredObject:
    """The compact form of ``wire``, which is used up: its metadata is emptied on the way."""
    meta = wire.meta
    name = meta.name
    identity = _pack_identity(meta.uid, meta.resource_version)
    if identity_only:
        return StoredObject(name, identity, home, None)
    intern = sys.intern
    labels: list[str] = []
    if meta.labels:
        for label, value in meta.labels.items():
            labels.append(intern(label))
            labels.append(intern(value))
    generation = meta.generation
    meta.name = meta.namespace = meta.uid = meta.resource_version = ""
    meta.generation = 0
    meta.labels = None
    fields: list[Any] = []
    for field, raw in wire.fields.items():
        if field != "apiVersion" and field != "kind":
            fields.append(intern(field))
            fields.append(raw)
    return StoredObject(name, identity, home, _Content(generation, tuple(labels), encode(meta), tuple(fields)))


def _pack_identity(uid: str, version: str) -> bytes:
    """A canonical UUID and a decimal version take 25 bytes instead of two strings; anything else is kept as text."""
    if len(uid) == 36 and version.isascii() and version.isdigit() and version[0] != "0" and len(version) < 19:
        try:
            number = bytes.fromhex(uid.replace("-", ""))
        except ValueError:
            number = b""
        if len(number) == 16 and _uuid_text(number) == uid:
            return _PACKED + number + int(version).to_bytes(8)
    return _PLAIN + f"{uid}\n{version}".encode()


def _unpack_uid(identity: bytes) -> str:
    return _uuid_text(identity[1:17]) if identity[:1] == _PACKED else identity[1:].decode().partition("\n")[0]


def _unpack_version(identity: bytes) -> str:
    return str(int.from_bytes(identity[17:])) if identity[:1] == _PACKED else identity[1:].decode().partition("\n")[2]


def _uuid_text(number: bytes) -> str:
    text = number.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
