"""Defaulting: what the server adds to an object before it is owned, checked and stored.

Custom resources get the ``default`` of their schemas. Built-in kinds get what the server's Go code sets, here a table
from OpenAPI name to function, outer types first.
"""

import base64
import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

from vmop.devcluster.schema.stored import stored_form
from vmop.devcluster.schema.types import Manifest, Type


def apply_defaults(place: Type, manifest: Manifest) -> Manifest:
    """``manifest`` with defaults, in the stored form (a new object). Fields that are unknown or mistyped are left alone
    on custom resources, and dropped on built-in kinds, as the server's decoder does."""
    filled = copy.deepcopy(manifest)
    if place.builtin:
        _walk(place, filled)
        return stored_form(place, filled)
    _fill(place, filled)
    return stored_form(place, filled)


def _fill(place: Type, value: Any) -> None:
    """Defaults of a structural schema; a null where null is not allowed gives way to the default."""
    if isinstance(value, dict) and place.map is not None:
        for key, field in place.map.fields.items():
            default = field.schema.get("default")
            if default is None or field.builtin:
                continue
            if key not in value or (value[key] is None and not field.schema.get("nullable")):
                value[key] = copy.deepcopy(default)
        for key, inner in value.items():
            below = place.map.at(key)
            if below is not None and not below.builtin:
                _fill(below, inner)
    elif isinstance(value, list) and place.list is not None:
        for item in value:
            _fill(place.list.items, item)


def _walk(place: Type, value: Any) -> None:
    """Built-in defaults, from the outer struct to the inner ones."""
    if isinstance(value, dict) and place.map is not None:
        if place.name in _BUILTIN:
            _BUILTIN[place.name](value)
        for key, field in place.map.fields.items():
            if isinstance(field.default, str) and field.default and not value.get(key):
                value[key] = field.default
            elif field.default == {} and field.go in ("v", "V") and field.map is not None and field.map.fields:
                value[key] = value.get(key) or {}
        for key, inner in value.items():
            below = place.map.at(key)
            if below is not None:
                _walk(below, inner)
    elif isinstance(value, list) and place.list is not None:
        for item in value:
            _walk(place.list.items, item)


def _unset(value: Manifest, **defaults: Any) -> None:
    """Set what is absent, null, zero or empty."""
    for key, default in defaults.items():
        if not value.get(key):
            value[key] = default


def _absent(value: Manifest, **defaults: Any) -> None:
    """Set what is absent or null: Go pointers, whose zero means zero."""
    for key, default in defaults.items():
        if value.get(key) is None:
            value[key] = default


def _inner(value: Manifest, key: str) -> Manifest:
    """The struct under a key, made if it is absent."""
    if not isinstance(value.get(key), dict):
        value[key] = {}
    inner: Manifest = value[key]
    return inner


