"""What a cluster does by itself with any object: garbage collection, the end of namespaces, the life of CRDs.

One task follows all events of the storage. It acts through the verbs, as a controller does through the API, so that
clients see its work as they would see that of kube-controller-manager: a moment later, as writes of their own.
"""

import logging
from collections.abc import Iterable

import attrs

from vmop.devcluster import strategies
from vmop.devcluster.registry import Served
from vmop.devcluster.requests import Call, Options, Verb
from vmop.devcluster.rest import FOREGROUND, ORPHAN, DeleteOptions, Rest, timestamp
from vmop.devcluster.status import Manifest, StatusError
from vmop.devcluster.storage import GroupResource, StorageEvent, Stored, StoredKey

logger = logging.getLogger(__name__)

_SERVER = Options(field_manager="kube-apiserver", user="system:apiserver")
_OPTIONS = Options(field_manager="kube-controller-manager", user="system:kube-controller-manager")


async def run_controllers(rest: Rest) -> None:
    """Follow all events until cancelled."""
    collector = Collector(rest)
    namespaces = Namespaces(rest)
    definitions = Definitions(rest)
    claims = Claims(rest)
    with rest.storage.firehose() as events:
        while not events.closed:
            await events.wait()
            for event in events.take():
                try:
                    await definitions.handle(event)
                    await collector.handle(event)
                    await namespaces.handle(event)
                    await claims.handle(event)
                except StatusError as error:
                    logger.warning("a controller of the dev cluster failed", extra={"error": str(error)})


def _call(verb: Verb, served: Served, key: StoredKey, subresource: str = "") -> Call:
    return Call(verb, served, key.namespace, key.name, subresource, _OPTIONS)


def _served(rest: Rest, resource: GroupResource) -> Served | None:
    return rest.registry.any_version(resource)


async def _delete(rest: Rest, stored: Stored, propagation: str = "Background") -> None:
    served = _served(rest, stored.resource)
    if served is None:
        return
    try:
        options = DeleteOptions(propagation=propagation, uid=stored.uid)
        await rest.delete(_call("delete", served, stored.key), options)
    except StatusError as error:
        if error.code not in (404, 409):
            raise


async def _edit_metadata(rest: Rest, stored: Stored, **fields: list[object]) -> None:
    """Set list fields of metadata (finalizers, ownerReferences); gone objects are fine."""
    served = _served(rest, stored.resource)
    if served is None:
        return

    def edit(live: Manifest) -> tuple[Manifest, bool]:
        for field, value in fields.items():
            if value:
                live["metadata"][field] = value
            else:
                live["metadata"].pop(field, None)
        return live, False

    try:
        await rest.mutate(_call("patch", served, stored.key), edit)
    except StatusError as error:
        if error.code != 404:
            raise


