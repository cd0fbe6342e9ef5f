"""What the server adds to objects, drops from them, and spells its own way."""

# ruff: noqa: E501 - tables of manifests and of the server's sentences, one a row

from typing import Any

import pytest

from vmop.devcluster import schema
from vmop.devcluster.schema import Manifest
from vmop.devcluster.schema.quantity import canonical_quantity

META: Manifest = {"metadata": {"name": "x"}}


def stored(group: str, version: str, kind: str, **content: Any) -> Manifest:
    place = schema.builtin_type(group, version, kind)
    assert place is not None
    made = schema.apply_defaults(place, {"apiVersion": version, "kind": kind} | META | content)
    return {key: value for key, value in made.items() if key not in ("apiVersion", "kind")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1000m", "1"), ("0.5", "500m"), (2, "2"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("0", "0"), ("512Ki", "512Ki"),
        ("1e3", "1e3"), ("100e0", "100"), ("1500", "1500"), ("2000k", "2M"), ("-1500m", "-1500m"), ("0.1n", "1n"),
        ("100Ki", "100Ki"), ("nope", "nope"), ("500", "500"),
    ],
)  # fmt: skip
def test_a_quantity_has_one_spelling(text: Any, expected: str) -> None:
    assert canonical_quantity(text) == expected


def test_a_deployment_in_full() -> None:
    container = {
        "name": "c",
        "image": "r:5000/i",
        "env": [{"name": "A", "value": ""}],
        "ports": [{"containerPort": 80}],
    }
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container], "volumes": [{"name": "v"}]}}
    assert stored("apps", "v1", "Deployment", spec={"selector": {}, "template": template, "paused": False}) == {
        **META,
        "spec": {
            "progressDeadlineSeconds": 600,
            "replicas": 1,
            "revisionHistoryLimit": 10,
            "selector": {},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {
                    "containers": [
                        {
                            "env": [{"name": "A"}],
                            "image": "r:5000/i",
                            "imagePullPolicy": "Always",
                            "name": "c",
                            "ports": [{"containerPort": 80, "protocol": "TCP"}],
                            "resources": {},
                            "terminationMessagePath": "/dev/termination-log",
                            "terminationMessagePolicy": "File",
                        }
                    ],
                    "dnsPolicy": "ClusterFirst",
                    "restartPolicy": "Always",
                    "schedulerName": "default-scheduler",
                    "securityContext": {},
                    "terminationGracePeriodSeconds": 30,
                    "volumes": [{"emptyDir": {}, "name": "v"}],
                },
            },
        },
        "status": {},
    }


