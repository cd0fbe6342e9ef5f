"""Pods, StatefulSets and cached objects, as an API server has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from vmop.informers import StoredObject
from vmop.informers.store import Store
from vmop.kube import Manifest, Resource, key_of
from vmop.kube.wire import decode_object, encode

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
UID = "sts-uid"


def at(seconds: float) -> str:
    """A timestamp so many seconds before now."""
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@attrs.frozen
class Pod:
    """A pod of the StatefulSet, by what matters."""

    ordinal: int
    revision: str = "new"
    ready: bool = True
    leaving: bool = False
    #: seconds since it became what it is
    since: float = 600
    #: seconds since it was made
    age: float = 600

    def manifest(self, **spec: Any) -> Manifest:
        name = f"db-{self.ordinal}"
        metadata: Manifest = {
            "name": name,
            "namespace": "ns",
            "uid": f"uid-{self.ordinal}",
            "resourceVersion": "5",
            "labels": {"app": "db", "controller-revision-hash": self.revision},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": UID}],
            "creationTimestamp": at(self.age),
        }
        if self.leaving:
            metadata["deletionTimestamp"] = at(self.since)
        condition = {"type": "Ready", "status": str(self.ready), "lastTransitionTime": at(self.since)}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"subdomain": "db", **spec},
            "status": {"phase": "Running", "conditions": [condition]},
        }


def stateful_set(replicas: int = 3, *, age: float = 3600, claims: tuple[str, ...] = (), **spec: Any) -> Manifest:
    """An observed StatefulSet on revision `new`."""
    templates = [{"metadata": {"name": name}, "spec": {}} for name in claims]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "ns", "uid": UID, "generation": 1, "creationTimestamp": at(age)},
        "spec": {
            "serviceName": "db",
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"spec": {}},
            **({"volumeClaimTemplates": templates} if claims else {}),
            **spec,
        },
        "status": {"observedGeneration": 1, "updateRevision": "new"},
    }


def stored(resource: Resource, manifest: Manifest) -> StoredObject:
    """A manifest as informers keep it."""
    store = Store(resource)
    store.upsert(decode_object(encode(manifest)))
    found = store.get(key_of(manifest))
    assert found is not None
    return found
