"""VMAuth: a proxy that authenticates users and routes and balances their requests."""

from typing import ClassVar

import attrs

from vmop.api.fields import ATOMIC, Manifest, StringOrList, field
from vmop.api.kinds import AGE, Column, CustomResource, WorkloadStatus
from vmop.api.v1beta1._app import (
    AppParams,
    ComponentParams,
    DeploymentParams,
    Licensed,
    ReloaderParams,
    ServerParams,
)
from vmop.api.v1beta1._common import HorizontalAutoscaler, KeySelector, PodDisruptionBudget
from vmop.api.v1beta1._scraper import FileAccess
from vmop.api.v1beta1._targets import TargetRef, URLMap, UserOptions


@attrs.frozen(kw_only=True)
class UnauthorizedAccess(UserOptions):
    """What happens to requests without credentials."""

    target_refs: list[TargetRef] | None = field("Where requests without credentials go.")
    url_prefix: StringOrList | None = field(
        "Deprecated: URLs of all such requests; use `targetRefs`.", name="url_prefix", raw=True
    )
    url_map: list[URLMap] | None = field("Deprecated: routes of such requests; use `targetRefs`.", name="url_map")
    metric_labels: dict[str, str] | None = field(
        "Labels of vmauth's own metrics about such requests.", name="metric_labels"
    )


@attrs.frozen(kw_only=True)
class ExternalConfig:
    """A vmauth config that the operator does not write."""

    secret_ref: KeySelector | None = field("Secret key with the complete config; excludes `localPath`.", schema=ATOMIC)
    local_path: str | None = field("Path of the complete config in the container; excludes `secretRef`.")


@attrs.frozen(kw_only=True)
class EmbeddedIngress:
    """An Ingress before the vmauth."""

    class_name: str | None = field("IngressClass that serves the Ingress.", name="class_name", pointer=True)
    name: str | None = field("Accepted without effect: the Ingress is named like the other objects.")
    labels: dict[str, str] | None = field("Labels of the Ingress, over those of `managedMetadata`.")
    annotations: dict[str, str] | None = field("Annotations of the Ingress, over those of `managedMetadata`.")
    host: str | None = field("Host of the only rule; excludes `tlsHosts`.")
    paths: list[str] | None = field("Paths of the rules; `/` by default.")
    tls_hosts: list[str] | None = field("Hosts with TLS; each gets a rule.")
    tls_secret_name: str | None = field("Secret with the certificate for `tlsHosts`.")
    extra_rules: list[Manifest] | None = field("Rules appended to the generated ones.", kube="IngressRule")
    extra_tls: list[Manifest] | None = field("TLS entries appended to the generated one.", kube="IngressTLS")


@attrs.frozen(kw_only=True)
class EmbeddedHTTPRoute:
    """An HTTPRoute (Gateway API) to the vmauth."""

    name: str | None = field("Accepted without effect: the HTTPRoute is named like the other objects.")
    labels: dict[str, str] | None = field("Labels of the HTTPRoute, over those of `managedMetadata`.")
    annotations: dict[str, str] | None = field("Annotations of the HTTPRoute, over those of `managedMetadata`.")
    parent_refs: list[Manifest] | None = field("Gateways that serve the HTTPRoute.", kube="ParentReference")
    hostnames: list[str] | None = field("Host names the HTTPRoute is for.", kube="Hostname")
    extra_rules: list[Manifest] | None = field("Rules appended to the generated one.", kube="HTTPRouteRule")


@attrs.frozen(kw_only=True)
class VMAuthSpec(AppParams, ReloaderParams, ComponentParams, ServerParams, Licensed, DeploymentParams, UserOptions):
    """Desired state of a VMAuth. The user options are deprecated here and go with `unauthorizedAccessConfig`."""

    select_all_by_default: bool | None = field("Where no selector is set, serve all VMUsers instead of none.")
    user_selector: Manifest | None = field("VMUsers that are served, by label.", kube="LabelSelector")
    user_namespace_selector: Manifest | None = field(
        "Namespaces whose VMUsers are served, by label of the namespace.", kube="LabelSelector"
    )
    arbitrary_fs_access_through_sms: FileAccess | None = field(
        "Whether VMUsers may name files of the container.", name="arbitraryFSAccessThroughSMs"
    )
    default_target_refs: list[TargetRef] | None = field("Named targets that users may build on.")
    unauthorized_user_access_spec: UnauthorizedAccess | None = field("Access without credentials; none by default.")
    unauthorized_access_config: list[URLMap] | None = field(
        "Deprecated: routes of requests without credentials; use `unauthorizedUserAccessSpec`.", raw=True
    )
    config_secret: str | None = field("Deprecated: Secret whose key config.yaml is the config; use `externalConfig`.")
    external_config: ExternalConfig | None = field("A config that is not generated; VMUsers are then ignored.")
    wait_for_config_reload: bool | None = field(
        "Be operational only when all pods have loaded the newest config.", pointer=True
    )
    internal_listen_port: str | None = field("Port of a second listener for metrics, health and reload only.")
    use_proxy_protocol: bool | None = field("Expect the proxy protocol on the main listener.")
    pod_disruption_budget: PodDisruptionBudget | None = field(
        "Budget that limits voluntary disruptions of the proxies."
    )
    hpa: HorizontalAutoscaler | None = field("Horizontal autoscaling of the proxies.")
    ingress: EmbeddedIngress | None = field("An Ingress that leads to the vmauth.")
    http_route: EmbeddedHTTPRoute | None = field("An HTTPRoute that leads to the vmauth.")


@attrs.frozen(kw_only=True)
class VMAuth(CustomResource):
    """A proxy that authenticates users and balances their requests over targets."""

    kind: ClassVar[str] = "VMAuth"
    plural: ClassVar[str] = "vmauths"
    status_type: ClassVar[type] = WorkloadStatus
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Status", "string", ".status.updateStatus", "Result of the last reconcile"),
        AGE,
        Column("ReplicaCount", "integer", ".spec.replicaCount", "Wanted number of pods"),
    )

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMAuthSpec = attrs.field(factory=VMAuthSpec)
    status: Manifest = attrs.field(factory=dict)
