"""VMAgent: takes in and scrapes metrics, and sends them on to one or many remote storages."""

from typing import ClassVar

import attrs

from vmop.api.fields import ATOMIC, IntOrString, Manifest, field
from vmop.api.kinds import AGE, Column, CustomResource, WorkloadStatus
from vmop.api.v1beta1._app import (
    AppParams,
    ComponentParams,
    DeploymentParams,
    Licensed,
    ReloaderParams,
    ServerParams,
)
from vmop.api.v1beta1._auth import BasicAuth, OAuth2, TLSConfig
from vmop.api.v1beta1._common import HorizontalAutoscaler, KeySelector, PodDisruptionBudget, Storage, UpdateBehavior
from vmop.api.v1beta1._relabel import RelabelRule, StreamAggregation
from vmop.api.v1beta1._scraper import IngestParams, ScraperParams

DURATION = "[0-9]+(ms|s|m|h)"


@attrs.frozen(kw_only=True)
class AWSAuth:
    """Signing of requests for AWS."""

    ec2_endpoint: str | None = field("Address of the EC2 metadata API, where the default does not do.")
    region: str | None = field("Region of the AWS service, e.g. `eu-central-1`.")
    role_arn: str | None = field("Role that is assumed for the requests.", name="roleARN")
    service: str | None = field("Name of the AWS service that requests are signed for; `aps` by default.")
    sts_endpoint: str | None = field("Address of the AWS token service, where the default does not do.")
    use_sigv4: bool | None = field("Sign requests with AWS signature version 4.")


@attrs.frozen(kw_only=True, slots=False)
class RemoteWriteClient:
    """How a remote write target is spoken to, apart from its address."""

    basic_auth: BasicAuth | None = field("Basic authentication at the remote storage.")
    bearer_token_secret: KeySelector | None = field(
        "Secret key with the bearer token for the remote storage.", schema=ATOMIC
    )
    oauth2: OAuth2 | None = field("OAuth2 client credentials for the remote storage.")
    tls_config: TLSConfig | None = field("TLS of the connection to the remote storage.")
    send_timeout: str | None = field(
        "Time after which a block of samples is sent again; `1m` by default.", pattern=DURATION, pointer=True
    )
    headers: list[str] | None = field("HTTP headers sent to the remote storage, each as `Name: value`.")
    max_disk_usage: IntOrString | None = field(
        "Size of the queue on disk for this target, in bytes or with a unit; the oldest blocks are dropped beyond it.",
        raw=True,
        pointer=True,
    )
    force_vm_proto: bool | None = field(
        "Always use VictoriaMetrics' own protocol, which compresses better.", name="forceVMProto"
    )
    proxy_url: str | None = field("Proxy for requests to the remote storage.", name="proxyURL", pointer=True)
    aws: AWSAuth | None = field("Signing of requests for Amazon Managed Prometheus.")


@attrs.frozen(kw_only=True)
class RemoteWrite(RemoteWriteClient):
    """A remote storage that gets all samples."""

    url: str | None = field(
        "URL of the remote storage, e.g. `http://vminsert:8480/insert/0/prometheus/api/v1/write`.", required=True
    )
    url_relabel_config: KeySelector | None = field(
        "ConfigMap key with relabeling rules for this target only.", schema=ATOMIC
    )
    inline_url_relabel_config: list[RelabelRule] | None = field("Relabeling of what this target gets.")
    stream_aggr_config: StreamAggregation | None = field("Aggregation of what this target gets.")
    queues: int | None = field("Parallel connections to this target.", format="int32", pointer=True)


