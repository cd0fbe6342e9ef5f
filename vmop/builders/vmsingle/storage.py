"""Where a single node keeps its data: a claim of its own, or what the user mounts (03 §4.4)."""

import re

from vmop.api.v1beta1 import Metadata
from vmop.builders.base import Manifest, without_nulls
from vmop.builders.metadata import managed_annotations, managed_labels, object_metadata
from vmop.builders.vmsingle.single import Single
from vmop.builders.volumes import data_volume

DATA_VOLUME = "data"
_SOME = re.compile(r"\+?[0-9.]*[1-9]")


def has_claim(single: Single) -> bool:
    """A size is asked for."""
    requests = ((single.spec.storage or {}).get("resources") or {}).get("requests") or {}
    return _SOME.match(str(requests.get("storage", ""))) is not None


def claim(single: Single) -> Manifest:
    """The claim. What `storageMetadata` says goes over managed metadata, but not over the labels it is found by."""
    spec = without_nulls(single.spec.storage or {})
    own = single.spec.storage_metadata or Metadata()
    labels = {**managed_labels(single.cr), **(own.labels or {}), **single.selector}
    annotations = {**managed_annotations(single.cr), **(own.annotations or {})}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": object_metadata(single.cr, single.name, labels, annotations),
        "spec": {**spec, "accessModes": spec.get("accessModes") or ["ReadWriteOnce"]},
    }


def data_volumes(single: Single) -> tuple[list[Manifest], list[Manifest]]:
    """Volumes and mounts of the user's with those of the data. Raises `BuildError` where they contradict."""
    return data_volume(
        DATA_VOLUME,
        single.data_path,
        volumes=single.spec.volumes,
        mounts=single.spec.volume_mounts,
        claim=single.name if has_claim(single) else None,
    )
