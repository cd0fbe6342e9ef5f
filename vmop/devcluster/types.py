"""The seam to the schema library: which type a served resource has, what is asked of it, and its errors as answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from vmop.devcluster import schema
from vmop.devcluster.jsonpath import json_path
from vmop.devcluster.registry import Served
from vmop.devcluster.status import Cause, Manifest, StatusError, bad_request

_STATUS = schema.FieldSet([("f:status",)])
_ALL_BUT_STATUS = schema.FieldSet([("f:spec",), ("f:metadata",)])
_SPEC = schema.FieldSet([("f:spec",)])
_BUILTIN_STATUS = {
    "deployments": schema.FieldSet([("f:spec",), ("f:metadata", "f:labels")]),
    "pods": schema.FieldSet([("f:spec",), ("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:ownerReferences")]),
}
_PRESERVED: Manifest = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _reset_fields(served: Served, subresource: str) -> schema.FieldSet | None:
    """Fields that this endpoint ignores, and which therefore no write through it owns."""
    if not served.has_status:
        return None
    if subresource == "status":
        return _ALL_BUT_STATUS if served.is_custom else _BUILTIN_STATUS.get(served.plural, _SPEC)
    return _STATUS


def _negative_replicas(served: Served, obj: Manifest) -> Iterator[schema.Cause]:
    """What the scale subresource asks of a custom object."""
    for name in ("specReplicasPath", "statusReplicasPath"):
        path = (served.scale or {}).get(name, "")
        for value in json_path(obj, path) if path else ():
            if isinstance(value, int) and value < 0:
                message = f"Invalid value: {value}: should be a non-negative integer"
                yield schema.Cause("FieldValueInvalid", message, path)


@contextmanager
def _answered() -> Iterator[None]:
    """The library's errors as the API server answers them."""
    try:
        yield
    except schema.ApplyConflict as error:
        details = {"causes": error.causes}
        raise StatusError(409, "Conflict", str(error), details=details) from None
    except schema.InvalidApply as error:
        raise bad_request(str(error)) from None
    except schema.UntypedApply as error:
        raise StatusError(500, "", str(error)) from None
    except schema.InvalidPatch as error:
        raise bad_request(str(error)) from None


class Schemas:
    """Types by served resource, made once; and what the schema library does with them."""

    def __init__(self) -> None:
        self._custom: dict[tuple[str, str, str], tuple[Manifest, schema.Type]] = {}

    def type_of(self, served: Served) -> schema.Type:
        """The type of a resource; one without a schema takes anything."""
        if served.crd is None:
            return schema.builtin_type(served.group, served.version, served.kind) or schema.crd_type(_PRESERVED)
        name = (served.group, served.version, served.plural)
        known = self._custom.get(name)
        if known is not None and known[0] is served.crd:
            return known[1]
        declared = (served.crd.get("schema") or {}).get("openAPIV3Schema") or _PRESERVED
        type_ = schema.crd_type(declared)
        self._custom[name] = (served.crd, type_)
        return type_

    def convert(self, served: Served, obj: Manifest) -> Manifest:
        """A stored custom object in another version of its resource, which may know fewer fields."""
        return schema.prune(self.type_of(served), obj | {"apiVersion": served.api_version})

    def check_decodable(self, served: Served, obj: Manifest) -> str:
        """Why the object cannot be decoded into its type; empty when it can."""
        try:
            schema.check_decodable(self.type_of(served), obj)
        except schema.Undecodable as error:
            return str(error)
        return ""

    def decode(self, served: Served, obj: Manifest, *, applied: bool = False) -> Manifest:
        """A new object in the stored form: without what the schema lacks, with what it defaults.

        `applied`: it comes from `apply`, which knows all its fields, and whose nulls are errors to be told.
        """
        place = self.type_of(served)
        return schema.apply_defaults(place, obj if applied else schema.prune(place, obj))

    def unknown_fields(self, served: Served, obj: Manifest) -> list[str]:
        """Paths of fields that the schema lacks."""
        return schema.unknown_fields(self.type_of(served), obj)

    def validate(self, served: Served, obj: Manifest, old: Manifest | None) -> list[Cause]:
        """What is wrong with the object."""
        causes = [*schema.validate_metadata(obj, old, custom=served.is_custom)]
        causes += schema.validate(self.type_of(served), obj, old)
        if served.is_custom:
            causes += _negative_replicas(served, obj)
        return [Cause(cause.reason, cause.message, cause.field) for cause in causes]

    def merge_patch(self, live: Manifest, patch: Manifest) -> Manifest:
        """RFC 7386."""
        merged: Manifest = schema.merge_patch(live, patch)
        return merged

    def strategic_merge(self, served: Served, live: Manifest, patch: Manifest) -> Manifest:
        with _answered():
            return schema.strategic_merge(self.type_of(served), live, patch)

    def apply(
        self,
        served: Served,
        live: Manifest | None,
        applied: Manifest,
        manager: str,
        *,
        force: bool,
        now: datetime,
        subresource: str = "",
    ) -> Manifest:
        """Server-side apply; 409 on conflicts, 500 on what has no typed form (repeated keys, unknown fields)."""
        with _answered():
            return schema.apply(
                self.type_of(served),
                live,
                applied,
                manager,
                force=force,
                now=now,
                subresource=subresource,
                ignored=_reset_fields(served, subresource),
            )

    def track(
        self, served: Served, old: Manifest | None, new: Manifest, manager: str, *, subresource: str, now: datetime
    ) -> Manifest:
        """`new` with its managed fields after a create, update or patch."""
        place = self.type_of(served)
        ignored = _reset_fields(served, subresource)
        try:
            tracked = schema.track_update(place, old, new, manager, "Update", subresource, now, ignored=ignored)
        except ValueError:
            return new  # an item of a list map without its keys: validation says so
        if subresource == "scale":
            for entry in tracked["metadata"]["managedFields"]:
                if entry.get("subresource") == "scale":
                    entry.pop("time", None)  # the real server forgets it
        return tracked
