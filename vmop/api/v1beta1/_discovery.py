"""Service discoveries of VMScrapeConfig: where targets come from."""

import attrs

from vmop.api.fields import ATOMIC, StringOrList, field
from vmop.api.v1beta1._auth import Authorization, BasicAuth, OAuth2, ProxyAuth, TLSConfig
from vmop.api.v1beta1._common import KeySelector
from vmop.api.v1beta1._scrape import AttachMetadata

KUBERNETES_ROLES = ("node", "pod", "service", "endpoints", "endpointslice", "ingress")
NOT_EMPTY = {"minLength": 1}
SOME = {"minItems": 1}
ATOMIC_LIST = {"x-kubernetes-list-type": "atomic"}


@attrs.frozen(kw_only=True, slots=False)
class DiscoveryClient:
    """How a discovery's API is spoken to over HTTP."""

    basic_auth: BasicAuth | None = field("Basic authentication at the discovery's API.")
    authorization: Authorization | None = field("Authorization header sent to the discovery's API.")
    oauth2: OAuth2 | None = field("OAuth2 client credentials for the discovery's API.")
    proxy_url: str | None = field("Proxy for requests to the discovery's API.", name="proxyURL", pointer=True)
    proxy_client_config: ProxyAuth | None = field("Credentials for the proxy of the discovery.", snake=True)
    follow_redirects: bool | None = field("Whether redirects of the discovery's API are followed.", pointer=True)
    tls_config: TLSConfig | None = field("TLS of the connection to the discovery's API.")


@attrs.frozen(kw_only=True, slots=False)
class DiscoveryPort:
    """The port of targets that have none."""

    port: int | None = field(
        "Port of discovered targets; each discovery has its own default.", format="int32", pointer=True
    )


@attrs.frozen(kw_only=True)
class StaticConfig:
    """Addresses that are listed."""

    targets: list[str] | None = field("Listed addresses `host:port` of targets.")
    labels: dict[str, str] | None = field("Labels of the listed targets.", schema=ATOMIC)


@attrs.frozen(kw_only=True)
class FileSDConfig:
    """Targets read from files."""

    files: list[str] | None = field("Paths or patterns of files with targets.", required=True, schema=SOME)


@attrs.frozen(kw_only=True)
class HTTPSDConfig(DiscoveryClient):
    """Targets asked for at a URL."""

    url: str | None = field(
        "URL that answers with a list of targets.", required=True, pattern="^http(s)?://.+$", schema=NOT_EMPTY
    )


@attrs.frozen(kw_only=True)
class KubernetesSelector:
    """Which objects of a role are asked for."""

    role: str | None = field("Role whose objects the selector limits.", required=True, enum=KUBERNETES_ROLES)
    label: str | None = field("Label selector sent to the API server.")
    field_: str | None = field("Field selector sent to the API server.", name="field")


@attrs.frozen(kw_only=True)
class KubernetesNamespaces:
    """Namespaces whose objects are discovered."""

    own_namespace: bool | None = field("Discover in the namespace of the scraper.", pointer=True)
    names: list[str] | None = field("Names of namespaces that are discovered in.")


@attrs.frozen(kw_only=True)
class KubernetesSDConfig(DiscoveryClient):
    """Targets that are objects of a Kubernetes cluster."""

    api_server: str | None = field("Address of the API server; that of the own cluster by default.", pointer=True)
    role: str | None = field(
        "Kind of the discovered objects.",
        required=True,
        enum=KUBERNETES_ROLES,
    )
    namespaces: KubernetesNamespaces | None = field("Namespaces that are discovered in; all by default.")
    attach_metadata: AttachMetadata | None = field("Metadata attached to discovered objects.", snake=True)
    selectors: list[KubernetesSelector] | None = field(
        "Which objects the API server sends, by role.",
        schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["role"]},
    )


