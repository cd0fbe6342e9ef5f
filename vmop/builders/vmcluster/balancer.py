"""The requests load balancer: a vmauth before vmselect and vminsert (03 §3.12)."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Literal

from vmop.api.v1beta1 import AppParams, LoadBalancerSpec
from vmop.builders.args import arguments
from vmop.builders.base import Manifest
from vmop.builders.containers import merge_containers
from vmop.builders.license import license_args, license_mounts, license_volumes
from vmop.builders.metadata import object_metadata
from vmop.builders.scrapes import self_scrape
from vmop.builders.services import container_port, port_number, service, service_port, with_user_service
from vmop.builders.urls import scheme
from vmop.builders.vmcluster.cluster import PROXY_LABEL, Cluster
from vmop.builders.volumes import mount, secret_volume
from vmop.builders.workloads import app_container, common_args, deployment, pod_template

PATH = "spec.requestsLoadBalancer.spec"
CONFIG_KEY = "config.yaml"
_CONFIG_VOLUME = "vmauth-lb-config"
_CONFIG_DIR = "/opt/vmauth-config"
_DEFAULT_PORTS = {"vminsert": "8480", "vmselect": "8481"}
_PROXY = {PROXY_LABEL: "vmauth"}


def balancer(cluster: Cluster, part: LoadBalancerSpec) -> Iterator[Manifest]:
    """All objects of the balancer, in writing order."""
    yield _secret(cluster)
    yield _deployment(cluster, part)
    name = cluster.name("vmclusterlb")
    main = service(
        cluster.cr,
        name,
        labels=cluster.labels("vmclusterlb") | _PROXY,
        selector=cluster.selector("vmclusterlb"),
        ports=[service_port("http", port_number(part.port, f"{PATH}.port"))],
    )
    services = with_user_service(main, part.service_spec, app="vmauth", name=name, path=PATH)
    yield from services
    if cluster.scrapes and not part.disable_self_service_scrape:
        yield self_scrape(services[-1], part.extra_args, part.service_scrape_spec, always_match=_PROXY)
    yield from cluster.guards("vmclusterlb", part.pod_disruption_budget, part.network_policy)
    yield from cluster.autoscalers("vmclusterlb", "Deployment", part.hpa)


def _secret(cluster: Cluster) -> Manifest:
    config = balancer_config(cluster)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": object_metadata(cluster.cr, cluster.name("vmclusterlb"), cluster.labels("vmclusterlb")),
        "data": {CONFIG_KEY: b64encode(config.encode()).decode()},
    }


def balancer_config(cluster: Cluster) -> str:
    """The config of vmauth. It does not depend on which sides are balanced, so switching one restarts nothing."""
    spec = cluster.spec
    insert, select = _backend(cluster, "vminsert", spec.vminsert), _backend(cluster, "vmselect", spec.vmselect)
    return f"""unauthorized_user:
  url_map:
  - src_paths:
    - "/insert/.*"
    url_prefix: "{insert}"
    discover_backend_ips: true
  - src_paths:
    - "/.*"
    url_prefix: "{select}"
    discover_backend_ips: true"""


def _backend(cluster: Cluster, name: Literal["vmselect", "vminsert"], part: AppParams | None) -> str:
    domain = f".{cluster.spec.cluster_domain_name}" if cluster.spec.cluster_domain_name else ""
    port = (part and part.port) or _DEFAULT_PORTS[name]
    host = f"{cluster.internal_name(name)}.{cluster.cr.namespace}.svc{domain}"
    return f"{scheme(part.extra_args if part else None)}://srv+{host}:{port}"


def _deployment(cluster: Cluster, part: LoadBalancerSpec) -> Manifest:
    name, selector = cluster.name("vmclusterlb"), cluster.selector("vmclusterlb")
    license_ = cluster.spec.license
    args = [
        f"-auth.config={_CONFIG_DIR}/{CONFIG_KEY}",
        "-configCheckInterval=30s",
        f"-httpListenAddr=:{part.port}",
        *common_args(part, cluster.settings, log_level=part.log_level, log_format=part.log_format),
        *license_args(license_),
    ]
    container = app_container(
        "vmauth",
        part,
        args=arguments(args, part.extra_args),
        ports=[container_port("http", port_number(part.port, f"{PATH}.port"))],
        mounts=[
            mount(_CONFIG_VOLUME, f"{_CONFIG_DIR}/"),
            *(part.volume_mounts or ()),
            *license_mounts(license_),
        ],
        target=cluster.target(part, PATH),
        platform=cluster.platform,
        uses_liveness=False,
        message_policy=None,
    )
    template = pod_template(
        part,
        part.pod_metadata,
        selector=selector,
        containers=merge_containers([container], part.containers),
        init_containers=part.init_containers,
        volumes=[
            secret_volume(_CONFIG_VOLUME, name),
            *(part.volumes or ()),
            *license_volumes(license_),
        ],
        service_account=cluster.service_account,
        platform=cluster.platform,
        spread=False,
    )
    return deployment(
        cluster.cr,
        name,
        part,
        template,
        labels=cluster.labels("vmclusterlb"),
        selector=selector,
        strategy=part.update_strategy,
        rolling_update=part.rolling_update,
    )
