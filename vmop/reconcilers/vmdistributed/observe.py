"""From caches to views: what the children are, compared with what they should be.

Everything that a pass decides on comes from here, in one look; nothing is read from the API server. Live reads, where
a stale answer could cost data, belong to :mod:`~vmop.reconcilers.vmdistributed.live`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from vmop.api import Manifest, SpecError, parse, to_json
from vmop.api.v1alpha1 import VMDistributed
from vmop.api.v1beta1 import VMAgent, VMAuth
from vmop.builders.args import prefixed_path, uses_tls
from vmop.builders.registry import with_defaults
from vmop.builders.vmagent import agent_name
from vmop.builders.vmdistributed import ownership, targets
from vmop.builders.vmdistributed.children import Child, Zone, ZoneBuilder, accepts_writes
from vmop.builders.vmdistributed.ownership import Origin, Owner
from vmop.builders.vmdistributed.referenced import LiveChild
from vmop.builders.vmdistributed.targets import Routing
from vmop.informers import StoredObject
from vmop.kube import ObjectKey, Resource
from vmop.kube.apply.compare import contains, is_empty
from vmop.kube.resources import ENDPOINT_SLICE, VM_AGENT, VM_AUTH, VM_CLUSTER, VM_SINGLE
from vmop.reconcilers.context import Context
from vmop.reconcilers.hold import UPDATE_HELD
from vmop.reconcilers.lifecycle import same
from vmop.reconcilers.objects import lister
from vmop.reconcilers.vmdistributed.drain import Agent, Endpoint
from vmop.reconcilers.vmdistributed.model import BalancerView, ChildView, TrafficMode, ZoneView, update_order

CHILD_RESOURCES: Mapping[str, Resource] = {each.kind: each for each in (VM_CLUSTER, VM_SINGLE, VM_AGENT, VM_AUTH)}
SERVICE_NAME = "kubernetes.io/service-name"


@attrs.frozen
class Observed:
    """A VMDistributed, its children as they should be and as they are."""

    context: Context
    cr: VMDistributed
    owner: Owner
    builder: ZoneBuilder
    zones: tuple[Zone, ...]
    views: Mapping[str, ZoneView]
    balancer: BalancerView
    #: who made the children that nobody recorded, by uid
    guessed: Mapping[str, Origin] = attrs.field(factory=dict)

    @classmethod
    def of(
        cls, context: Context, cr: VMDistributed, owner: Owner, guessed: Mapping[str, Origin] | None = None
    ) -> Observed:
        """Look at all children of `cr`, whose defaults are applied. Raises BuildError and SpecError of its spec.

        `guessed` comes from :func:`~vmop.reconcilers.vmdistributed.live.guessed_origins`.
        """
        guessed = guessed or {}
        lookup = _Lookup(context, owner, cr.namespace, str(cr.metadata.get("creationTimestamp", "")), guessed)
        builder = ZoneBuilder(cr, context.settings, context.platform, lookup.live)
        zones = builder.zones()
        views = {zone.name: lookup.zone_view(zone) for zone in zones}
        return cls(context, cr, owner, builder, zones, views, lookup.balancer_view(cr, zones), guessed)

    @property
    def key(self) -> ObjectKey:
        """The VMDistributed."""
        return ObjectKey(self.cr.namespace, self.cr.name)

    def zone(self, name: str) -> Zone:
        """The desired zone of that name."""
        return next(zone for zone in self.zones if zone.name == name)

    def stored(self, kind: str, name: str) -> StoredObject | None:
        """A child as it is cached."""
        return stored_child(self.context, kind, ObjectKey(self.cr.namespace, name))

    def origin(self, stored: StoredObject) -> Origin:
        """Who made a child."""
        created_at = str(self.cr.metadata.get("creationTimestamp", ""))
        return self.guessed.get(stored.uid) or ownership.origin_of(stored.metadata, self.owner, created_at)

    # -- the balancer ------------------------------------------------------------------------------------------------

    @property
    def balancer_name(self) -> str:
        """The VMAuth's name (§2)."""
        return (self.builder.spec.get("vmauth") or {}).get("name") or self.cr.name

    @property
    def keep_last_target(self) -> bool:
        """``rollout.keepLastTarget``, on by default (§19.7)."""
        return bool((self.builder.spec.get("rollout") or {}).get("keepLastTarget", True))

    @property
    def access_configured(self) -> bool:
        """Somebody is let in: unauthorized users, or VMUsers that the VMAuth selects (§7)."""
        live = self.stored(VMAuth.kind, self.balancer_name)
        spec = (
            (live.get("spec") or {}) if live is not None else (self.builder.spec.get("vmauth") or {}).get("spec") or {}
        )
        keys = ("unauthorizedUserAccessSpec", "selectAllByDefault", "userSelector", "userNamespaceSelector")
        return any(spec.get(key) not in (None, False) for key in keys)

    def chosen_targets(self, order: Sequence[str], routing: Routing) -> targets.Targets:
        """Who gets queries and writes under a routing."""
        candidates = [self._candidate(self.zone(name)) for name in order]
        return targets.choose(candidates, routing, keep_last=self.keep_last_target)

    def _candidate(self, zone: Zone) -> targets.Target:
        backend, agent = self.stored(zone.backend.kind, zone.backend.name), self.stored(VMAgent.kind, zone.agent.name)
        mode = TrafficMode(zone.mode)
        return targets.Target(
            zone=zone.name,
            namespace=self.cr.namespace,
            backend=zone.backend.name,
            agent=zone.agent.name,
            reads=mode.reads and backend is not None and ownership.refers_to(backend.metadata, self.owner),
            writes=mode.writes and agent is not None and ownership.refers_to(agent.metadata, self.owner),
            in_read=zone.name in self.balancer.read,
            in_write=zone.name in self.balancer.write,
        )

    def balancer_child(self, order: Sequence[str], routing: Routing) -> Child:
        """The VMAuth as it should be under a routing."""
        chosen = self.chosen_targets(order, routing)
        return self.builder.balancer(targets.target_refs(chosen, self.builder.backend_cls.kind))

    def balancer_differs(self, order: Sequence[str], routing: Routing) -> bool:
        """The stored VMAuth is not the desired one."""
        live = self.stored(VMAuth.kind, self.balancer_name)
        if live is None or not ownership.is_owned(live.metadata, self.owner):
            return True
        return needs_write(self.balancer_child(order, routing), live)

    # -- the pass ----------------------------------------------------------------------------------------------------

    @property
    def steady_order(self) -> tuple[str, ...]:
        """The order that a pass would have if it began now (§9.3)."""
        return update_order(self.views.values())

    @property
    def revision(self) -> str:
        """Hash of all desired specs of backends and agents (§19.7)."""
        return _hash([_hashed(zone) for zone in self.zones])

    def zone_revision(self, name: str) -> str:
        """Hash of the desired specs of one zone."""
        return _hash(_hashed(self.zone(name)))

    def conflicts(self) -> list[str]:
        """Children that another VMDistributed owns (§16.4)."""
        children = [(child.kind, child.name) for zone in self.zones for child in (zone.backend, zone.agent)]
        if self.balancer.managed:
            children.append((VMAuth.kind, self.balancer_name))
        found = []
        for kind, name in children:
            live = self.stored(kind, name)
            other = ownership.other_owner(live.metadata, self.owner) if live is not None else ""
            if other:
                found.append(
                    f"{kind} {self.cr.namespace}/{name} is owned by other distributed resource: {other}, "
                    f"expected: {self.owner.name}"
                )
        return found

    def leftovers(self) -> list[tuple[Resource, StoredObject]]:
        """Children that are ours but belong to no zone any more and are not detached yet (§17.3)."""
        wanted = {(child.kind, child.name) for zone in self.zones for child in (zone.backend, zone.agent)}
        if VMAuth.kind in self.context.disabled or self.balancer.managed:
            wanted.add((VMAuth.kind, self.balancer_name))
        return [
            (resource, stored)
            for resource, stored in owned_children(self.context, self.owner)
            if (resource.kind, stored.key.name) not in wanted
            and ownership.DETACHED not in stored.annotations
            and not stored.metadata.get("deletionTimestamp")
            and not (resource is VM_AUTH and VMAuth.kind in self.context.disabled)
        ]

    # -- queues ------------------------------------------------------------------------------------------------------

    def agents(self, zone: str | None = None) -> list[Agent]:
        """The agents that have pods, or only that of one zone, and the URLs that they write to now."""
        chosen = [each for each in self.zones if zone is None or each.name == zone]
        return [
            Agent(each.name, each.name, agent_endpoints(self.context, live), remote_write_urls(live))
            for each in chosen
            if (live := self.stored(VMAgent.kind, each.agent.name)) is not None and wants_pods(live.get("spec") or {})
        ]


