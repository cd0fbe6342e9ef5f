"""Backups beside a storage container, and the restore before it starts (03 §2.10)."""

from collections.abc import Sequence

import attrs

from vmop.api.v1beta1 import AppParams, Backup, License
from vmop.builders.args import flag
from vmop.builders.base import Manifest, Platform, present
from vmop.builders.images import image_reference, is_licensed
from vmop.builders.license import license_args, license_mounts
from vmop.builders.security import container_security_context
from vmop.builders.services import port_number
from vmop.builders.urls import local_url
from vmop.builders.volumes import mount, secret_volume, volume_name
from vmop.builders.workloads import FALLBACK_TO_LOGS
from vmop.settings import Settings

CREDENTIALS_DIR = "/etc/vm/creds"
_DISABLED = (
    ("disableHourly", "disable_hourly"),
    ("disableDaily", "disable_daily"),
    ("disableWeekly", "disable_weekly"),
    ("disableMonthly", "disable_monthly"),
)


@attrs.frozen(kw_only=True)
class BackupContainers:
    """The containers of a defaulted `vmBackup` at `path` in the spec.

    `app` is the application whose `data_path` is saved, `mounts` its mounts before those of secrets and config maps;
    `pod_suffix` gives each pod a place of its own under the destination.
    """

    backup: Backup
    app: AppParams
    data_path: str
    mounts: Sequence[Manifest]
    license: License | None
    settings: Settings
    platform: Platform
    path: str
    pod_suffix: bool = False

    @property
    def port(self) -> int:
        return port_number(self.backup.port, f"{self.path}.port")

    def volumes(self) -> list[Manifest]:
        """The volume with the store's credentials."""
        secret = self.backup.credentials_secret
        return [secret_volume(volume_name("secret", secret.name or ""), secret.name or "")] if secret else []

    def container(self) -> Manifest | None:
        """`vmbackuper`; None where neither a license nor the terms of use allow it."""
        backup = self.backup
        if not is_licensed(self.license) and not backup.accept_eula:
            return None
        args = [
            *flag("storageDataPath", self.data_path),
            f"-dst={self._destination()}",
            f"-snapshot.createURL={backup.snapshot_create_url or self._snapshot_url('create')}",
            f"-snapshot.deleteURL={backup.snapshot_delete_url or self._snapshot_url('delete')}",
            *self._disabled(),
            *self._shared_args(),
            *license_args(self.license),
        ]
        pod_name = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        return present(
            {
                "name": "vmbackuper",
                "image": self._image(),
                "args": sorted(args, key=str.encode),
                "ports": [self._port("http-backup")],
                "env": [*(backup.extra_envs or ()), pod_name],
                "resources": backup.resources or None,
                "volumeMounts": [*self._mounts(), *license_mounts(self.license)],
                "livenessProbe": {**self._probe(), "failureThreshold": 3},
                "readinessProbe": {**self._probe(), "failureThreshold": 10},
                "securityContext": self._security_context(),
                "terminationMessagePolicy": FALLBACK_TO_LOGS,
            }
        )

    def init_container(self) -> Manifest | None:
        """`vmbackuper-restore`; None unless data is restored at the start."""
        backup = self.backup
        if not backup.restore or not backup.restore.on_start or not backup.restore.on_start.enabled:
            return None
        args = [*flag("storageDataPath", self.data_path), *self._shared_args()]
        return present(
            {
                "name": "vmbackuper-restore",
                "image": self._image(),
                "args": ["restore", *sorted(args, key=str.encode)],
                "ports": [self._port("http-restore")],
                "env": backup.extra_envs or None,
                "envFrom": backup.extra_envs_from or None,
                "resources": backup.resources or None,
                "volumeMounts": self._mounts(),
                "securityContext": self._security_context(),
                "terminationMessagePolicy": FALLBACK_TO_LOGS,
            }
        )

    def _shared_args(self) -> list[str]:
        """Arguments of both containers. The user's are appended: nothing is replaced."""
        backup = self.backup
        secret = backup.credentials_secret
        return [
            *(["-eula"] if backup.accept_eula else []),
            *flag("concurrency", backup.concurrency),
            *flag("customS3Endpoint", backup.custom_s3_endpoint),
            *flag("credsFilePath", f"{CREDENTIALS_DIR}/{secret.key}" if secret else None),
            *flag("loggerLevel", backup.log_level),
            *flag("loggerFormat", backup.log_format),
            *(f"-{key}={value}" if value else f"-{key}" for key, value in (backup.extra_args or {}).items()),
            *(["-envflag.enable=true"] if backup.extra_envs or backup.extra_envs_from else []),
        ]

    def _disabled(self) -> list[str]:
        values = attrs.asdict(self.backup, recurse=False)
        return [f"-{name}" for name, attribute in _DISABLED if values[attribute]]

    def _destination(self) -> str:
        destination = self.backup.destination or ""
        if not self.pod_suffix or self.backup.destination_disable_suffix_add:
            return destination
        return f"{destination.removesuffix('/')}/$(POD_NAME)/"

    def _snapshot_url(self, action: str) -> str:
        path = f"/snapshot/{action}"
        return local_url(self.app.port or "", path, self.app.extra_args, self.settings, auth_key="snapshotAuthKey")

    def _port(self, name: str) -> Manifest:
        old = self.settings.use_old_backup_restore_port_names
        return {"name": "http" if old else name, "protocol": "TCP", "containerPort": self.port}

    def _image(self) -> str:
        image = self.backup.image
        assert image is not None, "defaults are applied before anything is built"  # noqa: S101 - a contract, not input
        return image_reference(image.repository or "", image.tag or "")

    def _mounts(self) -> list[Manifest]:
        credentials = self.backup.credentials_secret
        name = volume_name("secret", credentials.name or "") if credentials else ""
        return [
            *self.mounts,
            *(self.backup.volume_mounts or ()),
            *([mount(name, CREDENTIALS_DIR, read_only=True)] if credentials else []),
        ]

    def _probe(self) -> Manifest:
        return {
            "httpGet": {"path": "/health", "port": self.port, "scheme": "HTTP"},
            "timeoutSeconds": 5,
            "periodSeconds": 5,
            "successThreshold": 1,
        }

    def _security_context(self) -> Manifest | None:
        return container_security_context(self.app.security_context, self.app.use_strict_security, self.platform)
