"""The Deployment: vmsingle itself, the config-reloader and backups beside it, and what they mount (03 §4.5)."""

from vmop.builders.args import arguments, flag
from vmop.builders.backup import BackupContainers
from vmop.builders.base import Manifest
from vmop.builders.containers import merge_containers
from vmop.builders.license import license_args, license_mounts, license_volumes
from vmop.builders.relabeling import AGGREGATION_DIR, RELABELING_DIR
from vmop.builders.reloader import (
    CONFIG_OUT,
    TOKEN_VOLUME,
    Reloader,
    SecretConfig,
    auth_args,
    auth_mounts,
    auth_volumes,
    token_mounts,
    token_volumes,
)
from vmop.builders.services import container_port
from vmop.builders.thinning import downsampling_args, retention_filter_args
from vmop.builders.urls import reload_url
from vmop.builders.vmsingle.files import aggregation_name, file_args, relabeling_name
from vmop.builders.vmsingle.single import Single
from vmop.builders.vmsingle.storage import data_volumes
from vmop.builders.volumes import (
    config_map_mounts,
    config_map_volume,
    config_map_volumes,
    empty_dir_volume,
    mount,
    secret_mounts,
    secret_volume,
    secret_volumes,
)
from vmop.builders.workloads import app_container, common_args, deployment, pod_template

CONFIG_FILE = "scrape.yaml"
_CONFIG_OUT_DIR = "/etc/vm/config_out"
_CONFIG_DIR = "/etc/vm/config"
_TLS_DIR = "/etc/vm-tls/certs"
_SERVICE_CA = "openshift-service-ca"


def tls_assets_name(single: Single) -> str:
    return f"tls-assets-{single.name}"


def workload(single: Single) -> Manifest:
    """The Deployment. Two processes must never write to the same data, so the old pod goes before the new one comes.

    Raises `BuildError` for volumes that contradict.
    """
    spec = single.spec
    volumes, mounts = data_volumes(single)
    mounts += _scrape_mounts(single)
    backup = _backup(single, mounts)
    reloader, reloader_mounts = _reloader(single), _reloader_mounts(single)
    containers = [
        _container(single, mounts),
        reloader.sidecar(reloader_mounts) if single.has_reloader else None,
        backup.container() if backup else None,
    ]
    inits = [
        reloader.init_container(reloader_mounts) if single.scrapes else None,
        backup.init_container() if backup else None,
    ]
    template = pod_template(
        spec,
        spec.pod_metadata,
        selector=single.selector,
        containers=merge_containers([each for each in containers if each], spec.containers),
        init_containers=merge_containers([each for each in inits if each], spec.init_containers),
        volumes=[*volumes, *_volumes(single, backup)],
        service_account=single.service_account,
        platform=single.platform,
        spread=False,
    )
    return deployment(
        single.cr,
        single.name,
        spec,
        template,
        labels=single.labels,
        selector=single.selector,
        strategy="Recreate",
    )


# -- vmsingle --------------------------------------------------------------------------------------------------------


def _container(single: Single, base_mounts: list[Manifest]) -> Manifest:
    spec = single.spec
    ports = [container_port("http", single.port)]
    ports += [port for listener in single.listeners for port in listener.container_ports()]
    reload_key = auth_args(spec) if single.has_reloader else []
    return app_container(
        "vmsingle",
        spec,
        args=[*arguments(_args(single), spec.extra_args), *reload_key],
        ports=ports,
        mounts=_mounts(single, base_mounts),
        target=single.target,
        platform=single.platform,
        uses_liveness=False,
    )


def _args(single: Single) -> list[str]:
    spec = single.spec
    return [
        f"-storageDataPath={single.data_path}",
        f"-httpListenAddr=:{spec.port}",
        *flag("retentionPeriod", spec.retention_period),
        *retention_filter_args(spec.retention_filters),
        *downsampling_args(spec.downsampling),
        *(flag("promscrape.config", f"{_CONFIG_OUT_DIR}/{CONFIG_FILE}") if single.scrapes else []),
        *(listener.arg for listener in single.listeners),
        *file_args(single),
        *common_args(spec, single.settings, log_level=spec.log_level, log_format=spec.log_format),
        *license_args(spec.license),
    ]


