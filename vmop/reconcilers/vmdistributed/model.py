"""What a rollout is made of: the zones as they are observed, and what is recorded of a pass between two reconciles.

Everything here is a value. :mod:`~vmop.reconcilers.vmdistributed.observe` makes the views from caches,
:mod:`~vmop.reconcilers.vmdistributed.rollout` decides on them, and the controller carries the decision out.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from datetime import datetime

import attrs

from vmop.kube import ObjectKey, Resource


class Step(enum.StrEnum):
    """Where a zone stands within a pass; the phases of spec 02 §19.9, in their order."""

    PENDING = "Pending"
    PREFLIGHT = "Preflight"
    DRAINING = "Draining"
    EXCLUDING = "Excluding"
    AGENT_DRAIN = "AgentDrain"
    UPDATING_BACKEND = "UpdatingBackend"
    UPDATING_AGENT = "UpdatingAgent"
    CATCHING_UP = "CatchingUp"
    RESTORING = "Restoring"
    PAUSING = "Pausing"
    READY = "Ready"
    FAILED = "Failed"
    MAINTENANCE = "Maintenance"


class TrafficMode(enum.StrEnum):
    """Which traffic a zone takes (spec 02 §8)."""

    READ_WRITE = "read-write"
    READ_ONLY = "read-only"
    WRITE_ONLY = "write-only"
    MAINTENANCE = "maintenance"

    @property
    def reads(self) -> bool:
        """The zone's backend may be a target of queries."""
        return self in (TrafficMode.READ_WRITE, TrafficMode.READ_ONLY)

    @property
    def writes(self) -> bool:
        """The zone's agent may be a target of writes."""
        return self in (TrafficMode.READ_WRITE, TrafficMode.WRITE_ONLY)


@attrs.frozen
class ChildView:
    """One child of the VMDistributed as it is now, compared with what it should be."""

    resource: Resource
    key: ObjectKey
    exists: bool = False
    #: has a deletionTimestamp; nothing is written to it
    deleting: bool = False
    finalizers: tuple[str, ...] = ()
    #: carries our owner reference and, where this is recorded, our markers
    owned: bool = False
    #: the stored spec differs from the desired one
    needs_write: bool = False
    #: writing it may restart pods: the difference stays after today's defaults are applied to the stored spec too
    disruptive: bool = False
    #: its controller holds back a changed pod template until the zone carries the marker (spec 02 §19.6, I8)
    held: bool = False
    #: ``status.updateStatus``
    update_status: str = ""
    generation: int = 0
    observed_generation: int = 0

    @property
    def current(self) -> bool:
        """Its controller has seen the stored spec."""
        return self.exists and self.observed_generation >= self.generation

    @property
    def up(self) -> bool:
        """Ready, for the spec that is stored. What is held back for its zone's turn takes nothing away (I8)."""
        return self.current and self.update_status == "operational" and not self.deleting

    @property
    def operational(self) -> bool:
        """Ready, for the spec that is stored, with nothing held back."""
        return self.up and not self.held

    @property
    def failed(self) -> bool:
        """Its controller gave up on the spec that is stored (not on an older one: spec 02 §12, T9)."""
        return self.current and self.update_status == "failed"

    @property
    def settled(self) -> bool:
        """Nothing is left to be written to it and it is operational."""
        return self.operational and self.owned and not self.needs_write

    def __str__(self) -> str:
        return f"{self.resource.kind}={self.key}"


@attrs.frozen
class ZoneView:
    """One zone of the spec as it is now."""

    name: str
    mode: TrafficMode
    backend: ChildView
    agent: ChildView
    #: the backend carries the marker ``zone-state: updating``
    marked: bool = False
    #: the stored backend takes writes: a VMCluster with vminsert replicas, a VMSingle that exists
    accepts_writes_before: bool = False
    #: the desired backend takes writes once the step is through
    accepts_writes_after: bool = True
    #: a ready endpoint of the agent is known, or it has no replicas to have one
    agent_reachable: bool = True
    #: the coming agent update restarts pods whose queues are not on a persistent volume, or shifts queue positions
    agent_queue_at_risk: bool = False

    @property
    def existing(self) -> bool:
        """Backend and agent both exist, so that the zone may be serving."""
        return self.backend.exists and self.agent.exists

    @property
    def disruptive(self) -> bool:
        """Something that is left to do may restart pods or bring up new ones."""
        children = (self.backend, self.agent)
        return not self.existing or any(child.disruptive or child.held for child in children)

    @property
    def settled(self) -> bool:
        """Backend and agent are as they should be and operational."""
        return self.backend.settled and self.agent.settled

    @property
    def ready(self) -> bool:
        """``ready(z)`` of spec 02 §19.6."""
        return not self.marked and self.backend.up and self.agent.up and self.agent_reachable


