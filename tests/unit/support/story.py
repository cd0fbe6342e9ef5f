"""A rollout told by hand: the changes that an API server would tell of, with nobody behind them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

from tests.support.invariants import Checker
from tests.support.mirror import ZONE_STATE, Change, ChangeType
from vmop.kube import Manifest, ObjectKey

NAMESPACE = "obs"
OPERATOR, USER = "vmop", "kubectl"
Edit = Callable[[Manifest], None]


class Story:
    """VMDistributed `met` with zones, written change by change; what vmauth and vmagent pods run is set by hand."""

    def __init__(self, *zones: str) -> None:
        self.zones = zones
        self.configs: dict[ObjectKey, bytes] = {}
        self.queues: dict[ObjectKey, dict[str, float]] = {}
        self.checker = Checker(self, disruptive=lambda kind, old, new: old.get("image") != new.get("image"))
        self._objects: dict[tuple[str, str], Manifest] = {}
        self._version = 0

    # what runs

    def config(self, pod: ObjectKey) -> bytes | None:
        return self.configs.get(pod)

    def pending(self, pod: ObjectKey) -> Mapping[str, float]:
        return self.queues.get(pod, {})

    # changes

    @property
    def violations(self) -> list[tuple[str, str, str]]:
        return [(one.rule, one.label, one.text) for one in self.checker.violations]

    def put(self, manifest: Manifest, *, by: str = OPERATOR) -> None:
        """Create it, or store it in the place of what is there."""
        known = self._objects.get((manifest["kind"], manifest["metadata"]["name"]))
        new = copy.deepcopy(manifest)
        metadata = new["metadata"]
        metadata.setdefault("namespace", NAMESPACE)
        generation = known["metadata"]["generation"] if known else 0
        metadata["generation"] = generation + (known is None or known.get("spec") != new.get("spec"))
        entries = [
            one for one in (known or {"metadata": {}})["metadata"].get("managedFields", []) if one["manager"] != by
        ]
        metadata["managedFields"] = [*entries, {"manager": by, "operation": "Apply", "time": str(self._version)}]
        self._tell("MODIFIED" if known else "ADDED", known, new)

    def edit(self, kind: str, name: str, edit: Edit, *, by: str = OPERATOR) -> None:
        manifest = copy.deepcopy(self._objects[kind, name])
        edit(manifest)
        self.put(manifest, by=by)

    def delete(self, kind: str, name: str) -> None:
        known = self._objects[kind, name]
        self._tell("DELETED", known, copy.deepcopy(known))

    def _tell(self, type_: ChangeType, old: Manifest | None, new: Manifest) -> None:
        self._version += 1
        key = new["kind"], new["metadata"]["name"]
        if type_ == "DELETED":
            del self._objects[key]
        else:
            self._objects[key] = new
        self.checker.feed(Change(self._version, type_, old, new))

    # what a rollout is made of

    @classmethod
    def steady(cls, *zones: str) -> Story:
        """Everything is ready and has traffic; nothing has happened yet that a rule could be about."""
        story = cls(*zones)
        story.put(distributed(zones), by=USER)
        for zone in zones:
            story.zone(zone)
        story.put(balancer(zones, zones))
        story.pod("vmauth", "met")
        story.run(zones, zones)
        assert story.violations == []
        story.checker.turns.clear()
        return story

    def zone(self, zone: str) -> None:
        """Bring up a zone with all that belongs to it."""
        self.put(child("VMCluster", zone) | {"metadata": owned(f"met-{zone}", {ZONE_STATE: "updating"})})
        self.put(child("VMAgent", zone))
        for kind, workload in (("VMCluster", "vmselect"), ("VMAgent", "vmagent")):
            self.put(deployment(workload, kind, f"met-{zone}"))
            self.pod(workload, f"met-{zone}")
        self.put(endpoints(f"vmagent-met-{zone}"), by="endpointslice-controller")
        self.status("VMCluster", f"met-{zone}")
        self.status("VMAgent", f"met-{zone}")
        self.mark(zone, on=False)

    def pod(self, app: str, instance: str, *, ready: bool = True) -> None:
        self.put(pod(app, instance, ready=ready), by="kubelet")

    def status(self, kind: str, name: str, status: str = "operational", **fields: Any) -> None:
        """Its controller has seen the spec, and says so."""

        def edit(manifest: Manifest) -> None:
            seen = {"updateStatus": status, "observedGeneration": manifest["metadata"]["generation"]}
            manifest["status"] = (manifest.get("status") or {}) | seen | fields

        self.edit(kind, name, edit, by="vmop-status")

    def mark(self, zone: str, *, on: bool = True) -> None:
        def edit(manifest: Manifest) -> None:
            annotations = manifest["metadata"].setdefault("annotations", {})
            annotations[ZONE_STATE] = "updating"
            if not on:
                del annotations[ZONE_STATE]

        self.edit("VMCluster", f"met-{zone}", edit)

    def update(self, kind: str, zone: str, *, image: str = "new", by: str = OPERATOR) -> None:
        """Another image in a child's spec; its controller has not seen it yet."""
        self.edit(kind, f"met-{zone}", lambda manifest: manifest["spec"].update(image=image), by=by)

    def roll(self, workload: str, zone: str, *, image: str = "new") -> None:
        """Another image in a workload's pod template, and the pod is replaced."""
        name = f"{workload}-met-{zone}"
        self.edit("Deployment", name, lambda manifest: manifest["spec"]["template"]["spec"].update(image=image))
        self.delete("Pod", name)
        self.pod(workload, f"met-{zone}")

    def target(self, read: Iterable[str], write: Iterable[str]) -> None:
        """Write the VMAuth; what pods run follows with :meth:`run`."""
        self.put(balancer(read, write))

    def run(self, read: Iterable[str], write: Iterable[str]) -> None:
        """The vmauth pod has reloaded this config."""
        self.configs[ObjectKey(NAMESPACE, "vmauth-met")] = config(read, write)
        self.checker.look()


