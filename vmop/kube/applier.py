"""The Applier: desired manifests in, as few writes as possible out.

``apply`` walks down a short ladder and stops at the first rung that holds (``spec/00-writing.md`` §3):

1. what it remembers: the same desired, and the cached object is as the server last answered;
2. what the cached object says: the hash of desired is recorded on it, it holds desired, and nobody changed it after
us;
3. what the live object says, with its ``managedFields``: it holds desired and nobody else owns what we claim;
4. a write: ownership of the claimed paths is moved to us, then server-side apply; a PUT where apply cannot say it.

The first two read and send nothing. Conflicts are decided again from a new read a few times, then raised.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Literal, TypeAlias

from vmop.kube.apply.claims import NOTHING, Claims, Path, claimed_fields, claims_of, owner_path
from vmop.kube.apply.edits import ATTEMPTS, Editor, conflict, excludes, replace_metadata
from vmop.kube.apply.fields import (
    Claimed,
    MixedVersions,
    entries_of,
    field_path,
    newest_change,
    owned_by_others,
    take_over,
)
from vmop.kube.apply.memory import Remembered
from vmop.kube.apply.metadata import names_same, set_annotations
from vmop.kube.apply.objects import (
    Answer,
    Applied,
    ApplyError,
    BeingRemoved,
    CachedObject,
    ObjectCache,
    OwnedByAnother,
)
from vmop.kube.apply.plan import (
    DESIRED_ANNOTATION,
    Plan,
    ReplicasBy,
    content_in_place,
    create_body,
    make_plan,
    own_metadata,
    read_record,
    record,
    replace_body,
    stale_owners,
    update_body,
)
from vmop.kube.apply.shapes import counts_annotations, emptied_objects, repeated_keys
from vmop.kube.client import Client
from vmop.kube.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from vmop.kube.patches import ApplyPatch
from vmop.kube.resources import Manifest, ObjectKey, Resource
from vmop.kube.times import rfc3339

__all__ = [
    "DESIRED_ANNOTATION",
    "NOTHING",
    "Applied",
    "Applier",
    "ApplyError",
    "BeingRemoved",
    "CachedObject",
    "Claims",
    "ObjectCache",
    "OwnedByAnother",
    "claims_of",
]

_log = logging.getLogger(__name__)

IfExists: TypeAlias = Literal["update", "fail"]
IfMissing: TypeAlias = Literal["create", "fail"]


class Applier(Editor):
    """Writes objects for one process. One Applier for all reconcilers: its memory is what keeps a steady cluster
    quiet.

    ``manager`` is the field manager of applies; its JSON patches of metadata and status go under
    ``<manager>-metadata`` and ``<manager>-status``. ``now`` is the wall clock (aware, UTC). ``memory`` bounds the
    objects remembered.
    """

    def __init__(
        self,
        client: Client,
        cache: ObjectCache,
        *,
        now: Callable[[], datetime],
        manager: str = "vmop",
        memory: int = 100_000,
    ) -> None:
        super().__init__(client, cache, manager=manager, memory=memory)
        self._now = now

    async def apply(
        self,
        resource: Resource,
        desired: Manifest,
        *,
        manager: str | None = None,
        claims: Claims | None = None,
        replicas_by: ReplicasBy = "us",
        if_exists: IfExists = "update",
        if_missing: IfMissing = "create",
        require_owned: bool = False,
        strip_finalizer: str = "",
    ) -> Applied:
        """Make the object hold ``desired``, writing only where something is wrong.

        ``claims``: what is ours whole, by default that of the kind. ``replicas_by``: who moves ``replicas``; a
        desired workload without ``replicas`` leaves it to others, too. ``if_exists="fail"`` raises
        :class:`AlreadyExists` instead of updating, ``if_missing="fail"`` raises :class:`NotFound` instead of
        creating; a ``metadata.uid`` in desired means that very object. ``require_owned``: an object without our
        owner reference is a conflict. ``strip_finalizer``: removed where found.

        Raises :class:`BeingRemoved`, :class:`OwnedByAnother` (nothing sent), :class:`Invalid` (the content is
        refused), :class:`Conflict` (others kept writing: quiet retry) and what else the API server answers.
        """
        plan = self.plan(resource, desired, manager=manager, claims=claims, replicas_by=replicas_by)
        seen, known = self._look(resource, plan.key)
        if seen is not None:
            self._guard(plan, seen, require_owned)
            if if_exists == "fail":
                raise _exists(plan)
            if reason := self._in_order(plan, seen):
                return Applied("unchanged", reason, await self._strip(resource, seen, strip_finalizer))
        elif known:
            self._memory.drop(resource, plan.key, (plan.manager,))
        live = None if known and seen is None else await self._read(plan)
        if live is not None and not known and if_exists == "update":
            seen = Answer(live)
            self._guard(plan, seen, require_owned)
            if reason := self._in_order(plan, seen):
                return Applied("unchanged", reason, await self._strip(resource, seen, strip_finalizer))
        return await self._write(
            plan,
            live,
            if_exists=if_exists,
            if_missing=if_missing,
            require_owned=require_owned,
            strip_finalizer=strip_finalizer,
        )

    def plan(
        self,
        resource: Resource,
        desired: Manifest,
        *,
        manager: str | None = None,
        claims: Claims | None = None,
        replicas_by: ReplicasBy = "us",
    ) -> Plan:
        """What :meth:`apply` makes of the same arguments, for who must know before it is written. Sends nothing."""
        return make_plan(
            resource,
            desired,
            claims=claims or claims_of(resource),
            manager=manager or self._manager,
            replicas_by=replicas_by,
        )

    def _look(self, resource: Resource, key: ObjectKey) -> tuple[CachedObject | None, bool]:
        if not self._cache.is_cached(resource):
            return None, False
        return self._cache.cached(resource, key), True

    def _guard(self, plan: Plan, seen: CachedObject, require_owned: bool) -> None:
        """Refuse objects on their way out, of other owners, or others than the one that was meant."""
        metadata = seen.metadata
        if metadata.get("deletionTimestamp"):
            raise BeingRemoved(f"waiting for {plan.resource.kind}={plan.key} to be removed")
        references = list(metadata.get("ownerReferences") or ())
        for owner in plan.owners:
            for other in references:
                if excludes(other, owner):
                    raise OwnedByAnother(
                        f"{plan.resource.kind}={plan.key} has another owner reference of same "
                        f"{'kind' if other['kind'] == owner['kind'] else 'group'}: "
                        f"{other['apiVersion']}/{other['kind']}={other['name']}"
                    )
        if require_owned and not any(names_same(ref, owner) for ref in references for owner in plan.owners):
            raise OwnedByAnother(f"{plan.resource.kind}={plan.key} exists and is not owned by this resource")
        wanted = plan.desired["metadata"].get("uid")
        if wanted and wanted != seen.uid:
            raise conflict(plan.resource, plan.key, f"the object is another one now, with uid {seen.uid}")

    def _in_order(self, plan: Plan, seen: CachedObject) -> str:
        """Why nothing is to be done, as far as memory and the cached object tell; empty when a closer look is
        needed."""
        own = own_metadata(plan, seen.metadata)
        known = self._memory.get((plan.resource, plan.key, plan.manager))
        if known is not None and known.uid != seen.uid:
            known = None
        if known is not None:
            if known.fingerprint != plan.fingerprint or known.own != own:
                return ""
            if known.resource_version == seen.resource_version:
                return "as written"
            if seen.generation:
                return "as written" if known.generation == seen.generation else ""
        recorded, written = read_record(seen.metadata.get("annotations"))
        if recorded != plan.recorded or own != own_metadata(plan, plan.desired["metadata"]):
            return ""
        since = max(written, known.time) if known else written
        if not plan.claims.exact:
            changed = self._changed_by_others(seen)
            if changed > since or (known is not None and (changed == since or changed != known.changed)):
                return ""
        if not content_in_place(plan, seen.manifest()):
            return ""
        self._remember(plan, seen, since)
        return "holds what is desired"

    def _changed_by_others(self, seen: CachedObject) -> str:
        return newest_change(seen.metadata.get("managedFields") or (), self._managers.__contains__)

    async def _read(self, plan: Plan) -> Manifest | None:
        try:
            return await self._client.get(plan.resource, plan.key)
        except NotFound:
            return None

    async def _write(
        self,
        plan: Plan,
        live: Manifest | None,
        *,
        if_exists: IfExists,
        if_missing: IfMissing,
        require_owned: bool,
        strip_finalizer: str,
    ) -> Applied:
        for attempt in range(1, ATTEMPTS + 1):
            if live is None and (if_missing == "fail" or "uid" in plan.desired["metadata"]):
                raise _missing(plan)
            if live is not None:
                self._guard(plan, Answer(live), require_owned)
                if if_exists == "fail":
                    raise _exists(plan)
            try:
                if live is None:
                    return await self._create(plan)
                stripped = await self._strip(plan.resource, Answer(live), strip_finalizer)
                return await self._update(plan, stripped.manifest())
            except (Conflict, AlreadyExists, NotFound):
                if attempt == ATTEMPTS:
                    raise
            live = await self._read(plan)
        raise AssertionError("unreachable")

    async def _create(self, plan: Plan) -> Applied:
        time = rfc3339(self._now())
        body = create_body(plan, time)
        if repeated_keys(plan.resource, body):
            body["metadata"].pop("resourceVersion")
            answer = await self._client.create(plan.resource, body, field_manager=plan.manager)
        else:
            answer = await self._send(plan, body)
        return self._done(plan, "created", "was missing", answer, time)

    async def _update(self, plan: Plan, live: Manifest) -> Applied:
        seen = Answer(live)
        managed = entries_of(live)
        time = max(rfc3339(self._now()), self._changed_by_others(seen))
        stale = tuple(owner_path(uid) for uid in stale_owners(plan.desired, live))
        claimed = claimed_fields(plan.claims, plan.desired, stale)
        reason = self._wrong(plan, live)
        try:
            moved = take_over(
                managed,
                manager=plan.manager,
                api_version=str(plan.desired["apiVersion"]),
                claimed=claimed,
                time=time,
            )
            unclear = "" if managed else "no managed fields"
        except MixedVersions:
            moved, unclear = None, "fields owned in another version"
        if not reason and moved is None and not unclear:
            self._remember(plan, seen, time)
            return Applied("unchanged", "live object holds what is desired", seen)
        quiet = counts_annotations(plan.resource) and content_in_place(plan, live)
        annotations = live["metadata"].get("annotations") or {}
        recorded = annotations.get(DESIRED_ANNOTATION, "") if quiet else record(plan, time)
        emptied = _emptied(plan, live, claimed)
        if by_put := unclear or _unsayable(plan, live, emptied):
            reason = f"{reason or 'fields of others'}, by PUT: {by_put}"
            body = replace_body(plan, live, recorded, emptied, time)
            answer = await self._client.replace(plan.resource, body, field_manager=plan.manager)
        else:
            if moved is not None:
                reason = reason or "fields of others under our claim"
                moving = [replace_metadata("managedFields", moved)]
                live = await self._patch_object(plan.resource, live, moving, writer="metadata", require_version=True)
            answer = await self._send(plan, update_body(plan, live, recorded))
        if quiet:
            answer = await self._record_quietly(plan, answer, time)
        return self._done(plan, "updated", reason, answer, time)

    async def _record_quietly(self, plan: Plan, answer: Manifest, time: str) -> Manifest:
        """Record what was desired without raising the generation, which would look like a rollout.

        That needs the right to patch the status of Deployments. Without it, a restart reads and applies them once more.
        """
        patch = set_annotations(answer["metadata"], {DESIRED_ANNOTATION: record(plan, time)})
        try:
            return await self._patch_object(
                plan.resource,
                answer,
                patch.operations,
                writer="metadata",
                require_version=patch.decided_by_version,
                subresource="status",
            )
        except (Forbidden, Conflict) as error:
            _log.debug("desired not recorded", extra={"object": f"Deployment/{plan.key}", "error": str(error)})
            return answer

    def _wrong(self, plan: Plan, live: Manifest) -> str:
        """What is wrong with ``live``, ownership aside; empty when nothing is."""
        metadata = live["metadata"]
        recorded, _ = read_record(metadata.get("annotations"))
        if not recorded:
            return "first contact"
        if recorded != plan.recorded:
            return "desired changed"
        if own_metadata(plan, metadata) != own_metadata(plan, plan.desired["metadata"]):
            return "metadata drifted"
        return "" if content_in_place(plan, live) else "content drifted"

    async def _send(self, plan: Plan, body: Manifest) -> Manifest:
        try:
            return await self._client.patch(
                plan.resource, plan.key, ApplyPatch(body), field_manager=plan.manager, force=True
            )
        except Invalid as error:
            if {cause.field for cause in error.causes} != {"metadata.uid"}:
                raise
            # The server's word for an object that was made anew; it says Conflict only when there is none.
            raise conflict(plan.resource, plan.key, "the object is another one now") from error

    def _done(
        self, plan: Plan, action: Literal["created", "updated"], reason: str, answer: Manifest, time: str
    ) -> Applied:
        self._cache.record_write(plan.resource, answer)
        seen = Answer(answer)
        self._remember(plan, seen, time)
        _log.debug(
            "object applied", extra={"object": f"{plan.resource.kind}/{plan.key}", "action": action, "reason": reason}
        )
        return Applied(action, reason, seen)

    def _remember(self, plan: Plan, seen: CachedObject, time: str) -> None:
        self._memory.put(
            (plan.resource, plan.key, plan.manager),
            Remembered(
                uid=seen.uid,
                fingerprint=plan.fingerprint,
                generation=seen.generation,
                resource_version=seen.resource_version,
                time=time,
                changed=self._changed_by_others(seen),
                own=own_metadata(plan, seen.metadata),
            ),
        )

    async def _strip(self, resource: Resource, seen: CachedObject, finalizer: str) -> CachedObject:
        if not finalizer or finalizer not in (seen.metadata.get("finalizers") or ()):
            return seen
        return Answer(await self.remove_finalizer(resource, seen, finalizer))


def _emptied(plan: Plan, live: Manifest, claimed: Claimed) -> list[Path]:
    """Objects that become empty: those that we claim, and others where nobody else has a field that would stay."""
    others = owned_by_others(entries_of(live), plan.manager)
    found = []
    for path in emptied_objects(plan.resource, plan.desired, live):
        fields = field_path(path)
        if claimed(fields) or not any(field[: len(fields)] == fields for field in others):
            found.append(path)
    return found


def _unsayable(plan: Plan, live: Manifest, emptied: list[Path]) -> str:
    if repeated := repeated_keys(plan.resource, plan.desired) or repeated_keys(plan.resource, live):
        return f"repeated keys in {repeated}"
    return f"{'.'.join(emptied[0])} becomes empty" if emptied else ""


def _exists(plan: Plan) -> AlreadyExists:
    return AlreadyExists(
        409, "AlreadyExists", "the object exists", verb="create", target=f"{plan.resource.kind} {plan.key}"
    )


def _missing(plan: Plan) -> NotFound:
    return NotFound(404, "NotFound", "the object is gone", verb="update", target=f"{plan.resource.kind} {plan.key}")
