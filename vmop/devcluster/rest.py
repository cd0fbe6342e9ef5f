"""The verbs, on manifests: what create, update, patch and delete do to an object, step by step as the API server
does.

HTTP is another room (`server`), and so are schemas (`types`) and what single kinds ask for (`strategies`).
Everything between reading the stored object and storing the new one happens without giving up the event loop,
except while a webhook is asked; therefore the stored object is compared again before it is replaced, and the write
is repeated on the newer one.
"""

import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import attrs
import msgspec

from vmop.devcluster import strategies
from vmop.devcluster.registry import Registry, Served
from vmop.devcluster.requests import Call
from vmop.devcluster.status import (
    Cause,
    Manifest,
    StatusError,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
    undecodable_patch,
)
from vmop.devcluster.storage import Storage, Stored, StoredKey
from vmop.devcluster.types import Schemas

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_SERVERS_OWN = ("selfLink", "deletionTimestamp", "deletionGracePeriodSeconds")
_LONGEST_NAME = 63  # of those that the server makes
_RETRIES = 10


class Admission(Protocol):
    """Asked before a write is stored; raises `StatusError` to refuse it."""

    async def review(self, call: Call, operation: str, new: Manifest | None, old: Manifest | None) -> None: ...


@attrs.frozen
class DeleteOptions:
    """The body of a delete."""

    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
    grace_seconds: int | None = None
    dry_run: bool = False

    @classmethod
    def parse(cls, body: Manifest, params: Mapping[str, str]) -> "DeleteOptions":
        """From body and parameters; refuses unknown policies."""
        preconditions = body.get("preconditions") or {}
        propagation = body.get("propagationPolicy") or params.get("propagationPolicy", "")
        if body.get("orphanDependents") is not None and propagation:
            message = f'Invalid value: "{propagation}": orphanDependents and deletionPropagation cannot be both set'
            cause = Cause("FieldValueInvalid", message, "propagationPolicy")
            raise invalid("meta.k8s.io", "DeleteOptions", "", (cause,))
        if body.get("orphanDependents") is not None:
            propagation = "Orphan" if body["orphanDependents"] else "Background"
        if propagation not in ("", "Background", "Foreground", "Orphan"):
            message = (
                f'Unsupported value: "{propagation}": supported values: "Foreground", "Background", "Orphan", "nil"'
            )
            cause = Cause("FieldValueNotSupported", message, "propagationPolicy")
            raise invalid("meta.k8s.io", "DeleteOptions", "", (cause,))
        dry_run = body.get("dryRun") or []
        if dry_run not in ([], ["All"]):
            listed = ", ".join(f'"{one}"' for one in dry_run)
            message = f'Unsupported value: [{listed}]: supported values: "All"'
            raise invalid("meta.k8s.io", "DeleteOptions", "", (Cause("FieldValueNotSupported", message, "dryRun"),))
        grace = body.get("gracePeriodSeconds")
        if grace is None and params.get("gracePeriodSeconds"):
            grace = int(params["gracePeriodSeconds"])
        return cls(
            propagation=propagation,
            uid=preconditions.get("uid") or "",
            resource_version=preconditions.get("resourceVersion") or "",
            grace_seconds=grace,
            dry_run=bool(dry_run or params.get("dryRun")),
        )


