"""The rollout as a state machine: from what is recorded and what is observed to the one thing to do next.

A *pass* takes one revision over all zones, one zone at a time (spec 02 §9 and §10). It is many short reconciles: each
calls :func:`decide`, records the :class:`~vmop.reconcilers.vmdistributed.model.Rollout` that it returns, and carries
out the action. Nothing here waits, reads or writes, so the whole of it is proven by tables and by random walks.

What decides safety is never in the record: excluded from traffic is the zone that carries the marker on its backend.
Losing the record may lengthen a wait; it never shortens one, repeats a write or touches a second zone. A marked zone
always comes first, and of its turn only what is still undone is done.

The turn of a zone with disruptive changes, or that is marked already::

    Preflight ─▶ Draining ─▶ (mark) ─▶ Excluding ─▶ AgentDrain ─▶ UpdatingBackend ─▶ UpdatingAgent
                                                                                        │
                  Ready ◀── Pausing ◀── (unmark) ◀── Restoring ◀── CatchingUp ◀─────────┘

A zone without is only looked at: adopted, waited for, and put back among the targets where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import attrs

from vmop.builders.vmdistributed.targets import Routing
from vmop.reconcilers.vmdistributed.model import (
    BalancerView,
    ChildView,
    Drain,
    Rollout,
    Step,
    TrafficMode,
    ZoneProgress,
    ZoneView,
    update_order,
)

#: no zone is left out but for its mode, absence or ownership
EVERYBODY = Routing()
#: How often queues are polled, children and other zones looked at again when no event comes (spec 02 §11.2, §19.6).
DRAIN_INTERVAL = 5.0
CHILD_INTERVAL = 5.0
PREFLIGHT_INTERVAL = 10.0
#: How long an agent's other queues are waited for before its pods lose them (spec 02 §10, step 4).
AGENT_DRAIN_LIMIT = timedelta(seconds=60)


@attrs.frozen
class Timing:
    """``zoneCommon.readyTimeout`` and ``zoneCommon.updatePause``."""

    ready_timeout: timedelta
    update_pause: timedelta


# -- what may be done next -------------------------------------------------------------------------------------------


@attrs.frozen
class Adopt:
    """Record ownership of a child: owner reference and markers, nothing of its spec."""

    zone: str
    child: ChildView


@attrs.frozen
class Write:
    """Bring a child to its desired spec, or create it; a created backend carries the marker from the start."""

    zone: str
    child: ChildView
    marker: bool = False


@attrs.frozen
class Mark:
    """Mark the backend as being updated, after the other zones were found ready by live reads."""

    zone: str
    repair: bool


@attrs.frozen
class Unmark:
    """Remove the marker: the zone has all its traffic again."""

    zone: str


@attrs.frozen
class Balance:
    """Write the VMAuth with the targets that `routing` leaves."""

    routing: Routing


@attrs.frozen
class PollQueues:
    """Look at the agents' queues and decide again: those for `zone`'s backend, or all of `zone`'s own agent."""

    zone: str
    own_agent_only: bool = False
    before_update: bool = False


@attrs.frozen
class Wait:
    """Look again after `seconds`, or when a child changes."""

    seconds: float
    message: str
    #: the reason of a Warning event, where a person should know
    warning: str = ""


@attrs.frozen
class Halt:
    """The turn failed. The zone stays marked and excluded; the pass is tried again with backoff."""

    zone: str
    error: str
    #: a time limit that says nothing about the spec: the status is ``expanding``, not ``failed`` (spec 02 §14.1)
    retryable: bool = False
    event: str = "ZoneUpdateFailed"


@attrs.frozen
class Finish:
    """All zones are as they should be."""


Action = Adopt | Write | Mark | Unmark | Balance | PollQueues | Wait | Halt | Finish


