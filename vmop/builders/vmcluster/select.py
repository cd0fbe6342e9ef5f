"""vmselect: a StatefulSet that answers queries (03 §3.7)."""

from collections.abc import Iterator

from vmop.api.v1beta1 import VMSelect
from vmop.builders.args import arguments, flag
from vmop.builders.base import Manifest
from vmop.builders.containers import merge_containers
from vmop.builders.license import license_args, license_mounts, license_volumes
from vmop.builders.services import container_port, port_number, service_port
from vmop.builders.thinning import downsampling_args
from vmop.builders.vmcluster.cluster import Cluster
from vmop.builders.vmcluster.frontend import component_services
from vmop.builders.volumes import (
    check_stateful_set,
    config_map_mounts,
    config_map_volumes,
    mount,
    secret_mounts,
    secret_volumes,
    storage_volume,
)
from vmop.builders.workloads import app_container, common_args, pod_template, stateful_set

PATH = "spec.vmselect"
_MESSAGE_PATH = "/dev/termination-log"


def vmselect(cluster: Cluster, part: VMSelect) -> Iterator[Manifest]:
    """All objects of vmselect, in writing order."""
    yield from cluster.guards("vmselect", part.pod_disruption_budget, part.network_policy)
    yield check_stateful_set(_stateful_set(cluster, part), PATH)
    yield from cluster.autoscalers("vmselect", "StatefulSet", part.hpa, part.vpa)
    yield from component_services(cluster, "vmselect", part, _ports(part), headless=True)


def _stateful_set(cluster: Cluster, part: VMSelect) -> Manifest:
    name, selector = cluster.name("vmselect"), cluster.selector("vmselect")
    license_ = cluster.spec.license
    cache = storage_volume(part.storage, "vmselect-cachedir", part.volumes or (), PATH)
    container = app_container(
        "vmselect",
        part,
        args=arguments(_args(cluster, part), part.extra_args),
        ports=[container_port(entry["name"], entry["port"]) for entry in _ports(part)],
        mounts=[
            mount(cache.name, part.cache_mount_path or ""),
            *(part.volume_mounts or ()),
            *secret_mounts(part.secrets),
            *config_map_mounts(part.config_maps),
            *license_mounts(license_),
        ],
        target=cluster.target(part, PATH),
        platform=cluster.platform,
        message_path=_MESSAGE_PATH,
    )
    template = pod_template(
        part,
        part.pod_metadata,
        selector=selector,
        containers=merge_containers([container], part.containers),
        init_containers=part.init_containers,
        volumes=[
            *(part.volumes or ()),
            *secret_volumes(part.secrets),
            *config_map_volumes(part.config_maps),
            *license_volumes(license_),
            *cache.volumes,
        ],
        service_account=cluster.service_account,
        platform=cluster.platform,
        restart_policy="Always",
    )
    return stateful_set(
        cluster.cr,
        name,
        part,
        template,
        labels=cluster.labels("vmselect"),
        selector=selector,
        service_name=name,
        strategy=part.rolling_update_strategy,
        claims=[*cache.claims, *(part.claim_templates or ())],
        claim_retention=part.persistent_volume_claim_retention_policy,
    )


def _args(cluster: Cluster, part: VMSelect) -> list[str]:
    storage = cluster.spec.vmstorage
    port = port_number(part.port, f"{PATH}.port")
    replicas = 0 if part.hpa is not None else part.replica_count or 0
    return [
        f"-httpListenAddr=:{port}",
        f"-cacheDataPath={part.cache_mount_path}",
        *cluster.storage_node_args(
            part.discovery,
            storage.vm_select_port if storage else None,
            skipped=storage.maintenance_select_node_ids if storage else None,
            more=[node.addr or "" for node in part.extra_storage_nodes or ()],
        ),
        *flag("selectNode", ",".join(cluster.pod_addresses("vmselect", range(replicas), port))),
        *cluster.replication_args(part),
        *cluster.deduplication_args(part),
        *downsampling_args(cluster.spec.downsampling),
        *flag("clusternativeListenAddr", part.cluster_native_listen_port and f":{part.cluster_native_listen_port}"),
        *common_args(part, cluster.settings, log_level=part.log_level, log_format=part.log_format),
        *license_args(cluster.spec.license),
    ]


def _ports(part: VMSelect) -> list[Manifest]:
    native = part.cluster_native_listen_port
    return [
        service_port("http", port_number(part.port, f"{PATH}.port")),
        *([service_port("clusternative", port_number(native, f"{PATH}.clusterNativeListenPort"))] if native else []),
    ]