@attrs.frozen(kw_only=True)
class ConsulSDConfig(DiscoveryClient):
    """Targets of a Consul catalog."""

    server: str | None = field("Address of the Consul server.", required=True, schema=NOT_EMPTY)
    token_ref: KeySelector | None = field("Secret key with the Consul token.", schema=ATOMIC)
    datacenter: str | None = field("Consul data centre that is asked; the server's own by default.", pointer=True)
    namespace: str | None = field("Consul namespace that is asked (enterprise).", pointer=True)
    partition: str | None = field("Consul admin partition that is asked (enterprise).", pointer=True)
    scheme: str | None = field("Scheme of the Consul server's URL.", enum=("HTTP", "HTTPS"), pointer=True)
    services: list[str] | None = field("Consul services that are discovered; all by default.", schema=ATOMIC_LIST)
    tags: list[str] | None = field("Consul tags that a node must have.", schema=ATOMIC_LIST)
    tag_separator: str | None = field("Text between joined Consul tags; a comma by default.", pointer=True)
    node_meta: dict[str, str] | None = field("Metadata that a Consul node must have.", schema=ATOMIC)
    allow_stale: bool | None = field("Accept stale answers of Consul, which cost it less.", pointer=True)
    filter: str | None = field("Filter expression for Consul's catalog.")


@attrs.frozen(kw_only=True)
class ConsulAgentSDConfig(DiscoveryClient):
    """Targets registered at a local Consul agent."""

    server: str | None = field("Address of the Consul agent; `localhost:8500` by default.")
    token_ref: KeySelector | None = field("Secret key with the token for the Consul agent.", schema=ATOMIC)
    datacenter: str | None = field("Data centre of the Consul agent's services.")
    namespace: str | None = field("Namespace of the Consul agent's services (enterprise).")
    scheme: str | None = field("Scheme of the Consul agent's URL.", enum=("HTTP", "HTTPS", "http", "https"))
    services: list[str] | None = field("Services of the Consul agent; all by default.", schema=ATOMIC_LIST)
    tag_separator: str | None = field("Text between joined tags of the Consul agent's services.", pointer=True)
    filter: str | None = field("Filter expression for the Consul agent's services.")


@attrs.frozen(kw_only=True)
class DNSSDConfig(DiscoveryPort):
    """Targets found by DNS."""

    names: list[str] | None = field("DNS names that are asked for.", required=True, schema=SOME)
    type: str | None = field("Type of the DNS query; SRV by default.", enum=("SRV", "A", "AAAA", "MX"), pointer=True)


@attrs.frozen(kw_only=True)
class DiscoveryFilter:
    """A filter of a discovery's API."""

    name: str | None = field("Name of the filter, as the discovery's API defines it.", required=True)
    values: list[str] | None = field("Values of the filter; one must match.", required=True, schema=ATOMIC_LIST)


@attrs.frozen(kw_only=True)
class EC2Filter:
    """A filter of the EC2 API."""

    name: str | None = field("Name of the EC2 filter, e.g. `tag:Name`.", required=True)
    values: list[str] | None = field("Values of the EC2 filter; one must match.", required=True)


@attrs.frozen(kw_only=True)
class EC2SDConfig(DiscoveryPort):
    """Targets that are EC2 instances."""

    region: str | None = field("AWS region of the instances; that of the scraper by default.", pointer=True)
    access_key: KeySelector | None = field("Secret key with the AWS access key.", schema=ATOMIC)
    secret_key: KeySelector | None = field("Secret key with the AWS secret key.", schema=ATOMIC)
    role_arn: str | None = field("AWS role that is assumed for discovery.", name="roleARN", pointer=True)
    filters: list[EC2Filter] | None = field("Only instances that match all of these are discovered.")


@attrs.frozen(kw_only=True)
class AzureSDConfig(DiscoveryClient, DiscoveryPort):
    """Targets that are Azure virtual machines."""

    environment: str | None = field("Azure environment, e.g. `AzurePublicCloud`.", pointer=True)
    authentication_method: str | None = field(
        "How to authenticate at Azure.", enum=("OAuth", "ManagedIdentity"), pointer=True
    )
    subscription_id: str | None = field(
        "Azure subscription of the machines.", name="subscriptionID", required=True, schema=NOT_EMPTY
    )
    tenant_id: str | None = field("Azure tenant that signs in, for OAuth.", name="tenantID", pointer=True)
    client_id: str | None = field("Azure client id, for OAuth.", name="clientID", pointer=True)
    client_secret: KeySelector | None = field("Secret key with the Azure client secret, for OAuth.", schema=ATOMIC)
    resource_group: str | None = field("Azure resource group of the machines; all by default.", pointer=True)


