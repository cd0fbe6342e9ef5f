"""What the store holds: an object as a few bytes, unpacked on demand.

An operator's caches hold many objects and look at few of them, so an entry is made to be small. Name, identity (uid,
resource version and generation, packed) and labels are kept ready, all else is one piece of JSON. What is
decoded of it goes through a bounded cache shared by all stores of a factory.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from vmop.informers.versions import is_comparable
from vmop.kube import Manifest, ObjectKey, Resource
from vmop.kube.wire import WireObject, decode, decode_object, encode

_BODY: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_NO_NAMES: Final[tuple[str, ...]] = ()
_CANONICAL: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
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


class Kind:
    """What all objects of one store have in common: kept once, not with each object."""

    __slots__ = ("decoded", "label_names", "number", "prefixes", "resource")

    def __init__(self, resource: Resource, decoded: DecodedCache, number: int) -> None:
        self.resource = resource
        self.decoded = decoded
        self.number = number
        self.label_names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.prefixes: dict[str, bytes] = {}

    def prefix(self, field: str) -> bytes:
        """What stands before the value of ``field`` in a JSON object of which it is not the first."""
        prefix = self.prefixes.get(field)
        if prefix is None:
            prefix = self.prefixes[field] = b"," + encode(field) + b":"
        return prefix


class Home:
    """What the objects of one store and namespace have in common."""

    __slots__ = ("kind", "namespace")

    def __init__(self, kind: Kind, namespace: str) -> None:
        self.kind = kind
        self.namespace = namespace


class StoredObject(msgspec.Struct, frozen=True, gc=False, eq=False):
    """An object in a store: immutable and compact. It equals only itself.

    A struct without garbage collection, because entries are many and never part of a cycle. ``body`` is empty
    where the store was told to keep only the identity (:func:`vmop.informers.transforms.identity_unless`):
    then labels, annotations and fields look empty. What ``metadata``, ``annotations`` and :meth:`get` return
    is shared: do not change it.
    """

    name: str
    identity: bytes
    home: Home
    label_names: tuple[str, ...]
    label_values: str
    body: bytes

    @property
    def resource(self) -> Resource:
        return self.home.kind.resource

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
        return _unpack_generation(self.identity)

    @property
    def is_complete(self) -> bool:
        """Whether the store kept more than the identity."""
        return bool(self.body)

    @property
    def labels(self) -> Mapping[str, str]:
        if not self.label_names:
            return _NOTHING
        return dict(zip(self.label_names, self.label_values.split("\0"), strict=True))

    def label(self, name: str) -> str | None:
        """The value of one label, without making a mapping of all."""
        names = self.label_names
        return self.label_values.split("\0")[names.index(name)] if name in names else None

    @property
    def annotations(self) -> Mapping[str, str]:
        annotations: Mapping[str, str] = self.metadata.get("annotations") or _NOTHING
        return annotations

    @property
    def deletion_timestamp(self) -> str | None:
        """When its deletion began (RFC 3339), or ``None``."""
        if b'"deletionTimestamp"' not in self.body:
            return None
        timestamp: str | None = self.metadata.get("deletionTimestamp")
        return timestamp

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata as in the manifest, ``managedFields`` reduced as the wire decoder says."""
        kind = self.home.kind
        key = (kind.number, self.name, self.identity, "metadata")
        known = kind.decoded.get(key)
        if known is None:
            raw = self._raw("metadata")
            known = MappingProxyType(self._metadata(decode(raw) if raw else {}))
            kind.decoded.put(key, known, 256 + len(raw or b""))
        result: Mapping[str, Any] = known
        return result

    def raw(self, field: str) -> bytes | None:
        """The JSON of a top-level field other than metadata; ``None`` when it is absent."""
        return None if field == "metadata" else self._raw(field)

    def get(self, field: str, default: Any = None) -> Any:
        """The decoded top-level field (``spec``, ``status``, ``data``, …), or ``default``."""
        match field:
            case "metadata":
                return self.metadata
            case "apiVersion":
                return self.resource.api_version
            case "kind":
                return self.resource.kind
        kind = self.home.kind
        key = (kind.number, self.name, self.identity, field)
        value = kind.decoded.get(key)
        if value is None:
            raw = self._raw(field)
            if raw is None:
                return default
            value = decode(raw)
            kind.decoded.put(key, value, len(raw))
        return value

    def manifest(self) -> Manifest:
        """The whole object, decoded afresh: the caller may change it."""
        body: Manifest = decode(self.body) if self.body else {}
        return {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            **body,
            "metadata": self._metadata(body.get("metadata", {})),
        }

    def _raw(self, field: str) -> bytes | None:
        if not self.body:
            return None
        raw = _BODY.decode(self.body).get(field)
        return None if raw is None else bytes(raw)

    def _metadata(self, rest: Manifest) -> Manifest:
        metadata: Manifest = {"name": self.name}
        for name, value in (
            ("namespace", self.namespace),
            ("uid", self.uid),
            ("resourceVersion", self.resource_version),
            ("generation", self.generation),
            ("labels", dict(self.labels)),
        ):
            if value:
                metadata[name] = value
        return metadata | rest

    def __repr__(self) -> str:
        return f"StoredObject({self.resource} {self.key}, resourceVersion={self.resource_version})"


def pack(wire: WireObject, home: Home, *, identity_only: bool = False) -> StoredObject:
    """The compact form of ``wire``, which is used up: its metadata is emptied on the way."""
    meta, kind = wire.meta, home.kind
    name = meta.name
    identity = _pack_identity(meta.uid, meta.resource_version, meta.generation)
    if identity_only:
        return StoredObject(name, identity, home, _NO_NAMES, "", b"")
    names, values = _NO_NAMES, ""
    if meta.labels:
        names = tuple(meta.labels)
        names = kind.label_names.setdefault(names, names)
        values = "\0".join(meta.labels.values())
    meta.name = meta.namespace = meta.uid = meta.resource_version = ""
    meta.generation = 0
    meta.labels = None
    parts = [b'{"metadata":', encode(meta)]
    for field, raw in wire.fields.items():
        if field != "apiVersion" and field != "kind":
            parts.append(kind.prefix(field))
            parts.append(raw)
    parts.append(b"}")
    return StoredObject(name, identity, home, names, values, b"".join(parts))


def stored_object(resource: Resource, manifest: Manifest) -> StoredObject:
    """A manifest in the form in which listers give it, for callers that have no store: tests, mostly."""
    home = Home(Kind(resource, DecodedCache(), 0), manifest["metadata"].get("namespace", ""))
    return pack(decode_object(encode(manifest)), home)


def _pack_identity(uid: str, version: str, generation: int) -> bytes:
    """A canonical UUID and a decimal version take 31 bytes instead of two strings; anything else is kept as text."""
    if _CANONICAL(uid) and is_comparable(version) and len(version) < 19 and generation < 1 << 48:
        return _PACKED + bytes.fromhex(uid.replace("-", "")) + int(version).to_bytes(8) + generation.to_bytes(6)
    return _PLAIN + f"{uid}\n{version}\n{generation}".encode()


def _unpack_uid(identity: bytes) -> str:
    if identity[:1] != _PACKED:
        return identity[1:].decode().split("\n")[0]
    text = identity[1:17].hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _unpack_version(identity: bytes) -> str:
    if identity[:1] != _PACKED:
        return identity[1:].decode().split("\n")[1]
    return str(int.from_bytes(identity[17:25]))


def _unpack_generation(identity: bytes) -> int:
    return int.from_bytes(identity[25:]) if identity[:1] == _PACKED else int(identity[1:].decode().split("\n")[2])
