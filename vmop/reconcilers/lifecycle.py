"""What all parent kinds do in the same order (spec 01 §3.3), so that a kind's module has only what is its own.

One reconcile of one object::

    gone ──▶ forget          deleted ──▶ finalize, remove our finalizer
    unparsable ──▶ failed    paused ──▶ paused
    finalizer ──▶ defaults ──▶ validation ──▶ spec changed? expanding ──▶ ensure ──▶ operational

Status is written once at the end, and once before where the spec changed: it says ``expanding`` as long as a change is
on its way. An object that is in order is neither read nor written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs

from vmop.api import CustomResource, Manifest, Problem, SpecError, parse, to_json
from vmop.api.validation import skips_validation
from vmop.builders.base import BuildError
from vmop.builders.registry import with_defaults
from vmop.informers import StoredObject
from vmop.kube import (
    AlreadyExists,
    ApiError,
    BeingRemoved,
    Conflict,
    ObjectKey,
    OwnedByAnother,
    Resource,
    Timeout,
    TooManyRequests,
    Unavailable,
)
from vmop.kube.apply.compare import contains
from vmop.kube.times import rfc3339
from vmop.reconcilers.context import FINALIZER, Context
from vmop.reconcilers.hold import is_member, must_hold, with_condition
from vmop.reconcilers.progress import Delay, Failure, Progress
from vmop.runtime import ReconcileError, Result, TerminalError, get_logger

CONFLICT_DELAY = 5.0

_log = get_logger(__name__)

T = TypeVar("T", bound=CustomResource)


class Kind(Protocol[T]):
    """What a kind adds to the lifecycle."""

    @property
    def cls(self) -> type[T]:
        """The class of its objects."""
        ...

    @property
    def resource(self) -> Resource: ...

    def validate(self, cr: T) -> Sequence[Problem]:
        """Checks of the spec at reconcile, the first of which is reported; empty for kinds that have none."""
        ...

    async def ensure(self, cr: T, previous: Manifest | None) -> Progress:
        """Apply everything that `cr`, with its defaults, stands for, as far as that goes without waiting.

        `previous` is the ``lastAppliedSpec`` from before this change; None for an object that never was applied. Raises
        Failure, Delay, BuildError, or what the API server answers.
        """
        ...

    async def finalize(self, stored: StoredObject) -> None:
        """Do what garbage collection does not, before our finalizer is removed. The spec may not parse."""
        ...

    def extra_status(self, cr: T) -> Manifest:
        """Further fields of the status, written along with it."""
        ...


@attrs.frozen
class Parent(Generic[T]):
    """Reconciles objects of one parent kind."""

    context: Context
    kind: Kind[T]

    async def reconcile(self, key: ObjectKey) -> Result:
        """One reconcile of one object; level-based, see :data:`vmop.runtime.Reconciler`."""
        stored = self.context.informers.informer(self.kind.resource).lister.get(key)
        if stored is None:
            return Result()
        if stored.metadata.get("deletionTimestamp"):
            return await self._finalize(stored)
        try:
            parsed = parse(self.kind.cls, stored.manifest())
        except SpecError as error:
            text = _parse_reason(self.kind.cls, error)
            await self._fail(stored, text, {})
            raise TerminalError(text) from None
        if parsed.unknown_fields and (stored.get("status") or {}).get("observedGeneration") != stored.generation:
            message = f"unknown fields are ignored: {', '.join(parsed.unknown_fields)}"
            self.context.events.event(stored, "Warning", "UnknownFields", message, own=True)
        if FINALIZER not in (stored.metadata.get("finalizers") or ()):
            await self.context.applier.add_finalizer(self.kind.resource, stored, FINALIZER)
        return await self._reconcile(stored, with_defaults(parsed.object, self.context.settings, self.context.platform))

    # -- the ordinary way --------------------------------------------------------------------------------------------

    async def _reconcile(self, stored: StoredObject, cr: T) -> Result:
        status = stored.get("status") or {}
        if getattr(cr.spec, "paused", None):
            await self._write_status(stored, {"updateStatus": "paused", "reason": status.get("reason")})
            return Result(requeue_after=self.context.resync_delay())
        applied, previous = to_json(cr.spec), status.get("lastAppliedSpec")
        changed = previous is None or not same(previous, applied)
        extra = self.kind.extra_status(cr)
        holding = changed and previous is not None and must_hold(self.context, stored)
        if changed and not holding:
            extra["lastAppliedSpec"] = applied
            await self._write_status(stored, extra | {"updateStatus": "expanding"})
            self.context.events.event(stored, "Normal", "ReconcileEvent", "starting object update")
        unfinished = changed or status.get("updateStatus") != "operational"
        try:
            progress = await self._ensure(cr, previous)
        except Conflict as error:
            _log.info("conflict, will try again", object=str(stored.key), error=str(error))
            return Result(requeue_after=CONFLICT_DELAY)
        except (Delay, BeingRemoved, AlreadyExists) as error:
            return await self._delay(stored, error, extra)
        except (TooManyRequests, Timeout, Unavailable):
            raise  # the API server's trouble, not the object's: retried without a word in its status
        except (Failure, BuildError, OwnedByAnother, ApiError) as error:
            await self._fail(stored, str(error), extra)
            if isinstance(error, BuildError) or (isinstance(error, Failure) and error.terminal):
                raise TerminalError(str(error)) from error
            raise ReconcileError(str(error)) from error
        if not progress.ready:
            if progress.held:
                await self._write_status(stored, {"reason": status.get("reason")}, held=progress.held)
            return Result(requeue_after=progress.after)
        if holding and not progress.held:
            extra["lastAppliedSpec"] = applied
        await self._write_status(stored, extra | {"updateStatus": "operational"}, held=progress.held)
        if unfinished and not holding:
            message = "reconcile of object finished successfully"
            self.context.events.event(stored, "Normal", "ReconcileEvent", message)
        return Result(requeue_after=self.context.resync_delay())

    async def _ensure(self, cr: T, previous: Manifest | None) -> Progress:
        if self.context.validate and not skips_validation(cr):
            for problem in self.kind.validate(cr):
                raise Failure(problem.message, terminal=True)
        return await self.kind.ensure(cr, previous)

    async def _delay(
        self, stored: StoredObject, error: Delay | BeingRemoved | AlreadyExists, extra: Manifest
    ) -> Result:
        """Told in an event once in ten minutes, as the status does not say why it takes so long."""
        await self._write_status(stored, extra | {"updateStatus": "expanding"})
        if not (isinstance(error, Delay) and error.quiet):
            self.context.events.event(stored, "Warning", "ReconciliationError", str(error), own=True)
        if isinstance(error, Delay) and error.after is not None:
            return Result(requeue_after=error.after)
        raise ReconcileError(str(error)) from error

    async def _fail(self, stored: StoredObject, text: str, extra: Manifest) -> None:
        """Told in an event when it is new; afterwards the status says it."""
        if await self._write_status(stored, extra | {"updateStatus": "failed", "reason": text}):
            self.context.events.event(stored, "Warning", "ReconciliationError", text)

    # -- deletion ----------------------------------------------------------------------------------------------------

    async def _finalize(self, stored: StoredObject) -> Result:
        if FINALIZER not in (stored.metadata.get("finalizers") or ()):
            return Result()
        await self.kind.finalize(stored)
        await self.context.applier.remove_finalizer(self.kind.resource, stored, FINALIZER)
        return Result()

    # -- status and events -------------------------------------------------------------------------------------------

    async def _write_status(self, stored: StoredObject, changes: Manifest, *, held: str | None = None) -> bool:
        """Write the status with `changes`: what the kind itself wrote stays, a reason only where it is given.

        `held` says of a member of a VMDistributed what waits for its zone's turn, once its workloads are in order.
        Returns whether anything was to be written.
        """
        live = self.context.informers.informer(self.kind.resource).lister.get(stored.key) or stored
        current: Manifest = live.get("status") or {}
        wanted = {key: value for key, value in current.items() if key != "reason"} | changes
        wanted = {key: value for key, value in wanted.items() if value not in (None, "", [])}
        wanted["observedGeneration"] = stored.generation
        if held is not None and is_member(stored.metadata):
            wanted = with_condition(wanted, stored, held, rfc3339(self.context.now()))
        if wanted == current:
            return False
        await self.context.applier.patch_status(self.kind.resource, live, wanted)
        return True


def same(one: Any, other: Any) -> bool:
    """Equal as specs are compared (spec 01 §3.3, 5): null, absent and empty are one, quantities count by value."""
    return contains(one, other) and contains(other, one)


def _parse_reason(cls: type[CustomResource], error: SpecError) -> str:
    return f'parsing object error for object controller="{cls.kind.lower()}": "{error}"'