def distributed(zones: Iterable[str], *, modes: Mapping[str, str] | None = None) -> Manifest:
    listed = [{"name": zone, "trafficMode": (modes or {}).get(zone, "read-write")} for zone in zones]
    return {
        "apiVersion": "operator.victoriametrics.com/v1alpha1",
        "kind": "VMDistributed",
        "metadata": {"name": "met", "namespace": NAMESPACE},
        "spec": {"zones": listed},
    }


def owned(name: str, annotations: Mapping[str, str] | None = None) -> Manifest:
    reference = {"kind": "VMDistributed", "name": "met", "controller": True}
    return {
        "name": name,
        "namespace": NAMESPACE,
        "annotations": dict(annotations or {}),
        "ownerReferences": [reference],
    }


def child(kind: str, zone: str) -> Manifest:
    spec: Manifest = {"image": "old"} | ({"vminsert": {"replicaCount": 1}} if kind == "VMCluster" else {})
    return {"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": kind, "metadata": owned(f"met-{zone}")} | {
        "spec": spec
    }


def deployment(app: str, kind: str, owner: str) -> Manifest:
    reference = {"kind": kind, "name": owner, "controller": True}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{app}-{owner}", "namespace": NAMESPACE, "ownerReferences": [reference]},
        "spec": {"template": {"spec": {"image": "old"}}},
    }


def pod(app: str, instance: str, *, ready: bool = True) -> Manifest:
    labels = {"app.kubernetes.io/name": app, "app.kubernetes.io/instance": instance}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{app}-{instance}", "namespace": NAMESPACE, "labels": labels},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def endpoints(service: str, *, ready: bool = True) -> Manifest:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": service, "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
    }


def balancer(read: Iterable[str], write: Iterable[str]) -> Manifest:
    refs = [
        {"name": name, "crd": {"kind": kind, "objects": [{"name": f"met-{zone}"} for zone in zones]}}
        for name, kind, zones in (("write", "VMAgent", write), ("read", "VMCluster/vmselect", read))
    ]
    return {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMAuth",
        "metadata": owned("met"),
        "spec": {"defaultTargetRefs": refs},
    }


def config(read: Iterable[str], write: Iterable[str]) -> bytes:
    """The text that vmauth would run with."""
    writers = [f"http://vmagent-met-{zone}.{NAMESPACE}.svc:8429" for zone in write]
    readers = [f"http://vmselect-met-{zone}.{NAMESPACE}.svc:8481" for zone in read]
    return yaml.safe_dump(
        {"unauthorized_user": {"url_map": [{"url_prefix": writers}, {"url_prefix": readers}]}}
    ).encode()
