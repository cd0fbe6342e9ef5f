"""VMAlertmanager: an Alertmanager whose config is made of VMAlertmanagerConfigs."""

from typing import ClassVar

import attrs

from vmop.api.fields import ATOMIC, ATOMIC_ITEMS, Manifest, field
from vmop.api.kinds import AGE, Column, CustomResource, WorkloadStatus
from vmop.api.v1beta1._app import AppParams, ComponentParams, ReloaderParams, ServerParams
from vmop.api.v1beta1._common import KeySelector, PodDisruptionBudget, Storage
from vmop.api.v1beta1._scraper import FileAccess

TLS_VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")


@attrs.frozen(kw_only=True)
class ConfigMapKey:
    """A key of a ConfigMap."""

    key: str | None = field("Key of the ConfigMap, used as file name.", required=True)
    name: str | None = field("Name of the ConfigMap that holds the file.", default="")


@attrs.frozen(kw_only=True)
class TLSServerConfig:
    """TLS of a listener of Alertmanager."""

    client_ca_secret_ref: KeySelector | None = field("Secret key with the CA of clients.", snake=True, schema=ATOMIC)
    client_ca_file: str | None = field("Path in the container of the CA of clients.", snake=True)
    client_auth_type: str | None = field(
        "Whether clients must have a certificate.", snake=True, enum=("NoClientCert", "RequireAndVerifyClientCert")
    )
    min_version: str | None = field("Oldest version of TLS that is spoken.", snake=True, enum=TLS_VERSIONS)
    max_version: str | None = field("Newest version of TLS that is spoken.", snake=True, enum=TLS_VERSIONS)
    cipher_suites: list[str] | None = field("Cipher suites up to TLS 1.2; Go's choice by default.", snake=True)
    curve_preferences: list[str] | None = field("Elliptic curves for the handshake, best first.", snake=True)
    prefer_server_cipher_suites: bool | None = field("Prefer the server's order of cipher suites.", snake=True)
    cert_secret_ref: KeySelector | None = field("Secret key with the server's certificate.", snake=True, schema=ATOMIC)
    cert_file: str | None = field("Path in the container of the server's certificate.", snake=True)
    key_secret_ref: KeySelector | None = field("Secret key with the server's private key.", snake=True, schema=ATOMIC)
    key_file: str | None = field("Path in the container of the server's private key.", snake=True)


@attrs.frozen(kw_only=True)
class TLSClientConfig:
    """TLS of connections that Alertmanager opens."""

    ca_secret_ref: KeySelector | None = field("Secret key with the CA of the peer.", snake=True, schema=ATOMIC)
    ca_file: str | None = field("Path in the container of the CA of the peer.", snake=True)
    insecure_skip_verify: bool | None = field("Accept any certificate of the peer. Not for production.", snake=True)
    server_name: str | None = field("Name that the peer's certificate must be for.", snake=True)
    cert_secret_ref: KeySelector | None = field(
        "Secret key with the certificate for the peer.", snake=True, schema=ATOMIC
    )
    cert_file: str | None = field("Path in the container of the certificate for the peer.", snake=True)
    key_secret_ref: KeySelector | None = field(
        "Secret key with the private key for the peer.", snake=True, schema=ATOMIC
    )
    key_file: str | None = field("Path in the container of the private key for the peer.", snake=True)


@attrs.frozen(kw_only=True)
class WebHTTPConfig:
    """HTTP of Alertmanager's web listener."""

    http2: bool | None = field("Speak HTTP/2; needs TLS on the listener.")
    headers: dict[str, str] | None = field("Security headers of all answers.")


@attrs.frozen(kw_only=True)
class WebConfig:
    """Alertmanager's web listener."""

    tls_server_config: TLSServerConfig | None = field("TLS of the web listener; plain HTTP when unset.", snake=True)
    http_server_config: WebHTTPConfig | None = field("HTTP of the web listener.", snake=True)
    basic_auth_users: dict[str, str] | None = field("Users of the web listener: name to bcrypt hash.", snake=True)


@attrs.frozen(kw_only=True)
class GossipConfig:
    """Connections between the pods of the cluster."""

    tls_server_config: TLSServerConfig | None = field("TLS of incoming connections between pods.", snake=True)
    tls_client_config: TLSClientConfig | None = field("TLS of outgoing connections between pods.", snake=True)


@attrs.frozen(kw_only=True)
class TracingConfig:
    """Traces of Alertmanager sent by OpenTelemetry."""

    client_type: str | None = field("Protocol of the traces: `http` or `grpc`.", snake=True, enum=("http", "grpc"))
    endpoint: str | None = field("Address that traces are sent to.", required=True)
    sampling_fraction: str | None = field("Part of requests that are traced, 0 to 1.", snake=True)
    insecure: bool | None = field("Send traces without TLS, in plain text.")
    tls_config: TLSClientConfig | None = field("TLS of the connection for traces.", snake=True)
    headers: dict[str, str] | None = field("Headers sent along with traces.")
    compression: str | None = field("Compression of traces; `gzip` or none.")
    timeout: str | None = field("Time limit for sending traces.")


