"""Discovery: which groups, versions and resources there are, in the old form (a document a version) and aggregated."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from itertools import groupby

from vmop.devcluster.registry import Registry, Served, version_order
from vmop.devcluster.status import Manifest

AGGREGATED_VERBS_OF_STATUS = ("get", "patch", "update")
# Subresources whose body is of another kind than the resource: (group, version, kind), verbs.
_SUBRESOURCES: Mapping[str, tuple[tuple[str, str, str] | None, tuple[str, ...]]] = {
    "status": (None, AGGREGATED_VERBS_OF_STATUS),
    "scale": (("autoscaling", "v1", "Scale"), AGGREGATED_VERBS_OF_STATUS),
    "resize": (None, AGGREGATED_VERBS_OF_STATUS),
    "ephemeralcontainers": (None, AGGREGATED_VERBS_OF_STATUS),
    "log": (None, ("get",)),
    "finalize": (None, ("update",)),
    "binding": (("", "v1", "Binding"), ("create",)),
    "eviction": (("policy", "v1", "Eviction"), ("create",)),
    "proxy": (("", "v1", "PodProxyOptions"), ("create", "delete", "get", "patch", "update")),
}
VERSION: Manifest = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}


def _groups(registry: Registry) -> dict[str, list[list[Served]]]:
    """By group: its versions in order of preference, each with its resources by name."""
    result: dict[str, list[list[Served]]] = {}
    ordered = sorted(registry, key=lambda served: (served.group, version_order(served), served.plural))
    for (group, _), served in groupby(ordered, key=lambda served: (served.group, served.version)):
        result.setdefault(group, []).append(list(served))
    return result


def api_versions(address: str) -> Manifest:
    """`/api`."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def _group(name: str, versions: Iterable[list[Served]]) -> Manifest:
    listed = [{"groupVersion": resources[0].api_version, "version": resources[0].version} for resources in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def api_group_list(registry: Registry) -> Manifest:
    """`/apis`."""
    groups = [_group(name, versions) for name, versions in _groups(registry).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(registry: Registry, name: str) -> Manifest | None:
    """`/apis/<group>`; None when there is no such group."""
    versions = _groups(registry).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(name, versions) if versions else None


def _resource(served: Served) -> Manifest:
    entry: Manifest = {
        "name": served.plural,
        "singularName": served.singular_name,
        "namespaced": served.namespaced,
        "kind": served.kind,
        "verbs": list(served.verbs),
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    if served.is_custom:
        named = f"{served.group}/{served.version}/{served.kind}".encode()
        entry["storageVersionHash"] = base64.b64encode(hashlib.sha256(named).digest()[:8]).decode()
    return entry


def _subresource(served: Served, name: str) -> Manifest:
    kind, verbs = _SUBRESOURCES[name]
    entry: Manifest = {"name": f"{served.plural}/{name}", "singularName": "", "namespaced": served.namespaced}
    if kind is not None:
        entry |= {"group": kind[0], "version": kind[1]}
    return entry | {"kind": kind[2] if kind else served.kind, "verbs": list(verbs)}


def api_resource_list(registry: Registry, group: str, version: str) -> Manifest | None:
    """`/api/v1`, `/apis/<group>/<version>`; None when there is no such version."""
    resources: list[Manifest] = []
    for served in sorted(registry, key=lambda served: served.plural):
        if (served.group, served.version) == (group, version):
            resources.append(_resource(served))
            resources += [_subresource(served, name) for name in served.subresources]
    if not resources:
        return None
    api_version = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": resources,
    }


def _aggregated_subresource(served: Served, name: str) -> Manifest:
    kind, verbs = _SUBRESOURCES[name]
    group, version, kind_name = kind or (served.group, served.version, served.kind)
    response = {"group": group, "version": version, "kind": kind_name}
    return {"subresource": name, "responseKind": response, "verbs": list(verbs)}


def _aggregated_resource(served: Served) -> Manifest:
    entry: Manifest = {
        "resource": served.plural,
        "responseKind": {"group": served.group, "version": served.version, "kind": served.kind},
        "scope": "Namespaced" if served.namespaced else "Cluster",
        "singularResource": served.singular_name,
        "verbs": list(served.verbs),
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    if served.subresources:
        entry["subresources"] = [_aggregated_subresource(served, name) for name in served.subresources]
    return entry


def aggregated(registry: Registry, *, core: bool) -> Manifest:
    """`/api` (`core`) or `/apis` as one `APIGroupDiscoveryList` of apidiscovery.k8s.io/v2."""
    items: list[Manifest] = []
    for name, versions in _groups(registry).items():
        if core is bool(name):
            continue
        listed = [
            {
                "version": resources[0].version,
                "resources": [_aggregated_resource(served) for served in resources],
                "freshness": "Current",
            }
            for resources in versions
        ]
        metadata: Manifest = {"name": name} if name else {}
        items.append({"metadata": metadata | {"creationTimestamp": None}, "versions": listed})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def subresource_verbs(name: str) -> tuple[str, ...]:
    """Verbs that a subresource knows."""
    return _SUBRESOURCES[name][1]
