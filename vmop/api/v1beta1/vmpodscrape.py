"""VMPodScrape: scrape pods without a Service."""

from typing import ClassVar

import attrs

from vmop.api.fields import IntOrString, Manifest, field
from vmop.api.kinds import AGE, STATUS, SYNC_ERROR, Column, CustomResource
from vmop.api.v1beta1._auth import EndpointAuth
from vmop.api.v1beta1._scrape import (
    AttachMetadata,
    EndpointRelabelings,
    NamespaceSelector,
    ScrapeObjectParams,
    ScrapeParams,
)


@attrs.frozen(kw_only=True)
class PodMetricsEndpoint(ScrapeParams, EndpointAuth, EndpointRelabelings):
    """A port of pods, and how it is scraped."""

    port: str | None = field("Name of the container port that is scraped; wins over the numbers.", pointer=True)
    port_number: int | None = field(
        "Number of the container port that is scraped.",
        format="int32",
        schema={"minimum": 1, "maximum": 65535},
        pointer=True,
    )
    target_port: IntOrString | None = field("Deprecated: name or number of the port; use `port` or `portNumber`.")
    filter_running: bool | None = field("Scrape only pods that have not finished; true by default.", pointer=True)
    attach_metadata: AttachMetadata | None = field("Metadata to attach to the pods of this endpoint.", snake=True)


@attrs.frozen(kw_only=True)
class VMPodScrapeSpec(ScrapeObjectParams):
    """Which pods are scraped and how."""

    pod_metrics_endpoints: list[PodMetricsEndpoint] | None = field(
        "Container ports to scrape, each with its own settings.", required=True
    )
    job_label: str | None = field("Label of the pod whose value becomes the label `job`; the object's name by default.")
    pod_target_labels: list[str] | None = field("Labels of the pod that are copied to its metrics.")
    selector: Manifest | None = field("Labels of the pods; an empty selector takes all pods.", kube="LabelSelector")
    namespace_selector: NamespaceSelector | None = field("Namespaces of the pods; the object's own by default.")
    attach_metadata: AttachMetadata | None = field("Metadata to attach to the pods of all endpoints.", snake=True)


@attrs.frozen(kw_only=True)
class VMPodScrape(CustomResource):
    """Scraping of the pods that a selector finds."""

    kind: ClassVar[str] = "VMPodScrape"
    plural: ClassVar[str] = "vmpodscrapes"
    columns: ClassVar[tuple[Column, ...]] = (AGE, STATUS, SYNC_ERROR)

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMPodScrapeSpec = attrs.field(factory=VMPodScrapeSpec)
    status: Manifest = attrs.field(factory=dict)
