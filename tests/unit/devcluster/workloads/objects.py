"""Objects as informers hold them, made of manifests."""

import json
import uuid
from typing import Any

from vmop.informers import StoredObject
from vmop.informers.objects import DecodedCache, Home, Kind, pack
from vmop.kube import Manifest, Resource, decode_object
from vmop.kube.resources import DEPLOYMENT, POD, REPLICA_SET

UIDS = uuid.UUID("5f3c2a1e-0000-4000-8000-000000000000")


def stored(resource: Resource, name: str, *, namespace: str = "obs", **fields: Any) -> StoredObject:
    """An object; its uid follows from kind and name. `metadata` adds to what is there."""
    metadata: Manifest = {
        "name": name,
        "namespace": namespace,
        "uid": str(uuid.uuid5(UIDS, f"{resource.kind}/{name}")),
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": "2026-03-01T10:00:00Z",
    }
    manifest = {"apiVersion": resource.api_version, "kind": resource.kind, **fields}
    manifest["metadata"] = metadata | fields.get("metadata", {})
    home = Home(Kind(resource, DecodedCache(), 0), namespace)
    return pack(decode_object(json.dumps(manifest).encode()), home)


def pod(name: str, *, ready_since: str | None = None, phase: str = "Running", **fields: Any) -> StoredObject:
    """A pod on a node; ready if it says since when."""
    ready = {"type": "Ready", "status": "True" if ready_since else "False", "lastTransitionTime": ready_since}
    status = {"phase": phase, "conditions": [ready]} | fields.pop("status", {})
    spec = {"nodeName": "node-0", "containers": [{"name": "main"}]} | fields.pop("spec", {})
    return stored(POD, name, spec=spec, status=status, **fields)


def template(image: str, **labels: str) -> Manifest:
    return {"metadata": {"labels": {"app": "a"} | labels}, "spec": {"containers": [{"name": "main", "image": image}]}}


def replica_set(
    name: str,
    image: str,
    replicas: int,
    *,
    available: int | None = None,
    annotations: Manifest | None = None,
    created: str = "2026-03-01T10:00:00Z",
) -> StoredObject:
    """A ReplicaSet of which as many pods are there as it is to have; all available unless said otherwise."""
    count = replicas if available is None else available
    status = {"replicas": replicas, "readyReplicas": count, "availableReplicas": count, "observedGeneration": 1}
    spec = {"replicas": replicas, "template": template(image, **{"pod-template-hash": name})}
    metadata = {"annotations": annotations or {}, "creationTimestamp": created}
    return stored(REPLICA_SET, name, metadata=metadata, spec=spec, status=status)


def deployment(image: str, replicas: int, *, status: Manifest | None = None, **spec: Any) -> StoredObject:
    """A Deployment with the defaults of the API server."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    defaults = {"strategy": strategy, "progressDeadlineSeconds": 600}
    whole = {**defaults, "replicas": replicas, "template": template(image), **spec}
    return stored(DEPLOYMENT, "app", spec=whole, status=status or {})