@attrs.frozen
class _Lookup:
    """Children by kind and name, as caches have them."""

    context: Context
    owner: Owner
    namespace: str
    created_at: str
    guessed: Mapping[str, Origin]

    def live(self, kind: str, name: str) -> LiveChild | None:
        stored = stored_child(self.context, kind, ObjectKey(self.namespace, name))
        if stored is None:
            return None
        origin = self.guessed.get(stored.uid) or ownership.origin_of(stored.metadata, self.owner, self.created_at)
        return LiveChild(stored.manifest(), origin)

    def child_view(self, child: Child, zone: str) -> ChildView:
        resource, key = CHILD_RESOURCES[child.kind], ObjectKey(self.namespace, child.name)
        stored = stored_child(self.context, child.kind, key)
        if stored is None:
            return ChildView(resource, key)
        status = stored.get("status") or {}
        differs = needs_write(child, stored)
        return ChildView(
            resource=resource,
            key=key,
            exists=True,
            deleting=bool(stored.metadata.get("deletionTimestamp")),
            finalizers=tuple(stored.metadata.get("finalizers") or ()),
            owned=ownership.is_owned(stored.metadata, self.owner, zone),
            needs_write=differs,
            disruptive=differs and self._is_disruptive(child, stored),
            held=any(
                condition.get("type") == UPDATE_HELD and condition.get("status") == "True"
                for condition in status.get("conditions") or ()
            ),
            update_status=status.get("updateStatus", ""),
            generation=stored.generation,
            observed_generation=status.get("observedGeneration", 0),
        )

    def _is_disruptive(self, child: Child, stored: StoredObject) -> bool:
        """Differs also from what the stored spec comes to with today's defaults (§9.2)."""
        desired = child.spec if child.part is None else self._defaulted(child, child.spec)
        return not _same_spec(desired, self._defaulted(child, stored.get("spec") or {}))

    def _defaulted(self, child: Child, spec: Manifest) -> Manifest:
        manifest = {"metadata": {"name": child.name, "namespace": self.namespace}, "spec": spec}
        try:
            return to_json(with_defaults(parse(child.cls, manifest).object, *self._settings).spec)
        except SpecError:
            # whatever it is, today's operator cannot run it
            return {}

    @property
    def _settings(self) -> tuple[Any, Any]:
        return self.context.settings, self.context.platform

    def zone_view(self, zone: Zone) -> ZoneView:
        backend = stored_child(self.context, zone.backend.kind, ObjectKey(self.namespace, zone.backend.name))
        agent = stored_child(self.context, VMAgent.kind, ObjectKey(self.namespace, zone.agent.name))
        agent_view = self.child_view(zone.agent, zone.name)
        return ZoneView(
            name=zone.name,
            mode=TrafficMode(zone.mode),
            backend=self.child_view(zone.backend, zone.name),
            agent=agent_view,
            marked=backend is not None and backend.annotations.get(ownership.ZONE_STATE) == ownership.UPDATING,
            accepts_writes_before=backend is not None and accepts_writes(zone.backend.kind, backend.get("spec") or {}),
            accepts_writes_after=zone.accepts_writes,
            agent_reachable=agent is not None and is_reachable(self.context, agent),
            agent_queue_at_risk=agent is not None
            and (agent_view.disruptive or agent_view.held)
            and queue_at_risk(agent, zone.agent.spec),
        )

    def _listed(self, child: Child) -> targets.Listed:
        return targets.Listed(child.kind, self.namespace, child.name)

    def balancer_view(self, cr: VMDistributed, zones: Sequence[Zone]) -> BalancerView:
        given = to_json(cr.spec).get("vmauth") or {}
        if given.get("enabled") is False or VMAuth.kind in self.context.disabled:
            return BalancerView(managed=False)
        name = given.get("name") or cr.name
        stored = stored_child(self.context, VMAuth.kind, ObjectKey(self.namespace, name))
        if stored is None:
            return BalancerView()
        status, spec = stored.get("status") or {}, stored.get("spec") or {}
        current = status.get("observedGeneration", 0) >= stored.generation
        read, write = targets.listed(spec, "read"), targets.listed(spec, "write")
        return BalancerView(
            exists=True,
            operational=current and status.get("updateStatus") == "operational",
            paused=bool(spec.get("paused")),
            read=frozenset(zone.name for zone in zones if self._listed(zone.backend) in read),
            write=frozenset(zone.name for zone in zones if self._listed(zone.agent) in write),
        )


