"""The Deployment of a VMAuth: vmauth itself and the config-reloader (06 §9)."""

from vmop.builders.args import arguments, flag
from vmop.builders.base import Manifest, present
from vmop.builders.containers import merge_containers
from vmop.builders.license import license_args, license_mounts, license_volumes
from vmop.builders.reloader import (
    CONFIG_OUT,
    Reloader,
    SecretConfig,
    auth_args,
    auth_mounts,
    auth_volumes,
    token_volumes,
)
from vmop.builders.services import container_port
from vmop.builders.urls import reload_url
from vmop.builders.vmauth.defaults import CONFIG_FILE
from vmop.builders.vmauth.proxy import CONFIG_DIR, Proxy
from vmop.builders.volumes import (
    config_map_mounts,
    config_map_volumes,
    empty_dir_volume,
    mount,
    secret_mounts,
    secret_volumes,
)
from vmop.builders.workloads import app_container, common_args, deployment, pod_template


def proxy_deployment(proxy: Proxy) -> Manifest:
    """The Deployment, whose replicas an autoscaler may move."""
    spec = proxy.spec
    config_out = [mount(CONFIG_OUT, CONFIG_DIR)]
    reloader = _reloader(proxy)
    sidecars = [reloader.sidecar(config_out)] if proxy.is_managed else []
    inits = [reloader.init_container(config_out)] if proxy.is_managed else []
    template = pod_template(
        spec,
        spec.pod_metadata,
        selector=proxy.selector,
        containers=merge_containers([_container(proxy), *sidecars], spec.containers),
        init_containers=merge_containers(inits, spec.init_containers),
        volumes=[
            *(spec.volumes or ()),
            *secret_volumes(spec.secrets),
            *config_map_volumes(spec.config_maps),
            *license_volumes(spec.license),
            *_config_volumes(proxy),
            *token_volumes(spec),
            *auth_volumes(spec),
        ],
        service_account=proxy.service_account,
        platform=proxy.platform,
        spread=False,
    )
    return deployment(
        proxy.cr,
        proxy.name,
        spec,
        template,
        labels=proxy.labels,
        selector=proxy.selector,
        strategy=spec.update_strategy,
        rolling_update=spec.rolling_update,
    )


def _container(proxy: Proxy) -> Manifest:
    spec, internal = proxy.spec, proxy.internal_port
    return app_container(
        "vmauth",
        spec,
        args=[*arguments(_args(proxy), spec.extra_args), *auth_args(spec)],
        ports=[
            container_port("http", proxy.port),
            *([container_port("internal", internal)] if internal is not None else []),
        ],
        mounts=[
            *(spec.volume_mounts or ()),
            *secret_mounts(spec.secrets),
            *config_map_mounts(spec.config_maps),
            *license_mounts(spec.license),
            *_config_mounts(proxy),
            *auth_mounts(spec),
        ],
        target=proxy.target,
        platform=proxy.platform,
    )


def _args(proxy: Proxy) -> list[str]:
    spec = proxy.spec
    external = spec.external_config
    local_path = external.local_path if external else None
    watched = bool(local_path) and (external is None or external.secret_ref is None)
    return [
        *flag("auth.config", local_path or f"{CONFIG_DIR}/{CONFIG_FILE}"),
        *flag("httpListenAddr.useProxyProtocol", spec.use_proxy_protocol or None),
        *flag("httpListenAddr", f":{spec.port}"),
        *(flag("httpInternalListenAddr", f":{spec.internal_listen_port}") if spec.internal_listen_port else []),
        *common_args(spec, proxy.settings, log_level=spec.log_level, log_format=spec.log_format),
        *license_args(spec.license),
        *(flag("configCheckInterval", "1m") if watched else []),
    ]


def _config_volumes(proxy: Proxy) -> list[Manifest]:
    if proxy.is_managed:
        return [empty_dir_volume(CONFIG_OUT)]
    external = proxy.spec.external_config
    reference = external.secret_ref if external else None
    if reference is None:
        return []
    items = [{"key": reference.key, "path": CONFIG_FILE}] if reference.key else None
    return [{"name": "config", "secret": present({"secretName": reference.name or "", "items": items})}]


def _config_mounts(proxy: Proxy) -> list[Manifest]:
    return [mount(volume["name"], CONFIG_DIR) for volume in _config_volumes(proxy)]


def _reloader(proxy: Proxy) -> Reloader:
    return Reloader(
        app=proxy.spec,
        params=proxy.spec,
        settings=proxy.settings,
        platform=proxy.platform,
        reload_url=reload_url(proxy.internal_port or proxy.port, proxy.spec.extra_args, proxy.settings),
        config=SecretConfig(proxy.cr.namespace, proxy.config_secret, CONFIG_FILE, CONFIG_DIR),
        proxy_protocol=proxy.proxy_protocol,
    )
