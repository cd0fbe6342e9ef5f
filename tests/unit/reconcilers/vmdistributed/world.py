"""A cluster reduced to what a rollout decides on: zones, their children's states, the balancer, and queues.

It carries out the actions of :mod:`vmop.reconcilers.vmdistributed.rollout` and checks with each that the invariants
I1 to I8 of spec 02 §19.6 hold.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

from vmop.builders.vmdistributed.targets import Routing, Target, choose
from vmop.kube import ObjectKey
from vmop.kube.resources import VM_AGENT, VM_CLUSTER
from vmop.reconcilers.vmdistributed import rollout as pass_
from vmop.reconcilers.vmdistributed.model import (
    BalancerView,
    ChildView,
    Drain,
    Rollout,
    Step,
    TrafficMode,
    ZoneProgress,
    ZoneView,
)
from vmop.reconcilers.vmdistributed.rollout import (
    Action,
    Adopt,
    Balance,
    Finish,
    Halt,
    Mark,
    PollQueues,
    Situation,
    Timing,
    Unmark,
    Wait,
    Write,
)

START = datetime(2030, 1, 1, tzinfo=UTC)
TIMING = Timing(timedelta(minutes=5), timedelta(minutes=1))


@attrs.define
class Zone:
    """A zone of the simulated cluster."""

    name: str
    exists: bool = True
    owned: bool = True
    #: the desired spec, what is stored, and what is running, as version numbers
    desired: int = 1
    stored: int = 1
    running: int = 1
    agent_desired: int = 1
    agent_stored: int = 1
    agent_running: int = 1
    marked: bool = False
    queue: int = 0
    broken: bool = False
    #: pod templates that the operator would write, and those that are written (I8)
    template: int = 1
    template_written: int = 1
    mode: TrafficMode = TrafficMode.READ_WRITE

    def child(self, *, agent: bool) -> ChildView:
        desired, stored, running = (
            (self.agent_desired, self.agent_stored, self.agent_running)
            if agent
            else (self.desired, self.stored, self.running)
        )
        resource, key = (VM_AGENT if agent else VM_CLUSTER), ObjectKey("obs", f"met-{self.name}")
        if not self.exists:
            return ChildView(resource, key)
        ready = stored == running and not (self.broken and not agent)
        ready = ready and (agent or not self.marked or self.template == self.template_written)
        return ChildView(
            resource=resource,
            key=key,
            exists=True,
            owned=self.owned,
            needs_write=desired != stored,
            disruptive=desired != stored,
            held=not agent and self.template != self.template_written and not self.marked,
            update_status="operational" if ready else "expanding",
            generation=stored,
            observed_generation=running,
        )

    @property
    def view(self) -> ZoneView:
        return ZoneView(
            name=self.name,
            mode=self.mode,
            backend=self.child(agent=False),
            agent=self.child(agent=True),
            marked=self.marked,
            accepts_writes_before=self.exists,
            accepts_writes_after=self.mode.writes,
            agent_reachable=True,
        )


@attrs.define
class World:
    """The cluster, the clock, and the record that the operator keeps."""

    zones: dict[str, Zone]
    now: datetime = START
    rollout: Rollout | None = None
    balancer_exists: bool = True
    reloaded: bool = True
    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    #: order in which zones were marked; names of writes and balancer changes, for comparing runs
    log: list[str] = attrs.field(factory=list)

    @classmethod
    def steady(cls, *names: str) -> World:
        """All zones run and take traffic."""
        return cls({name: Zone(name) for name in names}, read=frozenset(names), write=frozenset(names))

    @property
    def views(self) -> dict[str, ZoneView]:
        return {name: zone.view for name, zone in self.zones.items()}

    @property
    def balancer(self) -> BalancerView:
        return BalancerView(
            exists=self.balancer_exists,
            operational=self.reloaded and self.balancer_exists,
            read=self.read,
            write=self.write,
        )

    def targets(self, routing: Routing) -> tuple[frozenset[str], frozenset[str]]:
        candidates = [
            Target(
                zone=zone.name,
                namespace="obs",
                backend=f"met-{zone.name}",
                agent=f"met-{zone.name}",
                reads=zone.exists and zone.owned and zone.mode.reads,
                writes=zone.exists and zone.owned and zone.mode.writes,
                in_read=zone.name in self.read,
                in_write=zone.name in self.write,
            )
            for zone in self.zones.values()
        ]
        chosen = choose(candidates, routing, keep_last=True)
        return frozenset(zone.zone for zone in chosen.read), frozenset(zone.zone for zone in chosen.write)

    def situation(self, polled: tuple[PollQueues, Drain] | None = None) -> Situation:
        def differs(routing: Routing) -> bool:
            return not self.balancer_exists or self.targets(routing) != (self.read, self.write)

        return Situation(self.views, self.balancer, differs, TIMING, self.now, polled)

    # -- one reconcile -----------------------------------------------------------------------------------------------

    def reconcile(self) -> Action | None:
        """One reconcile; None when nothing is to be done."""
        situation = self.situation()
        if self.rollout is None or self.rollout.completion_time is not None or self.rollout.revision != self.revision:
            if not pass_.is_needed(situation):
                return None
            self.rollout = pass_.start(self.revision, situation)
        rollout, action = pass_.decide(self.rollout, situation)
        while isinstance(action, PollQueues):
            drain = Drain(drained=self.zones[action.zone].queue == 0, pending=self.zones[action.zone].queue)
            rollout, action = pass_.decide(rollout, self.situation((action, drain)))
        self.rollout = rollout
        self.carry_out(action)
        return action

    @property
    def revision(self) -> str:
        return ",".join(f"{z.name}:{z.desired}:{z.agent_desired}:{z.mode}" for z in self.zones.values())

    def carry_out(self, action: Action) -> None:
        match action:
            case Mark(zone=name):
                self.mark(self.zones[name])
            case Unmark(zone=name):
                self.unmark(self.zones[name])
            case Write(zone=name, child=child, marker=marker):
                self.write_child(self.zones[name], child, marker=marker)
            case Adopt(zone=name):
                self.log.append(f"adopt {name}")
                self.zones[name].owned = True
            case Balance(routing=routing):
                self.balance(routing)
            case Finish():
                assert self.rollout is not None
                self.rollout = attrs.evolve(self.rollout, completion_time=self.now)
            case Wait() | Halt() | PollQueues():
                pass

    def mark(self, zone: Zone) -> None:
        self.log.append(f"mark {zone.name}")
        others = [each for each in self.zones.values() if each is not zone and each.mode is not TrafficMode.MAINTENANCE]
        assert not any(each.marked for each in self.zones.values()), f"I1: {zone.name} is a second one"
        if self.balancer.serves(zone.view):
            assert all(each.view.ready for each in others), f"I2: another zone than {zone.name} is not ready"
        zone.marked = True

    def unmark(self, zone: Zone) -> None:
        self.log.append(f"unmark {zone.name}")
        if zone.mode is not TrafficMode.MAINTENANCE:
            assert zone.view.backend.settled, f"I4: backend of {zone.name}"
            assert zone.view.agent.settled, f"I4: agent of {zone.name}"
            assert self.reloaded, f"I4: {zone.name} is not a target again"
            assert not zone.mode.reads or zone.name in self.read, f"I4: {zone.name} gets no queries"
            assert not (zone.view.accepts_writes_after and zone.queue), f"I4: queue of {zone.name}"
        zone.marked = False

    def write_child(self, zone: Zone, child: ChildView, *, marker: bool) -> None:
        agent = child.resource is VM_AGENT
        self.log.append(f"write {'agent' if agent else 'backend'} {zone.name}")
        if not zone.exists:
            zone.exists = zone.owned = True
            zone.marked = marker
            zone.stored, zone.agent_stored, zone.running, zone.agent_running = zone.desired, zone.agent_desired, 0, 0
            return
        disruptive = child.disruptive and zone.mode is not TrafficMode.MAINTENANCE
        assert zone.marked or not disruptive, f"I3: {zone.name} is written without the marker"
        zone.owned = True
        if agent:
            zone.agent_stored = zone.agent_desired
        else:
            zone.stored = zone.desired

    def balance(self, routing: Routing) -> None:
        excluded = routing.excluded
        self.log.append(f"balance without {','.join(sorted(excluded))}")
        marked = {zone.name for zone in self.zones.values() if zone.marked}
        turn = self.rollout.current if self.rollout is not None else None
        restoring = {turn.name} if turn is not None and turn.step is Step.RESTORING else set()
        assert marked - restoring <= excluded, f"I5: {marked} are marked, {excluded} left out"
        read, write = self.targets(routing)
        if self.balancer_exists:
            turns = set() if self.rollout is None or turn is None else {turn.name}
            turns |= {each.name for each in self.rollout.zones if each.done} if self.rollout is not None else set()
            assert (read - self.read) | (write - self.write) <= turns, "I7: a zone enters a ref before its turn"
        self.read, self.write = read, write
        self.balancer_exists, self.reloaded = True, False

    # -- time and events ---------------------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Time goes by: controllers reach what is stored, the balancer reloads, queues of running zones drain."""
        self.now += timedelta(seconds=seconds)
        self.reloaded = self.balancer_exists
        for zone in self.zones.values():
            if zone.marked:
                zone.template_written = zone.template
            if not zone.broken:
                zone.running, zone.agent_running, zone.queue = zone.stored, zone.agent_stored, 0

    def run(self, limit: int = 500, *, seconds: float = 6.0, forget: bool = False) -> list[str]:
        """Reconcile until nothing is to be done; returns the log. With `forget` the record is lost before each."""
        for _ in range(limit):
            if forget:
                self.rollout = None
            action = self.reconcile()
            if action is None:
                return self.log
            if isinstance(action, Wait | Halt):
                self.pass_time(seconds)
        raise AssertionError(f"the rollout does not come to its end: {self.log[-20:]}")

    def run_until(self, line: str, limit: int = 500, *, seconds: float = 6.0) -> None:
        """Reconcile until the log has `line`."""
        for _ in range(limit):
            if line in self.log:
                return
            if isinstance(self.reconcile(), Wait | Halt):
                self.pass_time(seconds)
        raise AssertionError(f"no {line!r} in {self.log[-20:]}")


def progress(world: World, name: str) -> ZoneProgress:
    """The record of a zone."""
    assert world.rollout is not None
    return world.rollout.progress(name)
