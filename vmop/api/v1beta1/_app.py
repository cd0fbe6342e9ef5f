"""Parameters of the pods, shared by every component that runs in some: inlined into the specs of the kinds.

Kubernetes' own structures stay plain JSON here; `kube` names their schema.
"""

import attrs

from vmop.api.fields import ATOMIC, ATOMIC_ITEMS, Manifest, field
from vmop.api.v1beta1._common import (
    AdditionalService,
    Image,
    KeySelector,
    License,
    LocalReference,
    ManagedMetadata,
    Metadata,
    NetworkPolicy,
    VerticalAutoscaler,
)

LOG_LEVELS = ("INFO", "WARN", "ERROR", "FATAL", "PANIC")


@attrs.frozen(kw_only=True, slots=False)
class AppParams:
    """What every component says about its pods: image, resources, scheduling, volumes, arguments."""

    affinity: Manifest | None = field(
        "Rules that attract pods to nodes or keep them apart from other pods.", kube="Affinity"
    )
    tolerations: list[Manifest] | None = field("Node taints that the pods tolerate.", kube="Toleration")
    scheduler_name: str | None = field("Scheduler that places the pods; `default-scheduler` by default.")
    runtime_class_name: str | None = field("RuntimeClass (e.g. gVisor) that runs the pods.", pointer=True)
    host_aliases: list[Manifest] | None = field(
        "Further lines of /etc/hosts in the pods. `host_aliases` wins over `hostAliases` if both are set.",
        name="host_aliases",
        aliases=("hostAliases",),
        kube="HostAlias",
    )
    priority_class_name: str | None = field("PriorityClass of the pods: who is evicted first when a node is full.")
    host_network: bool | None = field("Run the pods in the network of their node; ports must be free there.")
    dns_policy: str | None = field("How pods resolve names; `ClusterFirst` by default.")
    dns_config: Manifest | None = field(
        "Name servers, search domains and resolver options of the pods.", kube="PodDNSConfig"
    )
    enable_service_links: bool | None = field(
        "Whether Services appear as environment variables in the containers.", pointer=True
    )
    node_selector: dict[str, str] | None = field("Labels that a node must have to run the pods.")
    security_context: Manifest | None = field(
        "Security options of pods and containers in one object; where Kubernetes knows an option for both, "
        "both get it.",
        kube="SecurityContext",
    )
    topology_spread_constraints: list[Manifest] | None = field(
        "How pods spread over zones and nodes; a missing `labelSelector` is filled with the pods' own labels.",
        kube="TopologySpreadConstraint",
    )
    image_pull_secrets: list[LocalReference] | None = field(
        "Secrets with credentials for the image registry.", schema=ATOMIC_ITEMS
    )
    readiness_gates: list[Manifest] | None = field(
        "Further pod conditions that must be true before a pod is ready.", kube="PodReadinessGate"
    )
    min_ready_seconds: int | None = field(
        "Seconds a new pod must be ready without a crash before it counts as available; 0 by default.", format="int32"
    )
    replica_count: int | None = field("Number of pods; Kubernetes runs 1 when unset.", format="int32", pointer=True)
    revision_history_limit_count: int | None = field(
        "Old revisions of the workload that are kept for a rollback; 10 by default.", format="int32", pointer=True
    )
    containers: list[Manifest] | None = field(
        "Containers beside the generated ones; an entry named like a generated one is merged over it.", kube="Container"
    )
    init_containers: list[Manifest] | None = field(
        "Containers that run to completion before the others start, merged by name like `containers`.", kube="Container"
    )
    secrets: list[str] | None = field("Names of Secrets mounted read-only at /etc/vm/secrets/<name>.")
    config_maps: list[str] | None = field("Names of ConfigMaps mounted read-only at /etc/vm/configs/<name>.")
    volumes: list[Manifest] | None = field("Volumes of the pods beside the generated ones.", kube="Volume")
    volume_mounts: list[Manifest] | None = field(
        "Where `volumes` appear in the application's container.", kube="VolumeMount"
    )
    extra_args: dict[str, str] | None = field(
        "Command-line flags without the leading dash; a flag given here replaces the generated one."
    )
    extra_envs: list[Manifest] | None = field("Environment variables of the application's container.", kube="EnvVar")
    extra_envs_from: list[Manifest] | None = field(
        "Secrets and ConfigMaps whose keys become environment variables.", kube="EnvFromSource"
    )
    paused: bool | None = field(
        "Stop reconciling the resource: nothing is created, changed or removed until it is unset. Ignored in "
        "parts of a VMCluster."
    )
    disable_automount_service_account_token: bool | None = field(
        "Do not give the pods a service-account token; containers that need the API get one of their own."
    )
    image: Image | None = field("Image of the application's container.")
    resources: Manifest | None = field(
        "CPU, memory and other limits and requests of the container.", kube="ResourceRequirements"
    )
    use_default_resources: bool | None = field(
        "Fill in the operator's default requests and limits where `resources` says nothing.", pointer=True
    )
    port: str | None = field(
        "Port of the HTTP listener, its probes and its Service; each component has its own default."
    )
    use_strict_security: bool | None = field(
        "Run as non-root with a read-only root file system and no privileges; VM_ENABLESTRICTSECURITY by default.",
        pointer=True,
    )
    disable_self_service_scrape: bool | None = field(
        "Do not create the VMServiceScrape through which the component's own metrics are scraped.", pointer=True
    )
    termination_grace_period_seconds: int | None = field(
        "Seconds a pod has to stop before it is killed; 30 by default (Alertmanager 120).", format="int64", pointer=True
    )
    pre_stop_sleep_seconds: int | None = field(
        "Seconds a pod keeps serving after it was told to stop, so that no request is lost; less than the "
        "grace period.",
        format="int32",
        pointer=True,
    )
    liveness_probe: Manifest | None = field("Probe that restarts the container when it fails.", kube="Probe")
    readiness_probe: Manifest | None = field(
        "Probe that takes the pod out of its Services while it fails.", kube="Probe"
    )
    startup_probe: Manifest | None = field("Probe that must succeed once before the other probes begin.", kube="Probe")


