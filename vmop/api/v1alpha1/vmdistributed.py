"""VMDistributed: zones of VMCluster or VMSingle with their agents behind one VMAuth, changed one zone at a time."""

from typing import ClassVar

import attrs

from vmop.api.fields import Manifest, StringOrList, field
from vmop.api.kinds import CustomResource
from vmop.api.v1alpha1._rollout import Rollout
from vmop.api.v1alpha1._status import VMDistributedStatus
from vmop.api.v1beta1._app import LOG_LEVELS, AppParams, DeploymentParams
from vmop.api.v1beta1._common import License, ManagedMetadata, Metadata
from vmop.api.v1beta1.vmagent import AgentWorkload, RemoteWriteClient
from vmop.api.v1beta1.vmauth import VMAuthSpec
from vmop.api.v1beta1.vmcluster import VMClusterSpec
from vmop.api.v1beta1.vmsingle import VMSingleSpec

BACKEND_TYPES = ("VMCluster", "VMSingle")


@attrs.frozen(kw_only=True, slots=False)
class ChildReference:
    """Which object is meant: by name, or the only one that a selector finds (19.2, 19.3)."""

    name: str | None = field(
        "Name of the object; derived from the names of resource and zone by default. `%ZONE%` stands for the "
        "zone in zoneCommon."
    )
    namespace: str | None = field("Namespace of the object; that of the VMDistributed by default. It must consent.")
    selector: Manifest | None = field(
        "Labels of the one existing object that is meant; excludes `name`.", kube="LabelSelector"
    )


@attrs.frozen(kw_only=True)
class ZoneAgentSpec(AppParams, DeploymentParams, AgentWorkload):
    """Spec of a zone's VMAgent; what it writes to is decided by the VMDistributed."""

    pod_metadata: Metadata | None = field("Labels and annotations of the agents' pods; the name is ignored.")
    managed_metadata: ManagedMetadata | None = field("Labels and annotations for all objects of the zone's agent.")
    log_level: str | None = field("Least severe messages that the agents log.", enum=LOG_LEVELS)
    log_format: str | None = field(
        "Format of the agents' log lines: `default` text or `json`.", enum=("default", "json")
    )
    license: License | None = field("License of the zone's agent; that of the VMDistributed by default.")
    service_account_name: str | None = field("Service account of the agents' pods; one is created when unset.")


@attrs.frozen(kw_only=True)
class ZoneRemoteWrite(RemoteWriteClient):
    """How every agent writes to a zone; the URL is derived from the zone's backend."""


@attrs.frozen(kw_only=True, slots=False)
class Backend(ChildReference):
    """A zone's storage."""

    spec_policy: str | None = field(
        "What happens to the spec of an existing object: `Replace` (default), `Patch` merges, `Keep` leaves it.",
        enum=("Replace", "Patch", "Keep"),
    )


@attrs.frozen(kw_only=True)
class ZoneCluster(Backend):
    """A zone's VMCluster."""

    spec: VMClusterSpec | None = field("Spec of the zone's VMCluster, merged over that of zoneCommon.", raw=True)


@attrs.frozen(kw_only=True)
class ZoneSingle(Backend):
    """A zone's VMSingle."""

    spec: VMSingleSpec | None = field("Spec of the zone's VMSingle, merged over that of zoneCommon.", raw=True)


@attrs.frozen(kw_only=True)
class ZoneAgent(ChildReference):
    """A zone's VMAgent."""

    spec: ZoneAgentSpec | None = field("Spec of the zone's VMAgent, merged over that of zoneCommon.")


@attrs.frozen(kw_only=True)
class FurtherZoneAgent(ChildReference):
    """One more VMAgent of a zone."""

    spec: ZoneAgentSpec | None = field("Spec of this further VMAgent, merged over that of zoneCommon.", raw=True)
    receive: bool | None = field("Whether the agent is among the targets of writes; true by default.", pointer=True)


@attrs.frozen(kw_only=True, slots=False)
class ZoneParts:
    """What a zone consists of."""

    vmcluster: ZoneCluster | None = field("The VMCluster, with backend type VMCluster.")
    vmsingle: ZoneSingle | None = field("The VMSingle, with backend type VMSingle.")
    vmagent: ZoneAgent | None = field("The VMAgent that takes writes and sends them to all zones.")
    vmagents: list[FurtherZoneAgent] | None = field("Further VMAgents beside the first.")
    remote_write: ZoneRemoteWrite | None = field("How every agent writes to the zone.", raw=True)


