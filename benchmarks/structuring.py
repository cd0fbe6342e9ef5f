"""Structuring 1,000 realistic VMClusters, and writing them back: goal under 0.5 s each on one core."""

import json
import sys
import time
from typing import Any

import attrs

from vmop.api import parse, to_json
from vmop.api.v1beta1 import VMCluster

COUNT = 1000
GOAL_SECONDS = 0.5


def manifest(number: int) -> dict[str, Any]:
    """A VMCluster as found in production: resources, storage, scheduling, probes, Services, arguments."""

    def component(replicas: int, port: str) -> dict[str, Any]:
        return {
            "replicaCount": replicas,
            "port": port,
            "image": {"repository": "registry.example/victoriametrics/x", "tag": "v1.150.0-cluster"},
            "resources": {"limits": {"cpu": "4", "memory": "8Gi"}, "requests": {"cpu": "1", "memory": "4Gi"}},
            "podMetadata": {"labels": {"team": "obs", "tier": "gold"}, "annotations": {"a/b": "c"}},
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "z"}]}},
            "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "obs", "effect": "NoSchedule"}],
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
            "extraArgs": {"loggerFormat": "json", "memory.allowedPercent": "70", "http.pathPrefix": "/x"},
            "extraEnvs": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
            "serviceSpec": {
                "metadata": {"name": f"x-{number}"},
                "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
            },
            "podDisruptionBudget": {"maxUnavailable": 1},
            "securityContext": {"runAsUser": 1000, "fsGroup": 1000, "runAsNonRoot": True},
            "nodeSelector": {"kubernetes.io/arch": "amd64"},
            "priorityClassName": "high",
            "terminationGracePeriodSeconds": 60,
            "volumes": [{"name": "certs", "secret": {"secretName": "certs"}}],
            "volumeMounts": [{"name": "certs", "mountPath": "/certs"}],
            "livenessProbe": {"httpGet": {"path": "/health", "port": 8482}},
        }

    storage = {
        "volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "100Gi"}}, "storageClassName": "ssd"}}
    }
    return {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMCluster",
        "metadata": {"name": f"cluster-{number}", "namespace": "obs", "labels": {"team": "obs"}},
        "spec": {
            "retentionPeriod": "90d",
            "replicationFactor": 2,
            "clusterVersion": "v1.150.0-cluster",
            "imagePullSecrets": [{"name": "registry"}],
            "managedMetadata": {"labels": {"cost": "42"}},
            "vmstorage": {**component(6, "8482"), "storage": storage, "vmInsertPort": "8400"},
            "vmselect": {**component(3, "8481"), "storage": storage, "cacheMountPath": "/cache"},
            "vminsert": {**component(3, "8480"), "hpa": {"minReplicas": 3, "maxReplicas": 9, "metrics": []}},
        },
        "status": {"updateStatus": "operational"},
    }


@attrs.frozen
class StructuringFigures:
    """Seconds of one core for all of them, and the size of one, in bytes."""

    parsed: float
    written: float
    size: int


def measure() -> StructuringFigures:
    """Parse COUNT clusters and write them back; fails where something was lost on the way."""
    manifests = [json.loads(json.dumps(manifest(n))) for n in range(COUNT)]
    parse(VMCluster, manifests[0])  # hooks are made once a class
    start = time.process_time()
    objects = [parse(VMCluster, each).object for each in manifests]
    parsed = time.process_time() - start
    start = time.process_time()
    back = [to_json(each) for each in objects]
    written = time.process_time() - start
    if back != manifests:
        raise SystemExit("to_json(parse(x)) lost something")
    return StructuringFigures(parsed, written, len(json.dumps(manifests[0])))


def main() -> int:
    figures = measure()
    print(
        f"structuring {COUNT} VMClusters of {figures.size} bytes: {figures.parsed:.3f} s (goal {GOAL_SECONDS} s), "
        f"back: {figures.written:.3f} s"
    )
    return 0 if figures.parsed < GOAL_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