class Collector:
    """Deletes what all owners of are gone; carries out foreground and orphaning deletions."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._dependents: dict[str, set[tuple[GroupResource, StoredKey]]] = {}

    async def handle(self, event: StorageEvent) -> None:
        self._index(event)
        new = event.new
        if event.type == "DELETED":
            for dependent in self._of(new.uid):
                await self._check(dependent)
            for reference in new.metadata.get("ownerReferences") or ():
                await self._finish_foreground(reference["uid"])
            return
        current = self._rest.storage.get(new.resource, new.key)
        if current is None or current.uid != new.uid:
            return
        finalizers = current.metadata.get("finalizers") or ()
        if current.metadata.get("deletionTimestamp"):
            if ORPHAN in finalizers:
                await self._orphan(current)
            elif FOREGROUND in finalizers:
                await self._delete_dependents(current)
                await self._finish_foreground(current.uid)
        elif _references(event.old) != _references(current) and _references(current):
            await self._check(current)
        if event.old is not None:
            for uid in _references(event.old) - _references(current):
                await self._finish_foreground(uid)

    def _index(self, event: StorageEvent) -> None:
        entry = (event.new.resource, event.new.key)
        before = _references(event.old)
        now = _references(event.new) if event.type != "DELETED" else set()
        for uid in before - now:
            self._dependents.get(uid, set()).discard(entry)
            if not self._dependents.get(uid):
                self._dependents.pop(uid, None)
        for uid in now - before:
            self._dependents.setdefault(uid, set()).add(entry)

    def _of(self, uid: str) -> list[Stored]:
        found = (self._rest.storage.get(*entry) for entry in sorted(self._dependents.get(uid, ())))
        return [stored for stored in found if stored is not None and uid in _references(stored)]

    def _owner(self, dependent: Stored, reference: Manifest) -> Stored | None:
        owner = self._rest.storage.by_uid(reference.get("uid", ""))
        if owner is None or owner.key.name != reference.get("name"):
            return None
        if owner.key.namespace not in ("", dependent.key.namespace):
            return None
        return owner

    async def _check(self, dependent: Stored) -> None:
        """Delete the object if it has owners by name but none of them exists; else drop references to absent ones."""
        references = dependent.metadata.get("ownerReferences") or []
        if not all(self._rest.registry.by_kind(one["apiVersion"], one["kind"]) for one in references):
            return  # who knows whether an owner of an unknown kind is there?
        solid, waiting, dangling = [], [], []
        for reference in references:
            owner = self._owner(dependent, reference)
            if owner is None:
                dangling.append(reference)
            elif _deletes_in_foreground(owner) and reference.get("blockOwnerDeletion"):
                waiting.append(reference)
            else:
                solid.append(reference)
        if solid and (dangling or waiting):
            await _edit_metadata(self._rest, dependent, ownerReferences=solid)
        elif not solid and waiting and self._of(dependent.uid):
            await self._delete_unless_marked(dependent, "Foreground")
        elif not solid and references:
            await self._delete_unless_marked(dependent, _policy(dependent))

    async def _delete_unless_marked(self, stored: Stored, propagation: str) -> None:
        if not stored.metadata.get("deletionTimestamp"):
            await _delete(self._rest, stored, propagation)

    async def _delete_dependents(self, owner: Stored) -> None:
        for dependent in self._of(owner.uid):
            await self._check_blocking(owner, dependent)

    async def _check_blocking(self, owner: Stored, dependent: Stored) -> None:
        others = [
            reference
            for reference in dependent.metadata.get("ownerReferences") or ()
            if reference["uid"] != owner.uid and self._owner(dependent, reference) is not None
        ]
        if others:
            await _edit_metadata(self._rest, dependent, ownerReferences=others)
            return
        await self._delete_unless_marked(dependent, "Foreground" if self._of(dependent.uid) else _policy(dependent))

    async def _finish_foreground(self, uid: str) -> None:
        owner = self._rest.storage.by_uid(uid)
        if owner is None or not _deletes_in_foreground(owner):
            return
        for dependent in self._of(uid):
            for reference in dependent.metadata.get("ownerReferences") or ():
                if reference["uid"] == uid and reference.get("blockOwnerDeletion"):
                    return
        await self._without_finalizer(owner, FOREGROUND)

    async def _orphan(self, owner: Stored) -> None:
        for dependent in self._of(owner.uid):
            kept = [one for one in dependent.metadata.get("ownerReferences") or () if one["uid"] != owner.uid]
            await _edit_metadata(self._rest, dependent, ownerReferences=kept)
        await self._without_finalizer(owner, ORPHAN)

    async def _without_finalizer(self, stored: Stored, finalizer: str) -> None:
        current = self._rest.storage.get(stored.resource, stored.key)
        if current is None or current.uid != stored.uid:
            return
        kept = [one for one in current.metadata.get("finalizers") or () if one != finalizer]
        await _edit_metadata(self._rest, current, finalizers=kept)


def _references(stored: Stored | None) -> set[str]:
    if stored is None:
        return set()
    return {reference.get("uid", "") for reference in stored.metadata.get("ownerReferences") or ()}


def _deletes_in_foreground(owner: Stored) -> bool:
    metadata = owner.metadata
    return bool(metadata.get("deletionTimestamp")) and FOREGROUND in (metadata.get("finalizers") or ())


def _policy(stored: Stored) -> str:
    finalizers = stored.metadata.get("finalizers") or ()
    if ORPHAN in finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in finalizers else "Background"


class Namespaces:
    """Empties namespaces that are being deleted, then lets them go."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._ending: set[str] = set()

    async def handle(self, event: StorageEvent) -> None:
        if event.new.resource == strategies.NAMESPACES:
            name = event.new.key.name
            if event.type == "DELETED":
                self._ending.discard(name)
            elif event.new.metadata.get("deletionTimestamp"):
                self._ending.add(name)
                await self._empty(name)
        elif event.type == "DELETED" and event.new.key.namespace in self._ending:
            await self._finalize(event.new.key.namespace)

    def _contents(self, name: str) -> Iterable[Stored]:
        for resource in self._rest.storage.resources():
            yield from self._rest.storage.objects(resource, name)

    async def _empty(self, name: str) -> None:
        for stored in list(self._contents(name)):
            if not stored.metadata.get("deletionTimestamp"):
                await _delete(self._rest, stored)
        await self._finalize(name)

    async def _finalize(self, name: str) -> None:
        served = _served(self._rest, strategies.NAMESPACES)
        if served is None or any(True for _ in self._contents(name)):
            return

        def finalize(live: Manifest) -> tuple[Manifest, bool]:
            finalizers = (live.get("spec") or {}).get("finalizers") or []
            live["spec"] = {"finalizers": [one for one in finalizers if one != "kubernetes"]}
            return live, False

        try:
            await self._rest.mutate(_call("update", served, StoredKey("", name), "finalize"), finalize)
        except StatusError as error:
            if error.code != 404:
                raise