@attrs.frozen(kw_only=True, slots=False)
class ReloaderParams:
    """The config-reloader sidecar, which tells the application of changed configuration."""

    config_reloader_image: str | None = field(
        "Complete image reference of the config-reloader; VM_CONFIG_RELOADER_IMAGE by default."
    )
    config_reloader_image_tag: str | None = field(
        "Deprecated: image reference used while `configReloaderImage` is empty."
    )
    config_reloader_resources: Manifest | None = field(
        "Limits and requests of the config-reloader containers.", kube="ResourceRequirements"
    )
    config_reloader_extra_args: dict[str, str] | None = field(
        "Flags of the config-reloader; a flag given here replaces the generated one of that name."
    )
    config_reload_auth_key_secret: KeySelector | None = field(
        "Secret key with the value that protects the /-/reload endpoint.", schema=ATOMIC
    )
    use_vm_config_reloader: bool | None = field(
        "Deprecated and ignored: VictoriaMetrics' own config-reloader is always used.", name="useVMConfigReloader"
    )


@attrs.frozen(kw_only=True, slots=False)
class ComponentParams:
    """What a component says about itself beside its pods: version, logging, Services, network."""

    component_version: str | None = field("Version of this component, used as image tag where `image.tag` is empty.")
    pod_metadata: Metadata | None = field("Labels and annotations of the pods; the name is ignored.")
    log_format: str | None = field("Format of the log lines: `default` text or `json`.", enum=("default", "json"))
    log_level: str | None = field("Least severe log messages that are written; INFO by default.", enum=LOG_LEVELS)
    service_spec: AdditionalService | None = field(
        "A further Service for the component, or changes to its default one."
    )
    service_scrape_spec: Manifest | None = field(
        "VMServiceScrape spec merged over the generated self-scrape of the component.", kube="ServiceScrapeSpec"
    )
    network_policy: NetworkPolicy | None = field("NetworkPolicy for the pods of the component; none by default.")


@attrs.frozen(kw_only=True, slots=False)
class ServerParams:
    """What a resource of its own says beside its component: metadata of all objects, identity, names."""

    managed_metadata: ManagedMetadata | None = field("Labels and annotations for all objects of the resource.")
    service_account_name: str | None = field(
        "Service account of the pods. When set, the operator creates neither an account nor its rights."
    )
    use_legacy_naming: bool | None = field("Name the objects like the resource itself, without the prefix of its kind.")
    vpa: VerticalAutoscaler | None = field("Vertical autoscaling of the pods.")


@attrs.frozen(kw_only=True, slots=False)
class Licensed:
    """A component with enterprise features."""

    license: License | None = field("Enterprise license; default image tags then get the suffix `-enterprise`.")


@attrs.frozen(kw_only=True, slots=False)
class DeploymentParams:
    """How a Deployment replaces its pods."""

    update_strategy: str | None = field(
        "How the Deployment replaces its pods; RollingUpdate by default.",
        enum=("Recreate", "RollingUpdate"),
        pointer=True,
    )
    rolling_update: Manifest | None = field(
        "Pods above and below the wanted number during a rolling update; 25% each by default.",
        kube="RollingUpdateDeployment",
    )
