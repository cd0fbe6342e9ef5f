"""vmbackupmanager beside a storage container, and the restore before it starts (enterprise)."""

import attrs

from vmop.api.fields import ATOMIC, Manifest, field
from vmop.api.v1beta1._app import LOG_LEVELS
from vmop.api.v1beta1._common import Image, KeySelector


@attrs.frozen(kw_only=True)
class RestoreOnStart:
    """Restore before the storage container starts."""

    enabled: bool | None = field("Add an init container that restores the newest marked backup before the start.")


@attrs.frozen(kw_only=True)
class Restore:
    """When data is restored from a backup."""

    on_start: RestoreOnStart | None = field("Restore at every start of a pod.")


@attrs.frozen(kw_only=True)
class Backup:
    """Regular backups by vmbackupmanager. Needs an enterprise license."""

    accept_eula: bool | None = field("Deprecated: accept the terms instead of giving a license.", name="acceptEULA")
    snapshot_create_url: str | None = field(
        "URL that makes a snapshot; derived from the port by default.", name="snapshotCreateURL"
    )
    snapshot_delete_url: str | None = field(
        "URL that deletes a snapshot; derived from the port by default.", name="snapshotDeleteURL"
    )
    concurrency: int | None = field(
        "Parallel uploads; more is faster and uses more memory.", format="int32", pointer=True
    )
    destination: str | None = field("Where backups go, e.g. `s3://bucket/folder`, `gs://…` or `fs:///path`.")
    destination_disable_suffix_add: bool | None = field(
        "In a VMCluster, do not append the pod's name to the destination."
    )
    custom_s3_endpoint: str | None = field(
        "Address of an S3-compatible store such as MinIO.", name="customS3Endpoint", pointer=True
    )
    credentials_secret: KeySelector | None = field("Secret key with the credentials file of the store.", schema=ATOMIC)
    disable_hourly: bool | None = field("Make no hourly backups, which are incremental.", pointer=True)
    disable_daily: bool | None = field("Make no daily backups, named by their date.", pointer=True)
    disable_weekly: bool | None = field("Make no weekly backups, named by week of the year.", pointer=True)
    disable_monthly: bool | None = field("Make no monthly backups, named by their month.", pointer=True)
    image: Image | None = field("Image of vmbackupmanager; a tag must be an enterprise one.")
    port: str | None = field("Port of vmbackupmanager's HTTP listener; 8300 by default.")
    log_format: str | None = field("Format of vmbackupmanager's log lines.", enum=("default", "json"), pointer=True)
    log_level: str | None = field(
        "Least severe messages that vmbackupmanager logs.",
        enum=LOG_LEVELS,
        pointer=True,
    )
    resources: Manifest | None = field("Limits and requests of the backup container.", kube="ResourceRequirements")
    extra_args: dict[str, str] | None = field("Flags of vmbackupmanager, appended to the generated ones.")
    extra_envs: list[Manifest] | None = field("Environment variables of the backup container.", kube="EnvVar")
    extra_envs_from: list[Manifest] | None = field(
        "Secrets and ConfigMaps as environment of the restore container.", kube="EnvFromSource"
    )
    volume_mounts: list[Manifest] | None = field("Mounts of the backup container beside the data.", kube="VolumeMount")
    restore: Restore | None = field("When data comes back from a backup; never by default.")
