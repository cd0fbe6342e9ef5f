"""VMSingle (03-vmcluster-vmsingle.md 4.14, in its order)."""

from collections.abc import Iterator

from vmop.api.problems import Problem
from vmop.api.v1beta1 import VMSingle, VMSingleSpec
from vmop.api.validation.enterprise import backup, downsampling, retention_filters
from vmop.api.validation.shared import pre_stop, scrape_classes, service_name, vertical


def check_vmsingle(cr: VMSingle) -> Iterator[Problem]:
    """Problems of a VMSingle, in the order in which the Go operator looks for them."""
    spec = cr.spec
    name = cr.name if spec.use_legacy_naming else f"vmsingle-{cr.name}"
    yield from service_name("spec.serviceSpec", spec.service_spec, name)
    yield from backup("spec.vmBackup", spec.vm_backup, spec.license)
    yield from downsampling("spec.downsampling", spec.downsampling, spec.license)
    yield from retention_filters("spec.retentionFilters", spec.retention_filters, spec.retention_period, spec.license)
    yield from scrape_classes("spec.scrapeClasses", spec.scrape_classes)
    if spec.storage_data_path:
        yield from _own_data_path(spec, spec.storage_data_path)
    yield from vertical("spec.vpa", spec.vpa)
    yield from pre_stop("spec", spec)


def _own_data_path(spec: VMSingleSpec, directory: str) -> Iterator[Problem]:
    """A data directory of the user needs a volume of the user."""
    volumes = spec.volumes or []
    has_data = any(volume.get("name") == "data" for volume in volumes)
    suffix = f'spec.storageDataPath="{directory}"'
    if not volumes:
        yield Problem("spec.volumes", f"spec.volumes must have at least 1 value for {suffix}")
        return
    if spec.vm_backup and not has_data:
        yield Problem(
            "spec.volumes",
            f"spec.volumes must have at least 1 value with `name: data` for {suffix}."
            " It's required by operator to correctly mount backup volumeMount",
        )
    if not spec.volume_mounts and not has_data:
        yield Problem(
            "spec.volumeMounts",
            f"spec.volumeMounts must have at least 1 value OR spec.volumes must have volume.name `data` for {suffix}",
        )