@attrs.frozen
class BalancerView:
    """The VMAuth, and whom it sends traffic to."""

    #: managed at all: ``vmauth.enabled`` is not false and its controller runs
    managed: bool = True
    exists: bool = False
    #: reloaded: operational at the stored generation
    operational: bool = False
    paused: bool = False
    #: names of zones in the stored ``read`` and ``write`` refs
    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()

    def serves(self, zone: ZoneView) -> bool:
        """``serving(z)`` of spec 02 §19.6.

        A zone whose backend is gone serves nobody, though stored targets may still name it: bringing it back takes
        nothing away, and two such zones must not wait for each other.
        """
        targeted = not self.managed or zone.name in self.read or zone.name in self.write
        return zone.backend.exists and targeted


@attrs.frozen
class Drain:
    """The outcome of one look at the agents' queues."""

    drained: bool
    #: bytes that wait, summed over the agents; None where no agent answered
    pending: int | None = None
    #: why queues of some agents were not waited for; becomes a Warning event
    skipped: str = ""
    #: consecutive polls, this one included, that were good but do not prove an empty queue alone, and the first of them
    good_polls: int = 0
    first_good_poll: datetime | None = None


@attrs.frozen
class ZoneProgress:
    """What is recorded of a zone's way through the pass (``status.rollout.zones[]``, spec 02 §9.4)."""

    name: str
    step: Step = Step.PENDING
    #: the zone had disruptive changes when its step began; decides whether a pause follows
    disruptive: bool = False
    step_start: datetime | None = None
    #: until when steps 1 to 9 must be through
    deadline: datetime | None = None
    #: consecutive polls that found the queues nearly empty, and when the first of them was
    good_polls: int = 0
    first_good_poll: datetime | None = None
    pause_until: datetime | None = None

    @property
    def done(self) -> bool:
        """Nothing is left to do for the zone in this pass."""
        return self.step in (Step.READY, Step.MAINTENANCE)


@attrs.frozen
class Rollout:
    """One pass: the way of one revision over all zones (``status.rollout``)."""

    revision: str
    order: tuple[str, ...]
    zones: tuple[ZoneProgress, ...]
    start_time: datetime
    completion_time: datetime | None = None
    #: a pause before the first zone may be touched, where nothing is recorded of when the last one was
    resume_after: datetime | None = None
    #: until when queues of removed zones are waited for
    removal_deadline: datetime | None = None

    def progress(self, name: str) -> ZoneProgress:
        """The record of zone `name`; raises KeyError for a zone that is not part of the pass."""
        for zone in self.zones:
            if zone.name == name:
                return zone
        raise KeyError(name)

    def with_progress(self, changed: ZoneProgress) -> Rollout:
        """The same pass with the record of one zone replaced."""
        return attrs.evolve(self, zones=tuple(changed if zone.name == changed.name else zone for zone in self.zones))

    @property
    def current(self) -> ZoneProgress | None:
        """The zone whose turn it is; None when all are done."""
        return next((zone for zone in map(self.progress, self.order) if not zone.done), None)


def update_order(zones: Iterable[ZoneView]) -> tuple[str, ...]:
    """Names of `zones` in the order in which a pass goes over them (spec 02 §9.3).

    Marked zones and those with an agent out of order come first, then backends that are not operational, among them
    those that do not exist, then the backends whose spec was written most often, then by the backend's name.
    """

    def key(zone: ZoneView) -> tuple[bool, bool, bool, int, str]:
        backend, agent = zone.backend, zone.agent
        out_of_order = zone.marked or (agent.exists and agent.update_status != "operational")
        return (
            not out_of_order,
            backend.update_status == "operational",
            backend.exists,
            -backend.observed_generation,
            backend.key.name,
        )

    return tuple(zone.name for zone in sorted(zones, key=key))
