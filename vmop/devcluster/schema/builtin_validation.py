"""Validation of built-in kinds: the rules that manifests of people and operators meet, in the server's words.

What may not change between two versions of an object, and metadata, is checked where writes are handled.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from vmop.devcluster.schema.causes import Cause, duplicate, invalid, not_found, not_supported, required
from vmop.devcluster.schema.quantity import parse_quantity
from vmop.devcluster.schema.types import Manifest

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_MESSAGE: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_CONFIG_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_CONFIG_KEY_MESSAGE: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_RESTART_POLICIES: Final = ["Always", "OnFailure", "Never"]
_PULL_POLICIES: Final = ["Always", "IfNotPresent", "Never"]
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("exec", "grpc", "httpGet", "tcpSocket")
_ROLE_KINDS: Final[Mapping[str, list[str]]] = {
    "RoleBinding": ["Role", "ClusterRole"],
    "ClusterRoleBinding": ["ClusterRole"],
}
_TLS_KEYS: Final = ("tls.crt", "tls.key")
_SERVICE_TYPES: Final = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]


def validate_builtin(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """Causes for one object in its defaulted form."""
    rules = _KINDS.get(new.get("kind", ""))
    if rules is not None:
        yield from rules(new)


def _workload(value: Manifest) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if (spec.get("replicas") or 0) < 0:
        yield _negative("spec.replicas", spec["replicas"])
    yield from _update_strategy(value["kind"], spec)
    selector = spec.get("selector")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    if selector is None:
        yield required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid("spec.selector", selector, f"empty selector is invalid for {_spoken(value['kind'])}")
    wanted = (selector or {}).get("matchLabels") or {}
    if selector is None or any((labels or {}).get(key) != label for key, label in wanted.items()):
        yield invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    pod = template.get("spec") or {}
    claims = {(claim.get("metadata") or {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ()}
    yield from _pod_spec(pod, "spec.template.spec", claims)
    if pod.get("restartPolicy") not in ("Always", None):
        yield not_supported("spec.template.spec.restartPolicy", pod["restartPolicy"], ["Always"])


def _spoken(kind: str) -> str:
    return {"StatefulSet": "statefulset", "DaemonSet": "daemonset"}.get(kind, kind.lower())


def _deployment_strategy(strategy: Manifest) -> Iterator[Cause]:
    path, rolling = "spec.strategy", strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            if rolling is not None:
                message = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
                yield Cause("FieldValueForbidden", message, f"{path}.rollingUpdate")
        case "RollingUpdate":
            if rolling and rolling.get("maxSurge") in (0, "0%") and rolling.get("maxUnavailable") in (0, "0%"):
                field = f"{path}.rollingUpdate.maxUnavailable"
                yield invalid(field, rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")
        case other:
            yield not_supported(path, {"Type": other, "RollingUpdate": rolling}, ["Recreate", "RollingUpdate"])


def _update_strategy(kind: str, spec: Manifest) -> Iterator[Cause]:
    if kind == "Deployment":
        yield from _deployment_strategy(spec.get("strategy") or {})
    if kind != "StatefulSet":
        return
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        yield invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") not in ("RollingUpdate", "OnDelete"):
        go_value = {"Type": strategy.get("type", ""), "RollingUpdate": strategy.get("rollingUpdate")}
        yield invalid("spec.updateStrategy", go_value, "must be 'RollingUpdate' or 'OnDelete'")
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "OnDelete" and rolling is not None:
        go_value = {"Partition": rolling.get("partition", 0), "MaxUnavailable": rolling.get("maxUnavailable")}
        yield invalid("spec.updateStrategy.rollingUpdate", go_value, "only allowed for updateStrategy 'RollingUpdate'")


def _pod(value: Manifest) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    yield from _pod_spec(spec, "spec")
    if spec.get("restartPolicy") not in _RESTART_POLICIES:
        yield not_supported("spec.restartPolicy", spec.get("restartPolicy"), _RESTART_POLICIES)


def _pod_template(value: Manifest) -> Iterator[Cause]:
    yield from _pod_spec((value.get("template") or {}).get("spec") or {}, "template.spec")


def _pod_spec(spec: Manifest, path: str, claims: Iterable[str] = ()) -> Iterator[Cause]:
    """`claims`: volumes that a StatefulSet's claim templates add; they win over volumes of their name."""
    volumes: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        name, field = volume.get("name") or "", f"{path}.volumes[{index}].name"
        yield from _dns_label(name, field)
        if name in volumes:
            yield duplicate(field, name)
        volumes.add(name)
    volumes.update(claims)
    containers = spec.get("containers") or []
    if not containers:
        yield required(f"{path}.containers")
    names: set[str] = set()
    for group in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(group) or ()):
            yield from _container(container, f"{path}.{group}[{index}]", names, volumes)


