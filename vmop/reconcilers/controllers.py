"""The controllers of the operator: which objects wake which reconciler.

:func:`controllers` is what an embedding host adds to its own manager; nothing here starts, reads or registers anything
global.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from prometheus_client import CollectorRegistry

from vmop.builders.vmdistributed.ownership import OWNER, PREFIX, ZONE, ZONE_STATE
from vmop.informers import Informer, StoredObject
from vmop.kube import ObjectKey, Resource
from vmop.kube.resources import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    HORIZONTAL_POD_AUTOSCALER,
    HTTP_ROUTE,
    INGRESS,
    NETWORK_POLICY,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    STORAGE_CLASS,
    VERTICAL_POD_AUTOSCALER,
    VM_AGENT,
    VM_AUTH,
    VM_CLUSTER,
    VM_DISTRIBUTED,
    VM_POD_SCRAPE,
    VM_SERVICE_SCRAPE,
    VM_SINGLE,
)
from vmop.reconcilers.context import Context
from vmop.reconcilers.hold import UPDATING_PHASES, zone_phases
from vmop.reconcilers.lifecycle import Kind, Parent
from vmop.reconcilers.objects import MANAGED
from vmop.reconcilers.vmagent import VMAgentKind
from vmop.reconcilers.vmauth import VMAuthKind
from vmop.reconcilers.vmcluster import VMClusterKind
from vmop.reconcilers.vmdistributed.kind import VMDistributedKind
from vmop.reconcilers.vmdistributed.metrics import DistributedMetrics
from vmop.reconcilers.vmdistributed.observe import CHILD_RESOURCES
from vmop.reconcilers.vmsingle import VMSingleKind
from vmop.runtime import Change, Controller, annotations_changed, any_of, generation_changed

#: kinds with a reconciler
PARENTS = (VM_CLUSTER, VM_SINGLE, VM_AGENT, VM_AUTH, VM_DISTRIBUTED)
#: what the operator makes of built-in kinds; only objects that carry its label are watched (DESIGN)
OWN_KINDS = (
    DEPLOYMENT,
    STATEFUL_SET,
    DAEMON_SET,
    POD,
    SERVICE,
    ENDPOINT_SLICE,
    SERVICE_ACCOUNT,
    SECRET,
    CONFIG_MAP,
    PERSISTENT_VOLUME_CLAIM,
    ROLE,
    ROLE_BINDING,
    POD_DISRUPTION_BUDGET,
    HORIZONTAL_POD_AUTOSCALER,
    NETWORK_POLICY,
    INGRESS,
)
CLUSTER_KINDS = (CLUSTER_ROLE, CLUSTER_ROLE_BINDING)

#: names that ``-controller.disableReconcileFor`` knows (spec 08 §11.1), those included that vmop has no controller for
CONTROLLER_NAMES = frozenset(
    {
        "VMCluster",
        "VMAgent",
        "VMAnomaly",
        "VMAnomalyConfig",
        "VMAuth",
        "VMSingle",
        "VLAgent",
        "VLogs",
        "VLSingle",
        "VLCluster",
        "VTSingle",
        "VTCluster",
        "VMAlertmanager",
        "VMAlert",
        "VMUser",
        "VMRule",
        "VMAlertmanagerConfig",
        "VMServiceScrape",
        "VMPodScrape",
        "VMProbe",
        "VMNodeScrape",
        "VMStaticScrape",
        "VMScrapeConfig",
        "VMDistributed",
        "VLDistributed",
        "PodMonitor",
        "ServiceMonitor",
        "ScrapeConfig",
        "AlertmanagerConfig",
        "Probe",
        "PrometheusRule",
    }
)

spec_or_annotations_changed = any_of(generation_changed, annotations_changed)


def controllers(
    context: Context,
    *,
    registry: CollectorRegistry | None = None,
    workers: int = 15,
    timeout: float | None = None,
) -> list[Controller]:
    """All controllers that are not disabled, with their watches on the context's informers.

    `registry` takes the metrics of rollouts. VMDistributed needs the controllers of VMAgent and VMCluster, so it goes
    with them (spec 02 §1).
    """
    prepare_informers(context)
    kinds: Mapping[Resource, Kind[Any]] = {
        VM_CLUSTER: VMClusterKind(context),
        VM_SINGLE: VMSingleKind(context),
        VM_AGENT: VMAgentKind(context),
        VM_AUTH: VMAuthKind(context),
        VM_DISTRIBUTED: VMDistributedKind(context, DistributedMetrics(registry or CollectorRegistry())),
    }
    wiring = _Wiring(context)
    found = []
    for resource, kind in kinds.items():
        if resource.kind not in context.disabled:
            name = resource.kind.lower()
            controller = Controller(name, Parent(context, kind).reconcile, workers=workers, timeout=timeout)
            controller.watch_for(context.informers.informer(resource), spec_or_annotations_changed)
            found.append(wiring.watches(controller, resource))
    return found


def prepare_informers(context: Context) -> None:
    """Ask for every informer that reconcilers read, so that all are synced before the first reconcile."""
    scrapes = (each for each in (VM_SERVICE_SCRAPE, VM_POD_SCRAPE) if each.kind not in context.disabled)
    for resource in (*CHILD_RESOURCES.values(), VM_DISTRIBUTED, *scrapes):
        context.informers.informer(resource)
    for resource in OWN_KINDS:
        context.informers.informer(resource, label_selector=MANAGED)
    if context.settings.vpa_api_enabled:
        context.informers.informer(VERTICAL_POD_AUTOSCALER, label_selector=MANAGED)
    if context.settings.gateway_api_enabled:
        context.informers.informer(HTTP_ROUTE, label_selector=MANAGED)
    if not context.settings.watch_namespace:
        for resource in CLUSTER_KINDS:
            context.informers.informer(resource, label_selector=MANAGED)
        context.informers.informer(STORAGE_CLASS)


@attrs.frozen
class _Wiring:
    """What else wakes the reconciler of a kind."""

    context: Context

    def watches(self, controller: Controller, resource: Resource) -> Controller:
        match resource.kind:
            case "VMDistributed":
                return self._distributed(controller)
            case "VMCluster":
                owned: tuple[Resource, ...] = (STATEFUL_SET, DEPLOYMENT, SERVICE)
            case "VMSingle":
                owned = (DEPLOYMENT, SERVICE, SECRET, CONFIG_MAP)
            case "VMAgent":
                owned = (STATEFUL_SET, DEPLOYMENT, DAEMON_SET, SERVICE, SECRET, CONFIG_MAP)
                for backend in (VM_CLUSTER, VM_SINGLE):
                    controller.watches(self._of(backend), self._agents_of_zone, marker_changed)
            case _:
                owned = (DEPLOYMENT, SERVICE, SECRET)
                for target in (VM_AGENT, VM_CLUSTER, VM_SINGLE):
                    controller.watches(self._of(target), self._balancers_of, generation_changed)
        if resource is not VM_AUTH:
            controller.watches(
                self._of(VM_DISTRIBUTED), lambda owner: self._members_in_turn(owner, resource), phases_changed
            )
        for each in owned:
            controller.owns(self._of(each), resource)
        names = CLUSTER_PARTS if resource is VM_CLUSTER else frozenset({resource.kind.lower()})
        # neither has an owner reference to the resource: pods belong to workloads, claims to nobody
        for each in (POD, PERSISTENT_VOLUME_CLAIM):
            controller.watches(self._of(each), lambda obj: _instance_of(obj, names))
        return controller

    def _of(self, resource: Resource) -> Informer:
        selector = "" if resource.group == VM_CLUSTER.group else MANAGED
        return self.context.informers.informer(resource, label_selector=selector)

    def _distributed(self, controller: Controller) -> Controller:
        for child in CHILD_RESOURCES.values():
            controller.watches(self._of(child), self._parents_of, child_changed)
        return controller.watches(self._of(ENDPOINT_SLICE), self._parents_of_endpoints)

    def _parents_of(self, child: StoredObject) -> Iterable[ObjectKey]:
        """The VMDistributed of a child: by owner reference, by marker, or because its spec names it (spec 02 §15)."""
        found = {
            ObjectKey(child.key.namespace, ref["name"])
            for ref in child.metadata.get("ownerReferences") or ()
            if ref.get("kind") == VM_DISTRIBUTED.kind
        }
        namespace, _, rest = child.annotations.get(OWNER, "").partition("/")
        if rest:
            found.add(ObjectKey(namespace, rest.partition("/")[0]))
        if not found:
            parents = self._of(VM_DISTRIBUTED).lister.list(child.key.namespace)
            found.update(parent.key for parent in parents if _names(parent, child.key.name))
        return found

    def _parents_of_endpoints(self, endpoints: StoredObject) -> Iterable[ObjectKey]:
        """The VMDistributed of the agent whose Service has these endpoints."""
        if endpoints.labels.get("app.kubernetes.io/name") != VM_AGENT.kind.lower():
            return ()
        key = ObjectKey(endpoints.key.namespace, endpoints.labels.get("app.kubernetes.io/instance", ""))
        agent = self._of(VM_AGENT).lister.get(key)
        return self._parents_of(agent) if agent is not None else ()

    def _agents_of_zone(self, backend: StoredObject) -> Iterable[ObjectKey]:
        """Agents in the zone of a backend: its marker lets their templates through (I8)."""
        owner, zone = backend.annotations.get(OWNER), backend.annotations.get(ZONE)
        if owner is None:
            return []
        agents = self._of(VM_AGENT).lister.list(backend.key.namespace)
        return [
            agent.key
            for agent in agents
            if agent.annotations.get(OWNER) == owner and agent.annotations.get(ZONE) == zone
        ]

    def _members_in_turn(self, distributed: StoredObject, resource: Resource) -> Iterable[ObjectKey]:
        """Children of zones that are being updated: their templates are let through (I8)."""
        owner = f"{distributed.key}/{distributed.uid}"
        zones = {name for name, phase in zone_phases(distributed).items() if phase in UPDATING_PHASES}
        return [
            child.key
            for child in self._of(resource).lister.list(distributed.key.namespace)
            if child.annotations.get(OWNER) == owner and child.annotations.get(ZONE) in zones
        ]

    def _balancers_of(self, target: StoredObject) -> Iterable[ObjectKey]:
        """VMAuths that send traffic to an object."""
        return [balancer.key for balancer in self._of(VM_AUTH).lister.list() if _refers_to(balancer, target.key)]


CLUSTER_PARTS = frozenset({"vminsert", "vmselect", "vmstorage", "vmclusterlb-vmauth-balancer"})


def marker_changed(change: Change) -> bool:
    """The ``zone-state`` marker was set or removed."""
    old, new = (obj.annotations.get(ZONE_STATE) if obj is not None else None for obj in (change.old, change.new))
    return old != new


def phases_changed(change: Change) -> bool:
    """Zones of a VMDistributed entered other phases."""
    old, new = (zone_phases(obj) if obj is not None else {} for obj in (change.old, change.new))
    return old != new


def child_changed(change: Change) -> bool:
    """Something of a child changed that a VMDistributed decides on (spec 02 §15)."""
    return change.old is None or change.new is None or _decisive(change.old) != _decisive(change.new)


def _decisive(child: StoredObject) -> tuple[Any, ...]:
    status = child.get("status") or {}
    return (
        child.uid,
        child.generation,
        status.get("updateStatus"),
        status.get("observedGeneration"),
        child.metadata.get("deletionTimestamp"),
        child.metadata.get("ownerReferences"),
        {key: value for key, value in child.annotations.items() if key.startswith(PREFIX)},
        [(each.get("type"), each.get("status")) for each in status.get("conditions") or ()],
    )


def _instance_of(obj: StoredObject, names: frozenset[str]) -> list[ObjectKey]:
    """The resource that a pod runs for, or a claim was made for, by its labels."""
    if obj.labels.get("app.kubernetes.io/name") not in names:
        return []
    return [ObjectKey(obj.key.namespace, obj.labels.get("app.kubernetes.io/instance", ""))]


def _names(parent: StoredObject, name: str) -> bool:
    """A VMDistributed that resolves to a child of this name, or may do."""
    spec = parent.get("spec") or {}
    parts = [spec.get("vmauth") or {}, *(spec.get("zones") or ())]
    given = {(part.get(key) or {}).get("name") for part in parts for key in ("vmcluster", "vmsingle", "vmagent")} | {
        part.get("name") for part in parts
    }
    derived = {f"{parent.key.name}-{zone.get('name')}" for zone in spec.get("zones") or ()}
    common = [(spec.get("zoneCommon") or {}).get(key) or {} for key in ("vmcluster", "vmsingle", "vmagent")]
    expanded = {
        str(each["name"]).replace("%ZONE%", zone.get("name", ""))
        for each in common
        for zone in spec.get("zones") or ()
        if each.get("name")
    }
    return name in given | derived | expanded | {parent.key.name}


def _refers_to(balancer: StoredObject, target: ObjectKey) -> bool:
    spec = balancer.get("spec") or {}
    refs = [*(spec.get("defaultTargetRefs") or ())]
    refs += (spec.get("unauthorizedUserAccessSpec") or {}).get("targetRefs") or ()
    for ref in refs:
        crd = ref.get("crd") or {}
        for each in (crd, *(crd.get("objects") or ())):
            if (each.get("namespace"), each.get("name")) == target:
                return True
    return False
