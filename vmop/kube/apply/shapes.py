"""What apply cannot say, found before it is sent (``00-writing.md`` §6)."""

from collections.abc import Iterator, Mapping
from typing import Any

from vmop.kube.resources import Manifest, Resource

_POD_LISTS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
}
_CONTAINER_LISTS: Mapping[str, tuple[str, ...]] = {
    "env": ("name",),
    "ports": ("containerPort", "protocol"),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
}
_DEFAULTS = {"protocol": "TCP"}
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
_BUILT_IN_GROUPS = frozenset({"", "apps", "autoscaling", "batch", "policy"})


def is_custom(resource: Resource) -> bool:
    """Whether the kind is defined by a CustomResourceDefinition (VPA and Gateway API are, in spite of their
    ``k8s.io``)."""
    if resource.group in ("autoscaling.k8s.io", "gateway.networking.k8s.io"):
        return True
    return resource.group not in _BUILT_IN_GROUPS and not resource.group.endswith(".k8s.io")


def counts_annotations(resource: Resource) -> bool:
    """Whether a changed annotation raises the generation: of Deployments alone it does, but not through ``status``."""
    return (resource.group, resource.kind) == ("apps", "Deployment")


def repeated_keys(resource: Resource, manifest: Manifest) -> str:
    """The path of a list whose items repeat a key, empty when there is none. Apply answers 500 to such a manifest."""
    spec = manifest.get("spec") or {}
    for path, items, keys in _keyed_lists(resource, spec):
        seen: set[tuple[Any, ...]] = set()
        for item in items:
            key = tuple(item.get(name, _DEFAULTS.get(name)) for name in keys)
            if key in seen:
                return path
            seen.add(key)
    return ""


def _keyed_lists(
    resource: Resource, spec: Mapping[str, Any]
) -> Iterator[tuple[str, list[dict[str, Any]], tuple[str, ...]]]:
    if resource.kind == "Service" and not resource.group:
        yield "spec.ports", spec.get("ports") or [], ("port", "protocol")
        return
    if resource.group != "apps" or resource.kind not in _WORKLOADS:
        return
    pod = (spec.get("template") or {}).get("spec") or {}
    path = "spec.template.spec"
    for field, keys in _POD_LISTS.items():
        yield f"{path}.{field}", pod.get(field) or [], keys
    for field in ("initContainers", "containers"):
        for index, container in enumerate(pod.get(field) or ()):
            for name, keys in _CONTAINER_LISTS.items():
                yield f"{path}.{field}[{index}].{name}", container.get(name) or [], keys


def emptied_objects(resource: Resource, desired: Manifest, live: Manifest) -> list[tuple[str, ...]]:
    """The paths of objects that are empty in desired and not in live, on custom resources.

    Applying them, the server would make them null and refuse. Items of lists are no concern: these are replaced whole.
    """
    if not is_custom(resource):
        return []
    return list(_emptied(desired.get("spec"), live.get("spec"), ("spec",)))


def _emptied(desired: Any, live: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not isinstance(desired, dict) or not isinstance(live, dict):
        return
    if not desired and live:
        yield path
    for key, value in desired.items():
        yield from _emptied(value, live.get(key), (*path, key))