def _container(container: Manifest, path: str, names: set[str], volumes: set[str]) -> Iterator[Cause]:
    name = container.get("name") or ""
    yield from _dns_label(name, f"{path}.name")
    if name and name in names:
        yield duplicate(f"{path}.name", name)
    names.add(name)
    if not container.get("image"):
        yield required(f"{path}.image")
    if container.get("imagePullPolicy") not in _PULL_POLICIES:
        yield not_supported(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    for probe in _PROBES:
        if container.get(probe) is not None and not any(container[probe].get(handler) for handler in _HANDLERS):
            yield required(f"{path}.{probe}", "must specify a handler type")
    ports: set[str] = set()
    for index, port in enumerate(container.get("ports") or ()):
        field = f"{path}.ports[{index}]"
        port_name = port.get("name")
        if port_name and port_name in ports:
            yield duplicate(f"{field}.name", port_name)
        ports.add(port_name or "")
        if not port.get("containerPort"):
            yield required(f"{field}.containerPort")
        else:
            yield from _port_number(port["containerPort"], f"{field}.containerPort")
    for index, variable in enumerate(container.get("env") or ()):
        field = f"{path}.env[{index}]"
        if not variable.get("name"):
            yield required(f"{field}.name")
        if variable.get("value") and variable.get("valueFrom"):
            yield invalid(f"{field}.valueFrom", "", "may not be specified when `value` is not empty")
    yield from _mounts(container, path, volumes)
    yield from _resources(container.get("resources") or {}, f"{path}.resources")


def _mounts(container: Manifest, path: str, volumes: set[str]) -> Iterator[Cause]:
    mounted: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        field, name, target = f"{path}.volumeMounts[{index}]", mount.get("name"), mount.get("mountPath")
        if not name:
            yield required(f"{field}.name")
        elif name not in volumes:
            yield not_found(f"{field}.name", name)
        if not target:
            yield required(f"{field}.mountPath")
        elif target in mounted:
            yield invalid(f"{field}.mountPath", target, "must be unique")
        mounted.add(target or "")


def _resources(resources: Manifest, path: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for group, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if parse_quantity(amount)[0] < 0:
                yield _negative(f"{path}.{group}[{name}]", amount)
    for name, amount in requests.items():
        if name in limits and parse_quantity(amount)[0] > parse_quantity(limits[name])[0]:
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid(f"{path}.requests", amount, detail)


def _service(value: Manifest) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    ports = spec.get("ports") or []
    kind = spec.get("type")
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    if kind == "ExternalName" and not spec.get("externalName"):
        yield required("spec.externalName")
    names: set[str] = set()
    seen: set[tuple[Any, Any]] = set()
    repeated = []
    for index, port in enumerate(ports):
        field, name = f"spec.ports[{index}]", port.get("name") or ""
        if not name and len(ports) > 1:
            yield required(f"{field}.name")
        elif name:
            yield from _dns_label(name, f"{field}.name")
            if name in names:
                yield duplicate(f"{field}.name", name)
        names.add(name)
        yield from _port_number(port.get("port", 0), f"{field}.port")
        target = port.get("targetPort")
        if isinstance(target, int):
            yield from _port_number(target, f"{field}.targetPort")
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            go_value = {
                "Name": "", "Protocol": key[0], "AppProtocol": None, "Port": key[1], "TargetPort": 0, "NodePort": 0
            }  # fmt: skip
            repeated.append(duplicate(field, go_value))
        seen.add(key)
    if kind not in _SERVICE_TYPES:
        yield not_supported("spec.type", kind, _SERVICE_TYPES)
    yield from repeated
    if kind != "LoadBalancer" and ((value.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
        message = "Forbidden: may only be used when `spec.type` is 'LoadBalancer'"
        yield Cause("FieldValueForbidden", message, "status.loadBalancer.ingress")


def _config_map(value: Manifest) -> Iterator[Cause]:
    binary = value.get("binaryData") or {}
    for key in value.get("data") or {}:
        if key in binary:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        yield from _config_key(key, f"data[{key}]")
    for key in binary:
        yield from _config_key(key, f"binaryData[{key}]")


def _secret(value: Manifest) -> Iterator[Cause]:
    for key in value.get("data") or {}:
        yield from _config_key(key, f"data[{key}]")
    if value.get("type") == "kubernetes.io/tls":
        for key in _TLS_KEYS:
            if key not in (value.get("data") or {}):
                yield required(f"data[{key}]")


def _event(value: Manifest) -> Iterator[Cause]:
    involved = (value.get("involvedObject") or {}).get("namespace") or ""
    if involved and involved != value["metadata"].get("namespace"):
        yield invalid("involvedObject.namespace", involved, "does not match event.namespace")


def _binding(value: Manifest) -> Iterator[Cause]:
    role, kinds = value.get("roleRef") or {}, _ROLE_KINDS[value["kind"]]
    if role.get("kind") not in kinds:
        yield not_supported("roleRef.kind", role.get("kind") or "", kinds)
    if not role.get("name"):
        yield required("roleRef.name")


def _claim(value: Manifest) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if not spec.get("accessModes"):
        yield required("spec.accessModes", "at least 1 access mode is required")
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        yield required("spec.resources[storage]")
    elif parse_quantity(storage)[0] <= 0:
        yield invalid("spec.resources[storage]", storage, "must be greater than zero")


def _budget(value: Manifest) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        go_value = {
            "MinAvailable": spec["minAvailable"],
            "Selector": spec.get("selector"),
            "MaxUnavailable": spec["maxUnavailable"],
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        yield invalid("spec", go_value, "minAvailable and maxUnavailable cannot be both set")
    for field in ("minAvailable", "maxUnavailable"):
        if isinstance(spec.get(field), int) and spec[field] < 0:
            yield _negative(f"spec.{field}", spec[field])


def _scaler(value: Manifest) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    most, least = spec.get("maxReplicas") or 0, spec.get("minReplicas") or 0
    if most < 1:
        yield required("spec.maxReplicas", "must be set and greater than 0")
    if most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for name in ("kind", "name"):
        if not target.get(name):
            yield required(f"spec.scaleTargetRef.{name}")
    if "/" not in (target.get("apiVersion") or ""):
        field = "spec.scaleTargetRef.apiVersion"
        yield invalid(field, target.get("apiVersion") or "", "apiVersion must specify API group")


def _ingress(value: Manifest) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    for index, rule in enumerate(spec.get("rules") or ()):
        for place, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            field, text = f"spec.rules[{index}].http.paths[{place}]", path.get("path") or ""
            if not path.get("pathType"):
                yield required(f"{field}.pathType", "pathType must be specified")
            elif path["pathType"] != "ImplementationSpecific" and not text.startswith("/"):
                yield invalid(f"{field}.path", text, "must be an absolute path")


def _lease(value: Manifest) -> Iterator[Cause]:
    duration = (value.get("spec") or {}).get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        yield invalid("spec.leaseDurationSeconds", duration, "must be greater than 0")


def _dns_label(name: str, field: str) -> Iterator[Cause]:
    if not name:
        yield required(field)
    elif _LABEL.fullmatch(name) is None:
        yield invalid(field, name, _LABEL_MESSAGE)
    elif len(name) > 63:
        yield Cause("FieldValueTooLong", "Too long: may not be more than 63 bytes", field)


def _config_key(key: str, field: str) -> Iterator[Cause]:
    if _CONFIG_KEY.fullmatch(key) is None:
        yield invalid(field, key, _CONFIG_KEY_MESSAGE)


def _port_number(port: int, field: str) -> Iterator[Cause]:
    if not 1 <= port <= 65535:
        yield invalid(field, port, "must be between 1 and 65535, inclusive")


def _negative(field: str, value: Any) -> Cause:
    return invalid(field, value, "must be greater than or equal to 0")


_KINDS: Final[Mapping[str, Callable[[Manifest], Iterator[Cause]]]] = {
    "Deployment": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "ReplicaSet": _workload,
    "Pod": _pod,
    "PodTemplate": _pod_template,
    "Service": _service,
    "ConfigMap": _config_map,
    "Secret": _secret,
    "PersistentVolumeClaim": _claim,
    "PodDisruptionBudget": _budget,
    "HorizontalPodAutoscaler": _scaler,
    "Ingress": _ingress,
    "Lease": _lease,
    "Event": _event,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
}