@attrs.frozen(kw_only=True)
class GCESDConfig(DiscoveryPort):
    """Targets that are machines of Google Compute Engine."""

    project: str | None = field("Google Cloud project of the machines.", required=True, schema=NOT_EMPTY)
    zone: StringOrList | None = field("Google Cloud zone of the machines, or several.", required=True, raw=True)
    filter: str | None = field("Filter of the Compute Engine API.", pointer=True)
    tag_separator: str | None = field("Text between joined network tags.", pointer=True)


@attrs.frozen(kw_only=True)
class OpenStackSDConfig(DiscoveryPort):
    """Targets that are OpenStack instances or hypervisors."""

    role: str | None = field(
        "What is discovered in OpenStack.", required=True, enum=("Instance", "instance", "Hypervisor", "hypervisor")
    )
    region: str | None = field("OpenStack region that is discovered.", required=True, schema=NOT_EMPTY)
    identity_endpoint: str | None = field("Address of the OpenStack identity service.", pointer=True)
    username: str | None = field("Name of the OpenStack user that signs in.", pointer=True)
    userid: str | None = field("Id of the OpenStack user, instead of a name.", pointer=True)
    password: KeySelector | None = field("Secret key with the OpenStack password.", schema=ATOMIC)
    domain_name: str | None = field("Name of the OpenStack domain of the user.", pointer=True)
    domain_id: str | None = field("Id of the OpenStack domain of the user.", name="domainID", pointer=True)
    project_name: str | None = field("Name of the OpenStack project that is discovered.", pointer=True)
    project_id: str | None = field("Id of the OpenStack project that is discovered.", name="projectID", pointer=True)
    application_credential_name: str | None = field("OpenStack application credential by name.", pointer=True)
    application_credential_id: str | None = field("OpenStack application credential by id.", pointer=True)
    application_credential_secret: KeySelector | None = field(
        "Secret key with the secret of the application credential.", schema=ATOMIC
    )
    all_tenants: bool | None = field("Discover instances of all OpenStack tenants.", pointer=True)
    availability: str | None = field(
        "Kind of OpenStack endpoint that is used.",
        enum=("Public", "public", "Admin", "admin", "Internal", "internal"),
        pointer=True,
    )
    tls_config: TLSConfig | None = field("TLS of the connection to OpenStack.")


@attrs.frozen(kw_only=True)
class DigitalOceanSDConfig(DiscoveryClient, DiscoveryPort):
    """Targets that are DigitalOcean droplets."""

    server: str | None = field("Accepted without effect: the address of DigitalOcean's API.")


@attrs.frozen(kw_only=True)
class HetznerSDConfig(DiscoveryClient, DiscoveryPort):
    """Targets that are Hetzner servers."""

    role: str | None = field("API of Hetzner that is asked.", required=True, enum=("robot", "Robot", "hcloud", "Cloud"))


@attrs.frozen(kw_only=True)
class EurekaSDConfig(DiscoveryClient):
    """Targets registered at Eureka."""

    server: str | None = field("Address of the Eureka server; `localhost:8080/eureka/v2` by default.")


@attrs.frozen(kw_only=True)
class PuppetDBSDConfig(DiscoveryClient, DiscoveryPort):
    """Targets that are resources of PuppetDB."""

    url: str | None = field("Root URL of PuppetDB's API.", required=True)
    query: str | None = field("Query in PQL that finds resources.", required=True)
    include_parameters: bool | None = field("Attach parameters of resources as labels; they may hold secrets.")


