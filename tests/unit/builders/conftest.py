"""What an API server adds to objects that nobody set, so that a desired object can be compared with a stored one."""

import copy
from collections.abc import Callable

import pytest

from vmop.api import Manifest
from vmop.builders.resources import canonical_quantity

SCALE_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
SCALE_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}


@pytest.fixture(scope="session")
def stored() -> Callable[[Manifest], Manifest]:
    return _stored


def _stored(manifest: Manifest) -> Manifest:
    """The manifest as the API server would give it back, without what it allocates."""
    result = copy.deepcopy(manifest)
    spec = result.get("spec") or {}
    match result["kind"]:
        case "Deployment" | "StatefulSet" | "DaemonSet":
            _workload(result["kind"], spec)
        case "Secret":
            result.setdefault("type", "Opaque")
        case "Service":
            _service(spec)
        case "HorizontalPodAutoscaler":
            _autoscaler(spec)
        case "NetworkPolicy":
            spec.setdefault("policyTypes", ["Ingress"])
            for rule in [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]:
                for port in rule.get("ports") or ():
                    port.setdefault("protocol", "TCP")
    return result


def _workload(kind: str, spec: Manifest) -> None:
    spec["template"]["metadata"].setdefault("labels", {})
    _pod(spec["template"]["spec"])
    if kind == "StatefulSet":
        retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Retain", "whenScaled": "Retain"} | retention
        for claim in spec.get("volumeClaimTemplates") or ():
            claim.setdefault("apiVersion", "v1")
            claim.setdefault("kind", "PersistentVolumeClaim")
            claim["status"] = {"phase": "Pending"}
            claim["spec"].setdefault("volumeMode", "Filesystem")
            _quantities(claim["spec"].get("resources") or {})


def _pod(spec: Manifest) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})
    if "serviceAccountName" in spec:
        spec["serviceAccount"] = spec["serviceAccountName"]
    for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
        _container(container)
    for volume in spec.get("volumes") or ():
        if list(volume) == ["name"]:
            volume["emptyDir"] = {}
        for source in ("secret", "configMap", "projected"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)
        for source in volume.get("projected", {}).get("sources", ()):
            if "serviceAccountToken" in source:
                source["serviceAccountToken"].setdefault("expirationSeconds", 3600)


def _container(container: Manifest) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    tag = container.get("image", "").rpartition("/")[2].partition(":")[2]
    container.setdefault("imagePullPolicy", "Always" if tag in ("", "latest") else "IfNotPresent")
    _quantities(container.setdefault("resources", {}))
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe := container.get(name):
            for key, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1)):
                probe.setdefault(key, value)
            probe.setdefault("failureThreshold", 3)
            if "httpGet" in probe:
                probe["httpGet"].setdefault("path", "/")
                probe["httpGet"].setdefault("scheme", "HTTP")
    for variable in container.get("env") or ():
        if field := variable.get("valueFrom", {}).get("fieldRef"):
            field.setdefault("apiVersion", "v1")


def _quantities(resources: Manifest) -> None:
    for group in ("limits", "requests"):
        if group in resources:
            resources[group] = {name: canonical_quantity(str(text)) for name, text in resources[group].items()}


def _service(spec: Manifest) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])
    if spec["type"] in ("LoadBalancer", "NodePort"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _autoscaler(spec: Manifest) -> None:
    spec.setdefault("minReplicas", 1)
    spec.setdefault("metrics", [copy.deepcopy(CPU)])
    behavior = spec.get("behavior")
    if behavior is not None:
        spec["behavior"] = {
            "scaleUp": copy.deepcopy(SCALE_UP) | (behavior.get("scaleUp") or {}),
            "scaleDown": copy.deepcopy(SCALE_DOWN) | (behavior.get("scaleDown") or {}),
        }
