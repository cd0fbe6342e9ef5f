"""What the API server serves: descriptors of resources, and how an object is named.

A :class:`Resource` is a value: group, version, kind, plural and scope, which together give every URL path of the
kind. The constants cover all kinds that the operator touches; kinds of which it learns at run time come from
:meth:`vmop.kube.Client.discover`.
"""

from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

import attrs

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object as plain JSON."""


class ObjectKey(NamedTuple):
    """Namespace and name of an object; the namespace of a cluster-scoped one is the empty string."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def key_of(manifest: Manifest) -> ObjectKey:
    """The key of ``manifest``. An object that has no name yet (``generateName``) has an empty one."""
    metadata = manifest.get("metadata") or {}
    return ObjectKey(metadata.get("namespace") or "", metadata.get("name") or "")


class NotRegistered(KeyError):
    """No constant of this module describes that kind. Ask the server: :meth:`vmop.kube.Client.discover`."""

    def __str__(self) -> str:
        return f"no resource is registered for {self.args[0]}"


@attrs.frozen
class Resource:
    """One kind in one version, as the API server serves it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As it stands in manifests: ``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> tuple[str, str]:
        """What stays the same over versions; owner references are compared by it."""
        return self.group, self.kind

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a collection (no name), an object or its subresource.

        Without ``namespace`` the collection of a namespaced resource spans all namespaces. Raises :class:`ValueError`
        where the server could not know what is meant: a namespaced object without its namespace.
        """
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        elif name and self.namespaced:
            raise ValueError(f"{self.kind} {name} is named without its namespace")
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


_APPS = "apps"
_RBAC = "rbac.authorization.k8s.io"
_VM = "operator.victoriametrics.com"

DEPLOYMENT = Resource(_APPS, "v1", "Deployment", "deployments")
STATEFUL_SET = Resource(_APPS, "v1", "StatefulSet", "statefulsets")
DAEMON_SET = Resource(_APPS, "v1", "DaemonSet", "daemonsets")
REPLICA_SET = Resource(_APPS, "v1", "ReplicaSet", "replicasets")
CONTROLLER_REVISION = Resource(_APPS, "v1", "ControllerRevision", "controllerrevisions")

POD = Resource("", "v1", "Pod", "pods")
SERVICE = Resource("", "v1", "Service", "services")
SECRET = Resource("", "v1", "Secret", "secrets")
CONFIG_MAP = Resource("", "v1", "ConfigMap", "configmaps")
SERVICE_ACCOUNT = Resource("", "v1", "ServiceAccount", "serviceaccounts")
NAMESPACE = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
NODE = Resource("", "v1", "Node", "nodes", namespaced=False)
EVENT = Resource("", "v1", "Event", "events")
PERSISTENT_VOLUME_CLAIM = Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
PERSISTENT_VOLUME = Resource("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)
ENDPOINTS = Resource("", "v1", "Endpoints", "endpoints")

STORAGE_CLASS = Resource("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False)
ENDPOINT_SLICE = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
LEASE = Resource("coordination.k8s.io", "v1", "Lease", "leases")

ROLE = Resource(_RBAC, "v1", "Role", "roles")
ROLE_BINDING = Resource(_RBAC, "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE = Resource(_RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Resource(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)

POD_DISRUPTION_BUDGET = Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
HORIZONTAL_POD_AUTOSCALER = Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
VERTICAL_POD_AUTOSCALER = Resource("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler", "verticalpodautoscalers")
NETWORK_POLICY = Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
INGRESS = Resource("networking.k8s.io", "v1", "Ingress", "ingresses")
HTTP_ROUTE = Resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")

CUSTOM_RESOURCE_DEFINITION = Resource(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
VALIDATING_WEBHOOK_CONFIGURATION = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    namespaced=False,
)

VM_AGENT = Resource(_VM, "v1beta1", "VMAgent", "vmagents")
VM_ALERT = Resource(_VM, "v1beta1", "VMAlert", "vmalerts")
VM_ALERTMANAGER = Resource(_VM, "v1beta1", "VMAlertmanager", "vmalertmanagers")
VM_ALERTMANAGER_CONFIG = Resource(_VM, "v1beta1", "VMAlertmanagerConfig", "vmalertmanagerconfigs")
VM_AUTH = Resource(_VM, "v1beta1", "VMAuth", "vmauths")
VM_CLUSTER = Resource(_VM, "v1beta1", "VMCluster", "vmclusters")
VM_NODE_SCRAPE = Resource(_VM, "v1beta1", "VMNodeScrape", "vmnodescrapes")
VM_POD_SCRAPE = Resource(_VM, "v1beta1", "VMPodScrape", "vmpodscrapes")
VM_PROBE = Resource(_VM, "v1beta1", "VMProbe", "vmprobes")
VM_RULE = Resource(_VM, "v1beta1", "VMRule", "vmrules")
VM_SCRAPE_CONFIG = Resource(_VM, "v1beta1", "VMScrapeConfig", "vmscrapeconfigs")
VM_SERVICE_SCRAPE = Resource(_VM, "v1beta1", "VMServiceScrape", "vmservicescrapes")
VM_SINGLE = Resource(_VM, "v1beta1", "VMSingle", "vmsingles")
VM_STATIC_SCRAPE = Resource(_VM, "v1beta1", "VMStaticScrape", "vmstaticscrapes")
VM_USER = Resource(_VM, "v1beta1", "VMUser", "vmusers")
VM_DISTRIBUTED = Resource(_VM, "v1alpha1", "VMDistributed", "vmdistributed")

ALL: tuple[Resource, ...] = (
    DEPLOYMENT,
    STATEFUL_SET,
    DAEMON_SET,
    REPLICA_SET,
    CONTROLLER_REVISION,
    POD,
    SERVICE,
    SECRET,
    CONFIG_MAP,
    SERVICE_ACCOUNT,
    NAMESPACE,
    NODE,
    EVENT,
    PERSISTENT_VOLUME_CLAIM,
    PERSISTENT_VOLUME,
    ENDPOINTS,
    STORAGE_CLASS,
    ENDPOINT_SLICE,
    LEASE,
    ROLE,
    ROLE_BINDING,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    POD_DISRUPTION_BUDGET,
    HORIZONTAL_POD_AUTOSCALER,
    VERTICAL_POD_AUTOSCALER,
    NETWORK_POLICY,
    INGRESS,
    HTTP_ROUTE,
    CUSTOM_RESOURCE_DEFINITION,
    VALIDATING_WEBHOOK_CONFIGURATION,
    VM_AGENT,
    VM_ALERT,
    VM_ALERTMANAGER,
    VM_ALERTMANAGER_CONFIG,
    VM_AUTH,
    VM_CLUSTER,
    VM_NODE_SCRAPE,
    VM_POD_SCRAPE,
    VM_PROBE,
    VM_RULE,
    VM_SCRAPE_CONFIG,
    VM_SERVICE_SCRAPE,
    VM_SINGLE,
    VM_STATIC_SCRAPE,
    VM_USER,
    VM_DISTRIBUTED,
)

_BY_KIND = {(resource.api_version, resource.kind): resource for resource in ALL}


def by_kind(api_version: str, kind: str) -> Resource:
    """The constant for what a manifest calls itself. Raises :class:`NotRegistered` for a kind that has none."""
    try:
        return _BY_KIND[api_version, kind]
    except KeyError:
        raise NotRegistered(f"{kind} of {api_version}") from None
