"""VMSingle: VictoriaMetrics as a single process with its own volume."""

from typing import ClassVar

import attrs

from vmop.api.fields import Manifest, field
from vmop.api.kinds import CustomResource, WorkloadStatus
from vmop.api.v1beta1._app import AppParams, ComponentParams, Licensed, ReloaderParams, ServerParams
from vmop.api.v1beta1._backup import Backup
from vmop.api.v1beta1._common import Metadata
from vmop.api.v1beta1._enterprise import Downsampling, RetentionFilter
from vmop.api.v1beta1._scraper import IngestParams, ScraperParams


@attrs.frozen(kw_only=True)
class VMSingleSpec(AppParams, ReloaderParams, ComponentParams, ServerParams, Licensed, IngestParams, ScraperParams):
    """Desired state of a VMSingle."""

    retention_period: str | None = field(
        "How long samples are stored: a number with h, d, w or y; months without a unit.",
        pattern="^[0-9]+(h|d|w|y)?$",
    )
    storage_data_path: str | None = field(
        "Directory of the data in the container; `/victoria-metrics-data` by default."
    )
    storage: Manifest | None = field(
        "Claim of the data volume; an emptyDir when unset.", kube="PersistentVolumeClaimSpec"
    )
    storage_metadata: Metadata | None = field("Labels and annotations of the claim; its name is ignored.")
    remove_pvc_after_delete: bool | None = field("Delete the data volume together with the VMSingle.")
    vm_backup: Backup | None = field("Regular backups by vmbackupmanager (enterprise).")
    downsampling: Downsampling | None = field("Thinning of old samples of the single node (enterprise).")
    retention_filters: list[RetentionFilter] | None = field(
        "Other retentions for chosen series of the single node (enterprise)."
    )


@attrs.frozen(kw_only=True)
class VMSingle(CustomResource):
    """VictoriaMetrics as a single process."""

    kind: ClassVar[str] = "VMSingle"
    plural: ClassVar[str] = "vmsingles"
    status_type: ClassVar[type] = WorkloadStatus

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMSingleSpec = attrs.field(factory=VMSingleSpec)
    status: Manifest = attrs.field(factory=dict)
