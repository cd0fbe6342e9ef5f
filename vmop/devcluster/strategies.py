"""What single built-in kinds ask of a write beyond their schema: initial status, what the server allocates,
immutability.

Tables by resource; the verbs (`rest`) know no kind.
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from vmop.devcluster.registry import Served
from vmop.devcluster.status import Cause, Manifest
from vmop.devcluster.storage import GroupResource, Storage

NAMESPACES = GroupResource("", "namespaces")
PODS = GroupResource("", "pods")
SERVICES = GroupResource("", "services")
SECRETS = GroupResource("", "secrets")
CLAIMS = GroupResource("", "persistentvolumeclaims")
STORAGE_CLASSES = GroupResource("storage.k8s.io", "storageclasses")
CRDS = GroupResource("apiextensions.k8s.io", "customresourcedefinitions")
BUDGETS = GroupResource("policy", "poddisruptionbudgets")
_SERVICE_RANGE = ipaddress.ip_network("10.0.0.0/8")
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
CRD_CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
ANSWERED_WITH_OBJECT = frozenset(
    (
        PODS,
        SERVICES,
        CLAIMS,
        GroupResource("", "persistentvolumes"),
        GroupResource("", "serviceaccounts"),
        GroupResource("", "podtemplates"),
        GroupResource("", "resourcequotas"),
    )
)

# Decoding


def decoded(served: Served, obj: Manifest, before: Manifest) -> Manifest:
    """`obj` is what decoding made of `before`: a pod has its address twice; a namespace's finalizers stay what they
    were.
    """
    if served.storage == PODS:
        status = obj.get("status") or {}
        if status.get("podIP") and not status.get("podIPs"):
            status["podIPs"] = [{"ip": status["podIP"]}]
    if served.storage == NAMESPACES:
        finalizers = (before.get("spec") or {}).get("finalizers")
        obj["spec"] = {"finalizers": finalizers} if finalizers else {}
    return obj


# Admission and preparation

_TOLERATIONS = tuple(
    {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for what in ("not-ready", "unreachable")
)


def _admit_pod(obj: Manifest) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.get("tolerations") or []
    for toleration in _TOLERATIONS:
        if not any(one.get("key") in (None, "", toleration["key"]) for one in tolerations):
            tolerations = [*tolerations, dict(toleration)]
    spec["tolerations"] = tolerations


def _admit_claim(obj: Manifest) -> None:
    finalizers = obj["metadata"].get("finalizers") or []
    if CLAIM_PROTECTION not in finalizers:
        obj["metadata"]["finalizers"] = [*finalizers, CLAIM_PROTECTION]


_ADMIT: Mapping[GroupResource, Callable[[Manifest], None]] = {PODS: _admit_pod, CLAIMS: _admit_claim}


def admit(served: Served, obj: Manifest) -> None:
    """What the server's own admission adds to a new object, owned by no field manager."""
    step = _ADMIT.get(served.storage)
    if step is not None:
        step(obj)


def qos_class(pod: Manifest) -> str:
    """Guaranteed when every container limits CPU and memory to what it requests, BestEffort when none asks for any."""
    guaranteed, any_set = True, False
    spec = pod.get("spec") or {}
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        any_set = any_set or any(name in limits or name in requests for name in ("cpu", "memory"))
        for name in ("cpu", "memory"):
            guaranteed = guaranteed and name in limits and requests.get(name, limits[name]) == limits[name]
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _prepare_namespace(obj: Manifest) -> None:
    finalizers = (obj.get("spec") or {}).get("finalizers") or []
    obj["spec"] = {"finalizers": [*(one for one in finalizers if one != "kubernetes"), "kubernetes"]}
    obj["status"] = {"phase": "Active"}


def _prepare_crd(obj: Manifest) -> None:
    spec = obj.setdefault("spec", {})
    _complete_crd(spec)
    stored = [version.get("name", "") for version in spec.get("versions") or () if version.get("storage")]
    obj["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}


def _complete_crd(spec: Manifest) -> None:
    names = spec.get("names") or {}
    names["singular"] = names.get("singular") or str(names.get("kind", "")).lower()
    names["listKind"] = names.get("listKind") or f"{names.get('kind', '')}List"
    spec["names"] = names
    spec.setdefault("conversion", {"strategy": "None"})


def _status(status: Manifest) -> Callable[[Manifest], None]:
    def prepare(obj: Manifest) -> None:
        obj["status"] = dict(status)

    return prepare


def _prepare_pod(obj: Manifest) -> None:
    obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj)}