def stored_child(context: Context, kind: str, key: ObjectKey) -> StoredObject | None:
    """A child of that kind and name, as caches have it."""
    return context.informers.informer(CHILD_RESOURCES[kind]).lister.get(key)


def owned_children(context: Context, owner: Owner) -> list[tuple[Resource, StoredObject]]:
    """All objects of the four kinds in the owner's namespace that carry its reference or its marker."""
    return [
        (resource, stored)
        for resource in CHILD_RESOURCES.values()
        for stored in context.informers.informer(resource).lister.list(owner.namespace)
        if ownership.refers_to(stored.metadata, owner) or ownership.is_marked_as_ours(stored.metadata, owner)
    ]


def needs_write(child: Child, stored: StoredObject) -> bool:
    """The stored spec is not the desired one; of a child that keeps its own, the part that is ours."""
    spec = stored.get("spec") or {}
    annotations = any(stored.annotations.get(key) != value for key, value in child.annotations.items())
    if child.part is None:
        return annotations or not _same_spec(child.spec, spec)
    return annotations or any(
        not (contains(spec.get(key), value) and contains(value, spec.get(key))) for key, value in child.part.items()
    )


def _same_spec(one: Manifest, other: Manifest) -> bool:
    return same(_without_repeats(one), _without_repeats(other))