@attrs.frozen(kw_only=True)
class VultrSDConfig(DiscoveryClient, DiscoveryPort):
    """Targets that are Vultr instances."""

    label: str | None = field("Label that a Vultr instance must have.")
    main_ip: str | None = field("Main address that a Vultr instance must have.", name="mainIP")
    region: str | None = field("Region that a Vultr instance must be in.")
    firewall_group_id: str | None = field("Firewall group of Vultr instances.", name="firewallGroupID")
    hostname: str | None = field("Host name that a Vultr instance must have.")


@attrs.frozen(kw_only=True)
class KumaSDConfig(DiscoveryClient):
    """Targets of a Kuma control plane."""

    server: str | None = field("Address of the Kuma control plane.", required=True, schema=NOT_EMPTY)
    client_id: str | None = field("Client id told to the Kuma control plane.", name="clientID")


@attrs.frozen(kw_only=True)
class OVHCloudSDConfig(DiscoveryClient):
    """Targets that are OVHcloud servers."""

    application_key: str | None = field("OVHcloud application key.", required=True, schema=NOT_EMPTY)
    application_secret: KeySelector | None = field(
        "Secret key with the OVHcloud application secret.", required=True, schema=ATOMIC
    )
    consumer_key: KeySelector | None = field("Secret key with the OVHcloud consumer key.", required=True, schema=ATOMIC)
    service: str | None = field(
        "OVHcloud service that is discovered.",
        required=True,
        enum=("vps", "VPS", "dedicated_server", "DedicatedServer"),
    )
    endpoint: str | None = field("OVHcloud API endpoint; `ovh-eu` by default.")


@attrs.frozen(kw_only=True)
class NomadSDConfig(DiscoveryClient):
    """Targets that are Nomad services."""

    server: str | None = field("Address of the Nomad server.", required=True, schema=NOT_EMPTY)
    namespace: str | None = field("Nomad namespace of the services.", pointer=True)
    region: str | None = field("Nomad region of the services.", pointer=True)
    tag_separator: str | None = field("Text between joined Nomad tags.", pointer=True)
    allow_stale: bool | None = field("Accept stale answers of Nomad.", pointer=True)


@attrs.frozen(kw_only=True)
class DockerSDConfig(DiscoveryClient, DiscoveryPort):
    """Targets that are Docker containers."""

    host: str | None = field("Address of the Docker daemon, e.g. `unix:///var/run/docker.sock`.")
    filters: list[DiscoveryFilter] | None = field("Filters of the Docker API.")
    host_networking_host: str | None = field("Host name of containers in the host's network.")
    match_first_network: bool | None = field("Use only the first network of a container.", pointer=True)


@attrs.frozen(kw_only=True)
class DockerSwarmSDConfig(DiscoveryClient, DiscoveryPort):
    """Targets of a Docker swarm."""

    host: str | None = field("Address of a manager of the swarm.", required=True)
    role: str | None = field("What is discovered in the swarm.", required=True, enum=("services", "tasks", "nodes"))
    filters: list[DiscoveryFilter] | None = field("Filters of the swarm's API.")


@attrs.frozen(kw_only=True)
class MarathonSDConfig(DiscoveryClient):
    """Targets that are Marathon apps."""

    servers: list[str] | None = field("URLs of Marathon servers.", required=True, schema={**SOME, **ATOMIC_LIST})


@attrs.frozen(kw_only=True)
class YandexCloudSDConfig:
    """Targets that are Yandex Cloud machines or databases."""

    service: str | None = field("Yandex Cloud service that is discovered.", required=True, enum=("compute", "ydb"))
    yandex_passport_o_auth_token: KeySelector | None = field(
        "Secret key with the Yandex OAuth token.", name="yandexPassportOAuthToken", schema=ATOMIC
    )
    api_endpoint: str | None = field("Address of Yandex Cloud's API.")
    folder_ids: list[str] | None = field(
        "Yandex Cloud folders that are discovered in.", name="folderIDs", schema=ATOMIC_LIST
    )
    tls_config: TLSConfig | None = field("TLS of the connection to Yandex Cloud.")
