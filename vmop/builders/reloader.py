"""The config-reloader: an init container that writes the first config, and a sidecar that follows it (01 §5.13)."""

from collections.abc import Sequence

import attrs

from vmop.api.v1beta1 import AppParams, ReloaderParams
from vmop.builders.args import flag
from vmop.builders.base import Manifest, Platform, present
from vmop.builders.scrapes import RELOADER_PORT
from vmop.builders.security import container_security_context
from vmop.builders.services import container_port
from vmop.builders.volumes import mount, secret_volume
from vmop.builders.workloads import FALLBACK_TO_LOGS
from vmop.settings import Settings

CONFIG_OUT = "config-out"
AUTH_VOLUME = "vm-config-reload-auth-secret"
AUTH_DIR = "/etc/vm/config-reload-auth"
TOKEN_VOLUME = "kube-api-access"  # noqa: S105 - the name of a volume
TOKEN_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a directory


@attrs.frozen
class SecretConfig:
    """The main config comes from a Secret of the pod's namespace: key `<file>.gz`, written to `<directory>/<file>`."""

    namespace: str
    secret: str
    file: str
    directory: str

    def args(self) -> dict[str, str | None]:
        return {
            "config-envsubst-file": f"{self.directory}/{self.file}",
            "config-secret-name": f"{self.namespace}/{self.secret}",
            "config-secret-key": f"{self.file}.gz",
        }


@attrs.frozen(kw_only=True)
class Reloader:
    """What both containers have in common. `params` must be defaulted; `config` is None without a main config."""

    app: AppParams
    params: ReloaderParams
    settings: Settings
    platform: Platform
    reload_url: str
    config: SecretConfig | None = None
    proxy_protocol: bool = False

    def init_container(self, mounts: Sequence[Manifest]) -> Manifest:
        """`config-init`, which loads the config once before the application starts."""
        args = self._args({"only-init-config": None})
        return {"name": "config-init", **self._common(args, mounts)}

    def sidecar(self, mounts: Sequence[Manifest]) -> Manifest:
        """`config-reloader`, which watches the config and every mounted directory but `config-out`."""
        args = self._args({}, [entry["mountPath"] for entry in mounts if entry["name"] != CONFIG_OUT])
        auth = self.params.config_reload_auth_key_secret
        auth_args = flag("reload-url-auth-key", f"file://{AUTH_DIR}/{auth.key}" if auth else None)
        return {
            "name": "config-reloader",
            **self._common([*args, *auth_args], mounts, auth_mounts(self.params)),
            "ports": [container_port("reloader-http", RELOADER_PORT)],
            "livenessProbe": _probe(),
            "readinessProbe": {**_probe(), "initialDelaySeconds": 5},
            "terminationMessagePolicy": FALLBACK_TO_LOGS,
        }

    def _args(self, more: dict[str, str | None], watched: Sequence[str] = ()) -> list[str]:
        """Sorted; a value of None is a flag without one. The user's arguments replace those of the same name."""
        extra = self.params.config_reloader_extra_args or {}
        generated: dict[str, str | None] = {
            "reload-url": self.reload_url,
            "webhook-method": "POST",
            **({"enableTCP6": None} if self.settings.enabletcp6 else {}),
            **({"reload-use-proxy-protocol": None} if self.proxy_protocol else {}),
            **(self.config.args() if self.config else {}),
            **more,
        }
        pairs = [*generated.items(), *(("watched-dir", path) for path in watched)]
        kept = [f"--{name}" if value is None else f"--{name}={value}" for name, value in pairs if name not in extra]
        return sorted([*kept, *(f"--{name}={value}" for name, value in extra.items())], key=str.encode)

    def _common(self, args: list[str], mounts: Sequence[Manifest], auth: Sequence[Manifest] = ()) -> Manifest:
        app = self.app
        sorted_mounts = sorted(mounts, key=lambda entry: str(entry["name"]))
        token = token_mounts(app, mounts) if self.config else []
        all_mounts = [*sorted_mounts, *token, *auth]
        return present(
            {
                "image": self.params.config_reloader_image,
                "args": args,
                "resources": self.params.config_reloader_resources or None,
                "volumeMounts": all_mounts or None,
                "securityContext": container_security_context(
                    app.security_context, app.use_strict_security, self.platform
                ),
            }
        )


def _probe() -> Manifest:
    return {
        "httpGet": {"path": "/health", "port": RELOADER_PORT, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


def auth_args(params: ReloaderParams) -> list[str]:
    """What the application is told of the key of its reload endpoint; appended after its sorted arguments."""
    secret = params.config_reload_auth_key_secret
    return flag("reloadAuthKey", f"file://{AUTH_DIR}/{secret.key}" if secret else None)


def auth_volumes(params: ReloaderParams) -> list[Manifest]:
    secret = params.config_reload_auth_key_secret
    return [secret_volume(AUTH_VOLUME, secret.name or "")] if secret else []


def auth_mounts(params: ReloaderParams) -> list[Manifest]:
    return [mount(AUTH_VOLUME, AUTH_DIR)] if params.config_reload_auth_key_secret else []


def token_volumes(app: AppParams) -> list[Manifest]:
    """The service account's token, for containers that need it although pods get none by themselves (01 §5.12)."""
    if not app.disable_automount_service_account_token:
        return []
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt"}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return [{"name": TOKEN_VOLUME, "projected": {"defaultMode": 420, "sources": sources}}]


def token_mounts(app: AppParams, mounts: Sequence[Manifest]) -> list[Manifest]:
    """The mount of that token, unless the place is taken."""
    if not app.disable_automount_service_account_token or any(entry.get("mountPath") == TOKEN_DIR for entry in mounts):
        return []
    return [mount(TOKEN_VOLUME, TOKEN_DIR, read_only=True)]
