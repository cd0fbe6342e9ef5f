"""What is stored and what runs, as far as the rules about a VMDistributed need it.

A mirror is fed with every change of every object, in order. It knows which zone an object belongs to by names and
owner references alone, as a user would find out, and never asks the operator's code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol

import attrs
import yaml

from vmop.devcluster.storage import StorageEvent
from vmop.kube import Manifest, ObjectKey

PREFIX = "operator.victoriametrics.com/vmdistributed-"
ZONE_STATE = f"{PREFIX}zone-state"
DISTRIBUTED, BACKENDS, AGENT, BALANCER = "VMDistributed", ("VMCluster", "VMSingle"), "VMAgent", "VMAuth"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
#: applications of a zone's pods, by the kind of the child that they run for
BACKEND_APPS = ("vmselect", "vminsert", "vmstorage", "vmsingle")
READ_APPS, WRITE_APPS = ("vmselect", "vmsingle"), ("vmagent",)

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Ref = Literal["read", "write"]


@attrs.frozen
class Change:
    """One change of one object; `version` is the instant, by which the API server counts."""

    version: int
    type: ChangeType
    old: Manifest | None
    #: what is stored now; for a deletion what was stored last
    new: Manifest

    @classmethod
    def of(cls, event: StorageEvent) -> Change:
        """What the dev cluster's storage tells."""
        return cls(event.version, event.type, event.old.object if event.old else None, event.new.object)

    @property
    def kind(self) -> str:
        kind: str = self.new["kind"]
        return kind

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.new["metadata"].get("namespace", ""), self.new["metadata"]["name"])

    @property
    def label(self) -> str:
        return f"{self.kind} {self.key}"

    def changed(self, *path: str) -> bool:
        """The field at `path` is another one than before."""
        return bool(_at(self.old, path) != _at(self.new, path))

    @property
    def writer(self) -> str:
        """The field manager whose write this was; empty where nobody manages anything.

        Another manager's entry may change too, but only loses fields, those that the writer took over. Two writes of
        one manager within a second may leave its entry as it was: then it is the newest one.
        """
        before = {_entry_key(entry): entry for entry in _managers(self.old)}
        for entry in _managers(self.new):
            known = before.get(_entry_key(entry))
            if known is None or (known != entry and not _lost_fields(known, entry)):
                return str(entry.get("manager", ""))
        newest = max(_managers(self.new), key=lambda entry: str(entry.get("time", "")), default={})
        return str(newest.get("manager", ""))

    @property
    def by_operator(self) -> bool:
        return self.writer.startswith("vmop")

    @property
    def status(self) -> Manifest:
        status: Manifest = self.new.get("status") or {}
        return status

    @property
    def old_status(self) -> Manifest:
        return (self.old or {}).get("status") or {}


def _at(manifest: Manifest | None, path: tuple[str, ...]) -> Any:
    value: Any = manifest
    for key in path:
        value = (value or {}).get(key)
    return value


def _managers(manifest: Manifest | None) -> list[Manifest]:
    return (manifest or {}).get("metadata", {}).get("managedFields") or []