def timestamp(now: datetime) -> str:
    """As metadata has it: UTC, whole seconds."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def copy_of(obj: Manifest) -> Manifest:
    """A deep copy."""
    copy: Manifest = msgspec.json.decode(msgspec.json.encode(obj))
    return copy


def without_times(obj: Manifest) -> Manifest:
    """The object as it counts for "nothing changed": without the times of managed fields and its version."""
    metadata = dict(obj["metadata"])
    metadata.pop("resourceVersion", None)
    entries = metadata.get("managedFields")
    if entries:
        metadata["managedFields"] = [{**entry, "time": ""} for entry in entries]
    else:
        metadata.pop("managedFields", None)
    return obj | {"metadata": metadata}


class Rest:
    """The verbs on one storage."""

    def __init__(
        self,
        storage: Storage,
        registry: Registry,
        schemas: Schemas,
        admission: Admission,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self.storage = storage
        self.registry = registry
        self.schemas = schemas
        self._admission = admission
        self._allocator = strategies.Allocator(storage)
        self.now = now

    # Reading

    def get(self, served: Served, namespace: str, name: str) -> Stored:
        """The stored object; 404 when there is none."""
        stored = self.storage.get(served.storage, StoredKey(namespace, name))
        if stored is None:
            raise not_found(served.group, served.plural, name)
        return stored

    # Create

    async def create(self, call: Call, obj: Manifest, *, operation: str = "Update", tracked: bool = False) -> Manifest:
        """Store a new object. `tracked`: its managed fields are in place (it was applied)."""
        served, options = call.served, call.options
        self._check_body(call, obj)
        metadata = obj["metadata"]
        if metadata.get("resourceVersion"):
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        if not metadata.get("name") and metadata.get("generateName"):
            suffix = "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
            metadata["name"] = metadata["generateName"][: _LONGEST_NAME - len(suffix)] + suffix
        self._check_namespace(call, metadata.get("name", ""))
        for field in _SERVERS_OWN:
            metadata.pop(field, None)
        obj = self._decode(call, obj, applied=tracked)
        metadata = obj["metadata"]
        if served.has_status:
            obj.pop("status", None)
        if not tracked:
            obj = self.schemas.track(served, None, obj, options.field_manager, subresource="", now=self.now())
            metadata = obj["metadata"]
        strategies.admit(served, obj)
        self._stamp(served, obj)
        strategies.prepare_create(served, obj)
        self._validate(call, obj, None)
        await self._admission.review(call, "CREATE", obj, None)
        key = StoredKey(call.namespace, metadata["name"])
        existing = self.storage.get(served.storage, key)
        if existing is not None:
            terminating = bool(existing.metadata.get("deletionTimestamp"))
            raise already_exists(served.group, served.plural, key.name, terminating=terminating)
        self._check_namespace(call, key.name)
        self._allocator.allocate(served, obj)
        if options.dry_run:
            metadata.pop("resourceVersion", None)
            return obj
        return self.storage.put(served.storage, key, obj).object

    def _check_body(self, call: Call, obj: Manifest) -> None:
        served = call.served
        kind = obj.get("kind") or served.kind
        api_version = obj.get("apiVersion") or served.api_version
        if served.is_custom and obj.get("kind") and api_version == served.api_version and kind != served.kind:
            cause = Cause("FieldValueInvalid", f'Invalid value: "{kind}": must be {served.kind}', "kind")
            raise invalid(served.group, kind, (obj.get("metadata") or {}).get("name", ""), (cause,))
        if (kind, api_version) != (served.kind, served.api_version):
            version = api_version.rpartition("/")[2]
            why = f'no kind "{kind}" is registered for version "{api_version}"'
            if self.registry.by_kind(api_version, kind) is not None:
                internal = served.group.partition(".")[0] or "core"
                why = f"converting ({version}.{kind}) to ({internal}.{served.kind}): unknown conversion"
            raise bad_request(f'{kind} in version "{version}" cannot be handled as a {served.kind}: {why}')
        if served.is_custom and not (obj.get("kind") and obj.get("apiVersion")):
            raise bad_request(
                f"the object provided is unrecognized (must be of type {served.kind}): Object 'Kind' is missing in ''"
            )
        obj["kind"], obj["apiVersion"] = kind, api_version
        self._check_types(call, obj)
        metadata = obj["metadata"] = obj.get("metadata") or {}
        if served.namespaced:
            if metadata.get("namespace", call.namespace) != call.namespace:
                raise bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            metadata["namespace"] = call.namespace
        elif metadata.get("namespace"):
            raise (
                bad_request("namespace is not allowed on this type")
                if served.is_custom
                else bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            )
        name = metadata.get("name", "")
        if call.name and name and name != call.name:
            raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.name})")

    def _check_namespace(self, call: Call, name: str) -> None:
        if not call.served.namespaced:
            return
        namespace = self.storage.get(strategies.NAMESPACES, StoredKey("", call.namespace))
        if namespace is None:
            raise not_found("", "namespaces", call.namespace)
        if namespace.metadata.get("deletionTimestamp"):
            cause = Cause(
                "NamespaceTerminating", f"namespace {call.namespace} is being terminated", "metadata.namespace"
            )
            why = f"unable to create new content in namespace {call.namespace} because it is being terminated"
            raise forbidden(call.served.group, call.served.plural, name, why, (cause,))

    def _check_types(self, call: Call, obj: Manifest) -> None:
        """What a typed decoder refuses: fields of wrong types, unknown ones when it is strict."""
        served = call.served
        why = self.schemas.check_decodable(served, obj)
        if call.options.strict and not why:
            unknown = self.schemas.unknown_fields(served, obj)
            why = ", ".join(f'unknown field "{path}"' for path in unknown)
            why = f"strict decoding error: {why}" if why else ""
        if why and call.verb == "patch":
            raise undecodable_patch(obj, why)
        if why:
            kind = served.kind
            raise bad_request(f'{kind} in version "{served.version}" cannot be handled as a {kind}: {why}')

    def _decode(self, call: Call, obj: Manifest, *, applied: bool) -> Manifest:
        """What a typed decoder does: drop what the schema lacks, set defaults, bring into stored form."""
        served = call.served
        decoded = self.schemas.decode(served, obj, applied=applied)
        if "managedFields" in obj["metadata"]:  # an empty list says something: forget who owns what
            decoded["metadata"]["managedFields"] = obj["metadata"]["managedFields"]
        return strategies.decoded(served, decoded, obj)

    def _stamp(self, served: Served, obj: Manifest) -> None:
        metadata = obj["metadata"]
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = timestamp(self.now())
        if served.has_generation:
            metadata["generation"] = 1

    def _validate(self, call: Call, obj: Manifest, old: Manifest | None) -> None:
        served = call.served
        causes = self.schemas.validate(served, obj, old)
        causes += strategies.validate(served, obj, old, call.subresource)
        if causes:
            raise invalid(served.group, served.kind, obj["metadata"].get("name", ""), causes)

    # Update

    async def update(self, call: Call, obj: Manifest) -> tuple[Manifest, bool]:
        """Replace the object, or its status; also whether that created it, as a few kinds allow."""
        self._check_body(call, obj)
        served, metadata = call.served, obj["metadata"]
        if not metadata.get("name"):
            why = "name must be provided"
            raise bad_request(f"the name of the object ({call.name} based on URL) was undeterminable: {why}")
        key = StoredKey(call.namespace, call.name)
        absent = self.storage.get(served.storage, key) is None
        names_one = bool(metadata.get("resourceVersion") or metadata.get("uid"))
        if absent and not names_one and not call.subresource and strategies.creates_on_update(served):
            return await self.create(call, obj), True
        if not absent and not metadata.get("resourceVersion") and strategies.needs_version(served):
            message = "Invalid value: 0: must be specified for an update"
            cause = Cause("FieldValueInvalid", message, "metadata.resourceVersion")
            raise invalid(served.group, served.plural, call.name, (cause,))
        return await self.mutate(call, lambda live: (copy_of(obj), False)), False

    async def mutate(self, call: Call, change: Callable[[Manifest], tuple[Manifest, bool]]) -> Manifest:
        """Store what `change` makes of a copy of the live object (and whether managed fields are in place already).

        Repeated on a newer object when somebody else wrote in between, unless the new object names a version.
        """
        for _ in range(_RETRIES):
            current = self.get(call.served, call.namespace, call.name)
            new, tracked = change(self.at_version(call.served, current.fresh()))
            result = await self._replace(call, current, new, tracked=tracked)
            if result is not None:
                return result
        raise conflict(call.served.group, call.served.plural, call.name)

    def at_version(self, served: Served, obj: Manifest) -> Manifest:
        """The object in this version of its resource (custom resources convert by name only)."""
        return obj if obj["apiVersion"] == served.api_version else self.schemas.convert(served, obj)

    async def _replace(self, call: Call, current: Stored, new: Manifest, *, tracked: bool) -> Manifest | None:
        """The stored object, or None when `current` is no longer the stored one."""
        served, live = call.served, self.at_version(call.served, current.fresh())
        if call.verb == "patch":
            self._check_patched(call, new)
        self._check_preconditions(call, current, new)
        new = self._decode(call, new, applied=tracked)
        self._carry_over(call, live, new)
        if not tracked:
            new = self.schemas.track(
                served, live, new, call.options.field_manager, subresource=call.subresource, now=self.now()
            )
        strategies.prepare_update(served, new, live, call.subresource)
        strategies.set_generation(served, new, live)
        self._validate(call, new, live)
        await self._admission.review(call, "UPDATE", new, live)
        if self.storage.get(served.storage, current.key) is not current:
            return None
        if without_times(new) == without_times(live):
            return live
        if call.options.dry_run:
            new["metadata"]["resourceVersion"] = str(current.version)
            return new
        if self._is_finished(new):
            self.storage.remove(served.storage, current.key)
            new["metadata"]["resourceVersion"] = str(current.version)
            return new
        return self.storage.put(served.storage, current.key, new).object

    def _check_patched(self, call: Call, new: Manifest) -> None:
        served = call.served
        if (new.get("kind"), new.get("apiVersion")) != (served.kind, served.api_version):
            raise undecodable_patch(new, "another kind")
        self._check_types(call, new)
        if (new.get("metadata") or {}).get("namespace", call.namespace) != call.namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")

    def _check_preconditions(self, call: Call, current: Stored, new: Manifest) -> None:
        served, metadata = call.served, new["metadata"]
        if metadata.get("name", call.name) != call.name:
            name = metadata["name"]
            raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.name})")
        version = metadata.get("resourceVersion")
        if version and version != str(current.version):
            raise conflict(served.group, served.plural, call.name)
        uid = metadata.get("uid")
        if uid and uid != current.uid:
            if call.verb == "patch":
                cause = Cause("FieldValueInvalid", f'Invalid value: "{uid}": field is immutable', "metadata.uid")
                raise invalid(served.group, served.kind, call.name, (cause,))
            where = "/".join(part for part in current.key if part)
            why = (
                f"StorageError: invalid object, Code: 4, Key: /registry/{served.plural}/{where}, ResourceVersion: 0, "
                f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
                f"UID in object meta: {current.uid}"
            )
            raise conflict(served.group, served.plural, call.name, why)

    def _carry_over(self, call: Call, live: Manifest, new: Manifest) -> None:
        """Fields that this endpoint cannot change keep their live values."""
        metadata, was = new["metadata"], live["metadata"]
        metadata["name"] = was["name"]
        for field in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
            if field in was:
                metadata[field] = was[field]
            else:
                metadata.pop(field, None)
        metadata.pop("selfLink", None)
        if call.subresource == "status":
            strategies.keep_for_status(call.served, new, live)
        elif call.served.has_status and call.subresource == "":
            if "status" in live:
                new["status"] = live["status"]
            else:
                new.pop("status", None)
        metadata["resourceVersion"] = was["resourceVersion"]

    @staticmethod
    def _is_finished(obj: Manifest) -> bool:
        """A deleted object that nothing holds any more."""
        metadata = obj["metadata"]
        if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
            return False
        if obj["kind"] == "Namespace" and obj["apiVersion"] == "v1":
            return not (obj.get("spec") or {}).get("finalizers")
        return not metadata.get("deletionGracePeriodSeconds")

    # Delete

    async def delete(self, call: Call, options: DeleteOptions) -> Manifest:
        """Delete now, or mark for deletion while finalizers or a grace period hold the object.

        The result is the marked object, or a `Status` when it is gone (a few kinds answer with the object then, too).
        """
        served = call.served
        for _ in range(_RETRIES):
            current = self.get(served, call.namespace, call.name)
            self._check_delete(served, current, options)
            await self._admission.review(call, "DELETE", None, current.object)
            if self.storage.get(served.storage, current.key) is current:
                return self._delete(served, current, options)
        raise conflict(served.group, served.plural, call.name)

    @staticmethod
    def _check_delete(served: Served, current: Stored, options: DeleteOptions) -> None:
        name = current.key.name
        if options.uid and options.uid != current.uid:
            why = (
                f"the UID in the precondition ({options.uid}) does not match the UID in record ({current.uid}). "
                "The object might have been deleted and then recreated"
            )
            raise conflict(served.group, served.kind, name, why)
        if options.resource_version and options.resource_version != str(current.version):
            why = (
                f"the ResourceVersion in the precondition ({options.resource_version}) does not match the "
                f"ResourceVersion in record ({current.version}). The object might have been modified"
            )
            raise conflict(served.group, served.kind, name, why)

    def _delete(self, served: Served, current: Stored, options: DeleteOptions) -> Manifest:
        new = current.fresh()
        metadata = new["metadata"]
        marked = bool(metadata.get("deletionTimestamp"))
        grace = strategies.grace_period(served, new, options.grace_seconds)
        self._set_propagation(metadata, options.propagation)
        if served.storage == strategies.CRDS and not marked:
            metadata["finalizers"] = [*(metadata.get("finalizers") or ()), strategies.CRD_CLEANUP]
        if not marked or grace < (metadata.get("deletionGracePeriodSeconds") or 0):
            metadata["deletionTimestamp"] = timestamp(self.now() + timedelta(seconds=grace))
            if served.storage != strategies.NAMESPACES:
                metadata["deletionGracePeriodSeconds"] = grace
            if not marked and metadata.get("generation"):
                metadata["generation"] += 1
        if served.storage == strategies.NAMESPACES:
            new["status"] = (new.get("status") or {}) | {"phase": "Terminating"}
        if not self._is_finished(new):
            if options.dry_run or without_times(new) == without_times(current.object):
                return new
            return self.storage.put(served.storage, current.key, new).object
        if not options.dry_run:
            self.storage.remove(served.storage, current.key)
        if served.storage in strategies.ANSWERED_WITH_OBJECT:
            return new if served.storage == strategies.PODS else current.object
        details = {"name": current.key.name, "group": served.group, "kind": served.plural, "uid": current.uid}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {field: value for field, value in details.items() if value},
        }

    @staticmethod
    def _set_propagation(metadata: Manifest, propagation: str) -> None:
        """The policy is kept as a finalizer, which the garbage collector takes away when its work is done."""
        if not propagation:
            return
        finalizers = [one for one in metadata.get("finalizers") or () if one not in (FOREGROUND, ORPHAN)]
        match propagation:
            case "Foreground":
                finalizers.append(FOREGROUND)
            case "Orphan":
                finalizers.append(ORPHAN)
        if finalizers:
            metadata["finalizers"] = finalizers
        else:
            metadata.pop("finalizers", None)
