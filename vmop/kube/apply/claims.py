"""Which paths of a kind are ours whole (``00-writing.md`` §2).

Under a claimed path nothing stays that desired lacks, but for what the server sets on its own. Kinds that are not
in the table (custom resources, PodDisruptionBudget, Ingress, …) have their ``spec`` claimed.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from vmop.kube.apply.fields import Claimed, FieldPath
from vmop.kube.resources import Manifest, Resource

Path: TypeAlias = tuple[str, ...]
"""Names of fields as in the manifest, from the top. ``"*"`` stands for any field, key or item."""


@attrs.frozen(kw_only=True)
class Claims:
    """What a writer claims of an object, besides its own keys of labels, annotations and owner references.

    ``paths``: claimed with all below. ``excluded``: parts of these that are left to others. ``keyed``: maps below
    an excluded path of which the keys in desired are ours all the same, as labels are. ``kept``: fields that
    desired gives to a new object only; a live object keeps its own value. ``exact``: the server adds nothing under
    ``paths``, so that comparing the content decides, whoever owns it.
    """

    paths: tuple[Path, ...] = (("spec",),)
    excluded: tuple[Path, ...] = ()
    keyed: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    exact: bool = False


NOTHING = Claims(paths=())
"""Nothing but the own keys of the metadata: fields are set by force, what desired lacks stays with whoever else
owns it."""

_TEMPLATE_ANNOTATIONS: Path = ("spec", "template", "metadata", "annotations")
_WORKLOAD = Claims(excluded=(_TEMPLATE_ANNOTATIONS,), keyed=(_TEMPLATE_ANNOTATIONS,))
_ALLOCATED = tuple(
    ("spec", field) for field in ("clusterIP", "clusterIPs", "ipFamilies", "healthCheckNodePort", "loadBalancerClass")
)
_CLAIM_SHAPE = tuple(
    ("spec", field)
    for field in (
        "accessModes",
        "dataSource",
        "dataSourceRef",
        "selector",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
        "volumeName",
    )
)

_BY_KIND: Mapping[tuple[str, str], Claims] = {
    ("apps", "Deployment"): _WORKLOAD,
    ("apps", "StatefulSet"): _WORKLOAD,
    ("apps", "DaemonSet"): _WORKLOAD,
    ("", "Service"): Claims(excluded=_ALLOCATED),
    ("", "ConfigMap"): Claims(paths=(("data",), ("binaryData",)), kept=(("immutable",),), exact=True),
    ("", "Secret"): Claims(paths=(("data",),), kept=(("immutable",), ("type",)), exact=True),
    ("", "ServiceAccount"): Claims(
        paths=(),
        kept=(("secrets",), ("imagePullSecrets",), ("automountServiceAccountToken",)),
        exact=True,
    ),
    ("", "PersistentVolumeClaim"): Claims(
        paths=(("spec", "resources", "requests"),),
        kept=(*_CLAIM_SHAPE, ("spec", "resources", "limits")),
        exact=True,
    ),
    ("rbac.authorization.k8s.io", "Role"): Claims(paths=(("rules",),), exact=True),
    ("rbac.authorization.k8s.io", "ClusterRole"): Claims(paths=(("rules",),), exact=True),
    ("rbac.authorization.k8s.io", "RoleBinding"): Claims(paths=(("subjects",),)),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): Claims(paths=(("subjects",),)),
}

_SCALED_BY: Mapping[tuple[str, str], Path] = {
    ("operator.victoriametrics.com", "VMAgent"): ("spec", "shardCount"),
}


def claims_of(resource: Resource) -> Claims:
    """The claims on objects of ``resource`` that a builder describes in full."""
    return _BY_KIND.get((resource.group, resource.kind), Claims())


def scaled_field(resource: Resource) -> Path:
    """The field that an autoscaler moves."""
    return _SCALED_BY.get((resource.group, resource.kind), ("spec", "replicas"))


def without(claims: Claims, path: Path) -> Claims:
    """``claims`` that leave ``path`` to others."""
    return attrs.evolve(claims, excluded=(*claims.excluded, path))


def claimed_fields(claims: Claims, desired: Manifest, extra: tuple[Path, ...] = ()) -> Claimed:
    """The test whether a member of ``managedFields`` is ours: under a claim, or an own key of the metadata.

    ``extra``: further paths, such as stale owner references of the live object.
    """
    metadata = desired.get("metadata") or {}
    own: list[Path] = [*extra]
    own += [("metadata", field, key) for field in ("labels", "annotations") for key in metadata.get(field) or {}]
    own += [owner_path(str(ref["uid"])) for ref in metadata.get("ownerReferences") or ()]
    for parent in claims.keyed:
        own += [(*parent, key) for key in get_path(desired, parent) or {}]

    def claimed(path: FieldPath) -> bool:
        if any(_is_under(path, prefix) for prefix in own):
            return True
        return any(_is_under(path, prefix) for prefix in claims.paths) and not any(
            _is_under(path, prefix) for prefix in claims.excluded
        )

    return claimed


def owner_path(uid: str) -> Path:
    """The path of the owner reference with ``uid``, as ``managedFields`` names it."""
    return ("metadata", "ownerReferences", f'k:{{"uid":"{uid}"}}')


def _is_under(path: FieldPath, prefix: Path) -> bool:
    return len(path) >= len(prefix) and all(
        name in ("*", element) or element == f"f:{name}" for element, name in zip(path, prefix, strict=False)
    )


def get_path(manifest: Manifest, path: Path) -> Any:
    """The value at ``path``, ``None`` where anything on the way is missing. No wildcards."""
    node: Any = manifest
    for name in path:
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    return node


def set_path(manifest: Manifest, path: Path, value: Any) -> None:
    """Put ``value`` at ``path``, making objects on the way; ``None`` removes the field. Changes ``manifest``."""
    node = manifest
    for name in path[:-1]:
        child = node.get(name)
        if not isinstance(child, dict):
            if value is None:
                return
            child = node[name] = {}
        node = child
    if value is None:
        node.pop(path[-1], None)
    else:
        node[path[-1]] = value