@attrs.frozen(kw_only=True)
class VMAlertmanagerSpec(AppParams, ReloaderParams, ComponentParams, ServerParams):
    """Desired state of a VMAlertmanager."""

    log_level: str | None = field(
        "Least severe messages that Alertmanager logs.",
        enum=("debug", "info", "warn", "error", "DEBUG", "INFO", "WARN", "ERROR"),
    )
    log_format: str | None = field("Format of Alertmanager's log lines.", enum=("logfmt", "json"))
    config_secret: str | None = field("Secret whose key alertmanager.yaml is the base config.")
    config_raw_yaml: str | None = field("Base config as text, used while `configSecret` is empty.")
    templates: list[ConfigMapKey] | None = field("ConfigMap keys with templates of notifications.", schema=ATOMIC_ITEMS)
    config_selector: Manifest | None = field("VMAlertmanagerConfigs that are used, by label.", kube="LabelSelector")
    config_namespace_selector: Manifest | None = field(
        "Namespaces whose VMAlertmanagerConfigs are used, by label of the namespace.", kube="LabelSelector"
    )
    select_all_by_default: bool | None = field(
        "Where no selector is set, use all VMAlertmanagerConfigs instead of none."
    )
    disable_namespace_matcher: bool | None = field("Do not limit routes of an object to alerts of its namespace.")
    enforced_namespace_label: str | None = field("Label of alerts that limits routes to the namespace of their object.")
    enforced_top_route_matchers: list[str] | None = field("Matchers added to every top route of an object.")
    disable_route_continue_enforce: bool | None = field("Do not set `continue: true` on top routes of objects.")
    arbitrary_fs_access_through_sms: FileAccess | None = field(
        "Whether VMAlertmanagerConfigs may name files of the container.", name="arbitraryFSAccessThroughSMs"
    )
    retention: str | None = field("How long notification logs and silences are kept.", pattern="[0-9]+(ms|s|m|h)")
    external_url: str | None = field("URL under which users reach Alertmanager, for links.", name="externalURL")
    route_prefix: str | None = field("Path prefix of all URLs of Alertmanager.")
    listen_local: bool | None = field("Listen on loopback only, behind a proxy in the pod.")
    port_name: str | None = field("Name of the web port; `web` by default.")
    cluster_advertise_address: str | None = field("Address that pods tell each other.")
    additional_peers: list[str] | None = field("Further Alertmanagers that join the cluster.")
    cluster_domain_name: str | None = field("DNS domain in addresses of peers, e.g. `cluster.local`.")
    storage: Storage | None = field("Volume of notification logs and silences; an emptyDir when unset.")
    claim_templates: list[Manifest] | None = field(
        "Further claims of each Alertmanager pod, listed before the data claim.", kube="PersistentVolumeClaim"
    )
    persistent_volume_claim_retention_policy: Manifest | None = field(
        "What becomes of claims when Alertmanager is deleted or scaled down.", kube="PvcRetentionPolicy"
    )
    rolling_update_strategy: str | None = field(
        "`OnDelete` (default): the operator replaces Alertmanager pods; `RollingUpdate`: Kubernetes does."
    )
    pod_disruption_budget: PodDisruptionBudget | None = field(
        "Budget that limits voluntary disruptions of Alertmanager."
    )
    web_config: WebConfig | None = field("TLS and access of the web listener.")
    gossip_config: GossipConfig | None = field("TLS between the pods of the cluster.")
    tracing_config: TracingConfig | None = field("Traces sent by OpenTelemetry; off when unset.")


@attrs.frozen(kw_only=True)
class VMAlertmanager(CustomResource):
    """An Alertmanager cluster."""

    kind: ClassVar[str] = "VMAlertmanager"
    plural: ClassVar[str] = "vmalertmanagers"
    short_names: ClassVar[tuple[str, ...]] = ("vma",)
    spec_required: ClassVar[bool] = True
    may_skip_validation: ClassVar[bool] = False  # as in the Go operator
    status_type: ClassVar[type] = WorkloadStatus
    columns: ClassVar[tuple[Column, ...]] = (
        Column("ReplicaCount", "integer", ".spec.replicaCount", "Wanted number of pods"),
        AGE,
        Column("Update Status", "string", ".status.updateStatus", "Result of the last reconcile"),
    )

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMAlertmanagerSpec = attrs.field(factory=VMAlertmanagerSpec)
    status: Manifest = attrs.field(factory=dict)
