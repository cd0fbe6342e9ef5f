"""VMAlert: evaluates rules against a datasource, writes results and sends alerts."""

from typing import ClassVar

import attrs

from vmop.api.fields import ATOMIC, Manifest, field
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
from vmop.api.v1beta1._common import KeySelector, PodDisruptionBudget
from vmop.api.v1beta1._scrape import NamespaceSelector

DURATION = "[0-9]+(ms|s|m|h)"


@attrs.frozen(kw_only=True, slots=False)
class HTTPAuth:
    """How vmalert identifies itself to a server."""

    basic_auth: BasicAuth | None = field("Basic authentication at the server.")
    oauth2: OAuth2 | None = field("OAuth2 client credentials for the server.")
    tls_config: TLSConfig | None = field("TLS of the connection to the server.")
    bearer_token_file: str | None = field("Path of a file in the container with the token for the server.")
    bearer_token_secret: KeySelector | None = field("Secret key with the bearer token for the server.", schema=ATOMIC)
    headers: list[str] | None = field("HTTP headers sent to the server, each as `Name:value`.")


@attrs.frozen(kw_only=True)
class Datasource(HTTPAuth):
    """Where rules are evaluated."""

    url: str | None = field("URL of the datasource, e.g. that of a VMSingle.", required=True)


@attrs.frozen(kw_only=True)
class AlertRemoteWrite(HTTPAuth):
    """Where results of recording rules and states of alerts are written."""

    url: str | None = field("URL that results are written to.", required=True)
    concurrency: int | None = field("Connections over which results are written.", format="int32", pointer=True)
    flush_interval: str | None = field("How often collected results are written.", pattern=DURATION, pointer=True)
    max_batch_size: int | None = field("Most results in one request.", format="int32", pointer=True)
    max_queue_size: int | None = field(
        "Most results waiting to be written; further ones are lost.", format="int32", pointer=True
    )


@attrs.frozen(kw_only=True)
class AlertRemoteRead(HTTPAuth):
    """Where states of alerts are restored from after a restart."""

    url: str | None = field("URL that states of alerts are read from.", required=True)
    lookback: str | None = field("How far back states of alerts are looked for; `1h` by default.", pointer=True)


@attrs.frozen(kw_only=True)
class DiscoverySelector:
    """VMAlertmanagers that are found by label."""

    namespace_selector: NamespaceSelector | None = field("Namespaces of the VMAlertmanagers.")
    label_selector: Manifest | None = field("Labels of the VMAlertmanagers.", kube="LabelSelector")


@attrs.frozen(kw_only=True)
class Notifier(HTTPAuth):
    """Where alerts are sent."""

    url: str | None = field("URL of an Alertmanager; excludes `selector`.")
    selector: DiscoverySelector | None = field("VMAlertmanagers whose pods get the alerts.")


@attrs.frozen(kw_only=True)
class VMAlertSpec(AppParams, ReloaderParams, ComponentParams, ServerParams, Licensed, DeploymentParams):
    """Desired state of a VMAlert."""

    datasource: Datasource | None = field("Where rules are evaluated: a PromQL or MetricsQL server.", required=True)
    remote_write: AlertRemoteWrite | None = field("Where results of rules are written; needed for recording rules.")
    remote_read: AlertRemoteRead | None = field("Where states of alerts are restored from after a restart.")
    notifier: Notifier | None = field("An Alertmanager; `notifiers` takes several.")
    notifiers: list[Notifier] | None = field("Alertmanagers that all get the alerts.")
    notifier_config_ref: KeySelector | None = field("Secret key with vmalert's own notifier config.", schema=ATOMIC)
    rule_path: list[str] | None = field("Further rule files in the container, as paths or patterns.")
    rule_selector: Manifest | None = field("VMRules that are evaluated, by label.", kube="LabelSelector")
    rule_namespace_selector: Manifest | None = field(
        "Namespaces whose VMRules are evaluated, by label of the namespace.", kube="LabelSelector"
    )
    select_all_by_default: bool | None = field("Where no selector is set, evaluate all VMRules instead of none.")
    enforced_namespace_label: str | None = field(
        "Label that always gets the namespace of the VMRule, in queries and results."
    )
    external_labels: dict[str, str] | None = field("Labels added to all alerts and results.")
    evaluation_interval: str | None = field("Time between evaluations where a group does not say.", pattern=DURATION)
    pod_disruption_budget: PodDisruptionBudget | None = field("Budget that limits voluntary disruptions of vmalert.")


@attrs.frozen(kw_only=True)
class VMAlert(CustomResource):
    """An evaluator of alerting and recording rules."""

    kind: ClassVar[str] = "VMAlert"
    plural: ClassVar[str] = "vmalerts"
    status_type: ClassVar[type] = WorkloadStatus
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Status", "string", ".status.updateStatus", "Result of the last reconcile"),
        Column("ReplicaCount", "integer", ".spec.replicaCount", "Wanted number of pods"),
        AGE,
    )

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMAlertSpec = attrs.field(factory=VMAlertSpec)
    status: Manifest = attrs.field(factory=dict)