_PREPARE: Mapping[GroupResource, Callable[[Manifest], None]] = {
    NAMESPACES: _prepare_namespace,
    PODS: _prepare_pod,
    CRDS: _prepare_crd,
    CLAIMS: _status({"phase": "Pending"}),
    GroupResource("", "persistentvolumes"): _status({"phase": "Pending"}),
    GroupResource("apps", "deployments"): _status({}),
    GroupResource("apps", "replicasets"): _status({"replicas": 0}),
    GroupResource("apps", "statefulsets"): _status({"replicas": 0, "availableReplicas": 0}),
    GroupResource("apps", "daemonsets"): _status(
        {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}
    ),
    SERVICES: _status({"loadBalancer": {}}),
    GroupResource("networking.k8s.io", "ingresses"): _status({"loadBalancer": {}}),
    GroupResource("batch", "jobs"): _status({}),
    GroupResource("batch", "cronjobs"): _status({}),
    GroupResource("autoscaling", "horizontalpodautoscalers"): _status({"desiredReplicas": 0, "currentMetrics": None}),
    BUDGETS: _status({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}),
}


_CONDITIONAL = frozenset(
    (
        CRDS,
        BUDGETS,
        GroupResource("coordination.k8s.io", "leases"),
        GroupResource("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        GroupResource("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    )
)


def needs_version(served: Served) -> bool:
    """An update (PUT) of these must say which version it replaces."""
    return served.is_custom or served.storage in _CONDITIONAL


_RBAC = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
_UPSERTED = frozenset(
    (
        GroupResource("coordination.k8s.io", "leases"),
        GroupResource("", "endpoints"),
        GroupResource("", "events"),
        SERVICES,
        *(GroupResource("rbac.authorization.k8s.io", plural) for plural in _RBAC),
    )
)


def creates_on_update(served: Served) -> bool:
    """A PUT of one of these that does not exist creates it."""
    return served.storage in _UPSERTED


def _settle(served: Served, obj: Manifest) -> None:
    """No rules are null once they were stored, though their manager owns them."""
    if served.group == "rbac.authorization.k8s.io" and obj.get("rules") == []:
        obj["rules"] = None


def prepare_create(served: Served, obj: Manifest) -> None:
    """Initial status, and spec fields that every object of the kind has."""
    _settle(served, obj)
    step = _PREPARE.get(served.storage)
    if step is not None and not served.is_custom:
        step(obj)


def prepare_update(served: Served, new: Manifest, old: Manifest, subresource: str) -> None:
    """Allocated fields that an update left out keep their values."""
    _settle(served, new)
    if served.storage == SERVICES and subresource == "":
        _keep_allocated(new.get("spec") or {}, old.get("spec") or {})
    if served.storage == NAMESPACES and subresource != "finalize":
        finalizers = (old.get("spec") or {}).get("finalizers")
        new["spec"] = (new.get("spec") or {}) | {"finalizers": finalizers}
    if served.storage == CRDS and subresource == "":
        _complete_crd(new.setdefault("spec", {}))


def _has_node_ports(spec: Manifest) -> bool:
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort"


def _keep_allocated(spec: Manifest, old: Manifest) -> None:
    if spec.get("type") == "ExternalName" and old.get("type") != "ExternalName":
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            spec.pop(field, None)
    if spec.get("type") == "ExternalName" or old.get("type") == "ExternalName":
        return
    for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"):
        if not spec.get(field) and field in old:
            spec[field] = old[field]
    if _has_node_ports(spec):
        before = {(port.get("name"), port.get("port")): port.get("nodePort") for port in old.get("ports") or ()}
        for port in spec.get("ports") or ():
            if not port.get("nodePort") and before.get((port.get("name"), port.get("port"))):
                port["nodePort"] = before[port.get("name"), port.get("port")]


def keep_for_status(served: Served, new: Manifest, live: Manifest) -> None:
    """A write of the status changes nothing but the status (and, for built-in kinds, metadata)."""
    for field in [field for field in new if field not in ("status", "metadata", "kind", "apiVersion")]:
        if field not in live:
            del new[field]
    for field, value in live.items():
        if field not in ("status", "metadata"):
            new[field] = value
    if served.is_custom:
        entries = new["metadata"].get("managedFields")
        new["metadata"] = dict(live["metadata"])
        if entries is not None:
            new["metadata"]["managedFields"] = entries
    elif served.storage == GroupResource("apps", "deployments"):
        new["metadata"].pop("labels", None)
        if "labels" in live["metadata"]:
            new["metadata"]["labels"] = live["metadata"]["labels"]
    elif served.storage == PODS:
        new["metadata"].pop("ownerReferences", None)
        if "ownerReferences" in live["metadata"]:
            new["metadata"]["ownerReferences"] = live["metadata"]["ownerReferences"]


def set_generation(served: Served, new: Manifest, old: Manifest) -> None:
    """Up by one with every change of what is desired: all but metadata and status."""
    if not served.has_generation:
        return
    ignored = ("metadata", "status", "apiVersion") if served.has_status or not served.is_custom else ("metadata",)
    desired = [{k: v for k, v in obj.items() if k not in ignored} for obj in (new, old)]
    if desired[0] != desired[1]:
        new["metadata"]["generation"] = (old["metadata"].get("generation") or 0) + 1


def grace_period(served: Served, obj: Manifest, asked: int | None) -> int:
    """Seconds between the request and the deletion: only running pods have any."""
    if served.storage != PODS:
        return 0
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    seconds = asked if asked is not None else spec.get("terminationGracePeriodSeconds", 30)
    return max(0, int(seconds))


# Validation beyond schemas


def _immutable(path: str, message: str = "field is immutable") -> Callable[[Manifest, Manifest], Iterator[Cause]]:
    parts = path.split(".")

    def check(new: Manifest, old: Manifest) -> Iterator[Cause]:
        now, before = _at(new, parts), _at(old, parts)
        if now != before:
            yield Cause("FieldValueInvalid", f"Invalid value: {_go(now)}: {message}", path)

    return check


def _at(obj: Any, parts: Iterable[str]) -> Any:
    for part in parts:
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


def _go(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_STATEFUL_SET_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_STATEFUL_SET_MESSAGE = (
    "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' "
    "and 'minReadySeconds' are forbidden"
)


def _stateful_set(new: Manifest, old: Manifest) -> Iterator[Cause]:
    specs = [
        {field: value for field, value in obj["spec"].items() if field not in _STATEFUL_SET_MUTABLE}
        for obj in (new, old)
    ]
    if specs[0] != specs[1]:
        yield Cause("FieldValueForbidden", _STATEFUL_SET_MESSAGE, "spec")


_CLAIM_MESSAGE = (
    "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName "
    "for bound claims"
)


def _claim(new: Manifest, old: Manifest) -> Iterator[Cause]:
    free: tuple[str, ...] = ("volumeName", "storageClassName")
    if (old.get("status") or {}).get("phase") == "Bound":
        free = (*free, "resources", "volumeAttributesClassName")
    specs = [{field: value for field, value in obj["spec"].items() if field not in free} for obj in (new, old)]
    if specs[0] != specs[1]:
        yield Cause("FieldValueForbidden", _CLAIM_MESSAGE, "spec")


def _frozen_data(new: Manifest, old: Manifest) -> Iterator[Cause]:
    if not old.get("immutable"):
        return
    for field in ("immutable", "data", "binaryData"):
        if (new.get(field) or None) != (old.get(field) or None):
            yield Cause("FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set", field)


def _secret(new: Manifest, old: Manifest) -> Iterator[Cause]:
    yield from _immutable("type")(new, old)
    yield from _frozen_data(new, old)


def _service(new: Manifest, old: Manifest) -> Iterator[Cause]:
    now, before = (obj.get("spec") or {} for obj in (new, old))
    if "ExternalName" not in (now.get("type"), before.get("type")) and now.get("clusterIP") != before.get("clusterIP"):
        message = f'Invalid value: ["{now.get("clusterIP")}"]: may not change once set'
        yield Cause("FieldValueInvalid", message, "spec.clusterIPs[0]")


_POD_MESSAGE = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _pod(new: Manifest, old: Manifest) -> Iterator[Cause]:
    if _fixed_of_pod(new["spec"]) != _fixed_of_pod(old["spec"]):
        yield Cause("FieldValueForbidden", _POD_MESSAGE, "spec")


def _fixed_of_pod(spec: Manifest) -> Manifest:
    fixed = {field: one for field, one in spec.items() if field not in ("activeDeadlineSeconds", "tolerations")}
    for group in ("containers", "initContainers"):
        if group in fixed:
            fixed[group] = [{**container, "image": ""} for container in fixed[group]]
    return fixed


def _role_reference(new: Manifest, old: Manifest) -> Iterator[Cause]:
    now, before = new.get("roleRef") or {}, old.get("roleRef") or {}
    if now != before:
        shown = {"APIGroup": now.get("apiGroup"), "Kind": now.get("kind"), "Name": now.get("name")}
        yield Cause("FieldValueInvalid", f"Invalid value: {_go(shown)}: cannot change roleRef", "roleRef")


_CHECKS: Mapping[GroupResource, Callable[[Manifest, Manifest], Iterator[Cause]]] = {
    GroupResource("apps", "deployments"): _immutable("spec.selector"),
    GroupResource("apps", "daemonsets"): _immutable("spec.selector"),
    GroupResource("apps", "replicasets"): _immutable("spec.selector"),
    GroupResource("apps", "statefulsets"): _stateful_set,
    CLAIMS: _claim,
    PODS: _pod,
    SERVICES: _service,
    SECRETS: _secret,
    GroupResource("", "configmaps"): _frozen_data,
    GroupResource("rbac.authorization.k8s.io", "rolebindings"): _role_reference,
    GroupResource("rbac.authorization.k8s.io", "clusterrolebindings"): _role_reference,
}


def _definition(obj: Manifest) -> Iterator[Cause]:
    """What the server itself needs of a CRD in order to serve it."""
    spec = obj.get("spec") or {}
    names, versions = spec.get("names") or {}, spec.get("versions") or []
    for path, value in (
        ("spec.group", spec.get("group")),
        ("spec.scope", spec.get("scope")),
        ("spec.names.plural", names.get("plural")),
        ("spec.names.kind", names.get("kind")),
    ):
        if not value:
            yield Cause("FieldValueRequired", "Required value", path)
    name, wanted = obj["metadata"].get("name"), f"{names.get('plural', '')}.{spec.get('group', '')}"
    if name != wanted:
        message = f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group'
        yield Cause("FieldValueInvalid", message, "metadata.name")
    if sum(1 for version in versions if version.get("storage")) != 1:
        message = f"Invalid value: {_go(versions)}: must have exactly one version marked as storage version"
        yield Cause("FieldValueInvalid", message, "spec.versions")
    for index, version in enumerate(versions):
        if not version.get("name"):
            yield Cause("FieldValueRequired", "Required value", f"spec.versions[{index}].name")
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            yield Cause("FieldValueRequired", "Required value", f"spec.versions[{index}].schema.openAPIV3Schema")
    if not (obj.get("status") or {}).get("storedVersions"):
        message = "Invalid value: null: must have at least one stored version"
        yield Cause("FieldValueInvalid", message, "status.storedVersions")


def _address(obj: Manifest) -> Iterator[Cause]:
    address = (obj.get("spec") or {}).get("clusterIP")
    if address and address != "None" and ipaddress.ip_address(address) not in _SERVICE_RANGE:
        why = f"failed to allocate IP {address}: the provided network does not match the current range"
        yield Cause("FieldValueInvalid", f'Invalid value: ["{address}"]: {why}', "spec.clusterIPs")


def validate(served: Served, obj: Manifest, old: Manifest | None, subresource: str = "") -> Iterator[Cause]:
    """What an update of single kinds may not change (what every object must be is the schema library's business)."""
    if served.storage == SERVICES and old is None:
        yield from _address(obj)
    if served.storage == CRDS:
        yield from _definition(obj)
    check = _CHECKS.get(served.storage)
    if check is not None and old is not None and not subresource:
        yield from check(obj, old)


class Allocator:
    """What the server gives new objects: addresses and node ports to Services, the default class to claims."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._next_address = int(ipaddress.IPv4Address("10.96.0.10"))
        self._next_port = 30000

    def allocate(self, served: Served, obj: Manifest) -> None:
        """Give a new object what it did not ask for by name."""
        if served.storage == CLAIMS:
            self._default_class(obj)
        if served.storage != SERVICES:
            return
        spec = obj.setdefault("spec", {})
        if spec.get("type") == "ExternalName":
            return
        if not spec.get("clusterIP"):
            self._next_address += 1
            spec["clusterIP"] = str(ipaddress.IPv4Address(self._next_address))
        spec["clusterIPs"] = [spec["clusterIP"]]
        dual = spec["clusterIP"] == "None" and not spec.get("selector")
        spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if dual else ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "RequireDualStack" if dual else "SingleStack")
        if _has_node_ports(spec):
            for port in spec.get("ports") or ():
                if not port.get("nodePort"):
                    self._next_port += 1
                    port["nodePort"] = self._next_port

    def _default_class(self, claim: Manifest) -> None:
        spec = claim.setdefault("spec", {})
        if "storageClassName" in spec:
            return
        for stored in self._storage.objects(STORAGE_CLASSES):
            annotations = stored.metadata.get("annotations") or {}
            if annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
                spec["storageClassName"] = stored.key.name
                return
