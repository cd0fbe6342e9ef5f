"""VMScrapeConfig: scrape what service discoveries find."""

from typing import ClassVar

import attrs

from vmop.api.fields import Manifest, field
from vmop.api.kinds import AGE, STATUS, SYNC_ERROR, Column, CustomResource
from vmop.api.v1beta1 import _discovery as sd
from vmop.api.v1beta1._auth import EndpointAuth
from vmop.api.v1beta1._scrape import EndpointRelabelings, ScrapeParams


@attrs.frozen(kw_only=True)
class VMScrapeConfigSpec(ScrapeParams, EndpointAuth, EndpointRelabelings):
    """Where targets come from, and how they are scraped."""

    scrape_class: str | None = field("Scrape class whose settings are taken for the targets.", pointer=True)
    static_configs: list[sd.StaticConfig] | None = field("Targets that are listed, with their labels.")
    file_sd_configs: list[sd.FileSDConfig] | None = field(
        "Targets read from files of the container.", name="fileSDConfigs"
    )
    http_sd_configs: list[sd.HTTPSDConfig] | None = field("Targets asked for over HTTP.", name="httpSDConfigs")
    kubernetes_sd_configs: list[sd.KubernetesSDConfig] | None = field(
        "Targets that are objects of Kubernetes.", name="kubernetesSDConfigs"
    )
    consul_sd_configs: list[sd.ConsulSDConfig] | None = field("Targets of Consul catalogs.", name="consulSDConfigs")
    dns_sd_configs: list[sd.DNSSDConfig] | None = field("Targets found by DNS queries.", name="dnsSDConfigs")
    ec2_sd_configs: list[sd.EC2SDConfig] | None = field("Targets that are AWS EC2 instances.", name="ec2SDConfigs")
    azure_sd_configs: list[sd.AzureSDConfig] | None = field("Targets that are Azure machines.", name="azureSDConfigs")
    gce_sd_configs: list[sd.GCESDConfig] | None = field("Targets that are Google Cloud machines.", name="gceSDConfigs")
    openstack_sd_configs: list[sd.OpenStackSDConfig] | None = field(
        "Targets that are OpenStack instances or hypervisors.", name="openstackSDConfigs"
    )
    digital_ocean_sd_configs: list[sd.DigitalOceanSDConfig] | None = field(
        "Targets that are droplets.", name="digitalOceanSDConfigs"
    )
    hetzner_sd_configs: list[sd.HetznerSDConfig] | None = field(
        "Targets that are servers at Hetzner.", name="hetznerSDConfigs"
    )
    eureka_sd_configs: list[sd.EurekaSDConfig] | None = field("Targets of Eureka servers.", name="eurekaSDConfigs")
    puppet_db_sd_configs: list[sd.PuppetDBSDConfig] | None = field(
        "Targets of PuppetDB queries.", name="puppetDBSDConfigs"
    )
    vultr_sd_configs: list[sd.VultrSDConfig] | None = field(
        "Targets that are instances at Vultr.", name="vultrSDConfigs"
    )
    kuma_sd_configs: list[sd.KumaSDConfig] | None = field("Targets known to Kuma control planes.", name="kumaSDConfigs")
    ovhcloud_sd_configs: list[sd.OVHCloudSDConfig] | None = field(
        "Targets that are servers at OVHcloud.", name="ovhcloudSDConfigs"
    )
    nomad_sd_configs: list[sd.NomadSDConfig] | None = field("Targets of Nomad clusters.", name="nomadSDConfigs")
    consul_agent_sd_configs: list[sd.ConsulAgentSDConfig] | None = field(
        "Targets of local Consul agents.", name="consulAgentSDConfigs"
    )
    docker_sd_configs: list[sd.DockerSDConfig] | None = field("Targets of Docker daemons.", name="dockerSDConfigs")
    docker_swarm_sd_configs: list[sd.DockerSwarmSDConfig] | None = field(
        "Targets of Docker swarms.", name="dockerSwarmSDConfigs"
    )
    marathon_sd_configs: list[sd.MarathonSDConfig] | None = field(
        "Targets of Marathon servers.", name="marathonSDConfigs"
    )
    yandex_cloud_sd_configs: list[sd.YandexCloudSDConfig] | None = field(
        "Targets that run at Yandex Cloud.", name="yandexCloudSDConfigs"
    )


@attrs.frozen(kw_only=True)
class VMScrapeConfig(CustomResource):
    """Scraping of what service discoveries find."""

    kind: ClassVar[str] = "VMScrapeConfig"
    plural: ClassVar[str] = "vmscrapeconfigs"
    columns: ClassVar[tuple[Column, ...]] = (AGE, STATUS, SYNC_ERROR)

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMScrapeConfigSpec = attrs.field(factory=VMScrapeConfigSpec)
    status: Manifest = attrs.field(factory=dict)