def _deployment(value: Manifest) -> None:
    spec = _inner(value, "spec")
    _absent(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = _inner(spec, "strategy")
    _unset(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _absent(_inner(strategy, "rollingUpdate"), maxUnavailable="25%", maxSurge="25%")


def _daemon_set(value: Manifest) -> None:
    spec = _inner(value, "spec")
    _absent(spec, revisionHistoryLimit=10)
    strategy = _inner(spec, "updateStrategy")
    _unset(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _absent(_inner(strategy, "rollingUpdate"), maxUnavailable=1, maxSurge=0)


def _stateful_set(value: Manifest) -> None:
    spec = _inner(value, "spec")
    _unset(spec, podManagementPolicy="OrderedReady")
    strategy = _inner(spec, "updateStrategy")
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        _inner(strategy, "rollingUpdate")
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        _absent(strategy["rollingUpdate"], partition=0)
    _unset(_inner(spec, "persistentVolumeClaimRetentionPolicy"), whenDeleted="Retain", whenScaled="Retain")
    _absent(spec, replicas=1, revisionHistoryLimit=10)
    for claim in spec.get("volumeClaimTemplates") or ():
        # Decoding gives templates their type; the server keeps it from then on.
        _unset(claim, apiVersion="v1", kind="PersistentVolumeClaim")


def _replica_set(value: Manifest) -> None:
    _absent(_inner(value, "spec"), replicas=1)


def _pod_spec(value: Manifest) -> None:
    _unset(value, dnsPolicy="ClusterFirst", restartPolicy="Always", schedulerName="default-scheduler")
    _absent(value, securityContext={}, terminationGracePeriodSeconds=30)
    if value.get("hostNetwork"):
        for container in [*(value.get("containers") or ()), *(value.get("initContainers") or ())]:
            for port in container.get("ports") or ():
                _unset(port, hostPort=port.get("containerPort"))
    # The deprecated spelling is kept equal to the one that replaced it.
    account = value.get("serviceAccountName") or value.get("serviceAccount")
    if account:
        value["serviceAccountName"] = value["serviceAccount"] = account


def _pod(value: Manifest) -> None:
    spec = _inner(value, "spec")
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        if resources.get("limits"):
            resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}
    _absent(spec, enableServiceLinks=True)
    _unset(_inner(value, "status"), phase="Pending")


def _container(value: Manifest) -> None:
    _unset(
        value,
        imagePullPolicy=_pull_policy(value.get("image") or ""),
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )


def _pull_policy(image: str) -> str:
    name = image.rsplit("/", 1)[-1]
    if "@" in name:
        return "IfNotPresent"
    _, _, tag = name.partition(":")
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _volume(value: Manifest) -> None:
    if not any(inner is not None for key, inner in value.items() if key != "name"):
        value["emptyDir"] = {}
    if value.get("image"):
        _unset(value["image"], pullPolicy=_pull_policy(value["image"].get("reference") or ""))


def _service(value: Manifest) -> None:
    spec = _inner(value, "spec")
    _unset(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    else:
        _absent(_inner(_inner(spec, "sessionAffinityConfig"), "clientIP"), timeoutSeconds=10800)
    for port in spec.get("ports") or ():
        _unset(port, protocol="TCP", targetPort=port.get("port", 0))
    if spec["type"] in ("NodePort", "LoadBalancer") or (spec["type"] == "ClusterIP" and spec.get("externalIPs")):
        _unset(spec, externalTrafficPolicy="Cluster")
    if spec["type"] != "ExternalName":
        _absent(spec, internalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _absent(spec, allocateLoadBalancerNodePorts=True)


def _secret(value: Manifest) -> None:
    _unset(value, type="Opaque")
    plain = value.pop("stringData", None)
    if plain:
        value["data"] = {**(value.get("data") or {}), **{key: _base64(text) for key, text in plain.items()}}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _namespace(value: Manifest) -> None:
    name = (value.get("metadata") or {}).get("name")
    if name:
        _inner(_inner(value, "metadata"), "labels")["kubernetes.io/metadata.name"] = name
    spec = _inner(value, "spec")
    if "kubernetes" not in (spec.get("finalizers") or ()):
        spec["finalizers"] = [*(spec.get("finalizers") or ()), "kubernetes"]
    _unset(_inner(value, "status"), phase="Active")


def _scaler(value: Manifest) -> None:
    spec = _inner(value, "spec")
    _absent(spec, minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
        pods = {"type": "Pods", "value": 4, "periodSeconds": 15}
        up, down = _inner(behavior, "scaleUp"), _inner(behavior, "scaleDown")
        _absent(up, stabilizationWindowSeconds=0, selectPolicy="Max", policies=[pods, percent])
        _absent(down, selectPolicy="Max", policies=[dict(percent)])


def _network_policy(value: Manifest) -> None:
    spec = _inner(value, "spec")
    _unset(spec, policyTypes=["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _role_reference(value: Manifest) -> None:
    _unset(_inner(value, "roleRef"), apiGroup="rbac.authorization.k8s.io")


def _subject(value: Manifest) -> None:
    if value.get("kind") in ("User", "Group"):
        _unset(value, apiGroup="rbac.authorization.k8s.io")


def _claim(value: Manifest) -> None:
    _unset(_inner(value, "status"), phase="Pending")


def _volume_object(value: Manifest) -> None:
    spec = _inner(value, "spec")
    _unset(spec, persistentVolumeReclaimPolicy="Retain")
    _absent(spec, volumeMode="Filesystem")
    _unset(_inner(value, "status"), phase="Pending")


def _node_status(value: Manifest) -> None:
    if value.get("allocatable") is None and value.get("capacity") is not None:
        value["allocatable"] = dict(value["capacity"])


def _crd(value: Manifest) -> None:
    spec = _inner(value, "spec")
    names = _inner(spec, "names")
    _unset(names, singular=str(names.get("kind", "")).lower(), listKind=f"{names.get('kind', '')}List")
    _unset(_inner(spec, "conversion"), strategy="None")


def _webhook(value: Manifest) -> None:
    _absent(
        value,
        failurePolicy="Fail",
        matchPolicy="Equivalent",
        namespaceSelector={},
        objectSelector={},
        timeoutSeconds=10,
    )


def _absents(**defaults: Any) -> Callable[[Manifest], None]:
    return lambda value: _absent(value, **copy.deepcopy(defaults))


def _unsets(**defaults: Any) -> Callable[[Manifest], None]:
    return lambda value: _unset(value, **copy.deepcopy(defaults))


_BUILTIN: Final[Mapping[str, Callable[[Manifest], None]]] = {
    "io.k8s.api.apps.v1.Deployment": _deployment,
    "io.k8s.api.apps.v1.DaemonSet": _daemon_set,
    "io.k8s.api.apps.v1.StatefulSet": _stateful_set,
    "io.k8s.api.apps.v1.ReplicaSet": _replica_set,
    "io.k8s.api.core.v1.Pod": _pod,
    "io.k8s.api.core.v1.PodSpec": _pod_spec,
    "io.k8s.api.core.v1.Container": _container,
    "io.k8s.api.core.v1.EphemeralContainer": _container,
    "io.k8s.api.core.v1.Volume": _volume,
    "io.k8s.api.core.v1.Probe": _unsets(timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3),
    "io.k8s.api.core.v1.HTTPGetAction": _unsets(path="/", scheme="HTTP"),
    "io.k8s.api.core.v1.GRPCAction": _absents(service=""),
    "io.k8s.api.core.v1.SecretVolumeSource": _absents(defaultMode=420),
    "io.k8s.api.core.v1.ConfigMapVolumeSource": _absents(defaultMode=420),
    "io.k8s.api.core.v1.DownwardAPIVolumeSource": _absents(defaultMode=420),
    "io.k8s.api.core.v1.ProjectedVolumeSource": _absents(defaultMode=420),
    "io.k8s.api.core.v1.HostPathVolumeSource": _absents(type=""),
    "io.k8s.api.core.v1.ServiceAccountTokenProjection": _absents(expirationSeconds=3600),
    "io.k8s.api.core.v1.ObjectFieldSelector": _unsets(apiVersion="v1"),
    "io.k8s.api.core.v1.Service": _service,
    "io.k8s.api.core.v1.Secret": _secret,
    "io.k8s.api.core.v1.Namespace": _namespace,
    "io.k8s.api.core.v1.EndpointPort": _unsets(protocol="TCP"),
    "io.k8s.api.core.v1.NodeStatus": _node_status,
    "io.k8s.api.core.v1.PersistentVolumeClaim": _claim,
    "io.k8s.api.core.v1.PersistentVolumeClaimSpec": _absents(volumeMode="Filesystem"),
    "io.k8s.api.core.v1.PersistentVolume": _volume_object,
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler": _scaler,
    "io.k8s.api.networking.v1.NetworkPolicy": _network_policy,
    "io.k8s.api.networking.v1.NetworkPolicyPort": _absents(protocol="TCP"),
    "io.k8s.api.rbac.v1.RoleBinding": _role_reference,
    "io.k8s.api.rbac.v1.ClusterRoleBinding": _role_reference,
    "io.k8s.api.rbac.v1.Subject": _subject,
    "io.k8s.api.discovery.v1.EndpointPort": _absents(name="", protocol="TCP"),
    "io.k8s.api.storage.v1.StorageClass": _absents(reclaimPolicy="Delete", volumeBindingMode="Immediate"),
    "io.k8s.api.admissionregistration.v1.ValidatingWebhook": _webhook,
    "io.k8s.api.admissionregistration.v1.RuleWithOperations": _absents(scope="*"),
    "io.k8s.api.admissionregistration.v1.ServiceReference": _absents(port=443),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition": _crd,
}
