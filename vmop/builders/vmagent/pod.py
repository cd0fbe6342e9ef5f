"""The pod of an agent: vmagent itself, the config-reloader, and what they mount (04 §12, §13)."""

from collections.abc import Mapping

import attrs

from vmop.api.v1beta1 import Storage
from vmop.builders.args import arguments, flag
from vmop.builders.base import BuildError, Manifest
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
from vmop.builders.security import fs_group
from vmop.builders.services import container_port
from vmop.builders.urls import reload_url
from vmop.builders.vmagent.agent import CREDENTIALS_DIR, SHARD_LABEL, TLS_DIR, Agent
from vmop.builders.vmagent.remote_write import QUEUE_PATHS, remote_write_args
from vmop.builders.volumes import (
    StorageVolume,
    config_map_mounts,
    config_map_volume,
    config_map_volumes,
    data_volume,
    empty_dir_volume,
    mount,
    secret_mounts,
    secret_volume,
    secret_volumes,
    storage_volume,
)
from vmop.builders.workloads import app_container, common_args, pod_template

QUEUE_VOLUME = "persistent-queue-data"
CONFIG_OUT_DIR = "/etc/vmagent/config_out"
CONFIG_FILE = "vmagent.yaml"
_SERVICE_CA = "openshift-service-ca"


def agent_pod(agent: Agent, shard: int | None = None) -> Manifest:
    """The pod template, of one shard if there are shards. Raises `BuildError` for volumes that contradict."""
    spec, stateful = agent.spec, agent.mode == "StatefulSet"
    try:
        volumes, mounts = data_volume(
            QUEUE_VOLUME,
            QUEUE_PATHS[stateful],
            volumes=spec.volumes,
            mounts=spec.volume_mounts,
            of_stateful_set=stateful,
        )
    except BuildError as error:
        raise BuildError(error.path, f"cannot configure persistent queue volume: {error}") from None
    container = _container(agent, mounts)
    reloader_mounts = _reloader_mounts(agent)
    reloader = _reloader(agent)
    containers = [container, *([reloader.sidecar(reloader_mounts)] if agent.has_reloader else [])]
    inits = [reloader.init_container(reloader_mounts)] if agent.needs_config else []
    selector = agent.selector if shard is None else agent.selector | {SHARD_LABEL: str(shard)}
    template = pod_template(
        spec,
        spec.pod_metadata,
        selector=selector,
        spread_selector=agent.selector,
        containers=merge_containers(containers, spec.containers),
        init_containers=merge_containers(inits, spec.init_containers),
        volumes=[*volumes, *_volumes(agent), *(queue_storage(agent).volumes if stateful else ())],
        service_account=agent.service_account,
        platform=agent.platform,
        security_context=_security_context(agent),
    )
    return template if shard is None else _sharded(agent, template, shard)


def _security_context(agent: Agent) -> Manifest | None:
    """Agents of a DaemonSet may run as root even if strict, so that they can read what is on their node."""
    spec = agent.spec
    if agent.mode != "DaemonSet" or spec.security_context is not None or not spec.use_strict_security:
        return None
    return {**fs_group(agent.platform), "seccompProfile": {"type": "RuntimeDefault"}}


def _sharded(agent: Agent, template: Manifest, shard: int) -> Manifest:
    """A scraping shard is told its number and how many there are, whatever the user's arguments say."""
    if not agent.scrapes:
        return template
    cluster = "promscrape.cluster."
    pod = template["spec"]

    def told(container: Manifest) -> Manifest:
        if container["name"] != "vmagent":
            return container
        kept = [
            arg for arg in container["args"] if f"{cluster}membersCount" not in arg and f"{cluster}memberNum" not in arg
        ]
        more = [*flag(f"{cluster}membersCount", agent.shards), *flag(f"{cluster}memberNum", shard)]
        return {**container, "args": [*kept, *more]}

    return {**template, "spec": {**pod, "containers": [told(container) for container in pod["containers"]]}}


# -- vmagent ---------------------------------------------------------------------------------------------------------


