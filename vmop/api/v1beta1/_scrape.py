"""What scrape objects share: parameters of a scrape, extra vmagent parameters, metadata to attach."""

import attrs

from vmop.api.fields import IntOrString, field
from vmop.api.v1beta1._auth import EndpointAuth, ProxyAuth
from vmop.api.v1beta1._relabel import RelabelRule


@attrs.frozen(kw_only=True)
class AttachMetadata:
    """Metadata of related objects to attach to targets as labels for relabeling."""

    node: bool | None = field("Attach labels of the node; needs the right to list nodes.", pointer=True)
    namespace: bool | None = field("Attach labels of the namespace; needs the right to list namespaces.", pointer=True)


@attrs.frozen(kw_only=True)
class NamespaceSelector:
    """Namespaces in which targets are looked for; the object's own by default."""

    any: bool | None = field("Look for targets in all namespaces.")
    match_names: list[str] | None = field("Names of the namespaces in which targets are looked for.")


@attrs.frozen(kw_only=True)
class VMScrapeParams:
    """Scrape options that only VictoriaMetrics knows."""

    disable_compression: bool | None = field(
        "Do not ask the target to compress its answer.", name="disable_compression", pointer=True
    )
    disable_keep_alive: bool | None = field(
        "Open a new connection for every scrape.", name="disable_keep_alive", pointer=True
    )
    no_stale_markers: bool | None = field(
        "Do not mark series as stale when they vanish; saves memory with many series.",
        name="no_stale_markers",
        pointer=True,
    )
    stream_parse: bool | None = field(
        "Parse the answer piece by piece; saves memory with huge targets.", name="stream_parse", pointer=True
    )
    scrape_align_interval: str | None = field(
        "Align scrapes to multiples of this time.", name="scrape_align_interval", pointer=True
    )
    scrape_offset: str | None = field("Offset of the scrapes in their interval.", name="scrape_offset", pointer=True)
    proxy_client_config: ProxyAuth | None = field(
        "Credentials and TLS for the proxy of the target.", name="proxy_client_config"
    )
    headers: list[str] | None = field("HTTP headers sent to the target, each as `Name: value`.")


@attrs.frozen(kw_only=True, slots=False)
class ScrapeParams:
    """Parameters of the scrapes of a target."""

    path: str | None = field("Path of the metrics; `/metrics` by default.")
    scheme: str | None = field(
        "Scheme of the target's URL; `http` by default.", enum=("http", "https", "HTTPS", "HTTP")
    )
    params: dict[str, list[str]] | None = field("Query parameters of the target's URL.")
    follow_redirects: bool | None = field(
        "Whether redirects of the target are followed.", name="follow_redirects", pointer=True
    )
    sample_limit: int | None = field("Most samples of one scrape; a scrape with more fails. 0: no limit.")
    series_limit: int | None = field("Most series of a target in a day; further ones are dropped. 0: no limit.")
    interval: str | None = field("Time between scrapes; `scrape_interval` wins. The scraper's own by default.")
    scrape_interval: str | None = field("Time between scrapes; wins over `interval`.", name="scrape_interval")
    scrape_timeout: str | None = field("Time after which a scrape is given up.")
    proxy_url: str | None = field("Proxy through which the target is scraped.", name="proxyURL", pointer=True)
    honor_labels: bool | None = field("Keep labels of the target that conflict with the scraper's own.")
    honor_timestamps: bool | None = field("Use the timestamps that the target gives.", pointer=True)
    max_scrape_size: str | None = field("Largest answer of the target, e.g. `64MB`.", name="max_scrape_size")
    vm_scrape_params: VMScrapeParams | None = field("Options that only VictoriaMetrics knows.", name="vm_scrape_params")


@attrs.frozen(kw_only=True, slots=False)
class EndpointRelabelings:
    """Relabeling of a target and of its metrics."""

    relabel_configs: list[RelabelRule] | None = field("Relabeling of the target before it is scraped.")
    metric_relabel_configs: list[RelabelRule] | None = field(
        "Relabeling of the scraped metrics before they are stored."
    )


@attrs.frozen(kw_only=True, slots=False)
class ScrapeObjectParams:
    """What is said once for all endpoints of a scrape object."""

    sample_limit: int | None = field("Most samples of one scrape, for endpoints that do not say.")
    series_limit: int | None = field("Most series of a target in a day, for endpoints that do not say.")
    scrape_class: str | None = field("Name of the scrape class of the scraper whose settings are taken.", pointer=True)


@attrs.frozen(kw_only=True)
class ScrapeEndpoint(ScrapeParams, EndpointAuth, EndpointRelabelings):
    """A port of the pods behind a Service, and how it is scraped."""

    port: str | None = field("Name of the Service port that is scraped; wins over `targetPort`.")
    target_port: IntOrString | None = field("Name or number of the pod's port that is scraped.", pointer=True)
    attach_metadata: AttachMetadata | None = field(
        "Metadata to attach to the targets of this endpoint.", name="attach_metadata"
    )
