"""Rows of tables, as `kubectl get -o wide` prints them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from vmop.devcluster.jsonpath import json_path
from vmop.devcluster.registry import BUILTIN, Served
from vmop.devcluster.rows import age, duration
from vmop.devcluster.tables import printer_of, table

NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)
META: dict[str, Any] = {"name": "x", "creationTimestamp": "2026-01-01T00:00:00Z"}
TEMPLATE = {"spec": {"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "j"}]}}
SELECTOR = {
    "matchLabels": {"a": "b"},
    "matchExpressions": [
        {"key": "e", "operator": "Exists"},
        {"key": "f", "operator": "DoesNotExist"},
        {"key": "g", "operator": "In", "values": ["i", "h"]},
    ],
}


def row(plural: str, **obj: Any) -> list[Any]:
    served = next(one for one in BUILTIN if one.plural == plural)
    return printer_of(served).row({"metadata": META} | obj, NOW)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (3600, "60m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (9 * 3600, "9h"),
        (2 * 86400, "2d"),
        (2 * 86400 + 4 * 3600, "2d4h"),
        (30 * 86400, "30d"),
        (740 * 86400, "2y10d"),
        (3650 * 86400, "10y"),
    ],
)
def test_durations(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_ages() -> None:
    assert [age(one, NOW) for one in (None, "never", "2026-01-01T00:00:00")] == ["<unknown>", "<invalid>", "60m"]


def test_workloads() -> None:
    spec = {"replicas": 3, "template": TEMPLATE, "selector": SELECTOR}
    status = {"readyReplicas": 2, "updatedReplicas": 1, "availableReplicas": 2, "replicas": 3}
    shown = "a=b,e,!f,g in (h,i)"
    assert row("deployments", spec=spec, status=status) == ["x", "2/3", 1, 2, "60m", "c,d", "i,j", shown]
    assert row("statefulsets", spec=spec, status=status) == ["x", "2/3", "60m", "c,d", "i,j"]
    assert row("replicasets", spec=spec, status=status) == ["x", 3, 3, 2, "60m", "c,d", "i,j", shown]
    daemons = {"desiredNumberScheduled": 2, "numberReady": 1}
    assert row("daemonsets", spec=spec, status=daemons) == [
        "x", 2, 0, 1, 0, 0, "<none>", "60m", "c,d", "i,j", shown
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ({"waiting": {"reason": "CrashLoopBackOff"}}, "CrashLoopBackOff"),
        ({"terminated": {"exitCode": 3}}, "ExitCode:3"),
        ({"terminated": {"signal": 9}}, "Signal:9"),
        ({"terminated": {"reason": "OOMKilled"}}, "OOMKilled"),
        ({"running": {}}, "Running"),
    ],
)
def test_the_state_of_a_container_is_the_status_of_its_pod(state: dict[str, Any], shown: str) -> None:
    status = {"phase": "Running", "containerStatuses": [{"state": state, "ready": True}]}
    assert row("pods", spec={"containers": [{}]}, status=status)[2] == shown


def test_pods() -> None:
    ended: dict[str, Any] = {
        "lastState": {"terminated": {"finishedAt": "2026-01-01T00:58:00Z"}},
        "restartCount": 2,
        "ready": True,
    }
    gates = [{"conditionType": "g"}]
    conditions = [{"type": "g", "status": "True"}]
    status = {"phase": "Running", "podIP": "1.2.3.4", "containerStatuses": [ended], "conditions": conditions}
    pod: dict[str, Any] = {"spec": {"containers": [{}, {}], "nodeName": "n", "readinessGates": gates}, "status": status}
    assert row("pods", **pod) == [
        "x", "1/2", "Running", "2 (2m ago)", "60m", "1.2.3.4", "n", "<none>", "1/1"
    ]  # fmt: skip
    deleted = {"metadata": META | {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert row("pods", **deleted)[2] == "Terminating"


def test_services() -> None:
    ports = [{"port": 80, "nodePort": 30000}, {"port": 90, "protocol": "UDP"}]
    spec = {"type": "LoadBalancer", "clusterIP": "10.0.0.1", "ports": ports, "selector": {"c": "d", "a": "b"}}
    assert row("services", spec=spec) == [
        "x", "LoadBalancer", "10.0.0.1", "<pending>", "80:30000/TCP,90/UDP", "60m", "a=b,c=d"
    ]  # fmt: skip
    balanced = {"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}
    assert row("services", spec=spec, status=balanced)[3] == "1.1.1.1"
    assert row("services", spec={"type": "ExternalName", "externalName": "e"})[2:5] == ["<none>", "e", "<none>"]


def test_claims_and_volumes() -> None:
    spec = {"volumeName": "v", "storageClassName": "s", "volumeMode": "Filesystem"}
    status = {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    assert row("persistentvolumeclaims", spec=spec, status=status) == [
        "x", "Bound", "v", "1Gi", "RWO", "s", "<unset>", "60m", "Filesystem"
    ]  # fmt: skip
    volume_spec: dict[str, Any] = {"capacity": {"storage": "1Gi"}, "storageClassName": "s"}
    volume_spec["claimRef"] = {"namespace": "n", "name": "c"}
    assert row("persistentvolumes", spec=volume_spec, status={"phase": "Bound"}) == [
        "x", "1Gi", "", "", "Bound", "n/c", "s", "<unset>", "", "60m", "<unset>"
    ]  # fmt: skip
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    default: dict[str, Any] = {"metadata": META | {"annotations": annotations}, "provisioner": "p"}
    assert row("storageclasses", **default) == ["x (default)", "p", "Delete", "Immediate", False, "60m"]


def test_endpoints() -> None:
    addresses = [{"ip": f"1.1.1.{last}"} for last in range(4)]
    subsets = [{"addresses": addresses, "ports": [{"port": 80}]}]
    assert row("endpoints", subsets=subsets)[1] == "1.1.1.0:80,1.1.1.1:80,1.1.1.2:80 + 1 more..."
    endpoints = [{"addresses": ["1.1.1.1"]}]
    assert row("endpointslices", addressType="IPv4", ports=[{"port": 80}], endpoints=endpoints)[1:4] == [
        "IPv4", "80", "1.1.1.1"
    ]  # fmt: skip
    assert row("endpointslices", addressType="IPv4")[2:4] == ["<unset>", "<unset>"]


def test_the_rest() -> None:
    conditions = [{"type": "Ready", "status": "True"}]
    node: dict[str, Any] = {"metadata": META | {"labels": {"node-role.kubernetes.io/worker": ""}}}
    node |= {"spec": {"unschedulable": True}, "status": {"conditions": conditions}}
    assert row("nodes", **node)[1:3] == ["Ready,SchedulingDisabled", "worker"]
    event: dict[str, Any] = {"involvedObject": {"kind": "Pod", "name": "p"}, "source": {"component": "c"}, "count": 3}
    event |= {"type": "Normal", "reason": "R", "message": "m", "firstTimestamp": META["creationTimestamp"]}
    assert row("events", **event) == ["60m", "Normal", "R", "pod/p", "", "c", "m", "60m", "3", "x"]
    assert row("poddisruptionbudgets", spec={"maxUnavailable": 1}) == ["x", "N/A", "1", 0, "60m"]
    metric = {"resource": {"name": "cpu", "target": {"averageUtilization": 80}}}
    scaler = {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 3, "metrics": [metric]}
    assert row("horizontalpodautoscalers", spec=scaler)[1:6] == [
        "Deployment/d", "cpu: <unknown>/80%", "<unset>", "3", "0"
    ]  # fmt: skip
    subjects = [{"kind": "ServiceAccount", "namespace": "n", "name": "s"}, {"kind": "User", "name": "u"}]
    binding = {"roleRef": {"kind": "Role", "name": "r"}, "subjects": subjects}
    assert row("rolebindings", **binding)[1:] == ["Role/r", "60m", "u", "", "n/s"]
    rules = [{"host": "h"}, {}]
    assert row("ingresses", spec={"rules": rules, "tls": [{}]})[1:5] == ["<none>", "h", "", "80, 443"]
    owner = {"controller": True, "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s"}
    revision = {"metadata": META | {"ownerReferences": [owner]}, "revision": 4}
    assert row("controllerrevisions", **revision)[1:3] == ["statefulset.apps/s", 4]
    assert row("networkpolicies", spec={"podSelector": {}})[1] == "<none>"
    assert row("roles") == ["x", META["creationTimestamp"]]
    assert row("leases", spec={"holderIdentity": "h"})[1] == "h"
    assert row("namespaces", status={"phase": "Active"})[1] == "Active"
    assert row("secrets", type="Opaque", data={"a": ""})[1:3] == ["Opaque", 1]
    assert row("configmaps", data={"a": ""}, binaryData={"b": ""})[1] == 2
    assert row("serviceaccounts") == ["x", "60m"]
    assert row("validatingwebhookconfigurations", webhooks=[{}])[1] == 1


def test_custom_columns() -> None:
    columns = [
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Flag", "type": "string", "jsonPath": ".spec.flag"},
        {"name": "List", "type": "string", "jsonPath": ".spec.list"},
        {"name": "None", "type": "integer", "jsonPath": ".spec.none"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "priority": 1},
    ]
    served = Served("e.x", "v1", "Widget", "widgets", crd={"additionalPrinterColumns": columns})
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    obj = {"metadata": META, "spec": {"flag": True, "list": [1]}, "status": status}
    made = table(served, [obj], NOW, metadata={}, include="None")
    assert [one["priority"] for one in made["columnDefinitions"]] == [0, 0, 0, 0, 0, 1]
    assert made["rows"] == [{"cells": ["x", "True", "true", "[1]", None, "60m"], "object": None}]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a['b.c']", [1]),
        (".l[0]", [5]),
        (".l[*]", [5, 6]),
        (".none.x", []),
        ("{broken", []),
        (".l.x", []),
    ],
)
def test_json_paths(path: str, found: list[Any]) -> None:
    assert json_path({"a": {"b.c": 1}, "l": [5, 6]}, path) == found
