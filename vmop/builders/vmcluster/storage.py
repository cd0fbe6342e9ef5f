"""vmstorage: a StatefulSet that keeps the data, with backups beside it (03 §3.6)."""

from collections.abc import Iterator

from vmop.api.v1beta1 import VMStorage
from vmop.builders.args import arguments, flag
from vmop.builders.backup import BackupContainers
from vmop.builders.base import Manifest
from vmop.builders.containers import merge_containers
from vmop.builders.license import license_args, license_mounts, license_volumes
from vmop.builders.scrapes import self_scrape
from vmop.builders.services import container_port, port_number, service, service_port, with_user_service
from vmop.builders.thinning import downsampling_args, retention_filter_args
from vmop.builders.vmcluster.cluster import Cluster
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

PATH = "spec.vmstorage"
BACKUP_PORT_NAME = "vmbackupmanager"
_MESSAGE_PATH = "/dev/termination-log"


def vmstorage(cluster: Cluster, part: VMStorage) -> Iterator[Manifest]:
    """All objects of vmstorage, in writing order."""
    yield from cluster.guards("vmstorage", part.pod_disruption_budget, part.network_policy)
    yield check_stateful_set(_stateful_set(cluster, part), PATH)
    main = _service(cluster, part)
    services = with_user_service(main, part.service_spec, app="vmstorage", name=cluster.name("vmstorage"), path=PATH)
    yield from services
    if cluster.scrapes and not part.disable_self_service_scrape:
        yield self_scrape(services[-1], part.extra_args, part.service_scrape_spec, extra_ports=(BACKUP_PORT_NAME,))
    yield from cluster.autoscalers("vmstorage", "StatefulSet", part.hpa, part.vpa)


def _stateful_set(cluster: Cluster, part: VMStorage) -> Manifest:
    name, selector = cluster.name("vmstorage"), cluster.selector("vmstorage")
    data = storage_volume(part.storage, "vmstorage-db", part.volumes or (), PATH)
    license_ = cluster.spec.license
    base_mounts = [mount(data.name, part.storage_data_path or ""), *(part.volume_mounts or ())]
    container = _container(cluster, part, base_mounts)
    backup = _backup(cluster, part, base_mounts)
    backuper, restore = (backup.container(), backup.init_container()) if backup else (None, None)
    template = pod_template(
        part,
        part.pod_metadata,
        selector=selector,
        containers=merge_containers([c for c in (container, backuper) if c], part.containers),
        init_containers=merge_containers([restore] if restore else [], part.init_containers),
        volumes=[
            *(part.volumes or ()),
            *(backup.volumes() if backup else ()),
            *secret_volumes(part.secrets),
            *config_map_volumes(part.config_maps),
            *license_volumes(license_),
            *data.volumes,
        ],
        service_account=cluster.service_account,
        platform=cluster.platform,
    )
    return stateful_set(
        cluster.cr,
        name,
        part,
        template,
        labels=cluster.labels("vmstorage"),
        selector=selector,
        service_name=name,
        strategy=part.rolling_update_strategy,
        claims=[*data.claims, *(part.claim_templates or ())],
        claim_retention=part.persistent_volume_claim_retention_policy,
    )


def _container(cluster: Cluster, part: VMStorage, base_mounts: list[Manifest]) -> Manifest:
    return app_container(
        "vmstorage",
        part,
        args=arguments(_args(cluster, part), part.extra_args),
        ports=[container_port(entry["name"], entry["port"]) for entry in _ports(part)],
        mounts=[
            *base_mounts,
            *secret_mounts(part.secrets),
            *config_map_mounts(part.config_maps),
            *license_mounts(cluster.spec.license),
        ],
        target=cluster.target(part, PATH),
        platform=cluster.platform,
        uses_liveness=False,
        sleeps=False,
        message_path=_MESSAGE_PATH,
    )


def _backup(cluster: Cluster, part: VMStorage, base_mounts: list[Manifest]) -> BackupContainers | None:
    if part.vm_backup is None:
        return None
    return BackupContainers(
        backup=part.vm_backup,
        app=part,
        data_path=part.storage_data_path or "",
        mounts=base_mounts,
        license=cluster.spec.license,
        settings=cluster.settings,
        platform=cluster.platform,
        path=f"{PATH}.vmBackup",
        pod_suffix=True,
    )


def _args(cluster: Cluster, part: VMStorage) -> list[str]:
    spec = cluster.spec
    return [
        f"-vminsertAddr=:{part.vm_insert_port}",
        f"-vmselectAddr=:{part.vm_select_port}",
        f"-httpListenAddr=:{part.port}",
        f"-storageDataPath={part.storage_data_path}",
        *flag("retentionPeriod", spec.retention_period),
        *retention_filter_args(part.retention_filters),
        *cluster.deduplication_args(part),
        *downsampling_args(cluster.spec.downsampling),
        *common_args(part, cluster.settings, log_level=part.log_level, log_format=part.log_format),
        *license_args(spec.license),
    ]


def _ports(part: VMStorage) -> list[Manifest]:
    return [
        service_port("http", port_number(part.port, f"{PATH}.port")),
        service_port("vminsert", port_number(part.vm_insert_port, f"{PATH}.vmInsertPort")),
        service_port("vmselect", port_number(part.vm_select_port, f"{PATH}.vmSelectPort")),
    ]


def _service(cluster: Cluster, part: VMStorage) -> Manifest:
    backup = part.vm_backup
    port = backup and service_port(BACKUP_PORT_NAME, port_number(backup.port, f"{PATH}.vmBackup.port"))
    return service(
        cluster.cr,
        cluster.name("vmstorage"),
        labels=cluster.labels("vmstorage"),
        selector=cluster.selector("vmstorage"),
        ports=[*_ports(part), *([port] if port else [])],
        headless=True,
        publish_not_ready=True,
    )