@attrs.frozen(kw_only=True)
class RemoteWriteSettings:
    """Settings for all remote write targets."""

    max_block_size: int | None = field("Largest block of samples sent at once, in bytes.", format="int32", pointer=True)
    max_disk_usage_per_url: IntOrString | None = field(
        "Size of each target's queue on disk, in bytes or with a unit; 1 GiB or the volume's share by default.",
        name="maxDiskUsagePerURL",
        raw=True,
        pointer=True,
    )
    queues: int | None = field("Parallel connections to each target that does not say.", format="int32", pointer=True)
    show_url: bool | None = field(
        "Show target URLs in logs and metrics; they may hold secrets.", name="showURL", pointer=True
    )
    tmp_data_path: str | None = field("Directory of the queues in the container.", pointer=True)
    flush_interval: str | None = field(
        "How often collected samples are sent; `1s` by default.", pattern=DURATION, pointer=True
    )
    label: dict[str, str] | None = field("Labels added to all samples that are sent.")
    use_multi_tenant_mode: bool | None = field("Take in samples on tenant URLs and send them on with their tenant.")


@attrs.frozen(kw_only=True, slots=False)
class AgentWorkload:
    """The workload of an agent, common to VMAgent and the agents of a VMDistributed."""

    remote_write_settings: RemoteWriteSettings | None = field("Settings for all remote write targets.")
    pod_disruption_budget: PodDisruptionBudget | None = field("Budget that limits voluntary disruptions of the agents.")
    stateful_mode: bool | None = field("Run as a StatefulSet, so that the queues on disk survive a restart.")
    stateful_storage: Storage | None = field("Volume of the queues in stateful mode; an emptyDir when unset.")
    stateful_rolling_update_strategy: str | None = field(
        "`OnDelete` (default): the operator replaces pods; `RollingUpdate`: Kubernetes does. Stateful mode only."
    )
    stateful_rolling_update_strategy_behavior: UpdateBehavior | None = field(
        "Speed of the operator's updates in stateful mode."
    )
    persistent_volume_claim_retention_policy: Manifest | None = field(
        "What becomes of queue volumes when the StatefulSet is deleted or scaled down.", kube="PvcRetentionPolicy"
    )
    claim_templates: list[Manifest] | None = field(
        "Further claims of each pod in stateful mode, to be mounted by `volumeMounts`.", kube="PersistentVolumeClaim"
    )
    hpa: HorizontalAutoscaler | None = field("Horizontal autoscaling of the agents.")


@attrs.frozen(kw_only=True)
class VMAgentSpec(
    AppParams,
    ReloaderParams,
    ComponentParams,
    ServerParams,
    Licensed,
    DeploymentParams,
    AgentWorkload,
    IngestParams,
    ScraperParams,
):
    """Desired state of a VMAgent."""

    remote_write: list[RemoteWrite] | None = field("Remote storages; each gets all samples.", required=True)
    shard_count: int | None = field(
        "Shards that split the scrape targets among them; 0 turns sharding off.",
        format="int32",
        default=0,
        pointer=True,
    )
    daemon_set_mode: bool | None = field("Run one agent on each node; excludes `statefulMode`.")
    daemon_set_update_strategy: str | None = field(
        "How pods of the DaemonSet are replaced; `RollingUpdate` by default."
    )
    daemon_set_rolling_update_strategy_behavior: Manifest | None = field(
        "Pods of the DaemonSet replaced at once.", kube="RollingUpdateDaemonSet"
    )


@attrs.frozen(kw_only=True)
class VMAgentStatus(WorkloadStatus):
    """Status of a VMAgent."""

    shards: int | None = field("Shards that split the scrape targets.", format="int32")
    replicas: int | None = field("Wanted number of pods of each shard.", format="int32")
    selector: str | None = field("Labels of the pods, as a selector for the scale subresource.")


@attrs.frozen(kw_only=True)
class VMAgent(CustomResource):
    """An agent that takes in or scrapes metrics and sends them on."""

    kind: ClassVar[str] = "VMAgent"
    plural: ClassVar[str] = "vmagents"
    status_type: ClassVar[type] = VMAgentStatus
    scale: ClassVar[tuple[str, str, str] | None] = (".spec.shardCount", ".status.shards", ".status.selector")
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Shards Count", "integer", ".status.shards", "Shards that split the targets"),
        Column("Replica Count", "integer", ".status.replicas", "Pods of each shard"),
        Column("Status", "string", ".status.updateStatus", "Result of the last reconcile"),
        AGE,
    )

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMAgentSpec = attrs.field(factory=VMAgentSpec)
    status: Manifest = attrs.field(factory=dict)
