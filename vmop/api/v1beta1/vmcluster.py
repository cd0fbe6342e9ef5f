"""VMCluster: vminsert, vmselect and vmstorage, and a load balancer before the first two."""

from typing import ClassVar

import attrs

from vmop.api.fields import ATOMIC_ITEMS, INT32_ITEMS, Manifest, field
from vmop.api.kinds import AGE, Column, CustomResource, WorkloadStatus
from vmop.api.v1beta1._app import AppParams, ComponentParams, DeploymentParams
from vmop.api.v1beta1._backup import Backup
from vmop.api.v1beta1._common import (
    HorizontalAutoscaler,
    InsertPorts,
    License,
    LocalReference,
    ManagedMetadata,
    PodDisruptionBudget,
    Storage,
    UpdateBehavior,
    VerticalAutoscaler,
)
from vmop.api.v1beta1._enterprise import Downsampling, RetentionFilter


@attrs.frozen(kw_only=True)
class StorageNodeDiscovery:
    """Storage nodes found by DNS SRV records instead of being listed (enterprise)."""

    enabled: bool | None = field(
        "Discover storage nodes by DNS instead of listing them in the arguments.", required=True
    )
    interval: str | None = field("How often DNS is asked again, e.g. `5s`.", pattern="^[0-9]+(s|m|h)$")
    filter: str | None = field("Regular expression that a discovered address must match to be used.")


@attrs.frozen(kw_only=True)
class StorageNode:
    """A vmstorage outside this cluster."""

    addr: str | None = field(
        "Address `host:port` of the vmselect listener of the node.", required=True, schema={"minLength": 1}
    )


@attrs.frozen(kw_only=True, slots=False)
class ClusterPods:
    """What all parts of a cluster have in common as groups of equal pods."""

    pod_disruption_budget: PodDisruptionBudget | None = field("Budget that limits voluntary disruptions of the pods.")


@attrs.frozen(kw_only=True, slots=False)
class ClusterStatefulSet:
    """What vmselect and vmstorage have in common as StatefulSets."""

    storage: Storage | None = field("Volume of the data directory (cache of vmselect); an emptyDir when unset.")
    claim_templates: list[Manifest] | None = field(
        "Further claims of each pod, to be mounted by `volumeMounts`.", kube="PersistentVolumeClaim"
    )
    persistent_volume_claim_retention_policy: Manifest | None = field(
        "What becomes of claims when the StatefulSet is deleted or scaled down.", kube="PvcRetentionPolicy"
    )
    rolling_update_strategy: str | None = field(
        "`OnDelete` (default): the operator replaces pods one by one, claims first; `RollingUpdate`: Kubernetes does."
    )
    rolling_update_strategy_behavior: UpdateBehavior | None = field("Speed of the operator's own updates (OnDelete).")


@attrs.frozen(kw_only=True)
class VMSelect(AppParams, ComponentParams, ClusterPods, ClusterStatefulSet):
    """vmselect answers queries by asking every vmstorage."""

    cache_mount_path: str | None = field("Directory of the query cache in the container; `/cache` by default.")
    cluster_native_listen_port: str | None = field(
        "Port for queries from a vmselect of a higher level; off when unset."
    )
    discovery: StorageNodeDiscovery | None = field(
        "Discovery for vmselect alone; replaces the cluster's setting whole."
    )
    extra_storage_nodes: list[StorageNode] | None = field("Storage nodes of other clusters that are queried too.")
    hpa: HorizontalAutoscaler | None = field("Horizontal autoscaling of vmselect.")
    vpa: VerticalAutoscaler | None = field("Vertical autoscaling of vmselect.")


@attrs.frozen(kw_only=True)
class VMInsert(AppParams, ComponentParams, ClusterPods, DeploymentParams):
    """vminsert takes in samples and spreads them over the storage nodes."""

    insert_ports: InsertPorts | None = field("Listeners of vminsert for other ingestion protocols.")
    cluster_native_listen_port: str | None = field("Port for data from a vminsert of a higher level; off when unset.")
    discovery: StorageNodeDiscovery | None = field(
        "Discovery for vminsert alone; replaces the cluster's setting whole."
    )
    hpa: HorizontalAutoscaler | None = field("Horizontal autoscaling of vminsert.")
    vpa: VerticalAutoscaler | None = field("Vertical autoscaling of vminsert.")


