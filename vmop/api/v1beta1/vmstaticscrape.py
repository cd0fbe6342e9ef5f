"""VMStaticScrape: scrape a list of addresses."""

from typing import ClassVar

import attrs

from vmop.api.fields import Manifest, field
from vmop.api.kinds import AGE, STATUS, SYNC_ERROR, Column, CustomResource
from vmop.api.v1beta1._auth import EndpointAuth
from vmop.api.v1beta1._scrape import EndpointRelabelings, ScrapeObjectParams, ScrapeParams


@attrs.frozen(kw_only=True)
class TargetEndpoint(ScrapeParams, EndpointAuth, EndpointRelabelings):
    """Addresses that are scraped in one way."""

    targets: list[str] | None = field("Addresses `host:port` that are scraped.", required=True, schema={"minItems": 1})
    labels: dict[str, str] | None = field("Labels added to all metrics of the addresses.")


@attrs.frozen(kw_only=True)
class VMStaticScrapeSpec(ScrapeObjectParams):
    """Which addresses are scraped and how."""

    target_endpoints: list[TargetEndpoint] | None = field("Groups of addresses with their settings.", required=True)
    job_name: str | None = field("Value of the label `job`; derived from the object by default.")


@attrs.frozen(kw_only=True)
class VMStaticScrape(CustomResource):
    """Scraping of addresses that are listed."""

    kind: ClassVar[str] = "VMStaticScrape"
    plural: ClassVar[str] = "vmstaticscrapes"
    columns: ClassVar[tuple[Column, ...]] = (AGE, STATUS, SYNC_ERROR)

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMStaticScrapeSpec = attrs.field(factory=VMStaticScrapeSpec)
    status: Manifest = attrs.field(factory=dict)