@attrs.frozen(kw_only=True)
class ZoneCommon(ZoneParts):
    """What holds for every zone that does not say otherwise; `%ZONE%` stands for the zone's name."""

    ready_timeout: str | None = field(
        "How long an updated object may take to become ready, e.g. `5m` (default).", duration=True
    )
    update_pause: str | None = field("Pause between one updated zone and the next, e.g. `1m` (default).", duration=True)


@attrs.frozen(kw_only=True)
class Zone(ZoneParts):
    """A zone: one storage and its agents."""

    name: str | None = field("Name of the zone, unique in the resource; part of names derived from it.", required=True)
    traffic_mode: str | None = field(
        "Traffic the zone takes: `read-write` (default), `read-only`, `write-only`, or none (`maintenance`).",
        enum=("read-only", "write-only", "read-write", "maintenance"),
    )
    backend_type: str | None = field("Storage of this zone where it differs from the others.", enum=BACKEND_TYPES)


@attrs.frozen(kw_only=True)
class ZoneSelector:
    """Zones made of existing objects that a selector finds."""

    selector: Manifest | None = field(
        "Labels of the storage objects of which each becomes a zone.", kube="LabelSelector"
    )
    namespaces: list[str] | None = field("Namespaces that are searched; that of the VMDistributed by default.")
    zone_name_label: str | None = field(
        "Label of the object that names the zone; topology.kubernetes.io/zone, else the object's name, by default."
    )
    template: Zone | None = field("Everything else about the zones that are made.", raw=True)


@attrs.frozen(kw_only=True)
class BalancerRef(ChildReference):
    """The VMAuth before the zones."""

    enabled: bool | None = field(
        "Whether the VMAuth is created and kept; false leaves it alone.", default=True, pointer=True
    )
    spec: VMAuthSpec | None = field("Spec of the VMAuth; its default targets are set by the VMDistributed.")
    default_access: str | None = field(
        "Who may use the targets when the spec says nothing: nobody (`None`, default) or everybody (`Unauthorized`).",
        enum=("None", "Unauthorized"),
    )


@attrs.frozen(kw_only=True)
class FurtherBalancer(ChildReference):
    """One more VMAuth before the zones."""

    enabled: bool | None = field("Whether this further VMAuth is created and kept; true by default.", pointer=True)
    spec: VMAuthSpec | None = field("Spec of this further VMAuth; its default targets are set.", raw=True)
    refs: list[str] | None = field("Targets that it offers: `write`, `read`, or both (default).")
    zones_order: StringOrList | None = field(
        "Order of the zones in its targets: `Stable`, or a list of names; the reverse of the update order by default.",
        raw=True,
    )


@attrs.frozen(kw_only=True)
class VMDistributedSpec:
    """Desired state of a VMDistributed."""

    backend_type: str | None = field("Storage of the zones: `VMCluster` (default) or `VMSingle`.", enum=BACKEND_TYPES)
    vmauth: BalancerRef | None = field("The VMAuth through which all reads and writes go.")
    vmauths: list[FurtherBalancer] | None = field("Further VMAuths, e.g. for reads only.")
    zones: list[Zone] | None = field("The zones. Their order is that of the agents' remote write targets.")
    zone_selectors: list[ZoneSelector] | None = field("Zones made of objects found by label, after `zones`.")
    zone_common: ZoneCommon | None = field("What holds for every zone.")
    zone_removal_policy: str | None = field(
        "What happens to created objects of a zone that is taken out: `Detach` (default) or `Delete`.",
        enum=("Detach", "Delete"),
    )
    license: License | None = field("License of all parts that have none of their own.")
    paused: bool | None = field("Stop rollouts and upkeep; deletion is still handled.")
    retain: bool | None = field("Keep all objects when the VMDistributed is deleted, also created ones.")
    rollout: Rollout | None = field("Order, checks and failure handling of rollouts.")


@attrs.frozen(kw_only=True)
class VMDistributed(CustomResource):
    """Zones of storage behind one balancer, changed one at a time so that no read or write is lost."""

    version: ClassVar[str] = "v1alpha1"
    kind: ClassVar[str] = "VMDistributed"
    plural: ClassVar[str] = "vmdistributed"
    status_type: ClassVar[type] = VMDistributedStatus
    spec_required: ClassVar[bool] = True

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMDistributedSpec = attrs.field(factory=VMDistributedSpec)
    status: Manifest = attrs.field(factory=dict)
