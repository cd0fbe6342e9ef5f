"""What VMAgent and VMSingle share as scrapers: which scrape objects they use, and rules over all of them."""

import attrs

from vmop.api.fields import ATOMIC, Manifest, field
from vmop.api.v1beta1._auth import Authorization, BasicAuth, EndpointAuth, TLSConfig
from vmop.api.v1beta1._common import InsertPorts, KeySelector
from vmop.api.v1beta1._relabel import RelabelRule, StreamAggregation
from vmop.api.v1beta1._scrape import AttachMetadata, EndpointRelabelings


@attrs.frozen(kw_only=True)
class FileAccess:
    """Whether objects of users may name files of the container."""

    deny: bool | None = field("Refuse objects that name files, such as the token of the service account.")


@attrs.frozen(kw_only=True)
class APIServerConfig:
    """Another API server for service discovery than the one of the pod."""

    host: str | None = field("Address of the API server, e.g. `https://api.example:6443`.", required=True)
    basic_auth: BasicAuth | None = field("Basic authentication at the API server.")
    bearer_token: str | None = field("Bearer token for the API server in plain text; better use a file.")
    bearer_token_file: str | None = field("Path of a file in the container with the token for the API server.")
    tls_config: TLSConfig | None = field("TLS of the connection to the API server.")
    authorization: Authorization | None = field("Authorization header sent to the API server.")


@attrs.frozen(kw_only=True)
class ScrapeClass(EndpointAuth, EndpointRelabelings):
    """Settings that scrape objects take by name, so that they need not repeat them."""

    name: str | None = field("Name by which scrape objects refer to the class.", required=True, schema={"minLength": 1})
    default: bool | None = field("Use the class for scrape objects that name none; at most one class.", pointer=True)
    attach_metadata: AttachMetadata | None = field("Metadata attached to targets of Services and pods.", pointer=True)