def test_a_pod_requests_what_it_is_limited_to() -> None:
    env = [{"name": "M", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}]
    container = {"name": "c", "image": "i@sha256:0", "resources": {"limits": {"cpu": "1000m"}}, "env": env}
    container["ports"] = [{"containerPort": 80}]
    volume = {"name": "v", "image": {"reference": "i:1"}}
    spec = {"containers": [container], "hostNetwork": True, "serviceAccountName": "s", "volumes": [volume]}
    made = stored("", "v1", "Pod", spec=spec)
    assert made["spec"] == {
        "containers": [
            {
                "env": [
                    {"name": "M", "valueFrom": {"resourceFieldRef": {"divisor": "0", "resource": "limits.memory"}}}
                ],
                "image": "i@sha256:0",
                "imagePullPolicy": "IfNotPresent",
                "name": "c",
                "ports": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "hostNetwork": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccount": "s",
        "serviceAccountName": "s",
        "terminationGracePeriodSeconds": 30,
        "volumes": [{"image": {"pullPolicy": "IfNotPresent", "reference": "i:1"}, "name": "v"}],
    }


def test_a_condition_without_its_times_has_null_times() -> None:
    made = stored("", "v1", "Pod", spec={"containers": None}, status={"conditions": [{"type": "A", "status": "True"}]})
    assert made["status"]["conditions"] == [
        {"lastProbeTime": None, "lastTransitionTime": None, "status": "True", "type": "A"}
    ]
    assert made["spec"]["containers"] is None


@pytest.mark.parametrize(
    ("group", "version", "kind", "content", "path", "expected"),
    [
        ("apps", "v1", "DaemonSet", {}, ("spec", "updateStrategy"),
         {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
        ("apps", "v1", "DaemonSet", {"spec": {"updateStrategy": {"type": "OnDelete"}}}, ("spec", "updateStrategy"),
         {"type": "OnDelete"}),
        ("apps", "v1", "StatefulSet", {}, ("spec", "updateStrategy"),
         {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
        ("apps", "v1", "StatefulSet", {}, ("spec", "persistentVolumeClaimRetentionPolicy"),
         {"whenDeleted": "Retain", "whenScaled": "Retain"}),
        ("apps", "v1", "StatefulSet", {"spec": {"volumeClaimTemplates": [{"metadata": {"name": "d"}}]}},
         ("spec", "volumeClaimTemplates"),
         [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "d"},
           "spec": {"resources": {}, "volumeMode": "Filesystem"}, "status": {"phase": "Pending"}}]),
        ("apps", "v1", "ReplicaSet", {"spec": {"replicas": 0}}, ("spec", "replicas"), 0),
        ("apps", "v1", "Deployment", {"spec": {"strategy": {"type": "Recreate"}}}, ("spec", "strategy"), {"type": "Recreate"}),
        ("", "v1", "Service", {"spec": {"ports": [{"port": 80}]}}, ("spec",),
         {"internalTrafficPolicy": "Cluster", "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
          "sessionAffinity": "None", "type": "ClusterIP"}),
        ("", "v1", "Service", {"spec": {"type": "LoadBalancer", "sessionAffinity": "ClientIP"}}, ("spec",),
         {"allocateLoadBalancerNodePorts": True, "externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster",
          "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
          "type": "LoadBalancer"}),
        ("", "v1", "Service", {"spec": {"type": "ExternalName", "externalName": "e"}}, ("spec",),
         {"externalName": "e", "sessionAffinity": "None", "type": "ExternalName"}),
        ("", "v1", "Secret", {"data": {"a": "eA=="}, "stringData": {"b": "x"}}, ("data",), {"a": "eA==", "b": "eA=="}),
        ("", "v1", "Secret", {}, ("type",), "Opaque"),
        ("", "v1", "Namespace", {}, (),
         {"metadata": {"name": "x", "labels": {"kubernetes.io/metadata.name": "x"}},
          "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}),
        ("", "v1", "PersistentVolumeClaim", {}, ("spec",), {"resources": {}, "volumeMode": "Filesystem"}),
        ("", "v1", "PersistentVolume", {}, ("spec",),
         {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}),
        ("", "v1", "Node", {"status": {"capacity": {"cpu": "1000m"}}}, ("status", "allocatable"), {"cpu": "1"}),
        ("autoscaling", "v2", "HorizontalPodAutoscaler", {"spec": {"maxReplicas": 3, "behavior": {}}}, ("spec",),
         {"behavior": {
             "scaleDown": {"policies": [{"periodSeconds": 15, "type": "Percent", "value": 100}], "selectPolicy": "Max"},
             "scaleUp": {"policies": [{"periodSeconds": 15, "type": "Pods", "value": 4},
                                      {"periodSeconds": 15, "type": "Percent", "value": 100}],
                         "selectPolicy": "Max", "stabilizationWindowSeconds": 0}},
          "maxReplicas": 3, "minReplicas": 1,
          "metrics": [{"resource": {"name": "cpu", "target": {"averageUtilization": 80, "type": "Utilization"}},
                       "type": "Resource"}],
          "scaleTargetRef": {"kind": "", "name": ""}}),
        ("networking.k8s.io", "v1", "NetworkPolicy", {"spec": {"podSelector": {}, "egress": [{"ports": [{"port": 1}]}]}},
         ("spec",), {"egress": [{"ports": [{"port": 1, "protocol": "TCP"}]}], "podSelector": {},
                     "policyTypes": ["Ingress", "Egress"]}),
        ("rbac.authorization.k8s.io", "v1", "RoleBinding",
         {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}]}, (),
         {**META, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
          "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"}]}),
        ("storage.k8s.io", "v1", "StorageClass", {"provisioner": "p"}, (),
         {**META, "provisioner": "p", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
        ("discovery.k8s.io", "v1", "EndpointSlice", {"addressType": "IPv4", "endpoints": [], "ports": [{"port": 1}]},
         ("ports",), [{"name": "", "port": 1, "protocol": "TCP"}]),
        ("apiextensions.k8s.io", "v1", "CustomResourceDefinition",
         {"spec": {"group": "g", "names": {"kind": "Val", "plural": "vals"}, "scope": "Namespaced", "versions": []}},
         ("spec", "names"), {"kind": "Val", "listKind": "ValList", "plural": "vals", "singular": "val"}),
        ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration",
         {"webhooks": [{"name": "w", "clientConfig": {"service": {"name": "s", "namespace": "n"}}, "sideEffects": "None",
                        "admissionReviewVersions": ["v1"], "rules": [{"operations": ["*"]}]}]}, ("webhooks",),
         [{"name": "w", "clientConfig": {"service": {"name": "s", "namespace": "n", "port": 443}}, "sideEffects": "None",
           "admissionReviewVersions": ["v1"], "rules": [{"operations": ["*"], "scope": "*"}], "failurePolicy": "Fail",
           "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "timeoutSeconds": 10}]),
    ],
)  # fmt: skip
def test_defaults_of_built_in_kinds(
    group: str, version: str, kind: str, content: Manifest, path: tuple[str, ...], expected: Any
) -> None:
    made: Any = stored(group, version, kind, **content)
    for key in path:
        made = made[key]
    assert made == expected


CUSTOM = schema.crd_type(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "mode": {"type": "string", "default": "a"},
                    "maybe": {"type": "string", "default": "b", "nullable": True},
                    "inner": {"type": "object", "default": {}, "properties": {"n": {"type": "integer", "default": 1}}},
                    "items": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"p": {"type": "string", "default": "TCP"}}},
                    },
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "pod": {
                        "type": "object",
                        "x-kubernetes-embedded-resource": True,
                        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    },
                },
            }
        },
    }
)


