"""Remote write: flags with a value a target, and the credentials that they name as files (04 §4)."""

from collections.abc import Iterator, Mapping, Sequence

from vmop.api.fields import IntOrString
from vmop.api.v1beta1 import KeySelector, RemoteWrite, RemoteWriteSettings, VMAgentSpec
from vmop.builders.args import flag, go_quoted, list_flag
from vmop.builders.base import BuildError
from vmop.builders.references import Asset, MissingReference, either, secret, tls_assets
from vmop.builders.relabeling import RELABELING_DIR
from vmop.builders.vmagent.agent import CREDENTIALS_DIR, TLS_DIR, Agent
from vmop.builders.vmagent.files import aggregation_flags, relabeling_file

QUEUE_PATHS: Mapping[bool, str] = {
    False: "/tmp/vmagent-remotewrite-data",  # noqa: S108 - a directory of the container, kept for compatibility
    True: "/vmagent_pq/vmagent-remotewrite-data",
}
"""Where queues lie: in stateful mode (True) on their own volume."""

DEFAULT_DISK_USAGE = "1073741824"
_QUOTED_NOTHING = '""'


def remote_write_args(agent: Agent) -> list[str]:
    """All arguments about remote write. Raises `MissingReference` where a value that they contain is not there."""
    spec = agent.spec
    return [
        *_target_args(agent, spec.remote_write or []),
        *_settings_args(agent, spec.remote_write_settings or RemoteWriteSettings()),
        *(flag("remoteWrite.relabelConfig", f"{RELABELING_DIR}/{relabeling_file()}") if agent.relabels else []),
        *aggregation_flags("streamAggr", [spec.stream_aggr_config]),
        *aggregation_flags("remoteWrite.streamAggr", [each.stream_aggr_config for each in spec.remote_write or ()]),
    ]


def _target_args(agent: Agent, targets: Sequence[RemoteWrite]) -> list[str]:
    """The flags that have a value a target, in the order of the targets."""
    tls = [each.tls_config for each in targets]
    oauth2 = [each.oauth2 for each in targets]
    aws = [each.aws for each in targets]
    certificates = [tls_assets(config, agent.namespace) for config in tls]

    def tls_file(label: str, paths: Sequence[str | None]) -> list[str | None]:
        found = [assets.get(label) for assets in certificates]
        return [
            path or (f"{TLS_DIR}/{asset.file_name}" if asset else None)
            for path, asset in zip(paths, found, strict=True)
        ]

    def prefixed(name: str, values: Sequence[object | None], *, empty: str = "") -> list[str]:
        return list_flag(f"remoteWrite.{name}", values, empty=empty)

    numbers = range(len(targets))
    return [
        *prefixed("url", [each.url for each in targets]),
        *prefixed("basicAuth.username", [_username(agent, i) for i in numbers], empty=_QUOTED_NOTHING),
        *prefixed("basicAuth.passwordFile", [_password_file(agent, each) for each in targets]),
        *prefixed("bearerTokenFile", [_token_file(agent, each) for each in targets], empty=_QUOTED_NOTHING),
        *prefixed(
            "urlRelabelConfig",
            [f"{RELABELING_DIR}/{relabeling_file(i)}" if agent.relabels_target(i) else None for i in numbers],
        ),
        *prefixed("oauth2.clientID", [_client_id(agent, i) for i in numbers]),
        *prefixed("oauth2.clientSecretFile", [_client_secret_file(agent, each) for each in targets]),
        *prefixed("oauth2.scopes", [",".join(each.scopes or ()) if each else None for each in oauth2]),
        *prefixed("oauth2.tokenUrl", [each.token_url if each else None for each in oauth2]),
        *prefixed("tlsCAFile", tls_file("ca", [each.ca_file if each else None for each in tls])),
        *prefixed("tlsCertFile", tls_file("cert", [each.cert_file if each else None for each in tls])),
        *prefixed("tlsKeyFile", tls_file("keySecret", [each.key_file if each else None for each in tls])),
        *prefixed(
            "tlsInsecureSkipVerify", [each.insecure_skip_verify if each else None for each in tls], empty="false"
        ),
        *prefixed("tlsServerName", [each.server_name if each else None for each in tls]),
        *prefixed("sendTimeout", [each.send_timeout for each in targets]),
        *prefixed("headers", ["^^".join(each.headers or ()) for each in targets]),
        *prefixed("forceVMProto", [each.force_vm_proto for each in targets], empty="false"),
        *prefixed("proxyURL", [each.proxy_url for each in targets]),
        *prefixed("aws.ec2Endpoint", [each.ec2_endpoint if each else None for each in aws]),
        *prefixed("aws.region", [each.region if each else None for each in aws]),
        *prefixed("aws.roleARN", [each.role_arn if each else None for each in aws]),
        *prefixed("aws.service", [each.service if each else None for each in aws]),
        *prefixed("aws.stsEndpoint", [each.sts_endpoint if each else None for each in aws]),
        *prefixed("aws.useSigv4", [each.use_sigv4 if each else None for each in aws], empty="false"),
    ]


