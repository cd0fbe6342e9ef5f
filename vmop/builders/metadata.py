"""Names, labels, annotations and owner references of generated objects (01 §2)."""

from collections.abc import Mapping

from vmop.api import CustomResource
from vmop.builders.base import Manifest, present
from vmop.settings import Settings

ADDITIONAL_SERVICE_LABEL = "operator.victoriametrics.com/additional-service"
PART_OF_LABEL = "app.kubernetes.io/part-of"

COMMON_METADATA_KINDS = frozenset(
    {
        *(
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "Service",
            "Secret",
            "PersistentVolumeClaim",
            "Ingress",
            "HTTPRoute",
        ),
        *("VMCluster", "VMSingle", "VMAgent", "VMAuth"),
    }
)
"""Kinds that `VM_COMMON_LABELS` and `VM_COMMON_ANNOTATIONS` are put on; the others go without (01 §2.3)."""


def prefixed_name(prefix: str, name: str, *, legacy: bool | None = False, legacy_name: str | None = None) -> str:
    """`<prefix>-<name>`; with `useLegacyNaming` the bare name, or `legacy_name` where the kind has another one."""
    if not legacy:
        return f"{prefix}-{name}"
    return name if legacy_name is None else legacy_name


def selector_labels(app: str, instance: str) -> dict[str, str]:
    """The labels by which pods of one application are found: selectors, Services, list filters."""
    return {
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/component": "monitoring",
        "managed-by": "vm-operator",
    }


def owner_reference(cr: CustomResource) -> Manifest:
    """The one reference to its resource that a generated object carries."""
    return {
        "apiVersion": cr.api_version(),
        "kind": cr.kind,
        "name": cr.name,
        "uid": cr.metadata.get("uid", ""),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def managed_labels(cr: CustomResource) -> dict[str, str]:
    return _managed(cr, "labels")


def managed_annotations(cr: CustomResource) -> dict[str, str]:
    return _managed(cr, "annotations")


def _managed(cr: CustomResource, key: str) -> dict[str, str]:
    metadata = cr.spec.managed_metadata
    if metadata is None:
        return {}
    found: Mapping[str, str] | None = metadata.labels if key == "labels" else metadata.annotations
    return dict(found or {})


def object_labels(cr: CustomResource, selector: Mapping[str, str], *, part_of: str = "") -> dict[str, str]:
    """`managedMetadata.labels` under the selector labels; `part_of` wins over managed ones too."""
    extra = {PART_OF_LABEL: part_of} if part_of else {}
    return managed_labels(cr) | dict(selector) | extra


def object_metadata(
    cr: CustomResource, name: str, labels: Mapping[str, str], annotations: Mapping[str, str] | None = None
) -> Manifest:
    """Metadata of an object of `cr`, in its namespace and owned by it. `annotations` default to the managed ones."""
    notes = managed_annotations(cr) if annotations is None else dict(annotations)
    return {
        "name": name,
        "namespace": cr.namespace,
        "labels": dict(labels),
        **({"annotations": notes} if notes else {}),
        "ownerReferences": [owner_reference(cr)],
    }


def with_common_metadata(manifest: Manifest, settings: Settings) -> Manifest:
    """The object with the operator-wide labels and annotations under its own, where its kind takes them.

    Pod templates of workloads get them too; claim templates do not.
    """
    if manifest["kind"] not in COMMON_METADATA_KINDS or not (settings.common_labels or settings.common_annotations):
        return manifest
    result = {**manifest, "metadata": _under(manifest["metadata"], settings)}
    template = manifest.get("spec", {}).get("template") if manifest["kind"] != "HTTPRoute" else None
    if template is not None:
        result["spec"] = {
            **manifest["spec"],
            "template": {**template, "metadata": _under(template.get("metadata", {}), settings)},
        }
    return result


def _under(metadata: Manifest, settings: Settings) -> Manifest:
    labels = {**settings.common_labels, **metadata.get("labels", {})}
    annotations = {**settings.common_annotations, **metadata.get("annotations", {})}
    return {**metadata, **present({"labels": labels or None, "annotations": annotations or None})}
