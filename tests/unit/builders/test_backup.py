"""The containers that back up and restore (03 §2.10)."""

import attrs
import pytest

from vmop.api import Manifest
from vmop.api.v1beta1 import AppParams, Backup, KeySelector, License, Restore, RestoreOnStart
from vmop.builders import Platform
from vmop.builders.backup import BackupContainers
from vmop.builders.defaults import default_backup
from vmop.settings import Settings

DATA: Manifest = {"name": "data", "mountPath": "/d"}
SPOOL: Manifest = {"name": "spool", "mountPath": "/spool"}
CREDENTIALS: Manifest = {"name": "secret-s3-key", "mountPath": "/etc/vm/creds", "readOnly": True}
POD_NAME = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
RESOURCES = {"limits": {"cpu": "500m", "memory": "500Mi"}, "requests": {"cpu": "150m", "memory": "200Mi"}}
PROBE = {
    "httpGet": {"path": "/health", "port": 8300, "scheme": "HTTP"},
    "timeoutSeconds": 5,
    "periodSeconds": 5,
    "successThreshold": 1,
}
EVERYTHING = Backup(
    accept_eula=True,
    concurrency=4,
    destination="s3://b/dir/",
    custom_s3_endpoint="http://minio",
    credentials_secret=KeySelector(name="s3.key", key="creds"),
    disable_hourly=True,
    disable_daily=False,
    log_format="json",
    log_level="WARN",
    extra_args={"keepLastDaily": "3", "dryRun": ""},
    extra_envs=[{"name": "A", "value": "1"}],
    extra_envs_from=[{"secretRef": {"name": "e"}}],
    volume_mounts=[SPOOL],
    restore=Restore(on_start=RestoreOnStart(enabled=True)),
)


def containers(
    backup: Backup, *, app: AppParams | None = None, license_: License | None = None, settings: Settings | None = None
) -> BackupContainers:
    settings = settings or Settings()
    return BackupContainers(
        backup=default_backup(backup, settings, use_default_resources=True),
        app=app or AppParams(port="8482"),
        data_path="/d",
        mounts=[DATA],
        license=license_,
        settings=settings,
        platform=Platform(),
        path="spec.vmBackup",
        pod_suffix=True,
    )


def test_the_backup_container_with_everything() -> None:
    app = AppParams(port="8482", extra_args={"snapshotAuthKey": "s n&p", "http.pathPrefix": "/st", "tls": "true"})
    license_ = License(key_ref=KeySelector(name="lic", key="k"))
    assert containers(EVERYTHING, app=app, license_=license_).container() == {
        "name": "vmbackuper",
        "image": "victoriametrics/vmbackupmanager:v1.150.0-enterprise",
        "args": [
            "-concurrency=4",
            "-credsFilePath=/etc/vm/creds/creds",
            "-customS3Endpoint=http://minio",
            "-disableHourly",
            "-dryRun",
            "-dst=s3://b/dir/$(POD_NAME)/",
            "-envflag.enable=true",
            "-eula",
            "-keepLastDaily=3",
            "-licenseFile=/etc/vm/secrets/lic/k",
            "-loggerFormat=json",
            "-loggerLevel=WARN",
            "-snapshot.createURL=https://127.0.0.1:8482/st/snapshot/create?authKey=s+n%26p",
            "-snapshot.deleteURL=https://127.0.0.1:8482/st/snapshot/delete?authKey=s+n%26p",
            "-storageDataPath=/d",
        ],
        "ports": [{"name": "http-backup", "protocol": "TCP", "containerPort": 8300}],
        "env": [{"name": "A", "value": "1"}, POD_NAME],
        "resources": RESOURCES,
        "volumeMounts": [
            DATA,
            SPOOL,
            CREDENTIALS,
            {"name": "license", "mountPath": "/etc/vm/secrets/lic", "readOnly": True},
        ],
        "livenessProbe": PROBE | {"failureThreshold": 3},
        "readinessProbe": PROBE | {"failureThreshold": 10},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def test_the_restore_container_with_everything() -> None:
    assert containers(EVERYTHING).init_container() == {
        "name": "vmbackuper-restore",
        "image": "victoriametrics/vmbackupmanager:v1.150.0-enterprise",
        "args": [
            "restore",
            "-concurrency=4",
            "-credsFilePath=/etc/vm/creds/creds",
            "-customS3Endpoint=http://minio",
            "-dryRun",
            "-envflag.enable=true",
            "-eula",
            "-keepLastDaily=3",
            "-loggerFormat=json",
            "-loggerLevel=WARN",
            "-storageDataPath=/d",
        ],
        "ports": [{"name": "http-restore", "protocol": "TCP", "containerPort": 8300}],
        "env": [{"name": "A", "value": "1"}],
        "envFrom": [{"secretRef": {"name": "e"}}],
        "resources": RESOURCES,
        "volumeMounts": [DATA, SPOOL, CREDENTIALS],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def test_the_volume_with_credentials() -> None:
    assert containers(EVERYTHING).volumes() == [{"name": "secret-s3-key", "secret": {"secretName": "s3.key"}}]
    assert containers(Backup()).volumes() == []


@pytest.mark.parametrize(
    ("backup", "destination"),
    [
        (Backup(destination="s3://b"), "-dst=s3://b/$(POD_NAME)/"),
        (Backup(destination="s3://b/", destination_disable_suffix_add=True), "-dst=s3://b/"),
        (Backup(), "-dst=/$(POD_NAME)/"),
    ],
)
def test_each_pod_has_a_place_of_its_own(backup: Backup, destination: str) -> None:
    container = containers(attrs.evolve(backup, accept_eula=True)).container()
    assert container is not None
    assert [arg for arg in container["args"] if arg.startswith("-dst")] == [destination]


def test_former_port_names() -> None:
    built = containers(EVERYTHING, settings=Settings(use_old_backup_restore_port_names=True))
    found = [container["ports"][0]["name"] for container in (built.container(), built.init_container()) if container]
    assert found == ["http", "http"]


@pytest.mark.parametrize("restore", [None, Restore(), Restore(on_start=RestoreOnStart(enabled=False))])
def test_no_restore_unless_asked(restore: Restore | None) -> None:
    assert containers(Backup(accept_eula=True, restore=restore)).init_container() is None


def test_no_backup_without_license_or_agreement() -> None:
    assert containers(Backup()).container() is None