def _settings_args(agent: Agent, settings: RemoteWriteSettings) -> list[str]:
    """Settings for all targets; two of them become lists where a target has its own value."""
    targets = agent.spec.remote_write or []
    usage = _disk_usage(agent.spec, settings)
    usages = [each.max_disk_usage for each in targets]
    queues = [each.queues for each in targets]
    own_usage, own_queues = any(each is not None for each in usages), any(each is not None for each in queues)
    every_queues = "0" if settings.queues is None else str(settings.queues)
    queue_path = QUEUE_PATHS[agent.mode == "StatefulSet"]
    labels = settings.label or {}
    return [
        *(
            list_flag("remoteWrite.maxDiskUsagePerURL", usages, empty=usage)
            if own_usage
            else flag("remoteWrite.maxDiskUsagePerURL", usage)
        ),
        *(
            list_flag("remoteWrite.queues", queues, empty=every_queues)
            if own_queues
            else flag("remoteWrite.queues", settings.queues)
        ),
        *flag("remoteWrite.maxBlockSize", settings.max_block_size),
        *flag("remoteWrite.showURL", settings.show_url),
        *flag("remoteWrite.tmpDataPath", settings.tmp_data_path or queue_path),
        *flag("remoteWrite.flushInterval", settings.flush_interval),
        *flag("remoteWrite.label", ",".join(f"{name}={labels[name]}" for name in sorted(labels))),
        *flag("enableMultitenantHandlers", settings.use_multi_tenant_mode or None),
    ]


def _disk_usage(spec: VMAgentSpec, settings: RemoteWriteSettings) -> str:
    """The size of a queue for targets that do not say: in stateful mode, by default, its share of the volume."""
    given: IntOrString | None = settings.max_disk_usage_per_url
    usage = DEFAULT_DISK_USAGE if given is None or given == "" else str(given)
    if not spec.stateful_mode or spec.daemon_set_mode or usage != DEFAULT_DISK_USAGE or spec.stateful_storage is None:
        return usage
    claim = (spec.stateful_storage.volume_claim_template or {}).get("spec") or {}
    size = _whole_bytes(str(((claim.get("resources") or {}).get("requests") or {}).get("storage", "")))
    return usage if size is None else str(size // max(1, len(spec.remote_write or ())))


_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), 1)
}
_LARGEST = 100 * 1024**4


def _whole_bytes(quantity: str) -> int | None:
    """The bytes of a storage size that the Go operator recognises too: whole, and below 100Ti."""
    number = quantity.rstrip("kMGTiKPEmun")
    unit = _UNITS.get(quantity[len(number) :])
    if unit is None or not number.isdecimal():
        return None
    size = int(number) * unit
    return size if 0 < size < _LARGEST else None


# -- values and files ----------------------------------------------------------------------------------------------


def _username(agent: Agent, index: int) -> str | None:
    basic = (agent.spec.remote_write or [])[index].basic_auth
    if basic is None or basic.username is None or not basic.username.name:
        return None
    path = f"spec.remoteWrite[{index}].basicAuth.username"
    asset = Asset("BasicAuth username", secret(agent.namespace, basic.username), basic.username.key or "")
    return go_quoted(_loaded(agent, asset, path).decode(errors="replace"))


def _client_id(agent: Agent, index: int) -> str | None:
    oauth2 = (agent.spec.remote_write or [])[index].oauth2
    found = either(oauth2.client_id, agent.namespace) if oauth2 else None
    if found is None:
        return None
    path = f"spec.remoteWrite[{index}].oauth2.client_id"
    return _loaded(agent, Asset("OAuth2 ClientID", *found), path).decode(errors="replace")


def _password_file(agent: Agent, target: RemoteWrite) -> str | None:
    basic = target.basic_auth
    return (_credential_file(agent, basic.password) or basic.password_file) if basic else None


def _client_secret_file(agent: Agent, target: RemoteWrite) -> str | None:
    oauth2 = target.oauth2
    return (_credential_file(agent, oauth2.client_secret) or oauth2.client_secret_file) if oauth2 else None


def _token_file(agent: Agent, target: RemoteWrite) -> str | None:
    path = _credential_file(agent, target.bearer_token_secret)
    return f'"{path}"' if path else None


def _credential_file(agent: Agent, selector: KeySelector | None) -> str | None:
    if selector is None or not selector.name:
        return None
    asset = Asset("", secret(agent.namespace, selector), selector.key or "")
    return f"{CREDENTIALS_DIR}/{asset.file_name}"


def credentials(agent: Agent) -> dict[str, bytes]:
    """Files of the config Secret: passwords, tokens and client secrets, by name."""
    found: dict[str, bytes] = {}
    for index, target in enumerate(agent.spec.remote_write or ()):
        for asset, path in _credentials(agent, target, f"spec.remoteWrite[{index}]"):
            found[asset.file_name] = _loaded(agent, asset, path)
    return found


def _credentials(agent: Agent, target: RemoteWrite, path: str) -> Iterator[tuple[Asset, str]]:
    basic, oauth2 = target.basic_auth, target.oauth2
    table: tuple[tuple[str, KeySelector | None, str], ...] = (
        ("BasicAuth password", basic.password if basic else None, "basicAuth.password"),
        ("BearerTokenSecret", target.bearer_token_secret, "bearerTokenSecret"),
        ("OAuth2 ClientSecret", oauth2.client_secret if oauth2 else None, "oauth2.client_secret"),
    )
    for label, selector, field in table:
        if selector is not None and selector.name:
            yield Asset(label, secret(agent.namespace, selector), selector.key or ""), f"{path}.{field}"


def certificates(agent: Agent) -> dict[str, bytes]:
    """Files of the TLS Secret, by name."""
    found: dict[str, bytes] = {}
    for index, target in enumerate(agent.spec.remote_write or ()):
        for label, asset in tls_assets(target.tls_config, agent.namespace).items():
            path = f"spec.remoteWrite[{index}].tlsConfig.{label}"
            found[asset.file_name] = _loaded(agent, asset, path, "cannot fetch")
    return found


def _loaded(agent: Agent, asset: Asset, path: str, verb: str = "cannot load") -> bytes:
    try:
        return agent.references.value(asset.reference, asset.key, path)
    except BuildError as error:
        raise MissingReference(path, f"{verb} {asset.label}: {error}") from None