def _scrape_mounts(single: Single) -> list[Manifest]:
    if not single.scrapes:
        return []
    return [
        mount(CONFIG_OUT, _CONFIG_OUT_DIR, read_only=True),
        mount("tls-assets", _TLS_DIR, read_only=True),
        mount("config", _CONFIG_DIR, read_only=True),
    ]


def _mounts(single: Single, base: list[Manifest]) -> list[Manifest]:
    spec = single.spec
    mounts = [
        *base,
        *secret_mounts(spec.secrets),
        *config_map_mounts(spec.config_maps),
        *_file_mounts(single),
        *license_mounts(spec.license),
        *([mount(_SERVICE_CA, f"/etc/ssl/certs/{_SERVICE_CA}", read_only=True)] if single.platform.openshift else []),
    ]
    return [
        *mounts,
        *(token_mounts(spec, mounts) if single.scrapes else []),
        *(auth_mounts(spec) if single.has_reloader else []),
    ]


def _file_mounts(single: Single) -> list[Manifest]:
    return [
        *([mount("stream-aggr", AGGREGATION_DIR, read_only=True)] if single.aggregates else []),
        *([mount("relabelings-assets", RELABELING_DIR, read_only=True)] if single.relabels else []),
    ]


def _volumes(single: Single, backup: BackupContainers | None) -> list[Manifest]:
    """Generated volumes, in the order in which they follow the data and the user's."""
    spec = single.spec
    own_token = any(volume.get("name") == TOKEN_VOLUME for volume in spec.volumes or ())
    scraping = [
        secret_volume("tls-assets", tls_assets_name(single)),
        empty_dir_volume(CONFIG_OUT),
        secret_volume("config", single.name),
    ]
    return [
        *(scraping if single.scrapes else []),
        *(backup.volumes() if backup else []),
        *secret_volumes(spec.secrets),
        *config_map_volumes(spec.config_maps),
        *([config_map_volume("stream-aggr", aggregation_name(single))] if single.aggregates else []),
        *([config_map_volume("relabelings-assets", relabeling_name(single))] if single.relabels else []),
        *license_volumes(spec.license),
        *([config_map_volume(_SERVICE_CA, f"{_SERVICE_CA}.crt", optional=True)] if single.platform.openshift else []),
        *(auth_volumes(spec) if single.has_reloader else []),
        *(token_volumes(spec) if single.scrapes and not own_token else []),
    ]


# -- beside it -------------------------------------------------------------------------------------------------------


def _backup(single: Single, base_mounts: list[Manifest]) -> BackupContainers | None:
    spec = single.spec
    if spec.vm_backup is None:
        return None
    return BackupContainers(
        backup=spec.vm_backup,
        app=spec,
        data_path=single.data_path,
        mounts=base_mounts,
        license=spec.license,
        settings=single.settings,
        platform=single.platform,
        path="spec.vmBackup",
    )


def _reloader(single: Single) -> Reloader:
    config = SecretConfig(single.cr.namespace, single.name, CONFIG_FILE, _CONFIG_OUT_DIR) if single.scrapes else None
    return Reloader(
        app=single.spec,
        params=single.spec,
        settings=single.settings,
        platform=single.platform,
        reload_url=reload_url(single.port, single.spec.extra_args, single.settings),
        config=config,
        proxy_protocol=single.target.proxy_protocol,
    )


def _reloader_mounts(single: Single) -> list[Manifest]:
    return [
        *([mount(CONFIG_OUT, _CONFIG_OUT_DIR)] if single.scrapes else []),
        *config_map_mounts(single.spec.config_maps),
        *_file_mounts(single),
    ]
