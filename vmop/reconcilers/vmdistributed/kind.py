"""VMDistributed within the lifecycle of parent kinds: one reconcile observes, records, and does the one next thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

import attrs

from vmop.api import Manifest, Problem, SpecError
from vmop.api.v1alpha1 import VMDistributed
from vmop.api.validation import validate
from vmop.builders.base import BuildError
from vmop.builders.vmdistributed import unsupported
from vmop.builders.vmdistributed.children import BACKENDS
from vmop.builders.vmdistributed.ownership import DETACHED, PREFIX, ZONE, Owner
from vmop.informers import StoredObject
from vmop.kube import AlreadyExists, Resource
from vmop.kube.resources import VM_DISTRIBUTED
from vmop.reconcilers.context import Context
from vmop.reconcilers.progress import READY, Delay, Failure, Progress
from vmop.reconcilers.vmdistributed import rollout as pass_
from vmop.reconcilers.vmdistributed.actions import Actor, NotSafe
from vmop.reconcilers.vmdistributed.deletion import finalize
from vmop.reconcilers.vmdistributed.drain import Question, poll
from vmop.reconcilers.vmdistributed.live import guessed_origins
from vmop.reconcilers.vmdistributed.metrics import DistributedMetrics
from vmop.reconcilers.vmdistributed.model import Drain, Rollout, Step
from vmop.reconcilers.vmdistributed.observe import Observed, owned_children
from vmop.reconcilers.vmdistributed.removal import Removal
from vmop.reconcilers.vmdistributed.rollout import (
    AGENT_DRAIN_LIMIT,
    PREFLIGHT_INTERVAL,
    Action,
    Finish,
    Halt,
    PollQueues,
    Situation,
    Timing,
    Wait,
)
from vmop.reconcilers.vmdistributed.status import conditions, detached_list, read_record, record, zone_list
from vmop.settings import parse_duration

ALLOW_BACKEND_CHANGE = f"{PREFIX}allow-backend-type-change"
#: an action was done; look again at once
AT_ONCE = 0.0

#: steps that people are told of when a zone enters them (spec 02 §19.9)
STEP_EVENTS: Mapping[Step, tuple[str, str]] = {
    Step.DRAINING: ("ZoneDraining", "waits until its queues are empty"),
    Step.CATCHING_UP: ("ZoneUpdated", "has its new spec and is ready"),
}
#: conditions of which people are warned when they become false, by reason and message of the event
CONDITION_WARNINGS: Mapping[str, tuple[str, str]] = {
    "AccessConfigured": ("NoAccessConfigured", "nobody may use the VMAuth: it has no users and no unauthorized access"),
    "Available": ("NoTargets", "reads or writes have no target that is ready"),
}
#: what counts as the status before the first; targets are missing at the start of every installation
FIRST: Mapping[str, str] = {"AccessConfigured": "True"}


@attrs.frozen
class VMDistributedKind:
    """What VMDistributed adds to the lifecycle (spec 02 §9 to §14)."""

    context: Context
    metrics: DistributedMetrics
    cls: ClassVar[type[VMDistributed]] = VMDistributed
    resource: ClassVar[Resource] = VM_DISTRIBUTED

    def validate(self, cr: VMDistributed) -> Sequence[Problem]:
        problems = [*validate(cr), *(Problem(p.path, str(p)) for p in unsupported(cr))]
        return [Problem(p.path, f"VMDistributed {cr.name} update failed: {p.message}") for p in problems]

    def extra_status(self, cr: VMDistributed) -> Manifest:
        return {}

    async def finalize(self, stored: StoredObject) -> None:
        await finalize(self.context, stored)
        self.metrics.forget(stored.key)

    async def ensure(self, cr: VMDistributed, previous: Manifest | None) -> Progress:
        """One step of the pass that is due, if any."""
        owner = Owner(cr.namespace, cr.name, cr.metadata["uid"])
        guessed = await guessed_origins(self.context, owner, str(cr.metadata.get("creationTimestamp", "")))
        try:
            observed = Observed.of(self.context, cr, owner, guessed)
        except (BuildError, SpecError) as error:
            # a missing object may come; a merged spec that does not parse stays as it is
            what = f"failed to build distributed zones VMDistributed={cr.namespace}/{cr.name}: {error}"
            message = f"VMDistributed {cr.name} update failed: {what}"
            raise Failure(message, terminal=isinstance(error, SpecError)) from error
        stored = self.context.informers.informer(self.resource).lister.get(observed.key)
        if stored is None:
            return READY
        return await _Reconcile(self.context, self.metrics, observed, stored).step()


@attrs.frozen
class _Reconcile:
    """One reconcile of one VMDistributed whose children were observed."""

    context: Context
    metrics: DistributedMetrics
    observed: Observed
    stored: StoredObject
    #: bytes that the last polls found pending, by zone
    pending: dict[str, int] = attrs.field(factory=dict)

    async def step(self) -> Progress:
        if conflicts := self.observed.conflicts():
            await self.write(read_record(self.status), conflict=conflicts[0])
            self.tell("OwnershipConflict", conflicts[0], warning=True)
            raise self.failure(conflicts[0])
        self.refuse_other_backends()
        rollout = self.due_pass()
        if rollout is None:
            await self.write(read_record(self.status))
            return READY
        removal = Removal(self.context, self.observed, self.timing)
        rollout, before_zones = await removal.before_zones(rollout)
        if before_zones is not None:
            return await self.carry_out(rollout, before_zones)
        rollout, action = await self.decide(rollout)
        if isinstance(action, Finish):
            return await self.finish(rollout, removal)
        return await self.carry_out(rollout, action)

    # -- which pass --------------------------------------------------------------------------------------------------

    @property
    def status(self) -> Manifest:
        status: Manifest = self.stored.get("status") or {}
        return status

    @property
    def timing(self) -> Timing:
        common = self.observed.builder.spec.get("zoneCommon") or {}
        return Timing(
            timedelta(seconds=parse_duration(common.get("readyTimeout") or "5m")),
            timedelta(seconds=parse_duration(common.get("updatePause") or "1m")),
        )

    def situation(self, order: Sequence[str], polled: tuple[PollQueues, Drain] | None = None) -> Situation:
        preflight = (self.observed.builder.spec.get("rollout") or {}).get("preflight") or {}
        return Situation(
            zones=self.observed.views,
            balancer=self.observed.balancer,
            balancer_differs=lambda routing: self.observed.balancer_differs(order, routing),
            timing=self.timing,
            now=self.context.now(),
            polled=polled,
            preflight=preflight.get("enabled", True),
        )

    def due_pass(self) -> Rollout | None:
        """The pass to go on with, a new one, or None when nothing is to be done."""
        revision, order = self.observed.revision, self.observed.steady_order
        recorded = read_record(self.status)
        running = recorded is not None and recorded.completion_time is None
        if recorded is not None and running and recorded.revision == revision and set(recorded.order) == set(order):
            return self.with_marked_first(recorded)
        situation = self.situation(order)
        if not running and not self.observed.leftovers() and not pass_.is_needed(situation):
            return None
        rollout = pass_.start(revision, situation, resume_after=self.resume_after(recorded))
        if any(view.disruptive for view in self.observed.views.values()):
            self.tell("RolloutStarted", f"revision {revision} rolls over zones {', '.join(rollout.order)}")
        return rollout

    def with_marked_first(self, recorded: Rollout) -> Rollout:
        """The marked zone is the one whose turn it is; a record that says otherwise is older than the marker."""
        current = recorded.current
        marked = [view.name for view in self.observed.views.values() if view.marked]
        if not marked or (current is not None and current.name in marked):
            return recorded
        situation = self.situation(self.observed.steady_order)
        return pass_.start(recorded.revision, situation, resume_after=self.resume_after(recorded))

    def resume_after(self, recorded: Rollout | None) -> datetime | None:
        """Before when a new pass takes no zone out: the rest of a pause that its predecessor owed."""
        now, pause = self.context.now(), self.timing.update_pause
        if recorded is None:
            managed = any(
                stored.annotations.get(ZONE) for _, stored in owned_children(self.context, self.observed.owner)
            )
            return now + pause if managed else None
        if recorded.completion_time is not None:
            return None
        owed = [recorded.resume_after]
        for zone in recorded.zones:
            owed.append(zone.pause_until if zone.step is Step.PAUSING else None)
            view = self.observed.views.get(zone.name)
            if zone.step is Step.RESTORING and zone.disruptive and view is not None and not view.marked:
                # the marker is gone, so the zone was done; nobody recorded the pause any more
                owed.append(now + pause)
        return max((time for time in owed if time is not None and time > now), default=None)

    def refuse_other_backends(self) -> None:
        """Another backend type means empty backends: it takes an annotation to say that this is wanted (§17.3)."""
        wanted = self.observed.builder.backend_cls.kind
        others = [
            resource.kind
            for resource, stored in owned_children(self.context, self.observed.owner)
            if resource.kind in BACKENDS and resource.kind != wanted and DETACHED not in stored.annotations
        ]
        allowed = (self.observed.cr.metadata.get("annotations") or {}).get(ALLOW_BACKEND_CHANGE) == "true"
        if others and not allowed:
            message = f"backendType change from {others[0]} to {wanted} needs annotation {ALLOW_BACKEND_CHANGE}"
            self.tell("BackendTypeChangeBlocked", message, warning=True)
            raise self.failure(message)

    # -- the next thing ----------------------------------------------------------------------------------------------

    async def decide(self, rollout: Rollout) -> tuple[Rollout, Action]:
        """The next action that is not a poll; polls are made here, and decided on again."""
        polled: tuple[PollQueues, Drain] | None = None
        while True:
            decided, action = pass_.decide(rollout, self.situation(rollout.order, polled))
            if not isinstance(action, PollQueues):
                return decided, action
            rollout = decided
            drain = await self.poll(rollout, action)
            self.pending[action.zone] = drain.pending or 0
            if drain.skipped:
                self.tell("DrainSkipped", f"zone {action.zone}: {drain.skipped}", warning=True)
            polled = (action, drain)

    async def poll(self, rollout: Rollout, request: PollQueues) -> Drain:
        progress, zone = rollout.progress(request.zone), self.observed.zone(request.zone)
        now = self.context.now()
        agents = self.observed.agents(request.zone if request.own_agent_only else None)
        urls = {zone.url}
        if request.own_agent_only:
            urls = {each.url for each in self.observed.zones if self.observed.views[each.name].accepts_writes_before}
        question = Question(
            urls=frozenset(urls),
            now=now,
            since=progress.step_start or now,
            good_polls=progress.good_polls,
            first_good_poll=progress.first_good_poll,
            required_zone=None if request.before_update else request.zone,
        )
        return await poll(agents, question, self.context.pods)

    async def carry_out(self, rollout: Rollout, action: Action) -> Progress:
        """Record how far the pass is, then do the action."""
        match action:
            case Wait(seconds=seconds, message=message, warning=warning):
                await self.write(rollout, message=message, blocked=message if warning else "")
                if warning:
                    self.tell(warning, message, warning=True)
                return Progress(message, seconds)
            case Halt(error=error, retryable=retryable, event=event):
                await self.write(rollout, message=error)
                self.tell(event, error, warning=True)
                raise Delay(error) if retryable else self.failure(error)
            case Finish() | PollQueues():
                return READY
        await self.write(rollout)
        try:
            reason, message = await Actor(self.context, self.observed).carry_out(action, rollout.order)
        except NotSafe as error:
            self.tell("PreflightBlocked", str(error), warning=True)
            return Progress(str(error), PREFLIGHT_INTERVAL)
        except AlreadyExists:
            # somebody made it a moment ago: look at it, and perhaps adopt it (W3)
            return Progress("looking again at a child that exists already", AT_ONCE)
        if reason:
            self.tell(reason, message)
        return Progress("an object was written", AT_ONCE)

    async def finish(self, rollout: Rollout, removal: Removal) -> Progress:
        """All zones are through: let go of what belongs to none, then close the record."""
        reason, message = await removal.after_zones()
        if reason:
            await self.write(rollout)
            self.tell(reason, message, warning=reason == "DetachedVMAuth")
            return Progress("children of removed zones are let go of", AT_ONCE)
        await self.write(attrs.evolve(rollout, completion_time=self.context.now()))
        if any(zone.disruptive for zone in rollout.zones):
            self.metrics.completed(self.stored.key)
            self.tell("RolloutCompleted", f"revision {rollout.revision} is in all zones")
        # the order of a steady resource may be another one than that of the pass
        return Progress("the pass is completed", AT_ONCE)

    # -- telling -----------------------------------------------------------------------------------------------------

    async def write(self, rollout: Rollout | None, *, message: str = "", blocked: str = "", conflict: str = "") -> None:
        """Record the pass in the status, with what people want to know; nothing is sent where nothing changed."""
        live = self.context.informers.informer(VM_DISTRIBUTED).lister.get(self.stored.key) or self.stored
        current: Manifest = live.get("status") or {}
        before = read_record(current)
        self.tell_steps(before, rollout)
        self.metrics.observe_zones(self.stored.key, self.observed.views.values(), self.pending)
        if before is not None and rollout is not None:
            self.metrics.observe_steps(self.stored.key, before, rollout)
        known = rollout if rollout is not None and {z.name for z in rollout.zones} == set(self.observed.views) else None
        wanted = dict(current)
        if rollout is not None:
            wanted["rollout"] = record(rollout, self.observed.views)
        wanted["zones"] = zone_list(self.observed, known, current.get("zones") or (), self.pending, message)
        wanted["conditions"] = conditions(
            self.observed, rollout, current.get("conditions") or (), conflict=conflict, blocked=blocked
        )
        wanted["detached"] = detached_list(self.observed)
        wanted = {key: value for key, value in wanted.items() if value not in (None, "", [])}
        self.tell_conditions(current.get("conditions") or (), wanted["conditions"])
        if wanted != current:
            await self.context.applier.patch_status(VM_DISTRIBUTED, live, wanted)

    def tell_steps(self, before: Rollout | None, after: Rollout | None) -> None:
        if after is None or before is None:
            return
        known = {zone.name: zone.step for zone in before.zones}
        for zone in after.zones:
            if zone.step is not known.get(zone.name) and zone.disruptive and zone.step in STEP_EVENTS:
                reason, text = STEP_EVENTS[zone.step]
                self.tell(reason, f"zone {zone.name} {text}")
            left = zone.step is not Step.AGENT_DRAIN and known.get(zone.name) is Step.AGENT_DRAIN
            since = before.progress(zone.name).step_start if left else None
            if since is not None and self.context.now() >= since + AGENT_DRAIN_LIMIT:
                self.tell("AgentQueueNotEmpty", f"zone {zone.name}: queues of its agent may be lost", warning=True)

    def tell_conditions(self, before: Sequence[Manifest], after: Sequence[Manifest]) -> None:
        """Warn of conditions that have just become false and that a person has to do something about."""
        known = {each.get("type"): each.get("status") for each in before}
        for each in after:
            warning = CONDITION_WARNINGS.get(each["type"])
            turned = each["status"] == "False" and known.get(each["type"], FIRST.get(each["type"])) == "True"
            if warning is not None and turned:
                self.tell(*warning, warning=True)

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.context.events.event(self.stored, "Warning" if warning else "Normal", reason, message, own=True)

    def failure(self, error: str) -> Failure:
        return Failure(f"VMDistributed {self.observed.cr.name} update failed: {error}")