@attrs.frozen(kw_only=True, slots=False)
class ScraperParams:
    """Scraping: selectors of scrape objects, limits, relabeling of everything, own jobs."""

    ingest_only_mode: bool | None = field(
        "Do not scrape at all, only take in what is pushed; false in VMAgent, true in VMSingle by default.",
        pointer=True,
    )
    select_all_by_default: bool | None = field("Where a selector is unset, select all objects instead of none.")
    service_scrape_selector: Manifest | None = field("VMServiceScrapes that are used, by label.", kube="LabelSelector")
    service_scrape_namespace_selector: Manifest | None = field(
        "Namespaces whose VMServiceScrapes are used, by label of the namespace.", kube="LabelSelector"
    )
    pod_scrape_selector: Manifest | None = field("VMPodScrapes that are used, by label.", kube="LabelSelector")
    pod_scrape_namespace_selector: Manifest | None = field(
        "Namespaces whose VMPodScrapes are used, by label of the namespace.", kube="LabelSelector"
    )
    probe_selector: Manifest | None = field("VMProbes that are used, by label.", kube="LabelSelector")
    probe_namespace_selector: Manifest | None = field(
        "Namespaces whose VMProbes are used, by label of the namespace.", kube="LabelSelector"
    )
    node_scrape_selector: Manifest | None = field("VMNodeScrapes that are used, by label.", kube="LabelSelector")
    node_scrape_namespace_selector: Manifest | None = field(
        "Namespaces whose VMNodeScrapes are used, by label of the namespace.", kube="LabelSelector"
    )
    static_scrape_selector: Manifest | None = field("VMStaticScrapes that are used, by label.", kube="LabelSelector")
    static_scrape_namespace_selector: Manifest | None = field(
        "Namespaces whose VMStaticScrapes are used, by label of the namespace.", kube="LabelSelector"
    )
    scrape_config_selector: Manifest | None = field("VMScrapeConfigs that are used, by label.", kube="LabelSelector")
    scrape_config_namespace_selector: Manifest | None = field(
        "Namespaces whose VMScrapeConfigs are used, by label of the namespace.", kube="LabelSelector"
    )
    scrape_interval: str | None = field(
        "Time between scrapes where the object does not say; `30s` by default.", pattern="[0-9]+(ms|s|m|h)"
    )
    scrape_timeout: str | None = field(
        "Time after which a scrape is given up where the object does not say.", pattern="[0-9]+(ms|s|m|h)"
    )
    sample_limit: int | None = field("Most samples of one scrape where the object does not say; 0: no limit.")
    min_scrape_interval: str | None = field(
        "Shortest scrape interval; shorter ones of objects are lengthened to it.", pointer=True
    )
    max_scrape_interval: str | None = field(
        "Longest scrape interval; longer ones of objects are shortened to it.", pointer=True
    )
    external_labels: dict[str, str] | None = field("Labels added to all scraped series.")
    external_label_name: str | None = field(
        "Label that holds `<namespace>/<name>` of the scraper; `prometheus` by default, none if empty.", pointer=True
    )
    vm_agent_external_label_name: str | None = field(
        "Deprecated: used while `externalLabelName` is unset.", pointer=True
    )
    global_scrape_metric_relabel_configs: list[RelabelRule] | None = field("Relabeling of the metrics of all jobs.")
    global_scrape_relabel_configs: list[RelabelRule] | None = field("Relabeling of the targets of all jobs.")
    inline_scrape_config: str | None = field("Own scrape jobs as a YAML list, appended to the generated ones.")
    additional_scrape_configs: KeySelector | None = field(
        "Secret key with own scrape jobs as a YAML list, before the inline ones.", schema=ATOMIC
    )
    service_scrape_relabel_template: list[RelabelRule] | None = field(
        "Relabeling appended to each job of a VMServiceScrape."
    )
    pod_scrape_relabel_template: list[RelabelRule] | None = field("Relabeling appended to each job of a VMPodScrape.")
    node_scrape_relabel_template: list[RelabelRule] | None = field("Relabeling appended to each job of a VMNodeScrape.")
    static_scrape_relabel_template: list[RelabelRule] | None = field(
        "Relabeling appended to each job of a VMStaticScrape."
    )
    probe_scrape_relabel_template: list[RelabelRule] | None = field("Relabeling appended to each job of a VMProbe.")
    scrape_config_relabel_template: list[RelabelRule] | None = field(
        "Relabeling appended to each job of a VMScrapeConfig."
    )
    enable_kubernetes_api_selectors: bool | None = field(
        "Let the API server select targets by label instead of relabeling; fewer objects, more watches.",
        name="enableKubernetesAPISelectors",
    )
    scrape_classes: list[ScrapeClass] | None = field(
        "Named settings that scrape objects take.",
        schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    override_honor_labels: bool | None = field("Let labels of the scraper win everywhere, whatever objects say.")
    override_honor_timestamps: bool | None = field("Ignore timestamps of targets everywhere, whatever objects say.")
    ignore_namespace_selectors: bool | None = field("Accepted without effect in this version.")
    enforced_namespace_label: str | None = field("Label that always gets the namespace of the scrape object.")
    arbitrary_fs_access_through_sms: FileAccess | None = field(
        "Whether scrape objects may name files of the container.", name="arbitraryFSAccessThroughSMs"
    )


@attrs.frozen(kw_only=True, slots=False)
class IngestParams:
    """What is done to all samples, however they came in, and the listeners they may come through."""

    relabel_config: KeySelector | None = field("ConfigMap key with relabeling rules for all samples.", schema=ATOMIC)
    inline_relabel_config: list[RelabelRule] | None = field("Relabeling of all samples, before `relabelConfig`.")
    stream_aggr_config: StreamAggregation | None = field("Aggregation of all samples.")
    insert_ports: InsertPorts | None = field("Listeners for other ingestion protocols beside HTTP.")
    api_server_config: APIServerConfig | None = field(
        "API server for service discovery; that of the cluster by default.", name="apiServerConfig"
    )