def _entry_key(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry.get("manager"), entry.get("operation"), entry.get("subresource"), entry.get("apiVersion")


def _lost_fields(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return before.get("time") == now.get("time") and _paths(now) < _paths(before)


def _paths(entry: Mapping[str, Any]) -> set[tuple[str, ...]]:
    return set(_leaves(entry.get("fieldsV1") or {}, ()))


def _leaves(fields: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in fields.items():
        yield (*path, key)
        yield from _leaves(value, (*path, key))


@attrs.frozen
class Zone:
    """A zone of the spec as it stands."""

    owner: ObjectKey
    name: str
    mode: str
    backend_kind: str
    backend: str
    agent: str

    @property
    def in_play(self) -> bool:
        """It is one of Z: its mode is not ``maintenance``."""
        return self.mode != "maintenance"

    def may(self, ref: Ref) -> bool:
        """Its mode lets it be a target of `ref`."""
        return self.mode in ("read-write", f"{ref}-only")

    def instance(self, app: str) -> str:
        """The child that pods of `app` run for."""
        return self.agent if app == "vmagent" else self.backend


@attrs.frozen
class Routes:
    """Zones among the targets of a vmauth. Not `configured`: it lets nobody in, so there are no targets at all."""

    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    configured: bool = True

    def of(self, ref: Ref) -> frozenset[str]:
        return self.read if ref == "read" else self.write

    @property
    def all(self) -> frozenset[str]:
        return self.read | self.write


class Running(Protocol):
    """What runs in pods at this moment."""

    def config(self, pod: ObjectKey) -> bytes | None:
        """The config that a vmauth pod runs with; None for a pod that does not run."""

    def pending(self, pod: ObjectKey) -> Mapping[str, float]:
        """Bytes on disk by remote write URL of a vmagent pod; nothing for a pod that does not run."""


class Mirror:
    """All objects as they are stored, and the questions that rules ask."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self._objects: dict[str, dict[ObjectKey, Manifest]] = {}
        self._parsed: dict[bytes, tuple[str, ...]] = {}

    def apply(self, change: Change) -> None:
        objects = self._objects.setdefault(change.kind, {})
        if change.type == "DELETED":
            objects.pop(change.key, None)
        else:
            objects[change.key] = change.new

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        return self._objects.get(kind, {}).get(ObjectKey(namespace, name))

    def all(self, kind: str) -> list[Manifest]:
        return list(self._objects.get(kind, {}).values())

    # -- zones -------------------------------------------------------------------------------------------------------

    def living(self) -> list[Manifest]:
        """Every VMDistributed that is not being deleted."""
        return [one for one in self.all(DISTRIBUTED) if not one["metadata"].get("deletionTimestamp")]

    def zones(self, distributed: Manifest) -> tuple[Zone, ...]:
        """Zones of its spec, with the names of spec 02 §2. None for a spec that is no spec."""
        spec, metadata = distributed.get("spec") or {}, distributed["metadata"]
        common = spec.get("zoneCommon") or {}
        kind = spec.get("backendType") or "VMCluster"
        found = []
        for zone in spec.get("zones") or ():

            def name(field: str, zone: Manifest = zone) -> str:
                own, shared = (zone.get(field) or {}).get("name"), (common.get(field) or {}).get("name")
                derived = f"{metadata['name']}-{zone['name']}"
                return str(own or (shared or "").replace("%ZONE%", zone["name"]) or derived)

            owner = ObjectKey(metadata["namespace"], metadata["name"])
            mode = zone.get("trafficMode") or "read-write"
            found.append(Zone(owner, zone["name"], mode, kind, name(kind.lower()), name("vmagent")))
        return tuple(found)

    def zone_of(self, kind: str, key: ObjectKey) -> Zone | None:
        """The zone of a living VMDistributed to which a child belongs: by its name and by its owner reference."""
        child = self.get(kind, *key)
        if child is None:
            return None
        for distributed in self.living():
            for zone in self.zones(distributed):
                named = (zone.backend_kind, zone.backend) if kind in BACKENDS else (AGENT, zone.agent)
                if zone.owner.namespace == key.namespace and named == (kind, key.name) and self.owns(zone, child):
                    return zone
        return None

    @staticmethod
    def owns(zone: Zone, child: Manifest) -> bool:
        """The child carries an owner reference to the zone's VMDistributed."""
        return any(
            reference["kind"] == DISTRIBUTED and reference["name"] == zone.owner.name
            for reference in child["metadata"].get("ownerReferences") or ()
        )

    def siblings(self, zone: Zone) -> list[Zone]:
        """The other zones of the same VMDistributed."""
        distributed = self.get(DISTRIBUTED, *zone.owner)
        return [one for one in self.zones(distributed or {"metadata": {}}) if one.name != zone.name]

    def child(self, zone: Zone, kind: str) -> Manifest | None:
        return self.get(kind, zone.owner.namespace, zone.agent if kind == AGENT else zone.backend)

    def marked(self, zone: Zone) -> bool:
        """``upd(z)``"""
        return is_marked(self.child(zone, zone.backend_kind))

    def unready(self, zone: Zone) -> str:
        """Why not ``ready(z)``; empty when it is."""
        if self.marked(zone):
            return f"zone {zone.name} is marked"
        return self._first(not_operational, zone) or self._unreachable(zone)

    def unsettled(self, zone: Zone) -> str:
        """Why backend or agent do not run what they should, held updates included; empty when they do."""
        return self._first(not_operational, zone) or self._first(held, zone)

    def _first(self, question: Callable[[Manifest | None, str], str], zone: Zone) -> str:
        kinds = (zone.backend_kind, AGENT)
        answers = (question(self.child(zone, kind), f"{kind} of {zone.name}") for kind in kinds)
        return next((answer for answer in answers if answer), "")

    def _unreachable(self, zone: Zone) -> str:
        agent = self.child(zone, AGENT) or {}
        if (agent.get("spec") or {}).get("replicaCount", 1) == 0:
            return ""
        service = f"vmagent-{zone.agent}"
        for one in self.all("EndpointSlice"):
            labels = one["metadata"].get("labels") or {}
            if labels.get("kubernetes.io/service-name") == service and any(
                (endpoint.get("conditions") or {}).get("ready") is not False for endpoint in one.get("endpoints") or ()
            ):
                return ""
        return f"agent of {zone.name} has no ready endpoint"

    # -- pods --------------------------------------------------------------------------------------------------------

    def pods(self, namespace: str, app: str, instance: str) -> list[Manifest]:
        return [
            pod
            for pod in self.all("Pod")
            if pod["metadata"].get("namespace") == namespace and pod_labels(pod) == (app, instance)
        ]

    def has_ready_pod(self, zone: Zone, ref: Ref) -> bool:
        """Somebody answers what `ref` of the zone is sent."""
        apps = READ_APPS if ref == "read" else WRITE_APPS
        return any(is_ready(pod) for app in apps for pod in self.pods(zone.owner.namespace, app, zone.instance(app)))

    # -- routes ------------------------------------------------------------------------------------------------------

    @staticmethod
    def balancer_name(distributed: Manifest) -> str | None:
        """The VMAuth's name; None where there is to be none."""
        given = (distributed.get("spec") or {}).get("vmauth") or {}
        if given.get("enabled") is False:
            return None
        return str(given.get("name") or distributed["metadata"]["name"])

    def stored_routes(self, distributed: Manifest) -> Routes:
        """Targets in the spec of the VMAuth."""
        name = self.balancer_name(distributed)
        balancer = self.get(BALANCER, distributed["metadata"]["namespace"], name) if name else None
        return refs_of(balancer, self.zones(distributed))

    def running_routes(self, distributed: Manifest) -> dict[ObjectKey, Routes]:
        """Targets of every vmauth pod that is ready, from the config that it runs with."""
        name = self.balancer_name(distributed)
        namespace = distributed["metadata"]["namespace"]
        found = {}
        for pod in self.pods(namespace, "vmauth", name) if name else ():
            key = ObjectKey(namespace, pod["metadata"]["name"])
            config = self.running.config(key) if is_ready(pod) else None
            if config is not None:
                found[key] = self._routes(config, self.zones(distributed))
        return found

    def served(self, distributed: Manifest) -> Routes:
        """Zones that any vmauth sends traffic to; by the stored targets where none runs or none lets anybody in."""
        running = [routes for routes in self.running_routes(distributed).values() if routes.configured]
        if not running:
            return self.stored_routes(distributed)
        return Routes(
            frozenset().union(*(routes.read for routes in running)),
            frozenset().union(*(routes.write for routes in running)),
        )

    def serving(self, zone: Zone) -> bool:
        """``serving(z)``"""
        distributed = self.get(DISTRIBUTED, *zone.owner)
        if distributed is None:
            return False
        if self.balancer_name(distributed) is None:
            return self.child(zone, zone.backend_kind) is not None
        return zone.name in self.served(distributed).all

    def _routes(self, config: bytes, zones: tuple[Zone, ...]) -> Routes:
        if config not in self._parsed:
            self._parsed[config] = tuple(_urls(yaml.safe_load(config)))
        services = {url.partition("://")[2].partition(".")[0] for url in self._parsed[config]}
        return Routes(
            frozenset(z.name for z in zones for app in READ_APPS if f"{app}-{z.backend}" in services),
            frozenset(z.name for z in zones if f"vmagent-{z.agent}" in services),
            configured=bool(self._parsed[config]),
        )

    def pending(self, zone: Zone) -> float:
        """Bytes on disk that all agents of the VMDistributed still have for a zone's backend."""
        hosts = tuple(f"{app}-{zone.backend}" for app in ("vminsert", "vmsingle"))
        return sum(
            size
            for one in (zone, *self.siblings(zone))
            for pod in self.pods(zone.owner.namespace, "vmagent", one.agent)
            for url, size in self.running.pending(ObjectKey(zone.owner.namespace, pod["metadata"]["name"])).items()
            if url.partition("://")[2].partition(".")[0] in hosts
        )


def _urls(config: Any) -> Iterator[str]:
    """All ``url_prefix`` of a vmauth config."""
    match config:
        case dict():
            for key, value in config.items():
                if key == "url_prefix":
                    yield from [value] if isinstance(value, str) else value
                else:
                    yield from _urls(value)
        case list():
            for item in config:
                yield from _urls(item)


def refs_of(balancer: Manifest | None, zones: tuple[Zone, ...]) -> Routes:
    """Targets in ``spec.defaultTargetRefs`` of a VMAuth."""
    names: dict[str, set[str]] = {"read": set(), "write": set()}
    for ref in ((balancer or {}).get("spec") or {}).get("defaultTargetRefs") or ():
        objects = (ref.get("crd") or {}).get("objects") or ()
        names.setdefault(ref.get("name", ""), set()).update(each["name"] for each in objects)
    return Routes(
        frozenset(zone.name for zone in zones if zone.backend in names["read"]),
        frozenset(zone.name for zone in zones if zone.agent in names["write"]),
    )


def is_marked(backend: Manifest | None) -> bool:
    """The backend carries the marker."""
    return ((backend or {}).get("metadata", {}).get("annotations") or {}).get(ZONE_STATE) == "updating"


def not_operational(child: Manifest | None, label: str) -> str:
    """Why a child is not operational for what is stored; empty when it is."""
    if child is None:
        return f"{label} does not exist"
    status, metadata = child.get("status") or {}, child["metadata"]
    if metadata.get("deletionTimestamp"):
        return f"{label} is being deleted"
    if status.get("updateStatus") != "operational":
        return f"{label} is {status.get('updateStatus')}"
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        return f"{label} has a spec that its controller has not seen"
    return ""


def held(child: Manifest | None, label: str) -> str:
    """That an update is held back; empty when none is."""
    conditions = ((child or {}).get("status") or {}).get("conditions") or ()
    is_held = any(one["type"] == "UpdateHeld" and one["status"] == "True" for one in conditions)
    return f"{label} has an update held back" if is_held else ""


def pod_labels(pod: Manifest) -> tuple[str, str]:
    """Application and instance."""
    labels = pod["metadata"].get("labels") or {}
    return labels.get("app.kubernetes.io/name", ""), labels.get("app.kubernetes.io/instance", "")


def is_ready(pod: Manifest) -> bool:
    """Ready, and nobody asked it to end."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return not pod["metadata"].get("deletionTimestamp") and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )
