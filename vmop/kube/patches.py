"""The four ways to patch, each a value that knows its content type."""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import attrs

from vmop.kube.resources import Manifest

JsonPatchOp: TypeAlias = dict[str, Any]
"""One operation of RFC 6902: ``{"op": "test", "path": "/metadata/uid", "value": …}``."""


@attrs.frozen
class MergePatch:
    """RFC 7386: objects are merged, lists replaced, ``None`` removes a field. Sending it twice is the same as once."""

    content_type: ClassVar[str] = "application/merge-patch+json"
    idempotent: ClassVar[bool] = True
    body: Manifest = attrs.field(repr=False)


@attrs.frozen
class StrategicMergePatch:
    """Kubernetes' merge that knows list keys. Built-in kinds only: custom resources answer 415."""

    content_type: ClassVar[str] = "application/strategic-merge-patch+json"
    idempotent: ClassVar[bool] = True
    body: Manifest = attrs.field(repr=False)


@attrs.frozen
class JsonPatch:
    """RFC 6902: operations in order, all or none. Not repeated on its own: an ``add`` to a list would add twice."""

    content_type: ClassVar[str] = "application/json-patch+json"
    idempotent: ClassVar[bool] = False
    body: Sequence[JsonPatchOp] = attrs.field(repr=False)


@attrs.frozen
class ApplyPatch:
    """Server-side apply of a manifest: what this field manager wants, and all of it. Creates a missing object."""

    content_type: ClassVar[str] = "application/apply-patch+yaml"
    idempotent: ClassVar[bool] = True
    body: Manifest = attrs.field(repr=False)


Patch: TypeAlias = MergePatch | StrategicMergePatch | JsonPatch | ApplyPatch
