"""vminsert: a Deployment that spreads samples over the storage nodes (03 §3.8)."""

from collections.abc import Iterator

from vmop.api.v1beta1 import VMInsert
from vmop.builders.args import arguments, flag
from vmop.builders.base import Manifest
from vmop.builders.containers import merge_containers
from vmop.builders.license import license_args, license_mounts, license_volumes
from vmop.builders.services import container_port, listeners, port_number, service_port
from vmop.builders.vmcluster.cluster import Cluster
from vmop.builders.vmcluster.frontend import component_services
from vmop.builders.volumes import config_map_mounts, config_map_volumes, secret_mounts, secret_volumes
from vmop.builders.workloads import app_container, common_args, deployment, pod_template

PATH = "spec.vminsert"


def vminsert(cluster: Cluster, part: VMInsert) -> Iterator[Manifest]:
    """All objects of vminsert, in writing order."""
    yield from cluster.guards("vminsert", part.pod_disruption_budget, part.network_policy)
    yield _deployment(cluster, part)
    yield from component_services(cluster, "vminsert", part, _ports(part))
    yield from cluster.autoscalers("vminsert", "Deployment", part.hpa, part.vpa)


def _deployment(cluster: Cluster, part: VMInsert) -> Manifest:
    selector = cluster.selector("vminsert")
    license_ = cluster.spec.license
    container = app_container(
        "vminsert",
        part,
        args=arguments(_args(cluster, part), part.extra_args),
        ports=[container_port(entry["name"], entry["port"], protocol=entry["protocol"]) for entry in _ports(part)],
        mounts=[
            *(part.volume_mounts or ()),
            *secret_mounts(part.secrets),
            *config_map_mounts(part.config_maps),
            *license_mounts(license_),
        ],
        target=cluster.target(part, PATH),
        platform=cluster.platform,
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
        ],
        service_account=cluster.service_account,
        platform=cluster.platform,
    )
    return deployment(
        cluster.cr,
        cluster.name("vminsert"),
        part,
        template,
        labels=cluster.labels("vminsert"),
        selector=selector,
        strategy=part.update_strategy,
        rolling_update=part.rolling_update,
    )


def _args(cluster: Cluster, part: VMInsert) -> list[str]:
    storage = cluster.spec.vmstorage
    native = part.cluster_native_listen_port
    return [
        f"-httpListenAddr=:{part.port}",
        *cluster.storage_node_args(
            part.discovery,
            storage.vm_insert_port if storage else None,
            skipped=storage.maintenance_insert_node_ids if storage else None,
        ),
        *flag("replicationFactor", cluster.spec.replication_factor),
        *(listener.arg for listener in listeners(part.insert_ports, PATH)),
        *([f"--clusternativeListenAddr=:{native}"] if native else []),
        *common_args(part, cluster.settings, log_level=part.log_level, log_format=part.log_format),
        *license_args(cluster.spec.license),
    ]


def _ports(part: VMInsert) -> list[Manifest]:
    native = part.cluster_native_listen_port
    return [
        service_port("http", port_number(part.port, f"{PATH}.port")),
        *(port for listener in listeners(part.insert_ports, PATH) for port in listener.service_ports()),
        *([service_port("clusternative", port_number(native, f"{PATH}.clusterNativeListenPort"))] if native else []),
    ]