@attrs.frozen(kw_only=True)
class VMStorage(AppParams, ComponentParams, ClusterPods, ClusterStatefulSet):
    """vmstorage keeps the data; each pod has its own share of the series."""

    storage_data_path: str | None = field("Directory of the data in the container; `vmstorage-data` by default.")
    vm_insert_port: str | None = field("Port on which vmstorage takes data from vminsert; 8400 by default.")
    vm_select_port: str | None = field("Port on which vmstorage answers vmselect; 8401 by default.")
    vm_backup: Backup | None = field("Regular backups of each storage pod by vmbackupmanager (enterprise).")
    retention_filters: list[RetentionFilter] | None = field("Other retentions for chosen series (enterprise).")
    maintenance_insert_node_ids: list[int] | None = field(
        "Ordinals of storage pods that get no new data.", name="maintenanceInsertNodeIDs", schema=INT32_ITEMS
    )
    maintenance_select_node_ids: list[int] | None = field(
        "Ordinals of storage pods that are not queried.", name="maintenanceSelectNodeIDs", schema=INT32_ITEMS
    )
    hpa: HorizontalAutoscaler | None = field("Horizontal autoscaling of vmstorage; it may only scale up.")
    vpa: VerticalAutoscaler | None = field("Vertical autoscaling of vmstorage.")


@attrs.frozen(kw_only=True)
class LoadBalancerSpec(AppParams, ComponentParams, ClusterPods, DeploymentParams):
    """The vmauth that balances requests over vmselect and vminsert pods."""

    hpa: HorizontalAutoscaler | None = field("Horizontal autoscaling of the balancer.")
    license: License | None = field("Accepted and ignored: the balancer uses the license of the cluster.")


@attrs.frozen(kw_only=True)
class RequestsLoadBalancer:
    """Balancing of HTTP requests before vmselect and vminsert, so that no single pod gets all connections."""

    enabled: bool | None = field("Put a vmauth before vmselect and vminsert; their Services then lead to it.")
    disable_insert_balancing: bool | None = field("Leave the Service of vminsert as it is.")
    disable_select_balancing: bool | None = field("Leave the Service of vmselect as it is.")
    spec: LoadBalancerSpec | None = field("Pods, Service and scaling of the balancer.")


@attrs.frozen(kw_only=True)
class VMClusterSpec:
    """Desired state of a VMCluster."""

    retention_period: str | None = field(
        "How long samples are kept: a number with h, d, w or y, months without a unit.", pattern="^[0-9]+(h|d|w|y)?$"
    )
    replication_factor: int | None = field(
        "Copies of each sample on different storage nodes.", format="int32", pointer=True
    )
    service_account_name: str | None = field("Service account of all pods; the operator creates one when unset.")
    cluster_version: str | None = field("Version of vminsert, vmselect and vmstorage, used as image tag.")
    cluster_domain_name: str | None = field(
        "DNS domain of the cluster in addresses between pods, e.g. `cluster.local`."
    )
    image_pull_secrets: list[LocalReference] | None = field(
        "Secrets for the image registry, appended to those of each part.", schema=ATOMIC_ITEMS
    )
    license: License | None = field("License of all parts of the cluster; turns on enterprise features.")
    downsampling: Downsampling | None = field("Thinning of old samples in vmselect and vmstorage (enterprise).")
    vmselect: VMSelect | None = field("The query part; not deployed when absent, removed when taken away.")
    vminsert: VMInsert | None = field("The ingestion part; not deployed when absent, removed when taken away.")
    vmstorage: VMStorage | None = field("The storage part; not deployed when absent. Its claims are never deleted.")
    paused: bool | None = field("Stop reconciling this cluster: nothing is created, changed or removed.")
    use_legacy_naming: bool | None = field(
        "Name objects `<name>-vmstorage` instead of `vmstorage-<name>`, as old versions did."
    )
    use_strict_security: bool | None = field("Strict security for all parts that do not say otherwise.", pointer=True)
    requests_load_balancer: RequestsLoadBalancer | None = field(
        "A balancer before vmselect and vminsert; off by default."
    )
    managed_metadata: ManagedMetadata | None = field("Labels and annotations for all objects of this cluster.")
    discovery: StorageNodeDiscovery | None = field("Discovery of storage nodes for vminsert and vmselect (enterprise).")


@attrs.frozen(kw_only=True)
class VMCluster(CustomResource):
    """A VictoriaMetrics cluster: vminsert, vmselect, vmstorage and an optional balancer."""

    kind: ClassVar[str] = "VMCluster"
    plural: ClassVar[str] = "vmclusters"
    status_type: ClassVar[type] = WorkloadStatus
    spec_required: ClassVar[bool] = True
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Insert Count", "string", ".spec.vminsert.replicaCount", "Pods of vminsert"),
        Column("Storage Count", "string", ".spec.vmstorage.replicaCount", "Pods of vmstorage"),
        Column("Select Count", "string", ".spec.vmselect.replicaCount", "Pods of vmselect"),
        AGE,
        Column("Status", "string", ".status.updateStatus", "Result of the last reconcile"),
    )

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMClusterSpec = attrs.field(factory=VMClusterSpec)
    status: Manifest = attrs.field(factory=dict)