@attrs.frozen
class Situation:
    """All that a decision is made from."""

    zones: Mapping[str, ZoneView]
    balancer: BalancerView
    #: whether the stored VMAuth differs from the one that such a routing gives
    balancer_differs: Callable[[Routing], bool]
    timing: Timing
    now: datetime
    #: the poll that the last decision asked for within the same reconcile, and its outcome
    polled: tuple[PollQueues, Drain] | None = None
    #: refuse to take a zone out while another one is not ready (``rollout.preflight.enabled``)
    preflight: bool = True

    @property
    def marked(self) -> frozenset[str]:
        """Zones whose backend carries the marker."""
        return frozenset(zone.name for zone in self.zones.values() if zone.marked)


def start(revision: str, situation: Situation, *, resume_after: datetime | None = None) -> Rollout:
    """A new pass over all zones of `situation`; no zone is taken out before `resume_after`.

    That is the end of the pause of a pass which this one takes the place of, or, where zones are managed already and
    nothing is recorded of when the last one was updated, a whole pause from now.
    """
    return Rollout(
        revision=revision,
        order=update_order(situation.zones.values()),
        zones=tuple(ZoneProgress(name) for name in situation.zones),
        start_time=situation.now,
        resume_after=resume_after,
    )


def is_needed(situation: Situation) -> bool:
    """Something is to be done or waited for, so that a pass must run."""
    zones = situation.zones.values()
    unsettled = any(not zone.settled and zone.mode is not TrafficMode.MAINTENANCE for zone in zones)
    unwritten = any(_unwritten(child) for zone in zones for child in (zone.backend, zone.agent))
    return unsettled or unwritten or bool(situation.marked) or _balancer_unfinished(situation)


def decide(rollout: Rollout, situation: Situation) -> tuple[Rollout, Action]:
    """The pass as it is to be recorded, and the one thing to do next.

    The action is to be carried out after the record is written; each is repeated safely when the process dies between.
    """
    while (progress := rollout.current) is not None:
        progress, action = _Turn(rollout, progress, situation).take()
        rollout = rollout.with_progress(progress)
        if action is not None:
            return rollout, action
    if not situation.zones and _balancer_unfinished(situation):
        # without zones nobody has a turn, but a stored VMAuth must not keep its targets
        return rollout, Balance(EVERYBODY)
    return rollout, Finish()


def _unwritten(child: ChildView) -> bool:
    return not child.exists or child.needs_write or not child.owned


def _balancer_unfinished(situation: Situation) -> bool:
    balancer = situation.balancer
    if not balancer.managed or (not situation.zones and not balancer.exists):
        return False
    if not situation.zones:
        return situation.balancer_differs(EVERYBODY)
    return not situation.balancer.operational or situation.balancer_differs(EVERYBODY)


