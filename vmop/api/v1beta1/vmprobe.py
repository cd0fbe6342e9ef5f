"""VMProbe: probe targets through a blackbox exporter."""

from typing import ClassVar

import attrs

from vmop.api.fields import Manifest, field
from vmop.api.kinds import AGE, STATUS, SYNC_ERROR, Column, CustomResource
from vmop.api.v1beta1._auth import EndpointAuth
from vmop.api.v1beta1._relabel import RelabelRule
from vmop.api.v1beta1._scrape import NamespaceSelector, ScrapeParams

ROLES = ("service", "ingress", "pod", "node")


@attrs.frozen(kw_only=True)
class VMProberSpec:
    """The prober that is asked to probe."""

    url: str | None = field("Address `host:port` of the prober.", required=True)
    scheme: str | None = field("Scheme of the prober's URL; `http` by default.", enum=("http", "https"))
    path: str | None = field("Path of the prober; `/probe` by default.")


@attrs.frozen(kw_only=True)
class StaticTargets:
    """Targets that are listed."""

    targets: list[str] | None = field("URLs or addresses that are probed.", required=True)
    labels: dict[str, str] | None = field("Labels added to the metrics of listed targets.")
    relabeling_configs: list[RelabelRule] | None = field("Relabeling of the listed targets before they are probed.")


@attrs.frozen(kw_only=True)
class DiscoveredTargets:
    """Targets that are objects of the cluster."""

    role: str | None = field("Kind of the objects that are probed.", enum=ROLES)
    selector: Manifest | None = field("Labels of the objects that are probed.", kube="LabelSelector")
    namespace_selector: NamespaceSelector | None = field("Namespaces of the objects; the probe's own by default.")
    relabeling_configs: list[RelabelRule] | None = field("Relabeling of the discovered targets before they are probed.")


@attrs.frozen(kw_only=True)
class ProbeTargets:
    """What is probed."""

    static: StaticTargets | None = field("Targets that are listed; excludes `staticConfig`.")
    static_config: StaticTargets | None = field("Deprecated spelling of `static`, which must not be set then.")
    kubernetes: list[DiscoveredTargets] | None = field("Objects of the cluster that are probed; `role` is needed.")
    ingress: DiscoveredTargets | None = field("Ingresses that are probed; `kubernetes` can do the same.")


@attrs.frozen(kw_only=True)
class VMProbeSpec(ScrapeParams, EndpointAuth):
    """What is probed, through what, and how."""

    vm_prober_spec: VMProberSpec | None = field("The prober, such as a blackbox exporter.", required=True)
    targets: ProbeTargets | None = field("Targets of the probe: a list, or objects of the cluster.")
    module: str | None = field("Module of the prober that says how to probe, e.g. `http_2xx`.")
    job_name: str | None = field("Value of the label `job` of the probe; derived from the object by default.")
    metric_relabel_configs: list[RelabelRule] | None = field(
        "Relabeling of the prober's metrics before they are stored."
    )
    scrape_class: str | None = field("Scrape class whose settings are taken for the prober.", pointer=True)


@attrs.frozen(kw_only=True)
class VMProbe(CustomResource):
    """Probing of targets through a prober."""

    kind: ClassVar[str] = "VMProbe"
    plural: ClassVar[str] = "vmprobes"
    spec_required: ClassVar[bool] = True
    columns: ClassVar[tuple[Column, ...]] = (AGE, STATUS, SYNC_ERROR)

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMProbeSpec = attrs.field(factory=VMProbeSpec)
    status: Manifest = attrs.field(factory=dict)
