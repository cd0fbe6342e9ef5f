"""From bytes to objects, decoding no more than somebody asks for.

A watch line or a page of a list is split by msgspec into raw top-level fields. Only ``metadata`` is decoded, into a
compact struct; ``spec``, ``status``, ``data`` and the rest stay bytes until :meth:`WireObject.manifest` or a caller
wants them. Of ``managedFields``, half of what an object weighs, one entry is kept: the newest change of the object
itself (not of a subresource) by a manager that is not the reader. Of kubectl's last-applied annotation only that
there was one.
"""

from collections.abc import Collection, Mapping
from typing import Any

import attrs
import msgspec

from vmop.kube.resources import Manifest, ObjectKey, Resource

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
OUR_MANAGERS = frozenset({"vmop", "vmop-distributed", "vmop-metadata", "vmop-status"})
"""The field managers of ``00-writing.md`` §1; their own changes are not news to us."""


class _ManagedFields(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """An entry of ``managedFields`` without the fields it lists: msgspec skips them."""

    manager: str = ""
    operation: str = ""
    time: str = ""
    subresource: str = ""


class WireMetadata(msgspec.Struct, rename="camel", omit_defaults=True):
    """``ObjectMeta`` as a struct: a third of the memory of a dict. Absent fields are empty, zero or ``None``."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    self_link: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[dict[str, Any]] | None = None
    finalizers: list[str] | None = None
    managed_fields: list[_ManagedFields] | None = None

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.namespace, self.name)


class _Event(msgspec.Struct):
    type: str
    object: dict[str, msgspec.Raw]


class _SpecAndStatus(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """What most objects are. Read in one go, metadata included; an object with any other field is not read by it."""

    metadata: WireMetadata
    api_version: msgspec.Raw = msgspec.Raw()
    kind: msgspec.Raw = msgspec.Raw()
    spec: msgspec.Raw = msgspec.Raw()
    status: msgspec.Raw = msgspec.Raw()


class _PlainEvent(msgspec.Struct, gc=False):
    type: str
    object: _SpecAndStatus


class _PageMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_token: str = msgspec.field(name="continue", default="")
    remaining_item_count: int | None = None


class _Page(msgspec.Struct):
    metadata: _PageMetadata = msgspec.field(default_factory=_PageMetadata)
    items: list[msgspec.Raw] | None = None


_EVENT = msgspec.json.Decoder(_Event)
_PLAIN_EVENT = msgspec.json.Decoder(_PlainEvent)
_PAGE = msgspec.json.Decoder(_Page)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_METADATA = msgspec.json.Decoder(WireMetadata)
_ANY = msgspec.json.Decoder()
_ENCODE = msgspec.json.Encoder().encode


class WireObject:
    """An object as it came over the wire.

    ``meta`` is its metadata as a struct; ``fields`` holds every other top-level field as raw JSON (``apiVersion`` and
    ``kind`` too, where the server sent them).
    """

    __slots__ = ("_metadata", "fields", "meta")

    def __init__(self, meta: WireMetadata, fields: dict[str, bytes]) -> None:
        self.meta = meta
        self.fields: Mapping[str, bytes] = fields
        self._metadata: Manifest | None = None

    @property
    def key(self) -> ObjectKey:
        return self.meta.key

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Metadata as the JSON object of the manifest, made once on first use. Do not change it: use
        :meth:`manifest`.
        """
        if self._metadata is None:
            self._metadata = msgspec.to_builtins(self.meta)
        return self._metadata

    def manifest(self) -> Manifest:
        """The whole object, decoded afresh: the caller may change it."""
        fields = self.fields
        manifest: Manifest = {name: _ANY.decode(fields[name]) for name in ("apiVersion", "kind") if name in fields}
        manifest["metadata"] = msgspec.to_builtins(self.meta)
        for name, raw in fields.items():
            if name not in manifest:
                manifest[name] = _ANY.decode(raw)
        return manifest

    def __repr__(self) -> str:
        return f"WireObject({self.key}, resourceVersion={self.meta.resource_version})"


@attrs.frozen(slots=True)
class WatchEvent:
    """One change: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK``. A bookmark has only a resource version in its
    metadata.
    """

    type: str
    object: WireObject


@attrs.frozen
class WirePage:
    """A page of a list, with the resource version from which a watch may go on (the same on all pages of one list)."""

    items: list[WireObject]
    resource_version: str
    continue_token: str = ""
    remaining: int | None = None


class ObjectDecoder:
    """Decodes objects of one resource.

    It shares the bytes of ``apiVersion`` and ``kind`` among all objects, and fills them in where the server leaves
    them out (items of a list of a built-in kind). ``metadata_only`` drops what a server sends that does not know
    partial objects.
    """

    def __init__(
        self,
        resource: Resource | None = None,
        *,
        metadata_only: bool = False,
        own_managers: Collection[str] = OUR_MANAGERS,
    ) -> None:
        self._type = _type_fields(resource) if resource else {}
        self._metadata_only = metadata_only
        self._own_managers = own_managers
        self._plain = True

    def decode(self, raw: bytes | msgspec.Raw) -> WireObject:
        """The object in ``raw``. Raises :class:`msgspec.DecodeError` for what is no Kubernetes object."""
        return self._build(_OBJECT.decode(raw))

    def event(self, line: bytes) -> tuple[str, WireObject]:
        """Type and object of a watch line. An ``ERROR`` event has the fields of its ``Status``."""
        if self._type and self._plain:
            try:
                plain = _PLAIN_EVENT.decode(line)
            except msgspec.ValidationError:
                # other fields than spec and status: all objects of a kind are alike, so it is not tried again
                self._plain = False
            else:
                if plain.type != "ERROR":
                    return plain.type, self._build_plain(plain.object)
        event = _EVENT.decode(line)
        build = _PLAIN._build if event.type == "ERROR" else self._build
        return event.type, build(event.object)

    def _build_plain(self, plain: _SpecAndStatus) -> WireObject:
        meta = _reduced(plain.metadata, self._own_managers)
        fields = dict(self._type)
        if not self._metadata_only:
            if spec := bytes(plain.spec):
                fields["spec"] = spec
            if status := bytes(plain.status):
                fields["status"] = status
        return WireObject(meta, fields)

    def _build(self, raw: dict[str, msgspec.Raw]) -> WireObject:
        raw_metadata = raw.pop("metadata", None)
        meta = WireMetadata() if raw_metadata is None else _METADATA.decode(raw_metadata)
        _reduced(meta, self._own_managers)
        if self._metadata_only:
            return WireObject(meta, dict(self._type))
        if not self._type:
            return WireObject(meta, {name: bytes(value) for name, value in raw.items()})
        fields = dict(self._type)
        for name, value in raw.items():
            if name not in fields:
                fields[name] = bytes(value)
        return WireObject(meta, fields)

    def page(self, raw: bytes) -> tuple["_PageMetadata", list[msgspec.Raw]]:
        """The list's metadata and its items, not decoded yet: the caller decodes them in slices that do not hold up
        the loop.
        """
        page = _PAGE.decode(raw)
        return page.metadata, page.items or []


_PLAIN = ObjectDecoder()


def _type_fields(resource: Resource) -> dict[str, bytes]:
    return {"apiVersion": _ENCODE(resource.api_version), "kind": _ENCODE(resource.kind)}


def _reduced(meta: WireMetadata, own: Collection[str]) -> WireMetadata:
    """The metadata, changed in place to what is kept of managed fields and of the last-applied annotation."""
    if meta.managed_fields is not None:
        newest = _newest_foreign(meta.managed_fields, own)
        meta.managed_fields = None if newest is None else [newest]
    if meta.annotations is not None and LAST_APPLIED in meta.annotations:
        meta.annotations[LAST_APPLIED] = ""
    return meta


def _newest_foreign(entries: list[_ManagedFields], own: Collection[str]) -> _ManagedFields | None:
    """The newest change of the main resource by another manager. Times are RFC 3339 in UTC, so that text order is
    time order.
    """
    newest: _ManagedFields | None = None
    for entry in entries:
        if entry.subresource or entry.manager in own:
            continue
        if newest is None or entry.time > newest.time:
            newest = entry
    return newest


def decode_object(raw: bytes, resource: Resource | None = None) -> WireObject:
    """One object; see :class:`ObjectDecoder`."""
    return ObjectDecoder(resource).decode(raw)


class LineSplitter:
    """Cuts a byte stream into lines of any length, touching each byte a constant number of times."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that ``chunk`` completes, without their ends; empty lines are left out."""
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines and self._parts:
            self._parts.append(lines[0])
            lines[0] = b"".join(self._parts)
            self._parts.clear()
        if rest:
            self._parts.append(rest)
        return [line for line in lines if line and not line.isspace()]

    def flush(self) -> bytes:
        """What was left without a line end when the stream ended."""
        rest = b"".join(self._parts)
        self._parts.clear()
        return rest


def encode(value: Any) -> bytes:
    """``value`` as JSON bytes, keys in the order they have."""
    return _ENCODE(value)


def decode(raw: bytes) -> Any:
    """JSON bytes as plain Python values. Raises :class:`msgspec.DecodeError`."""
    return _ANY.decode(raw)
