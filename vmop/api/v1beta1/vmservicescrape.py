"""VMServiceScrape: scrape the pods behind Services."""

from typing import ClassVar

import attrs

from vmop.api.fields import Manifest, field
from vmop.api.kinds import AGE, STATUS, SYNC_ERROR, Column, CustomResource
from vmop.api.v1beta1._scrape import AttachMetadata, NamespaceSelector, ScrapeEndpoint, ScrapeObjectParams


@attrs.frozen(kw_only=True)
class VMServiceScrapeSpec(ScrapeObjectParams):
    """Which Services are scraped and how."""

    endpoints: list[ScrapeEndpoint] | None = field("Ports to scrape, each with its own settings.", required=True)
    discovery_role: str | None = field(
        "Objects that lead to the targets: `endpoints` (default), `endpointslice` or `service`.",
        enum=("endpoints", "service", "endpointslices", "endpointslice"),
    )
    job_label: str | None = field("Label of the Service whose value becomes the label `job`; its name by default.")
    target_labels: list[str] | None = field("Labels of the Service that are copied to the metrics.")
    pod_target_labels: list[str] | None = field("Labels of the pod that are copied to the metrics.")
    selector: Manifest | None = field("Labels of the Services; an empty selector takes all.", kube="LabelSelector")
    namespace_selector: NamespaceSelector | None = field("Namespaces of the Services; its own by default.")
    attach_metadata: AttachMetadata | None = field(
        "Metadata to attach to the targets of all endpoints.", name="attach_metadata"
    )


@attrs.frozen(kw_only=True)
class VMServiceScrape(CustomResource):
    """Scraping of the pods behind the Services that a selector finds."""

    kind: ClassVar[str] = "VMServiceScrape"
    plural: ClassVar[str] = "vmservicescrapes"
    spec_required: ClassVar[bool] = True
    columns: ClassVar[tuple[Column, ...]] = (AGE, STATUS, SYNC_ERROR)

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMServiceScrapeSpec = attrs.field(factory=VMServiceScrapeSpec)
    status: Manifest = attrs.field(factory=dict)
