"""VMNodeScrape: scrape every node of the cluster."""

from typing import ClassVar

import attrs

from vmop.api.fields import Manifest, field
from vmop.api.kinds import AGE, STATUS, SYNC_ERROR, Column, CustomResource
from vmop.api.v1beta1._auth import EndpointAuth
from vmop.api.v1beta1._scrape import EndpointRelabelings, ScrapeParams


@attrs.frozen(kw_only=True)
class VMNodeScrapeSpec(ScrapeParams, EndpointAuth, EndpointRelabelings):
    """Which nodes are scraped and how."""

    job_label: str | None = field(
        "Label of the node whose value becomes the label `job`; the object's name by default."
    )
    target_labels: list[str] | None = field("Labels of the node that are copied to its metrics.")
    port: str | None = field("Port of the nodes that is scraped; the kubelet's by default.")
    selector: Manifest | None = field("Labels of the nodes; all nodes when empty.", kube="LabelSelector")
    scrape_class: str | None = field("Scrape class whose settings are taken for the nodes.", pointer=True)


@attrs.frozen(kw_only=True)
class VMNodeScrape(CustomResource):
    """Scraping of the nodes of the cluster, e.g. of their kubelets."""

    kind: ClassVar[str] = "VMNodeScrape"
    plural: ClassVar[str] = "vmnodescrapes"
    columns: ClassVar[tuple[Column, ...]] = (AGE, STATUS, SYNC_ERROR)

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMNodeScrapeSpec = attrs.field(factory=VMNodeScrapeSpec)
    status: Manifest = attrs.field(factory=dict)
