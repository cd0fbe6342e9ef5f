"""What the API server serves: the built-in resources and, as they come and go, those of CustomResourceDefinitions."""

import re
from collections.abc import Iterable, Iterator

import attrs

from vmop.devcluster.status import Manifest
from vmop.devcluster.storage import GroupResource

_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@attrs.frozen
class Served:
    """One resource in one version, as clients address it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()  # of "status", "scale" and those of pods
    has_generation: bool = False
    verbs: tuple[str, ...] = VERBS
    singular: str = ""
    list_kind: str = ""
    crd: Manifest | None = attrs.field(default=None, eq=False, repr=False)  # the entry of `spec.versions`
    scale: Manifest | None = attrs.field(default=None, eq=False, repr=False)  # paths of the scale subresource

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def storage(self) -> GroupResource:
        return GroupResource(self.group, self.plural)

    @property
    def singular_name(self) -> str:
        return self.singular or self.kind.lower()

    @property
    def kind_of_list(self) -> str:
        return self.list_kind or f"{self.kind}List"

    @property
    def is_custom(self) -> bool:
        return self.crd is not None

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources


_STATUS = ("status",)
_SCALED = ("scale", "status")
_POD = ("binding", "ephemeralcontainers", "eviction", "log", "proxy", "resize", "status")
_CREATE_ONLY = ("create",)
_REPLICAS: Manifest = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
}


def _core(kind: str, plural: str, *short: str, status: bool = False, namespaced: bool = True) -> Served:
    return Served("", "v1", kind, plural, namespaced, short_names=short, subresources=_STATUS if status else ())


def _workload(kind: str, plural: str, short: str, *, scaled: bool = True) -> Served:
    return Served(
        "apps",
        "v1",
        kind,
        plural,
        short_names=(short,),
        categories=("all",),
        subresources=_SCALED if scaled else _STATUS,
        has_generation=True,
        scale=_REPLICAS if scaled else None,
    )


def _rbac(kind: str, plural: str, *, namespaced: bool) -> Served:
    return Served("rbac.authorization.k8s.io", "v1", kind, plural, namespaced)


def _review(group: str, kind: str, *, namespaced: bool = False) -> Served:
    return Served(group, "v1", kind, f"{kind.lower()}s", namespaced, verbs=_CREATE_ONLY)


_WEBHOOKS = "admissionregistration.k8s.io"
_AUTHORIZATION = "authorization.k8s.io"
BUILTIN: tuple[Served, ...] = (
    _core("ConfigMap", "configmaps", "cm"),
    attrs.evolve(_core("Endpoints", "endpoints", "ep"), singular="endpoints"),
    _core("Event", "events", "ev"),
    _core("LimitRange", "limitranges", "limits"),
    attrs.evolve(
        _core("Namespace", "namespaces", "ns", namespaced=False),
        subresources=("finalize", "status"),
        verbs=tuple(verb for verb in VERBS if verb != "deletecollection"),
    ),
    _core("Node", "nodes", "no", namespaced=False, status=True),
    _core("PersistentVolumeClaim", "persistentvolumeclaims", "pvc", status=True),
    _core("PersistentVolume", "persistentvolumes", "pv", namespaced=False, status=True),
    attrs.evolve(_core("Pod", "pods", "po"), categories=("all",), subresources=_POD, has_generation=True),
    attrs.evolve(_core("PodTemplate", "podtemplates"), has_generation=True),
    _core("ResourceQuota", "resourcequotas", "quota", status=True),
    _core("Secret", "secrets"),
    _core("ServiceAccount", "serviceaccounts", "sa"),
    attrs.evolve(_core("Service", "services", "svc", status=True), categories=("all",)),
    Served("apps", "v1", "ControllerRevision", "controllerrevisions"),
    _workload("DaemonSet", "daemonsets", "ds", scaled=False),
    _workload("Deployment", "deployments", "deploy"),
    _workload("ReplicaSet", "replicasets", "rs"),
    _workload("StatefulSet", "statefulsets", "sts"),
    Served(
        "batch",
        "v1",
        "CronJob",
        "cronjobs",
        short_names=("cj",),
        categories=("all",),
        subresources=_STATUS,
        has_generation=True,
    ),
    Served("batch", "v1", "Job", "jobs", categories=("all",), subresources=_STATUS, has_generation=True),
    Served(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        short_names=("hpa",),
        categories=("all",),
        subresources=_STATUS,
    ),
    Served(
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        short_names=("pdb",),
        subresources=_STATUS,
        has_generation=True,
    ),
    Served(
        "networking.k8s.io",
        "v1",
        "Ingress",
        "ingresses",
        short_names=("ing",),
        subresources=_STATUS,
        has_generation=True,
    ),
    Served("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False, has_generation=True),
    Served(
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        short_names=("netpol",),
        has_generation=True,
    ),
    Served("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", has_generation=True),
    Served("coordination.k8s.io", "v1", "Lease", "leases"),
    Served("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False, short_names=("sc",)),
    Served(
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        "priorityclasses",
        namespaced=False,
        short_names=("pc",),
        has_generation=True,
    ),
    _rbac("Role", "roles", namespaced=True),
    _rbac("RoleBinding", "rolebindings", namespaced=True),
    _rbac("ClusterRole", "clusterroles", namespaced=False),
    _rbac("ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    Served(
        _WEBHOOKS,
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        namespaced=False,
        categories=("api-extensions",),
        has_generation=True,
    ),
    Served(
        _WEBHOOKS,
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        namespaced=False,
        categories=("api-extensions",),
        has_generation=True,
    ),
    Served(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        subresources=_STATUS,
        has_generation=True,
    ),
    _review(_AUTHORIZATION, "SelfSubjectAccessReview"),
    _review(_AUTHORIZATION, "SubjectAccessReview"),
    _review(_AUTHORIZATION, "LocalSubjectAccessReview", namespaced=True),
    _review("authentication.k8s.io", "SelfSubjectReview"),
    _review("authentication.k8s.io", "TokenReview"),
)


def served_by_crd(crd: Manifest) -> list[Served]:
    """What a CustomResourceDefinition serves: one entry for each of its served versions."""
    spec = crd["spec"]
    names = spec["names"]
    served = []
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        subresources = version.get("subresources") or {}
        scale = subresources.get("scale")
        served.append(
            Served(
                spec["group"],
                version["name"],
                names["kind"],
                names["plural"],
                spec.get("scope") == "Namespaced",
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                subresources=tuple(name for name in ("status", "scale") if name in subresources),
                verbs=_CUSTOM_VERBS,
                has_generation=True,
                singular=names.get("singular") or names["kind"].lower(),
                list_kind=names.get("listKind") or f"{names['kind']}List",
                crd=version,
                scale=scale,
            )
        )
    return served


class Registry:
    """The resources served now. `revision` moves with every change, for what is derived from it."""

    def __init__(self, builtin: Iterable[Served] = BUILTIN) -> None:
        self._by_path: dict[tuple[str, str, str], Served] = {}
        self.revision = 0
        for served in builtin:
            self._by_path[served.group, served.version, served.plural] = served

    def __iter__(self) -> Iterator[Served]:
        return iter(self._by_path.values())

    def find(self, group: str, version: str, plural: str) -> Served | None:
        return self._by_path.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Served | None:
        """The resource of an owner reference, say."""
        for served in self._by_path.values():
            if served.kind == kind and served.api_version == api_version:
                return served
        return None

    def any_version(self, resource: GroupResource) -> Served | None:
        """The resource in its preferred version."""
        versions = [served for served in self._by_path.values() if served.storage == resource]
        return min(versions, key=version_order) if versions else None

    def has_group(self, group: str) -> bool:
        return any(served.group == group for served in self._by_path.values())

    def set_custom(self, crd: Manifest) -> None:
        """Serve what this CRD says, and no longer what an earlier state of it said."""
        self.remove_custom(crd)
        for served in served_by_crd(crd):
            self._by_path[served.group, served.version, served.plural] = served

    def remove_custom(self, crd: Manifest) -> None:
        group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
        for path in [path for path in self._by_path if path[0] == group and path[2] == plural]:
            del self._by_path[path]
        self.revision += 1


def version_order(served: Served) -> tuple[int, int, int, str]:
    """Sorts v2 before v1 before v1beta2 before v1alpha1 before anything else (Kubernetes version priority)."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", served.version)
    if match is None:
        return (3, 0, 0, served.version)
    stability = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return (stability, -int(match[1]), -int(match[3] or 0), "")
