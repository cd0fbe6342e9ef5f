"""What the Applier sees and says: objects of a cache or an answer, its errors, its report."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import attrs

from vmop.kube.resources import Manifest, ObjectKey, Resource, key_of


class CachedObject(Protocol):
    """An object as a cache holds it: metadata at hand, the rest decoded by :meth:`manifest` on demand."""

    @property
    def key(self) -> ObjectKey: ...
    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...
    @property
    def generation(self) -> int:
        """0 for kinds without one."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any]:
        """``managedFields`` may be reduced to the newest change by another manager."""
        ...

    def manifest(self) -> Manifest: ...


class ObjectCache(Protocol):
    """What the Applier decides from, and tells of its writes (read your writes, ``00-writing.md`` §7)."""

    def is_cached(self, resource: Resource) -> bool:
        """Whether objects of ``resource`` are watched and the first list is in."""
        ...

    def cached(self, resource: Resource, key: ObjectKey) -> CachedObject | None:
        """The object; ``None`` when it is known to be absent, or the resource is not cached."""
        ...

    def record_write(self, resource: Resource, manifest: Manifest) -> None:
        """Never show an older version than ``manifest``, the server's answer to a write, from now on."""
        ...

    def record_delete(self, resource: Resource, key: ObjectKey, uid: str) -> None:
        """Do not show the object with ``uid`` any more."""
        ...


class ApplyError(Exception):
    """An object that may not be written as it is. Nothing was sent."""


class OwnedByAnother(ApplyError):
    """The object belongs to another owner. Report it, retry with backoff and when that object changes."""


class BeingRemoved(ApplyError):
    """The object has a ``deletionTimestamp``. Retry when it is gone."""


@attrs.frozen
class Answer:
    """A manifest that we have at hand, seen as a cached object."""

    _manifest: Manifest = attrs.field(repr=False)

    @property
    def key(self) -> ObjectKey:
        return key_of(self._manifest)

    @property
    def metadata(self) -> Mapping[str, Any]:
        metadata: Mapping[str, Any] = self._manifest["metadata"]
        return metadata

    @property
    def uid(self) -> str:
        return str(self.metadata.get("uid") or "")

    @property
    def resource_version(self) -> str:
        return str(self.metadata.get("resourceVersion") or "")

    @property
    def generation(self) -> int:
        return int(self.metadata.get("generation") or 0)

    def manifest(self) -> Manifest:
        return self._manifest


@attrs.frozen
class Applied:
    """What an apply came to: ``reason`` says in a few words why."""

    action: Literal["created", "updated", "unchanged"]
    reason: str
    seen: CachedObject = attrs.field(repr=False)

    @property
    def object(self) -> Manifest:
        """The object: the server's answer, or the cached one, decoded only when asked for."""
        return self.seen.manifest()

    @property
    def generation(self) -> int:
        """The generation that a controller must have observed; 0 for kinds without one."""
        return self.seen.generation


def see(obj: CachedObject | Manifest) -> CachedObject:
    """``obj`` as a cached object, whichever of both it is."""
    return Answer(obj) if isinstance(obj, dict) else obj