def test_a_custom_resource_gets_the_defaults_of_its_schema() -> None:
    made = schema.apply_defaults(CUSTOM, META | {"spec": {"mode": None, "maybe": None, "items": [{}]}})
    assert made == META | {"spec": {"mode": "a", "maybe": None, "inner": {"n": 1}, "items": [{"p": "TCP"}]}}


def test_unknown_fields_are_pruned_and_named() -> None:
    body = META | {
        "spec": {
            "mdoe": 1,
            "mode": None,
            "maybe": None,
            "items": [{"q": 1}, {"p": "UDP"}],
            "free": {"x": {"y": None}},
            "pod": {"kind": "Pod", "extra": 1},
        }
    }
    assert schema.unknown_fields(CUSTOM, body) == ["spec.mdoe", "spec.items[0].q", "spec.pod.extra"]
    assert schema.prune(CUSTOM, body) == META | {
        "spec": {"maybe": None, "items": [{}, {"p": "UDP"}], "free": {"x": {"y": None}}, "pod": {"kind": "Pod"}}
    }


def test_a_document_has_the_schemas_and_paths_of_its_kinds() -> None:
    kinds = [
        schema.DocumentedKind("ConfigMap", "configmaps", True),
        schema.DocumentedKind("Nothing", "nothings", True),
    ]
    document = schema.openapi_v3("", "v1", kinds)
    assert document is not None
    assert sorted(document["paths"]) == [
        "/api/v1/namespaces/{namespace}/configmaps",
        "/api/v1/namespaces/{namespace}/configmaps/{name}",
    ]
    assert sorted(document["components"]["schemas"]) == [
        "io.k8s.api.core.v1.ConfigMap",
        "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
        "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
        "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
    ]
    parameters = document["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"]["patch"]["parameters"]
    assert [parameter["name"] for parameter in parameters] == ["dryRun", "fieldManager", "fieldValidation"]


def test_a_document_of_a_custom_kind_carries_its_schema() -> None:
    kinds = [
        schema.DocumentedKind("Val", "vals", False, {"type": "object", "properties": {"spec": {"type": "object"}}})
    ]
    document = schema.openapi_v3("e.com", "v1", kinds)
    assert document is not None
    assert document["components"]["schemas"]["com.e.v1.Val"] == {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "spec": {"type": "object"},
            "metadata": {"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]},
        },
        "x-kubernetes-group-version-kind": [{"group": "e.com", "version": "v1", "kind": "Val"}],
    }
    assert "/apis/e.com/v1/vals/{name}" in document["paths"]


def test_there_is_no_document_of_nothing() -> None:
    assert schema.openapi_v3("e.com", "v1", [schema.DocumentedKind("Val", "vals", True)]) is None
