"""How a change of a VMDistributed is rolled out over its zones (02-vmdistributed.md 19.7, beyond the Go operator)."""

import attrs

from vmop.api.fields import field


@attrs.frozen(kw_only=True)
class Canary:
    """A zone that is updated first and watched longer."""

    zone: str | None = field("Zone that is updated first among changed zones that are ready.")
    bake_time: str | None = field("Pause after the canary zone, during which it is verified; replaces `updatePause`.")
    require_approval: bool | None = field(
        "Go on after the canary only when the annotation operator.victoriametrics.com/approve-rollout names "
        "the revision."
    )


@attrs.frozen(kw_only=True)
class Verification:
    """A query whose value tells whether an updated zone is healthy."""

    name: str | None = field("Name of the check, for status and events.", required=True)
    query: str | None = field("MetricsQL query sent to the zone itself; several values are summed.", required=True)
    tenant: str | None = field("Tenant that is queried in a VMCluster zone; `0` by default.")
    min: float | None = field("Least value that passes; no lower bound when unset.", pointer=True)
    max: float | None = field("Greatest value that passes; no upper bound when unset.", pointer=True)
    for_: str | None = field("How long the value must pass without a break, e.g. `1m`.", name="for")
    timeout: str | None = field("Time limit of one query; `10s` by default.")


@attrs.frozen(kw_only=True)
class Preflight:
    """What must be healthy before a zone is touched."""

    enabled: bool | None = field("Refuse to touch a zone unless the others are healthy; true by default.", pointer=True)
    min_ready_zones: int | None = field("Ready zones needed besides the one to update; 1 by default.", pointer=True)
    queries: list[Verification] | None = field("Checks that every other zone must pass before.")


@attrs.frozen(kw_only=True)
class Drain:
    """Waiting until the agents have delivered what they hold for a zone."""

    mode: str | None = field(
        "`Strict` (default) fails when the queue does not empty, `BestEffort` goes on, `Skip` does not wait.",
        enum=("Strict", "BestEffort", "Skip"),
    )
    timeout: str | None = field("Time limit of each drain; the rest of `readyTimeout` by default.", pointer=True)
    tolerance_bytes: int | None = field(
        "Bytes that may be left in the queues; 1048576 by default.", format="int64", pointer=True
    )
    poll_interval: str | None = field("Time between looks at the queues; `5s` by default.")


@attrs.frozen(kw_only=True)
class Rollout:
    """Order, checks and failure handling of rollouts."""

    order: list[str] | None = field("Zones that go first, in this order, among zones that are otherwise equal.")
    max_unavailable: int | None = field("Zones out of service at a time; only 1 is accepted.", pointer=True)
    keep_last_target: bool | None = field(
        "Do not take a zone out when that would leave no target for reads or writes; true by default.", pointer=True
    )
    canary: Canary | None = field("A first zone with a longer look at it.")
    preflight: Preflight | None = field("Checks before a zone is touched.")
    drain: Drain | None = field("Emptying of the agents' queues before and after an update.")
    verification: list[Verification] | None = field("Checks of an updated zone before it takes traffic again.")
    on_failure: str | None = field(
        "`Halt` (default) stops at a failed zone, `Rollback` restores its last good specs.", enum=("Halt", "Rollback")
    )
    rollback_scope: str | None = field(
        "Zones restored by a rollback: the failed one (default) or all updated ones.", enum=("FailedZone", "AllUpdated")
    )
