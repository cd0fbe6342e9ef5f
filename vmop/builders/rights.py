"""Roles and bindings of agents and single nodes that scrape or read their config from a Secret (01 §6.4, 04 §11)."""

from collections.abc import Iterator, Mapping

from vmop.api import CustomResource
from vmop.builders.base import Manifest, present
from vmop.builders.metadata import object_metadata
from vmop.settings import Settings

_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_ENDPOINT_SLICES: Manifest = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ}
_INGRESSES: Manifest = {"apiGroups": ["networking.k8s.io", "extensions"], "resources": ["ingresses"], "verbs": _READ}
_DISCOVERY_RULES: tuple[Manifest, ...] = (
    _ENDPOINT_SLICES,
    {"apiGroups": [""], "resources": ["services", "endpoints", "pods"], "verbs": _READ},
    _INGRESSES,
)
_CLUSTER_RULES: tuple[Manifest, ...] = (
    _ENDPOINT_SLICES,
    {
        "apiGroups": [""],
        "resources": ["nodes", "nodes/metrics", "services", "endpoints", "pods", "namespaces"],
        "verbs": _READ,
    },
    _INGRESSES,
    {"nonResourceURLs": ["/metrics", "/metrics/resources", "/metrics/slis"], "verbs": ["get"]},
    {
        "apiGroups": ["route.openshift.io", "image.openshift.io"],
        "resources": ["routers/metrics", "registry/metrics"],
        "verbs": ["get"],
    },
)


def rbac_name(namespace: str, prefixed: str) -> str:
    """The name of an application's roles and bindings, which is unique in the whole cluster."""
    return f"monitoring:{namespace}:{prefixed}"


def rights(
    cr: CustomResource, prefixed: str, *, labels: Mapping[str, str], account: str, settings: Settings, scrapes: bool
) -> Iterator[Manifest]:
    """What `account` may do: find targets where it `scrapes`, and watch the config Secret, called `prefixed`.

    In the whole cluster, or in each watched namespace. Only objects in the namespace of `cr` can be owned by it.
    """
    namespaces = settings.watch_namespace
    grants: list[tuple[str | None, tuple[Manifest, ...]]] = []
    if not namespaces:
        grants.append((None, _CLUSTER_RULES if scrapes else ()))
    discovery = _DISCOVERY_RULES if scrapes else ()
    for namespace in namespaces or (cr.namespace,):
        own = (_own_secret(prefixed),) if namespace == cr.namespace else ()
        grants.append((namespace, (*own, *discovery)))
    for place, rules in grants:
        name, prefix = rbac_name(cr.namespace, prefixed), "Cluster" if place is None else ""
        metadata = object_metadata(cr, name, labels)
        if place != cr.namespace:
            metadata.pop("ownerReferences")
            metadata |= {"namespace": place}
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{prefix}Role",
            "metadata": present(metadata),
            **({"rules": list(rules)} if rules else {}),
        }
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{prefix}RoleBinding",
            "metadata": present(metadata),
            "roleRef": {"apiGroup": _RBAC, "kind": f"{prefix}Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": cr.namespace}],
        }


def _own_secret(name: str) -> Manifest:
    """The config-reloader watches the config Secret."""
    return {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["get", "watch", "list"]}
