"""What a VMDistributed tells about its rollout (02-vmdistributed.md 9.4 and 19.9, beyond the Go operator).

The schema keeps further fields of `rollout`, so that a newer operator's record survives an older CRD.
"""

import attrs

from vmop.api.fields import field
from vmop.api.kinds import WorkloadStatus


@attrs.frozen(kw_only=True)
class ZoneRecord:
    """How far a zone has come in a rollout; the operator goes on from here after a restart."""

    name: str | None = field("Zone that the record is about.", required=True)
    step: str | None = field("Step that the zone is in.")
    disruptive: bool | None = field("Whether the change replaces pods of the zone.")
    step_start_time: str | None = field("When the zone came to its step.", format="date-time")
    step_deadline: str | None = field("When the step counts as failed.", format="date-time")
    good_polls: int | None = field("Looks in a row that found the zone healthy.")
    first_good_poll: str | None = field("When the first of those looks was.", format="date-time")
    pause_until: str | None = field("When the pause after the zone ends.", format="date-time")


@attrs.frozen(kw_only=True)
class RolloutStatus:
    """The rollout of one revision."""

    revision: str | None = field("Hash of the specs that are rolled out.")
    state: str | None = field("What the rollout does: Idle, Progressing, Paused, Blocked, Failed and others.")
    order: list[str] | None = field("Zones in the order in which they are updated.")
    start_time: str | None = field("When the rollout of the revision began.", format="date-time")
    completion_time: str | None = field("When the rollout came to its end.", format="date-time")
    resume_after: str | None = field("When the rollout is looked at again.", format="date-time")
    removal_deadline: str | None = field("When the removal of a zone counts as failed.", format="date-time")
    current_zone: str | None = field("Zone that is updated now.")
    zones_total: int | None = field("Number of zones in the rollout.")
    zones_done: int | None = field("Number of zones that have the new revision.")
    zones: list[ZoneRecord] | None = field("How far each zone has come.")


@attrs.frozen(kw_only=True)
class ChildStatus:
    """An object of a zone."""

    kind: str | None = field("Kind of the zone's object.")
    name: str | None = field("Name of the zone's object.")
    namespace: str | None = field("Namespace of the zone's object.")
    origin: str | None = field("Whether the VMDistributed `created` the object or it was `referenced`.")
    update_status: str | None = field("Update status that the object itself reports.")
    observed_generation: int | None = field("Generation that the object itself reports.", format="int64")


@attrs.frozen(kw_only=True)
class ZoneStatus:
    """The state of a zone, for people."""

    name: str | None = field("Zone whose state this is.", required=True)
    traffic_mode: str | None = field("Traffic that the zone takes by its spec.")
    phase: str | None = field("Phase of the zone, e.g. `Draining`, `UpdatingBackend`, `Ready`.")
    phase_start_time: str | None = field("When the zone came to its phase.", format="date-time")
    last_update_time: str | None = field("When the zone last became ready after a change.", format="date-time")
    revision: str | None = field("Hash of the specs that the zone should have.")
    in_read: bool | None = field("Whether queries go to the zone now.")
    in_write: bool | None = field("Whether writes go to the zone's agents now.")
    pending_bytes: int | None = field("Bytes that agents held for the zone at the last look.", format="int64")
    backend: ChildStatus | None = field("The zone's VMCluster or VMSingle.")
    agents: list[ChildStatus] | None = field("The zone's VMAgents, the first one first.")
    message: str | None = field("What the zone waits for, or why it failed.")


@attrs.frozen(kw_only=True)
class DetachedStatus:
    """An object that belonged to a zone which is no more."""

    kind: str | None = field("Kind of the detached object.")
    name: str | None = field("Name of the detached object.")
    namespace: str | None = field("Namespace of the detached object.")
    origin: str | None = field("Whether the detached object was `created` or `referenced`.")
    since: str | None = field("When the object was detached.", format="date-time")


@attrs.frozen(kw_only=True)
class VMDistributedStatus(WorkloadStatus):
    """Status of a VMDistributed."""

    rollout: RolloutStatus | None = field("The rollout that runs, or the last one.")
    zones: list[ZoneStatus] | None = field("State of each zone in the order of the spec.")
    detached: list[DetachedStatus] | None = field("Objects that no zone needs any more.")