def _without_repeats(value: Any) -> Any:
    """Without pull secrets that are named twice: the Go operator appends them once more at each pass (T13)."""
    if not isinstance(value, dict):
        return value
    found = {key: _without_repeats(item) for key, item in value.items()}
    secrets = found.get("imagePullSecrets")
    if isinstance(secrets, list):
        found["imagePullSecrets"] = [each for i, each in enumerate(secrets) if each not in secrets[:i]]
    return found


def agent_service(name: str, spec: Manifest) -> str:
    """The name of an agent's Service."""
    return agent_name(name, legacy=spec.get("useLegacyNaming"))


def agent_endpoints(context: Context, agent: StoredObject) -> tuple[Endpoint, ...]:
    """Pods of an agent that take traffic: endpoints that are ready, or do not say that they are not (T30)."""
    spec = agent.get("spec") or {}
    arguments = spec.get("extraArgs") or {}
    scheme: Literal["http", "https"] = "https" if uses_tls(arguments) else "http"
    selector = {SERVICE_NAME: agent_service(agent.key.name, spec)}
    slices = lister(context, ENDPOINT_SLICE).list(agent.key.namespace, selector)
    # a pod is in one slice for each family of addresses
    found = {
        (endpoint.get("targetRef") or {}).get("name", endpoint["addresses"][0]): Endpoint(
            pod=ObjectKey(agent.key.namespace, (endpoint.get("targetRef") or {}).get("name", "")),
            ip=endpoint["addresses"][0],
            port=port["port"],
            scheme=scheme,
            path=prefixed_path(arguments, "/metrics"),
            auth_key=arguments.get("metricsAuthKey", ""),
        )
        for each in slices
        for port in each.get("ports") or ()
        if port.get("name") == "http"
        for endpoint in each.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False and endpoint.get("addresses")
    }
    return tuple(found.values())


def wants_pods(spec: Mapping[str, Any]) -> bool:
    """An agent with this spec has pods: it is not scaled to zero."""
    return spec.get("replicaCount") != 0


def is_reachable(context: Context, agent: StoredObject) -> bool:
    """An agent with replicas has a ready endpoint."""
    return not wants_pods(agent.get("spec") or {}) or bool(agent_endpoints(context, agent))


def remote_write_urls(agent: StoredObject) -> tuple[str, ...]:
    """Where an agent writes to, in its order."""
    return tuple(entry.get("url", "") for entry in (agent.get("spec") or {}).get("remoteWrite") or ())


def queue_at_risk(agent: StoredObject, desired: Manifest) -> bool:
    """A restart loses what the agent has queued: no persistent volume, or an entry of its list moves (T7, T33)."""
    spec = agent.get("spec") or {}
    storage = spec.get("statefulStorage") or {}
    if not spec.get("statefulMode") or is_empty(storage) or "emptyDir" in storage:
        return True
    before = remote_write_urls(agent)
    after = [entry.get("url") for entry in desired.get("remoteWrite") or ()]
    return any(url in after and after.index(url) != i for i, url in enumerate(before))


def _hashed(zone: Zone) -> list[Any]:
    # shards are moved by an autoscaler, which is no new revision
    agent = {key: value for key, value in zone.agent.spec.items() if key != "shardCount"}
    return [_without_empty(zone.backend.spec), _without_empty(agent)]


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]


def _without_empty(value: Any) -> Any:
    match value:
        case dict():
            kept = {key: _without_empty(item) for key, item in value.items()}
            return {key: item for key, item in kept.items() if not is_empty(item)}
        case list():
            return [_without_empty(item) for item in value]
    return value
