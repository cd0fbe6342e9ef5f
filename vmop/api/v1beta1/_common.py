"""Small structures that many kinds share: metadata, images, key references, budgets, autoscaling, licenses."""

import attrs

from vmop.api.fields import ATOMIC, IntOrString, Manifest, field


@attrs.frozen(kw_only=True)
class Metadata:
    """Name, labels and annotations for an object that the operator creates."""

    name: str | None = field("Name of the object, unique in its namespace; where it has no effect the field says so.")
    labels: dict[str, str] | None = field(
        "Labels added to the object; those the operator selects by cannot be changed."
    )
    annotations: dict[str, str] | None = field("Annotations added to the object, for tools that read them.")


@attrs.frozen(kw_only=True)
class ManagedMetadata:
    """Labels and annotations for every object that the operator creates for a resource."""

    labels: dict[str, str] | None = field(
        "Labels of every created object; selector labels of the operator win over them."
    )
    annotations: dict[str, str] | None = field("Annotations of every created object, pods excepted.")


@attrs.frozen(kw_only=True)
class Image:
    """A container image."""

    repository: str | None = field("Registry and name of the image, without a tag; the operator's setting by default.")
    tag: str | None = field("Tag of the image; by default the component version, else that of the operator's settings.")
    pull_policy: str | None = field("When the kubelet pulls the image: Always, Never or IfNotPresent (the default).")


@attrs.frozen(kw_only=True)
class KeySelector:
    """A key of a Secret or ConfigMap in the namespace of the resource."""

    key: str | None = field("Key inside the Secret or ConfigMap whose value is used.", required=True)
    name: str | None = field("Name of the Secret or ConfigMap that holds the key.", default="")
    optional: bool | None = field("Whether the object or its key may be missing.", pointer=True)


@attrs.frozen(kw_only=True)
class LocalReference:
    """An object of the same namespace, by name."""

    name: str | None = field("Name of the referenced object in the namespace of the resource.", default="")


@attrs.frozen(kw_only=True)
class SecretOrConfigMap:
    """A value taken from a Secret or from a ConfigMap, but not from both."""

    secret: KeySelector | None = field("Secret key that holds the value; excludes `configMap`.", schema=ATOMIC)
    config_map: KeySelector | None = field("ConfigMap key that holds the value; excludes `secret`.", schema=ATOMIC)


@attrs.frozen(kw_only=True)
class License:
    """An enterprise license: either the key itself or a Secret that holds it."""

    key: str | None = field("License key in plain text; `keyRef` keeps it out of the manifest.", pointer=True)
    key_ref: KeySelector | None = field("Secret key that holds the license key; excludes `key`.", schema=ATOMIC)
    force_offline: bool | None = field("Verify the license without contacting the license server.", pointer=True)
    reload_interval: str | None = field(
        "How often the license file is read again, e.g. `1h`; only together with `keyRef`.", pointer=True
    )


@attrs.frozen(kw_only=True)
class PodDisruptionBudget:
    """How many pods a voluntary disruption, such as a node drain, may take down at once."""

    min_available: IntOrString | None = field("Pods that must stay available, as a number or a percentage.")
    max_unavailable: IntOrString | None = field("Pods that may be unavailable at once, as a number or a percentage.")
    selector_labels: dict[str, str] | None = field("Labels that replace the whole selector of the budget.")
    unhealthy_pod_eviction_policy: str | None = field(
        "Whether pods that are not ready may always be evicted, or only while the budget is healthy.",
        enum=("IfHealthyBudget", "AlwaysAllow"),
    )


@attrs.frozen(kw_only=True)
class HorizontalAutoscaler:
    """Horizontal autoscaling: the number of pods follows metrics."""

    min_replicas: int | None = field(
        "Fewest pods the autoscaler goes down to; 1 by default.", format="int32", pointer=True
    )
    max_replicas: int | None = field("Most pods the autoscaler goes up to; not below `minReplicas`.", format="int32")
    metrics: list[Manifest] | None = field(
        "Metrics the number of pods is derived from (autoscaling/v2).", kube="MetricSpec"
    )
    behaviour: Manifest | None = field(
        "How fast and how far to scale up and down (autoscaling/v2).", kube="ScalingBehavior"
    )


@attrs.frozen(kw_only=True)
class VerticalAutoscaler:
    """Vertical autoscaling: requests of the containers follow their use. Needs VM_VPA_API_ENABLED=true."""

    update_policy: Manifest | None = field(
        "How recommendations reach running pods; `updateMode` must be set.", kube="VpaUpdatePolicy"
    )
    resource_policy: Manifest | None = field(
        "Bounds a container, and which resources are controlled; `containerPolicies` must be set.",
        kube="VpaResourcePolicy",
    )
    recommenders: list[Manifest] | None = field(
        "Recommender that computes the requests; at most one.", kube="VpaRecommender"
    )


@attrs.frozen(kw_only=True)
class NetworkPolicy:
    """Rules of a NetworkPolicy around the pods of the component."""

    ingress: list[Manifest] | None = field(
        "Connections let in (networking.k8s.io/v1).", kube="NetworkPolicyIngressRule"
    )
    egress: list[Manifest] | None = field("Connections let out (networking.k8s.io/v1).", kube="NetworkPolicyEgressRule")


@attrs.frozen(kw_only=True)
class UpdateBehavior:
    """How fast the operator replaces the pods of a StatefulSet with the OnDelete strategy."""

    max_unavailable: IntOrString | None = field(
        "Pods replaced at once: at least 1, or `1%` to `100%` rounded down; 1 by default. `100%` bypasses "
        "disruption budgets."
    )


@attrs.frozen(kw_only=True)
class AdditionalService:
    """A further Service, or changes to the one the operator creates."""

    use_as_default: bool | None = field("Lay `spec` over the default Service instead of creating a further one.")
    metadata: Metadata | None = field(
        "Name, labels and annotations of the Service; by default `<name>-additional-service`."
    )
    spec: Manifest | None = field("Spec of the Service (core/v1 ServiceSpec).", required=True, kube="ServiceSpec")


@attrs.frozen(kw_only=True)
class Storage:
    """Where a StatefulSet keeps its data: a persistent volume claim, or a directory that lives as long as its pod."""

    empty_dir: Manifest | None = field(
        "Directory of the node that is lost with the pod; excludes a claim.", kube="EmptyDirVolumeSource"
    )
    volume_claim_template: Manifest | None = field(
        "Claim made for each pod; access mode ReadWriteOnce by default. Growing the request resizes existing claims.",
        kube="EmbeddedPersistentVolumeClaim",
    )


@attrs.frozen(kw_only=True)
class InsertPorts:
    """Listeners for other ingestion protocols; each is off until it has a port."""

    graphite_port: str | None = field("Port for Graphite plaintext lines, TCP and UDP.")
    influx_port: str | None = field("Port for Influx line protocol over TCP and UDP.")
    open_tsdb_http_port: str | None = field("Port for OpenTSDB /api/put requests.", name="openTSDBHTTPPort")
    open_tsdb_port: str | None = field("Port for OpenTSDB put messages, TCP and UDP.", name="openTSDBPort")