def _container(agent: Agent, mounts: list[Manifest]) -> Manifest:
    spec = agent.spec
    node = {"name": "KUBE_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    envs = [*(spec.extra_envs or ()), *([node] if agent.mode == "DaemonSet" else [])]
    ports = [container_port("http", agent.port)]
    ports += [port for listener in agent.listeners for port in listener.container_ports()]
    return app_container(
        "vmagent",
        attrs.evolve(spec, extra_envs=envs),
        args=[*arguments(_args(agent), spec.extra_args), *auth_args(spec)],
        ports=ports,
        mounts=_mounts(agent, mounts),
        target=agent.target,
        platform=agent.platform,
    )


def _args(agent: Agent) -> list[str]:
    spec = agent.spec
    try:
        remote_write = remote_write_args(agent)
    except BuildError as error:
        raise type(error)(error.path, f"failed to build remote write args: {error}") from None
    return [
        f"-httpListenAddr=:{spec.port}",
        *(flag("promscrape.config", f"{CONFIG_OUT_DIR}/{CONFIG_FILE}") if agent.scrapes else []),
        *remote_write,
        *(listener.arg for listener in agent.listeners),
        *common_args(spec, agent.settings, log_level=spec.log_level, log_format=spec.log_format),
        *license_args(spec.license),
    ]


def _mounts(agent: Agent, base: list[Manifest]) -> list[Manifest]:
    spec = agent.spec
    mounts = [
        *base,
        *([mount(CONFIG_OUT, CONFIG_OUT_DIR, read_only=True)] if agent.scrapes else []),
        *([mount("tls-assets", TLS_DIR, read_only=True)] if agent.scrapes else []),
        *([mount("config", CREDENTIALS_DIR, read_only=True)] if agent.needs_config else []),
        *_file_mounts(agent),
        *secret_mounts(spec.secrets),
        *config_map_mounts(spec.config_maps),
        *license_mounts(spec.license),
        *([mount(_SERVICE_CA, f"/etc/ssl/certs/{_SERVICE_CA}", read_only=True)] if agent.platform.openshift else []),
    ]
    return [*mounts, *token_mounts(spec, mounts), *auth_mounts(spec)]


def _file_mounts(agent: Agent) -> list[Manifest]:
    return [
        *([mount("stream-aggr", AGGREGATION_DIR, read_only=True)] if agent.has_aggregation else []),
        *([mount("relabelings-assets", RELABELING_DIR, read_only=True)] if agent.has_relabeling else []),
    ]


def _volumes(agent: Agent) -> list[Manifest]:
    """Generated volumes, in the order in which they follow the user's."""
    spec, name = agent.spec, agent.name
    own_token = any(volume.get("name") == TOKEN_VOLUME for volume in spec.volumes or ())
    return [
        *([secret_volume("tls-assets", f"tls-assets-{name}")] if agent.scrapes else []),
        *([empty_dir_volume(CONFIG_OUT), secret_volume("config", name)] if agent.needs_config else []),
        *([config_map_volume("stream-aggr", f"stream-aggr-{name}")] if agent.has_aggregation else []),
        *([config_map_volume("relabelings-assets", f"relabelings-assets-{name}")] if agent.has_relabeling else []),
        *secret_volumes(spec.secrets),
        *config_map_volumes(spec.config_maps),
        *license_volumes(spec.license),
        *([config_map_volume(_SERVICE_CA, f"{_SERVICE_CA}.crt", optional=True)] if agent.platform.openshift else []),
        *auth_volumes(spec),
        *([] if own_token else token_volumes(spec)),
    ]


def queue_storage(agent: Agent) -> StorageVolume:
    """The volume of the queues in stateful mode; the name in its template is ignored."""
    storage = agent.spec.stateful_storage
    template = storage.volume_claim_template if storage else None
    if storage is not None and template is not None:
        metadata: Mapping[str, object] = template.get("metadata") or {}
        unnamed = {**template, "metadata": {key: value for key, value in metadata.items() if key != "name"}}
        storage = Storage(empty_dir=storage.empty_dir, volume_claim_template=unnamed)
    try:
        return storage_volume(storage, QUEUE_VOLUME, agent.spec.volumes or (), "spec")
    except BuildError as error:
        raise BuildError("spec.statefulStorage", error.message) from None


# -- the config-reloader ---------------------------------------------------------------------------------------------


def _reloader(agent: Agent) -> Reloader:
    config = SecretConfig(agent.namespace, agent.name, CONFIG_FILE, CONFIG_OUT_DIR) if agent.needs_config else None
    return Reloader(
        app=agent.spec,
        params=agent.spec,
        settings=agent.settings,
        platform=agent.platform,
        reload_url=reload_url(agent.port, agent.spec.extra_args, agent.settings),
        config=config,
        proxy_protocol=agent.target.proxy_protocol,
    )


def _reloader_mounts(agent: Agent) -> list[Manifest]:
    return [
        *([mount(CONFIG_OUT, CONFIG_OUT_DIR)] if agent.needs_config else []),
        *config_map_mounts(agent.spec.config_maps),
        *_file_mounts(agent),
    ]