class Claims:
    """Lets go of deleted claims once no pod uses them."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._ending: set[StoredKey] = set()

    async def handle(self, event: StorageEvent) -> None:
        key = event.new.key
        if event.new.resource == strategies.CLAIMS:
            if event.type == "DELETED":
                self._ending.discard(key)
            elif event.new.metadata.get("deletionTimestamp"):
                self._ending.add(key)
                await self._release(key)
        elif event.new.resource == strategies.PODS and self._ending:
            for ending in [one for one in self._ending if one.namespace == key.namespace]:
                await self._release(ending)

    async def _release(self, key: StoredKey) -> None:
        claim = self._rest.storage.get(strategies.CLAIMS, key)
        if claim is None or self._is_used(key):
            return
        finalizers = claim.metadata.get("finalizers") or ()
        if claim.metadata.get("deletionTimestamp") and strategies.CLAIM_PROTECTION in finalizers:
            kept: list[object] = [one for one in finalizers if one != strategies.CLAIM_PROTECTION]
            await _edit_metadata(self._rest, claim, finalizers=kept)

    def _is_used(self, key: StoredKey) -> bool:
        for pod in self._rest.storage.objects(strategies.PODS, key.namespace):
            if (pod.object.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                continue
            for volume in pod.object["spec"].get("volumes") or ():
                if (volume.get("persistentVolumeClaim") or {}).get("claimName") == key.name:
                    return True
        return False


class Definitions:
    """Serves what CRDs define, says so in their status, and takes their objects along when they are deleted."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._ending: dict[GroupResource, StoredKey] = {}

    async def handle(self, event: StorageEvent) -> None:
        new = event.new
        if new.resource != strategies.CRDS:
            key = self._ending.get(new.resource)
            if key is not None and event.type == "DELETED":
                await self._release(new.resource, key)
            return
        resource = GroupResource(new.object["spec"]["group"], new.object["spec"]["names"]["plural"])
        if event.type == "DELETED":
            self._rest.registry.remove_custom(new.object)
            self._ending.pop(resource, None)
            return
        current = self._rest.storage.get(new.resource, new.key)
        if current is None or current.version != new.version:
            return
        if new.metadata.get("deletionTimestamp"):
            if strategies.CRD_CLEANUP in (new.metadata.get("finalizers") or ()):
                self._ending[resource] = new.key
                for stored in self._rest.storage.objects(resource):
                    await _delete(self._rest, stored)
                await self._release(resource, new.key)
            return
        self._rest.storage.begin(resource)
        self._rest.registry.set_custom(new.object)
        await self._accept(current)

    async def _accept(self, crd: Stored) -> None:
        served = _served(self._rest, strategies.CRDS)
        if served is None:
            return
        stamp = timestamp(self._rest.now())

        def accept(live: Manifest) -> tuple[Manifest, bool]:
            status = live.get("status") or {}
            stored = [version["name"] for version in live["spec"]["versions"] if version.get("storage")]
            known = status.get("storedVersions") or []
            live["status"] = {
                "conditions": _accepted(status.get("conditions") or [], stamp),
                "acceptedNames": live["spec"]["names"],
                "storedVersions": [*known, *(one for one in stored if one not in known)],
            }
            return live, False

        call = attrs.evolve(_call("update", served, crd.key, "status"), options=_SERVER)
        await self._rest.mutate(call, accept)

    async def _release(self, resource: GroupResource, key: StoredKey) -> None:
        if self._rest.storage.count(resource):
            return
        current = self._rest.storage.get(strategies.CRDS, key)
        if current is None:
            return
        kept = [one for one in current.metadata.get("finalizers") or () if one != strategies.CRD_CLEANUP]
        await _edit_metadata(self._rest, current, finalizers=kept)


def _accepted(conditions: list[Manifest], stamp: str) -> list[Manifest]:
    wanted = (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    )
    result = list(conditions)
    for type_, reason, message in wanted:
        if not any(one.get("type") == type_ and one.get("status") == "True" for one in conditions):
            result = [one for one in result if one.get("type") != type_]
            result.append(
                {
                    "type": type_,
                    "status": "True",
                    "lastTransitionTime": stamp,
                    "reason": reason,
                    "message": message,
                }
            )
    return result