@attrs.frozen
class _Turn:
    """The turn of one zone: one method a step, each of which gives what is next to do, or None when it is through."""

    rollout: Rollout
    progress: ZoneProgress
    situation: Situation

    @property
    def zone(self) -> ZoneView:
        return self.situation.zones[self.progress.name]

    @property
    def label(self) -> str:
        """``zone=K/N``: the position in the order of the pass, from 1."""
        return f"zone={self.rollout.order.index(self.zone.name) + 1}/{len(self.rollout.order)}"

    # -- moving on ----------------------------------------------------------------------------------------------------

    def take(self) -> tuple[ZoneProgress, Action | None]:
        if self.zone.mode is TrafficMode.MAINTENANCE:
            return self.maintain()
        step = self.progress.step
        if step in (Step.PENDING, Step.FAILED, Step.MAINTENANCE):
            return self.begin()
        if step is Step.PAUSING:
            return self.pause()
        if not (self.progress.disruptive or self.zone.marked or self.zone.disruptive):
            return self.look_after()
        return _STEPS[step](self)

    def enter(self, step: Step) -> tuple[ZoneProgress, None]:
        """Go on to `step` at once; what was counted for the last one is dropped."""
        now = self.situation.now
        return attrs.evolve(self.progress, step=step, step_start=now, good_polls=0, first_good_poll=None), None

    def stay(self, action: Action) -> tuple[ZoneProgress, Action]:
        return self.progress, action

    @property
    def late(self) -> bool:
        return self.progress.deadline is not None and self.situation.now >= self.progress.deadline

    def fail(
        self, error: str, *, retryable: bool = False, event: str = "ZoneUpdateFailed"
    ) -> tuple[ZoneProgress, Halt]:
        failed = attrs.evolve(self.progress, step=Step.FAILED, step_start=self.situation.now)
        return failed, Halt(self.zone.name, f"{self.label}: {error}", retryable, event)

    # -- steps --------------------------------------------------------------------------------------------------------

    def begin(self) -> tuple[ZoneProgress, Action | None]:
        resume = self.rollout.resume_after
        if self.zone.disruptive and not self.zone.marked and resume is not None and self.situation.now < resume:
            return self.stay(Wait((resume - self.situation.now).total_seconds(), "pause since the last known update"))
        begun = attrs.evolve(
            self.progress,
            disruptive=self.progress.disruptive or self.zone.disruptive or self.zone.marked,
            deadline=self.situation.now + self.situation.timing.ready_timeout,
        )
        return attrs.evolve(self, progress=begun).enter(Step.PREFLIGHT)

    def preflight(self) -> tuple[ZoneProgress, Action | None]:
        if self.zone.marked:
            return self.enter(Step.EXCLUDING)
        if self.situation.marked:
            # I1: never a second one; the marked zone gets its turn in a new pass
            return self.stay(Wait(0.0, "another zone is being updated"))
        if blocked := self.blocking_zones():
            names = ", ".join(blocked)
            if self.late:
                return self.fail(f"zones are not ready: {names}", retryable=True, event="PreflightBlocked")
            return self.stay(Wait(PREFLIGHT_INTERVAL, f"zones are not ready: {names}", warning="PreflightBlocked"))
        return self.enter(Step.DRAINING)

    def blocking_zones(self) -> list[str]:
        """I2: zones that must be ready before this one stops serving; a zone that serves nobody is repaired anyway."""
        if not self.situation.preflight or not self.situation.balancer.serves(self.zone):
            return []
        others = (zone for zone in self.situation.zones.values() if zone.name != self.zone.name)
        return [zone.name for zone in others if zone.mode is not TrafficMode.MAINTENANCE and not zone.ready]

    def drain(self) -> tuple[ZoneProgress, Action | None]:
        if self.zone.marked:
            return self.enter(Step.EXCLUDING)
        backend = self.zone.backend
        if self.zone.existing and self.zone.accepts_writes_before and backend.update_status == "operational":
            waiting = self.poll(
                PollQueues(self.zone.name, before_update=True),
                f"failed to wait till backend={backend.key.name} queue is empty",
            )
            if waiting is not None:
                return waiting
        if backend.exists:
            return self.stay(Mark(self.zone.name, repair=not self.situation.balancer.serves(self.zone)))
        return self.enter(Step.EXCLUDING)

    def poll(self, request: PollQueues, error: str) -> tuple[ZoneProgress, Action] | None:
        """Ask for a poll, or wait for the next one; None when the queues are empty."""
        drain = self.outcome(request)
        if drain is None:
            return self.stay(request)
        if drain.drained:
            return None
        if self.late:
            return self.fail(error, event="DrainTimeout")
        known = "no agent answered yet" if drain.pending is None else f"{drain.pending} bytes pending"
        return self.counted(drain), Wait(DRAIN_INTERVAL, f"waiting for queues to drain: {known}")

    def counted(self, drain: Drain) -> ZoneProgress:
        return attrs.evolve(self.progress, good_polls=drain.good_polls, first_good_poll=drain.first_good_poll)

    def outcome(self, request: PollQueues) -> Drain | None:
        polled = self.situation.polled
        return polled[1] if polled is not None and polled[0] == request else None

    def exclude(self) -> tuple[ZoneProgress, Action | None]:
        if self.zone.settled:
            # resumed after the updates were done: taking it out once more would only cost traffic
            return self.enter(Step.CATCHING_UP)
        if self.zone.existing:
            error = f"failed to update VMAuth LB with excluded backend={self.zone.backend.key.name}"
            waiting = self.balance(self.routing(excluded=True), error)
            if waiting is not None:
                return waiting
        return self.enter(Step.AGENT_DRAIN)

    def balance(self, routing: Routing, error: str) -> tuple[ZoneProgress, Action] | None:
        """Write the VMAuth and wait until it is reloaded; None when it is."""
        balancer = self.situation.balancer
        if not balancer.managed:
            return None
        if self.situation.balancer_differs(routing):
            return self.stay(Balance(routing))
        if balancer.operational:
            return None
        if balancer.paused:
            return self.fail(f"{error}: VMAuth is paused")
        if self.late:
            return self.fail(f"{error}: VMAuth is not operational in time", retryable=True)
        return self.stay(Wait(CHILD_INTERVAL, "waiting for VMAuth to reload"))

    def drain_agent(self) -> tuple[ZoneProgress, Action | None]:
        start = self.progress.step_start or self.situation.now
        if self.zone.agent_queue_at_risk and self.situation.now < start + AGENT_DRAIN_LIMIT and not self.late:
            request = PollQueues(self.zone.name, own_agent_only=True)
            drain = self.outcome(request)
            if drain is None:
                return self.stay(request)
            if not drain.drained:
                return self.counted(drain), Wait(DRAIN_INTERVAL, "waiting for the agent's own queues to drain")
        return self.enter(Step.UPDATING_BACKEND)

    def update(self, child: ChildView, after: Step) -> tuple[ZoneProgress, Action | None]:
        if child.deleting:
            return self.being_removed(child)
        if not child.exists or child.needs_write:
            return self.stay(Write(self.zone.name, child, marker=child is self.zone.backend))
        if not child.owned:
            return self.stay(Adopt(self.zone.name, child))
        waiting = self.wait_for(child)
        return self.enter(after) if waiting is None else waiting

    def being_removed(self, child: ChildView) -> tuple[ZoneProgress, Action]:
        message = f"waiting for {child} to be removed (finalizers=[{', '.join(child.finalizers)}])"
        if self.late:
            return self.fail(message, retryable=True)
        return self.stay(Wait(CHILD_INTERVAL, message))

    def wait_for(self, child: ChildView) -> tuple[ZoneProgress, Action] | None:
        """Wait until a child is operational at its stored generation; None when it is."""
        if child.operational:
            return None
        error = f"failed to reconcile {child}"
        if child.current and child.update_status == "paused":
            return self.fail(f"{error}: {child} is paused")
        is_cluster = child.resource.kind == "VMCluster"
        if is_cluster and child.failed:
            return self.fail(f"{error}: object {child} reached failed status")
        if self.late:
            status = child.update_status or "unknown"
            return self.fail(f"{error}: it is not ready in time, current status: {status}", retryable=not is_cluster)
        return self.stay(Wait(CHILD_INTERVAL, f"waiting for {child} to be operational"))

    def catch_up(self) -> tuple[ZoneProgress, Action | None]:
        # both may have changed since they were waited for
        for child in (self.zone.backend, self.zone.agent):
            waiting = self.wait_for(child)
            if waiting is not None:
                return waiting
        if self.zone.accepts_writes_after:
            waiting = self.poll(
                PollQueues(self.zone.name),
                f"failed to wait till VMAgent queue for backend={self.zone.backend.key.name} is drained",
            )
            if waiting is not None:
                return waiting
        return self.enter(Step.RESTORING)

    def restore(self) -> tuple[ZoneProgress, Action | None]:
        waiting = self.balance(self.routing(), "failed to update VMAuth LB")
        if waiting is not None:
            return waiting
        if self.zone.marked and not (self.zone.backend.operational and self.zone.agent.operational):
            # it broke while the VMAuth reloaded: the marker stays until it is ready again (I4)
            return self.enter(Step.CATCHING_UP)
        if self.zone.marked:
            return self.stay(Unmark(self.zone.name))
        remaining = any(not zone.done and zone.name != self.zone.name for zone in self.rollout.zones)
        pause = self.situation.timing.update_pause
        if remaining and self.progress.disruptive and pause:
            paused = attrs.evolve(self.progress, pause_until=self.situation.now + pause)
            return attrs.evolve(self, progress=paused).enter(Step.PAUSING)
        return self.enter(Step.READY)

    def pause(self) -> tuple[ZoneProgress, Action | None]:
        until = self.progress.pause_until or self.situation.now
        if self.situation.now < until:
            return self.stay(Wait((until - self.situation.now).total_seconds(), "pause between zones"))
        return self.enter(Step.READY)

    def routing(self, *, excluded: bool = False) -> Routing:
        """Who gets traffic during this turn: all but the marked zones, this one in or out.

        Zones that a changed trafficMode brings back to a ref wait there for the end of their own turn (I7).
        """
        entering = None
        if self.situation.balancer.exists:
            entering = frozenset(zone.name for zone in self.rollout.zones if zone.done) | {self.zone.name}
        marked = self.situation.marked
        return Routing(marked | {self.zone.name} if excluded else marked - {self.zone.name}, entering)

    # -- zones without a turn of their own ----------------------------------------------------------------------------

    def look_after(self) -> tuple[ZoneProgress, Action | None]:
        """Adopt, write what restarts nothing, wait until operational, and put the zone among the targets."""
        for child in (self.zone.backend, self.zone.agent):
            if child.deleting:
                return self.being_removed(child)
            if child.needs_write:
                return self.stay(Write(self.zone.name, child))
            if not child.owned:
                return self.stay(Adopt(self.zone.name, child))
            waiting = self.wait_for(child)
            if waiting is not None:
                return waiting
        routing = self.routing()
        if self.situation.balancer.managed and self.situation.balancer_differs(routing) and self.enters():
            waiting = self.poll(
                PollQueues(self.zone.name),
                f"failed to wait till VMAgent queue for backend={self.zone.backend.key.name} is drained",
            )
            if waiting is not None:
                return waiting
        waiting = self.balance(routing, "failed to update VMAuth LB")
        return self.enter(Step.READY) if waiting is None else waiting

    def enters(self) -> bool:
        """The zone is about to be added to a ref that it is not in."""
        balancer, mode = self.situation.balancer, self.zone.mode
        return (mode.reads and self.zone.name not in balancer.read) or (
            mode.writes and self.zone.name not in balancer.write and self.zone.accepts_writes_after
        )

    def maintain(self) -> tuple[ZoneProgress, Action | None]:
        """A zone in maintenance takes no traffic and is waited for by nobody; its spec is applied all the same."""
        deadline = self.progress.deadline or self.situation.now + self.situation.timing.ready_timeout
        turn = attrs.evolve(self, progress=attrs.evolve(self.progress, deadline=deadline))
        if self.situation.balancer.serves(self.zone):
            waiting = turn.balance(turn.routing(excluded=True), "failed to update VMAuth LB")
            if waiting is not None:
                return waiting
        if self.zone.marked:
            return turn.stay(Unmark(self.zone.name))
        for child in (self.zone.backend, self.zone.agent):
            if not child.deleting and _unwritten(child):
                return turn.stay(Write(self.zone.name, child))
        return turn.enter(Step.MAINTENANCE)


_STEPS: Mapping[Step, Callable[[_Turn], tuple[ZoneProgress, Action | None]]] = {
    Step.PREFLIGHT: _Turn.preflight,
    Step.DRAINING: _Turn.drain,
    Step.EXCLUDING: _Turn.exclude,
    Step.AGENT_DRAIN: _Turn.drain_agent,
    Step.UPDATING_BACKEND: lambda turn: turn.update(turn.zone.backend, Step.UPDATING_AGENT),
    Step.UPDATING_AGENT: lambda turn: turn.update(turn.zone.agent, Step.CATCHING_UP),
    Step.CATCHING_UP: _Turn.catch_up,
    Step.RESTORING: _Turn.restore,
}
