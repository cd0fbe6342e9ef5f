"""Kubeconfigs, with every kind of credential that kubernetes-asyncio knows: certificates, tokens and token files,
passwords, exec plug-ins, OIDC and GCP.

That library loads all its models (a third of a second, 72 MiB), so it is imported inside of :func:`load_kubeconfig`
and nowhere else; the controllers in a cluster never pay for it.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from vmop.kube import oidc
from vmop.kube.config import RENEW_INTERVAL, ClientConfig, ConfigError, Credentials
from vmop.kube.proxy import proxy_for
from vmop.kube.resources import Manifest

logger = logging.getLogger(__name__)

_MIN_RENEW_INTERVAL = 5.0
_DEFAULT = Path("~/.kube/config")


def _wall_clock() -> datetime:
    return datetime.now(UTC)


async def load_kubeconfig(
    path: Path | None = None,
    context: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    now: Callable[[], datetime] = _wall_clock,
) -> ClientConfig:
    """The configuration for ``context`` (default: the current one) of a kubeconfig.

    Without ``path`` it is the list of files in ``KUBECONFIG`` of ``environ``, merged as kubectl does, else
    ``~/.kube/config``. The proxy variables of ``environ`` count where the cluster names no proxy. Tokens of exec
    plug-ins and OIDC are renewed as they expire, OIDC's are written back to the file. Raises :class:`ConfigError`.
    """
    environ = environ or {}
    paths = str(path or environ.get("KUBECONFIG") or _DEFAULT.expanduser())
    source = _KubeconfigCredentials(paths, context, environ, now)
    loaded = await source.load()
    return ClientConfig(
        server=loaded.server,
        credentials=source,
        ca_file=loaded.ca_file,
        insecure=loaded.insecure,
        server_name=loaded.server_name,
        proxy=loaded.proxy or proxy_for(loaded.server, environ),
        namespace=loaded.namespace,
    )


@attrs.frozen(repr=False)
class _Loaded:
    """One reading of the kubeconfig.

    ``ages``: reading it again may give other credentials. ``expires``: those of an exec plug-in, which the library's
    ``loader`` asks again when it is time, filling in ``configuration``.
    """

    server: str
    ca_file: Path | None
    insecure: bool
    server_name: str
    proxy: str
    namespace: str
    ages: bool
    expires: bool
    loader: Any
    configuration: Any

    @property
    def credentials(self) -> Credentials:
        configuration = self.configuration
        certificate = None
        if configuration.cert_file and configuration.key_file:
            certificate = Path(configuration.cert_file), Path(configuration.key_file)
        return Credentials(configuration.api_key.get("BearerToken") or "", certificate)


class _KubeconfigCredentials:
    """Credentials of a kubeconfig's user.

    Those that age are looked at each minute. What the server rejects is made anew from the files, which asks the exec
    plug-in again; but not more often than every few seconds, whatever the server says.
    """

    def __init__(
        self, paths: str, context: str | None, environ: Mapping[str, str], now: Callable[[], datetime]
    ) -> None:
        self._paths = paths
        self._context = context
        self._environ = environ
        self._now = now
        self._lock = asyncio.Lock()
        self._loaded: _Loaded | None = None
        self._credentials = Credentials()
        self._read_at = 0.0

    async def load(self) -> _Loaded:
        try:
            loaded = await _load(self._paths, self._context, self._environ, self._now())
        except ConfigError:
            raise
        except Exception as error:  # noqa: BLE001 - plug-ins and the library raise what they like
            raise _config_error(self._paths, error) from None
        self._take(loaded)
        return loaded

    async def current(self, rejected: Credentials | None = None) -> Credentials:
        async with self._lock:
            age = asyncio.get_running_loop().time() - self._read_at
            if rejected is not None and rejected is self._credentials:
                if age >= _MIN_RENEW_INTERVAL:
                    await self.load()
            elif self._loaded is not None and age >= RENEW_INTERVAL:
                if self._loaded.expires:
                    await self._renew(self._loaded)
                elif self._loaded.ages:
                    await self.load()
            return self._credentials

    async def _renew(self, loaded: _Loaded) -> None:
        try:
            await loaded.loader.load_and_set(loaded.configuration)
        except Exception as error:  # noqa: BLE001 - as above
            raise _config_error(self._paths, error) from None
        self._take(loaded)

    def _take(self, loaded: _Loaded) -> None:
        self._loaded = loaded
        self._read_at = asyncio.get_running_loop().time()
        if loaded.credentials != self._credentials:
            self._credentials = loaded.credentials


async def _load(paths: str, context_name: str | None, environ: Mapping[str, str], now: datetime) -> _Loaded:
    # not at the top: see the module's text
    from kubernetes_asyncio.client import Configuration  # noqa: PLC0415
    from kubernetes_asyncio.config.kube_config import KubeConfigLoader, KubeConfigMerger  # noqa: PLC0415

    if not any(Path(path).expanduser().is_file() for path in paths.split(os.pathsep) if path):
        raise ConfigError(f"no kubeconfig at {paths}")
    merger = KubeConfigMerger(paths)
    merged: Manifest = merger.config.value
    name = context_name or merged.get("current-context") or ""
    if not name:
        raise ConfigError(f"{paths} has no current-context: name a context")
    context = _entry(merged, paths, "context", name)
    _entry(merged, paths, "cluster", context.get("cluster") or "")
    if context.get("user"):
        user = _entry(merged, paths, "user", context["user"])
    else:  # the library wants one
        user, context["user"] = {}, "anonymous"
        merged["users"].append({"name": "anonymous", "user": user})
    provider = user.get("auth-provider") or {}
    tokens = provider.get("config") or {}
    if provider.get("name") == "oidc" and oidc.expired(tokens.get("id-token", ""), now):
        provider["config"] = tokens | await oidc.refresh(tokens, environ)
        _save(merger)
    configuration = Configuration()
    loader = KubeConfigLoader(
        config_dict=merger.config,
        active_context=name,
        config_base_path=None,
        config_persister=lambda _: _save(merger),
    )
    await loader.load_and_set(configuration)
    return _Loaded(
        server=configuration.host,
        ca_file=Path(configuration.ssl_ca_cert) if configuration.ssl_ca_cert else None,
        insecure=not configuration.verify_ssl,
        server_name=configuration.tls_server_name or "",
        proxy=str(vars(loader).get("proxy") or ""),
        namespace=context.get("namespace") or "default",
        ages="auth-provider" in user or "tokenFile" in user,
        expires=hasattr(loader, "exec_plugin_expiry"),
        loader=loader,
        configuration=configuration,
    )


def _save(merger: Any) -> None:
    """Write renewed tokens back, as kubectl does. Where that is not allowed, this process still has them."""
    try:
        merger.save_changes()
    except OSError as error:
        logger.warning("cannot write renewed tokens back to the kubeconfig: %s", error)


def _entry(merged: Manifest, paths: str, what: str, name: str) -> Manifest:
    for entry in merged.get(f"{what}s") or ():
        if entry["name"] == name:
            # the library wraps what it merged; .value is what the file says
            found: Manifest = getattr(entry, "value", entry).get(what) or {}
            return found
    raise ConfigError(f"{paths} has no {what} {name!r}")


def _config_error(paths: str, error: Exception) -> ConfigError:
    """The library quotes whole entries, tokens and all, so only texts known to be harmless are passed on."""
    text = str(error)
    harmless = text.startswith(("exec: process returned", "exec: malformed response", "oidc: ", "File does not exist"))
    return ConfigError(f"cannot use kubeconfig {paths}: {text if harmless else type(error).__name__}")
