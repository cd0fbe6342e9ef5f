"""Rows of tables: what `kubectl get` shows of one object, kind by kind, as kube-apiserver prints it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from vmop.devcluster.status import Manifest

Cells: TypeAlias = list[Any]
Row: TypeAlias = Callable[[Manifest, datetime], Cells]


def duration(seconds: float) -> str:
    """A span as kubectl writes it: `5s`, `2m3s`, `47m`, `3h5m`, `12h`, `2d4h`, `30d`, `2y10d`."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    years, rest = divmod(days, 365)
    return f"{years}y{rest}d" if rest and years < 8 else f"{years}y"


def age(stamp: str | None, now: datetime) -> str:
    """How long ago an instant of a manifest was."""
    if not stamp:
        return "<unknown>"
    try:
        then = datetime.fromisoformat(stamp)
    except ValueError:
        return "<invalid>"
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return duration((now - then).total_seconds())


def _born(obj: Manifest, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _part(obj: Manifest, field: str) -> Manifest:
    part = obj.get(field)
    return part if isinstance(part, dict) else {}


def _listed(values: Iterable[str], empty: str = "<none>") -> str:
    return ",".join(values) or empty


def _pairs(labels: Mapping[str, str] | None, empty: str = "<none>") -> str:
    return _listed((f"{key}={value}" for key, value in sorted((labels or {}).items())), empty)


def _selector(selector: Manifest | None) -> str:
    parts = [f"{key}={value}" for key, value in sorted(((selector or {}).get("matchLabels") or {}).items())]
    for expression in (selector or {}).get("matchExpressions") or ():
        values = ",".join(sorted(expression.get("values") or ()))
        match expression["operator"]:
            case "Exists":
                parts.append(expression["key"])
            case "DoesNotExist":
                parts.append(f"!{expression['key']}")
            case operator:
                parts.append(f"{expression['key']} {operator.lower()} ({values})")
    return _listed(parts)


def _containers(obj: Manifest) -> Cells:
    spec = _part(obj, "spec")
    containers = _part(_part(spec, "template"), "spec").get("containers") or ()
    return [_listed(one["name"] for one in containers), _listed(one.get("image", "") for one in containers)]


# Pods


def _pod_reason(pod: Manifest) -> str:
    status = _part(pod, "status")
    reason: str = status.get("reason") or status.get("phase") or "Unknown"
    statuses = status.get("containerStatuses") or ()
    running_ready = False
    for one in reversed(statuses):
        state = one.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended is not None:
            reason = ended.get("reason") or (
                f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"
            )
        elif one.get("ready") and "running" in state:
            running_ready = True
    if reason == "Completed" and running_ready:
        reason = "Running" if _condition(pod, "Ready") == "True" else "NotReady"
    if pod["metadata"].get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return reason


def _condition(obj: Manifest, type_: str) -> str:
    for condition in _part(obj, "status").get("conditions") or ():
        if condition.get("type") == type_:
            return str(condition.get("status"))
    return ""


def _restarts(pod: Manifest, now: datetime) -> str:
    statuses = _part(pod, "status").get("containerStatuses") or ()
    count = sum(one.get("restartCount", 0) for one in statuses)
    ended = [((one.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for one in statuses]
    last = max((one for one in ended if one), default=None)
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def pod_row(pod: Manifest, now: datetime) -> Cells:
    spec, status = _part(pod, "spec"), _part(pod, "status")
    statuses = status.get("containerStatuses") or ()
    ready = sum(1 for one in statuses if one.get("ready"))
    gates = spec.get("readinessGates") or ()
    passed = sum(1 for gate in gates if _condition(pod, gate["conditionType"]) == "True")
    return [
        pod["metadata"]["name"],
        f"{ready}/{len(spec.get('containers') or ())}",
        _pod_reason(pod),
        _restarts(pod, now),
        _born(pod, now),
        status.get("podIP") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        f"{passed}/{len(gates)}" if gates else "<none>",
    ]


# Workloads


def deployment_row(obj: Manifest, now: datetime) -> Cells:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    return [
        obj["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        _born(obj, now),
        *_containers(obj),
        _selector(spec.get("selector")),
    ]


def stateful_set_row(obj: Manifest, now: datetime) -> Cells:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [obj["metadata"]["name"], ready, _born(obj, now), *_containers(obj)]


def replica_set_row(obj: Manifest, now: datetime) -> Cells:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [
        obj["metadata"]["name"],
        *counts,
        _born(obj, now),
        *_containers(obj),
        _selector(spec.get("selector")),
    ]


_DAEMON_COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)


def daemon_set_row(obj: Manifest, now: datetime) -> Cells:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    node_selector = _part(_part(spec, "template"), "spec").get("nodeSelector")
    return [
        obj["metadata"]["name"],
        *(status.get(field, 0) for field in _DAEMON_COUNTS),
        _pairs(node_selector),
        _born(obj, now),
        *_containers(obj),
        _selector(spec.get("selector")),
    ]


def controller_revision_row(obj: Manifest, now: datetime) -> Cells:
    owners = [one for one in obj["metadata"].get("ownerReferences") or () if one.get("controller")]
    controller = "<none>"
    if owners:
        kind, group = owners[0]["kind"].lower(), owners[0]["apiVersion"].rpartition("/")[0]
        controller = f"{kind}.{group}/{owners[0]['name']}" if group else f"{kind}/{owners[0]['name']}"
    return [obj["metadata"]["name"], controller, obj.get("revision", 0), _born(obj, now)]


# Network


def _external(service: Manifest) -> str:
    spec = _part(service, "spec")
    ingress = _part(_part(service, "status"), "loadBalancer").get("ingress") or ()
    addresses = [one.get("ip") or one.get("hostname") or "" for one in ingress]
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "LoadBalancer":
            return _listed([*addresses, *(spec.get("externalIPs") or ())], "<pending>")
        case _:
            return _listed(spec.get("externalIPs") or ())


def service_row(obj: Manifest, now: datetime) -> Cells:
    spec = _part(obj, "spec")
    ports = []
    for port in spec.get("ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return [
        obj["metadata"]["name"],
        spec.get("type", "ClusterIP"),
        spec.get("clusterIP") or "<none>",
        _external(obj),
        _listed(ports),
        _born(obj, now),
        _pairs(spec.get("selector")),
    ]


def _first(values: list[str], count: int = 3) -> str:
    more = f" + {len(values) - count} more..." if len(values) > count else ""
    return _listed(values[:count]) + more if values else "<none>"


def endpoints_row(obj: Manifest, now: datetime) -> Cells:
    found = []
    for subset in obj.get("subsets") or ():
        for address in subset.get("addresses") or ():
            ports = subset.get("ports") or ()
            found += [f"{address['ip']}:{port['port']}" for port in ports] or [address["ip"]]
    return [obj["metadata"]["name"], _first(found), _born(obj, now)]


def endpoint_slice_row(obj: Manifest, now: datetime) -> Cells:
    ports = [str(port.get("port", "*")) for port in obj.get("ports") or ()]
    addresses = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    shown = _first(ports) if ports else "<unset>"
    listed = _first(addresses) if addresses else "<unset>"
    return [obj["metadata"]["name"], obj.get("addressType", ""), shown, listed, _born(obj, now)]


def ingress_row(obj: Manifest, now: datetime) -> Cells:
    spec = _part(obj, "spec")
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    ingress = _part(_part(obj, "status"), "loadBalancer").get("ingress") or ()
    return [
        obj["metadata"]["name"],
        spec.get("ingressClassName") or "<none>",
        _listed(hosts, "*"),
        _listed((one.get("ip") or one.get("hostname") or "" for one in ingress), ""),
        "80, 443" if spec.get("tls") else "80",
        _born(obj, now),
    ]


def network_policy_row(obj: Manifest, now: datetime) -> Cells:
    return [obj["metadata"]["name"], _selector(_part(obj, "spec").get("podSelector")), _born(obj, now)]


# Storage

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _modes(obj: Manifest) -> str:
    return ",".join(_MODES.get(mode, mode) for mode in obj.get("accessModes") or ())


def claim_row(obj: Manifest, now: datetime) -> Cells:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    phase = "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", "")
    bound = bool(spec.get("volumeName"))
    return [
        obj["metadata"]["name"],
        phase,
        spec.get("volumeName", ""),
        _part(status, "capacity").get("storage", "") if bound else "",
        _modes(status) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        _born(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def volume_row(obj: Manifest, now: datetime) -> Cells:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    claim = spec.get("claimRef")
    phase = "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", "")
    return [
        obj["metadata"]["name"],
        _part(spec, "capacity").get("storage", ""),
        _modes(spec),
        spec.get("persistentVolumeReclaimPolicy", ""),
        phase,
        f"{claim.get('namespace')}/{claim.get('name')}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason", ""),
        _born(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def storage_class_row(obj: Manifest, now: datetime) -> Cells:
    name = obj["metadata"]["name"]
    annotations = obj["metadata"].get("annotations") or {}
    if annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
        name += " (default)"
    return [
        name,
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        _born(obj, now),
    ]


# The rest


def node_row(obj: Manifest, now: datetime) -> Cells:
    status = _part(obj, "status")
    ready = {"True": "Ready", "False": "NotReady"}.get(_condition(obj, "Ready"), "Unknown")
    if _part(obj, "spec").get("unschedulable"):
        ready += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = [key.removeprefix(prefix) for key in obj["metadata"].get("labels") or {} if key.startswith(prefix)]
    addresses = {one["type"]: one["address"] for one in status.get("addresses") or ()}
    info = _part(status, "nodeInfo")
    return [
        obj["metadata"]["name"],
        ready,
        _listed(sorted(roles)),
        _born(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", "<none>"),
        addresses.get("ExternalIP", "<none>"),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def event_row(obj: Manifest, now: datetime) -> Cells:
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    series = _part(obj, "series")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    involved, source = _part(obj, "involvedObject"), _part(obj, "source")
    target = f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"
    return [
        age(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        target,
        involved.get("fieldPath", ""),
        _listed((one for one in (source.get("component"), source.get("host")) if one), ""),
        str(obj.get("message", "")).strip(),
        age(first, now),
        str(series.get("count") or obj.get("count") or 1),
        obj["metadata"]["name"],
    ]


def data_row(obj: Manifest, now: datetime) -> Cells:
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [obj["metadata"]["name"], count, _born(obj, now)]


def secret_row(obj: Manifest, now: datetime) -> Cells:
    return [obj["metadata"]["name"], obj.get("type", ""), len(obj.get("data") or ()), _born(obj, now)]


def namespace_row(obj: Manifest, now: datetime) -> Cells:
    return [obj["metadata"]["name"], _part(obj, "status").get("phase", ""), _born(obj, now)]


def lease_row(obj: Manifest, now: datetime) -> Cells:
    return [obj["metadata"]["name"], _part(obj, "spec").get("holderIdentity", ""), _born(obj, now)]


def budget_row(obj: Manifest, now: datetime) -> Cells:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    shown = [str(spec[field]) if field in spec else "N/A" for field in ("minAvailable", "maxUnavailable")]
    return [obj["metadata"]["name"], *shown, status.get("disruptionsAllowed", 0), _born(obj, now)]


def autoscaler_row(obj: Manifest, now: datetime) -> Cells:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    target = _part(spec, "scaleTargetRef")
    targets = []
    for metric in spec.get("metrics") or ():
        resource = _part(metric, "resource")
        wanted = _part(resource, "target").get("averageUtilization")
        targets.append(f"{resource.get('name')}: <unknown>/{wanted}%" if wanted else "<unknown>")
    return [
        obj["metadata"]["name"],
        f"{target.get('kind')}/{target.get('name')}",
        ", ".join(targets) or "<none>",
        str(spec.get("minReplicas") or "<unset>"),
        str(spec.get("maxReplicas", "")),
        str(status.get("currentReplicas", 0)),
        _born(obj, now),
    ]


def created_row(obj: Manifest, now: datetime) -> Cells:
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp", "")]


def named_row(obj: Manifest, now: datetime) -> Cells:
    return [obj["metadata"]["name"], _born(obj, now)]


def binding_row(obj: Manifest, now: datetime) -> Cells:
    role = _part(obj, "roleRef")
    by_kind: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.get("subjects") or ():
        namespace = f"{subject['namespace']}/" if subject.get("namespace") else ""
        by_kind.setdefault(subject["kind"], []).append(f"{namespace}{subject['name']}")
    subjects = [", ".join(by_kind[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [obj["metadata"]["name"], f"{role.get('kind')}/{role.get('name')}", _born(obj, now), *subjects]


def webhooks_row(obj: Manifest, now: datetime) -> Cells:
    return [obj["metadata"]["name"], len(obj.get("webhooks") or ()), _born(obj, now)]
