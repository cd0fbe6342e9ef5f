"""Rules that hold at every instant while VMDistributed resources are rolled out (spec 02 §19.6).

A :class:`Checker` is fed with every change of every object, in order, and asked to look once more when time has passed
(a config is reloaded without any object changing). What breaks a rule is collected in :attr:`Checker.violations`.

==========  ========================================================================================================
I1          at most one zone is marked
I2, I6      a zone that serves is marked only while all others are ready
I3          the operator changes a child in a way that may restart pods, or makes one, only while its zone is marked
I4          the marker goes when backend and agent are operational, queues are empty, and traffic is back
I5          the VMAuth leaves out exactly the zones that are marked, or that may not be targets
I7          a zone comes back to a target, without having been marked, only when it is ready and its queues are empty
I8          a pod template of a zone changes only while the zone is marked, or for an edit of the user
routes      every vmauth has a target with a ready pod for queries, and one for writes
pods        no pod of a zone is taken down while a vmauth sends traffic to the zone, but for an edit of the user
rest        a VMDistributed that says it is through has no marked zone, all zones ready, and all of them as targets
==========  ========================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

import attrs

from tests.support.mirror import (
    AGENT,
    BACKEND_APPS,
    BACKENDS,
    BALANCER,
    DISTRIBUTED,
    WORKLOADS,
    Change,
    Mirror,
    Ref,
    Routes,
    Running,
    Zone,
    held,
    is_marked,
    not_operational,
    pod_labels,
    refs_of,
)
from vmop.kube import Manifest, ObjectKey

#: an old and a new spec of a child of that kind: may the change restart pods?
Disruptive = Callable[[str, Manifest, Manifest], bool]
_REFS: tuple[Ref, ...] = get_args(Ref)


@attrs.frozen
class Violation:
    """A rule that did not hold: when (the version of the last change), which rule, on which object, and how."""

    version: int
    rule: str
    label: str
    text: str

    def __str__(self) -> str:
        return f"@{self.version} {self.rule}: {self.label}: {self.text}"


class Checker:
    """Collects violations. `disruptive` tells which spec changes may restart pods (§9.2)."""

    def __init__(self, running: Running, disruptive: Disruptive) -> None:
        self.mirror = Mirror(running)
        self.violations: list[Violation] = []
        #: zones in the order in which they were marked
        self.turns: list[str] = []
        self._known: set[tuple[str, str, str]] = set()
        self._disruptive = disruptive
        self._version = 0
        #: children whose spec a user has edited, with the generation that came of it, until it is applied
        self._edited: dict[tuple[str, ObjectKey], int] = {}
        #: for a VMDistributed the targets that had two zones with ready pods, so that one must always be left
        self._redundant: dict[ObjectKey, set[Ref]] = {}

    def feed(self, change: Change) -> None:
        """Take in a change and look at everything that it concerns."""
        self._version = change.version
        self._report(change.label, self._before(change))
        self.mirror.apply(change)
        self._report(change.label, self._after(change))
        if change.kind in ("Pod", "Secret", DISTRIBUTED, BALANCER):
            self.look()

    def look(self) -> None:
        """What runs may be another thing now, though no object has changed."""
        for distributed in self.mirror.living():
            key = ObjectKey(distributed["metadata"]["namespace"], distributed["metadata"]["name"])
            self._report(f"{DISTRIBUTED} {key}", self._routes(key, distributed))

    def _report(self, label: str, found: Iterator[tuple[str, str]]) -> None:
        for rule, text in found:
            if (rule, label, text) not in self._known:
                self._known.add((rule, label, text))
                self.violations.append(Violation(self._version, rule, label, text))

    # -- what a change does ------------------------------------------------------------------------------------------

    def _before(self, change: Change) -> Iterator[tuple[str, str]]:
        """Rules about what was there when the change came."""
        if change.kind == "Pod" and _goes_down(change):
            yield from self._pod_goes(change)

    def _after(self, change: Change) -> Iterator[tuple[str, str]]:
        if change.kind in (*BACKENDS, AGENT):
            self._remember_edit(change)
            yield from self._child(change)
        if change.kind in BACKENDS:
            yield from self._marker(change)
        if change.kind in (*BACKENDS, DISTRIBUTED):
            yield from self._one_marked()
        if change.kind == BALANCER and change.type != "DELETED" and change.by_operator:
            yield from self._targets(change)
        if change.kind in WORKLOADS and change.type != "ADDED":
            yield from self._workload(change)
        if change.kind == DISTRIBUTED and _comes_to_rest(change):
            yield from self._rest(change.new)

    # -- I1, I2, I4, I6: the marker ----------------------------------------------------------------------------------

    def _one_marked(self) -> Iterator[tuple[str, str]]:
        for distributed in self.mirror.living():
            marked = [z.name for z in self.mirror.zones(distributed) if z.in_play and self.mirror.marked(z)]
            if len(marked) > 1:
                yield "I1", f"zones {', '.join(marked)} are marked"

    def _marker(self, change: Change) -> Iterator[tuple[str, str]]:
        zone = self.mirror.zone_of(change.kind, change.key)
        if zone is None or change.type == "DELETED":
            return
        before, now = is_marked(change.old), is_marked(change.new)
        if now and not before:
            self.turns.append(zone.name)
            if change.old is not None and zone.in_play and self.mirror.serving(zone):
                for other in self.mirror.siblings(zone):
                    if other.in_play and (reason := self.mirror.unready(other)):
                        yield "I2", f"zone {zone.name} is taken out of service while {reason}"
        if before and not now and zone.in_play:
            yield from self._unmarked(zone)

    def _unmarked(self, zone: Zone) -> Iterator[tuple[str, str]]:
        if reason := self.mirror.unsettled(zone):
            yield "I4", f"the marker of {zone.name} goes while {reason}"
        backend = self.mirror.child(zone, zone.backend_kind)
        if takes_writes(zone, backend) and (pending := self.mirror.pending(zone)):
            yield "I4", f"the marker of {zone.name} goes while {pending:.0f} bytes wait for it"
        distributed = self.mirror.get(DISTRIBUTED, *zone.owner)
        for pod, routes in self.mirror.running_routes(distributed).items() if distributed else ():
            for ref in _REFS:
                if routes.configured and zone.may(ref) and zone.name not in routes.of(ref):
                    yield "I4", f"the marker of {zone.name} goes while {pod} has it in no {ref} target"

    # -- I3: children ------------------------------------------------------------------------------------------------

    def _remember_edit(self, change: Change) -> None:
        key = change.kind, change.key
        generation = change.new["metadata"].get("generation", 0)
        if change.type == "DELETED":
            self._edited.pop(key, None)
        elif change.changed("metadata", "generation"):
            if change.by_operator:
                self._edited.pop(key, None)
            else:
                self._edited[key] = generation
        elif key in self._edited and not (not_operational(change.new, "") or held(change.new, "")):
            del self._edited[key]

    def _child(self, change: Change) -> Iterator[tuple[str, str]]:
        zone = self.mirror.zone_of(change.kind, change.key)
        if zone is None or change.type == "DELETED" or not change.by_operator or self.mirror.marked(zone):
            return
        if not zone.in_play:
            return
        if change.old is None:
            yield "I3", f"it is made while zone {zone.name} is not marked"
        elif change.changed("spec") and self._disruptive(change.kind, change.old["spec"], change.new["spec"]):
            yield "I3", f"its spec is changed while zone {zone.name} is not marked"

    # -- I5, I7: targets ---------------------------------------------------------------------------------------------

    def _targets(self, change: Change) -> Iterator[tuple[str, str]]:
        for distributed in self.mirror.living():
            same_namespace = distributed["metadata"]["namespace"] == change.key.namespace
            if not same_namespace or self.mirror.balancer_name(distributed) != change.key.name:
                continue
            zones = self.mirror.zones(distributed)
            before, now = refs_of(change.old, zones), refs_of(change.new, zones)
            if change.old is None or before != now:
                for ref in _REFS:
                    for zone in zones:
                        yield from self._target(zone, ref, before if change.old else None, now)

    def _target(self, zone: Zone, ref: Ref, before: Routes | None, now: Routes) -> Iterator[tuple[str, str]]:
        child = self.mirror.child(zone, zone.backend_kind if ref == "read" else AGENT)
        eligible = zone.may(ref) and child is not None and self.mirror.owns(zone, child)
        marked, listed = self.mirror.marked(zone), zone.name in now.of(ref)
        was_listed = before is not None and zone.name in before.of(ref)
        if listed and not eligible:
            yield "I5", f"zone {zone.name} is a {ref} target, which it may not be"
        elif listed and marked:
            reason = self.mirror.unsettled(zone)
            if reason and now.of(ref) != {zone.name}:
                yield "I5", f"zone {zone.name} is a {ref} target again while {reason}"
        elif listed and not was_listed and before is not None:
            backend = self.mirror.child(zone, zone.backend_kind)
            waiting = self.mirror.pending(zone) if takes_writes(zone, backend) else 0
            if reason := self.mirror.unready(zone) or (f"{waiting:.0f} bytes wait for it" if waiting else ""):
                yield "I7", f"zone {zone.name} becomes a {ref} target while {reason}"
        elif was_listed and eligible and not marked and not listed:
            yield "I5", f"zone {zone.name} is no {ref} target any more, though nobody updates it"

    # -- I8: workloads -----------------------------------------------------------------------------------------------

    def _workload(self, change: Change) -> Iterator[tuple[str, str]]:
        if change.type == "MODIFIED" and not change.changed("spec", "template"):
            return
        owner: Manifest = next(
            (one for one in change.new["metadata"].get("ownerReferences") or () if one.get("controller")), {}
        )
        key = ObjectKey(change.key.namespace, owner.get("name", ""))
        zone = self.mirror.zone_of(owner.get("kind", ""), key)
        if zone is None or not zone.in_play or self.mirror.marked(zone) or (owner["kind"], key) in self._edited:
            return
        child = self.mirror.get(owner["kind"], *key)
        if child is not None and not child["metadata"].get("deletionTimestamp"):
            what = "is deleted" if change.type == "DELETED" else "gets another pod template"
            yield "I8", f"it {what} while zone {zone.name} is not marked"

    # -- pods and routes ---------------------------------------------------------------------------------------------

    def _pod_goes(self, change: Change) -> Iterator[tuple[str, str]]:
        app, instance = pod_labels(change.new)
        if app not in (*BACKEND_APPS, "vmagent"):
            return
        for distributed in self.mirror.living():
            for zone in self.mirror.zones(distributed):
                kind = AGENT if app == "vmagent" else zone.backend_kind
                key = ObjectKey(zone.owner.namespace, instance)
                if zone.owner.namespace != change.key.namespace or zone.instance(app) != instance:
                    continue
                if self.mirror.zone_of(kind, key) is None or (kind, key) in self._edited:
                    continue
                served = self.mirror.served(distributed)
                if zone.name in served.all and self._could_leave_out(distributed, zone):
                    yield "pods", f"it goes down while zone {zone.name} has traffic"

    def _could_leave_out(self, distributed: Manifest, zone: Zone) -> bool:
        """Some other zone could take the traffic; else the last target is kept (``rollout.keepLastTarget``)."""
        others = [one for one in self.mirror.zones(distributed) if one.name != zone.name]
        return all(any(one.may(ref) for one in others) for ref in _REFS if zone.may(ref))

    def _routes(self, key: ObjectKey, distributed: Manifest) -> Iterator[tuple[str, str]]:
        zones = self.mirror.zones(distributed)
        redundant = self._redundant.setdefault(key, set())
        for ref in _REFS:
            if sum(zone.may(ref) for zone in zones) < 2:
                redundant.discard(ref)
        routes = {pod: each for pod, each in self.mirror.running_routes(distributed).items() if each.configured}
        alive = {(zone.name, ref) for zone in zones for ref in _REFS if self.mirror.has_ready_pod(zone, ref)}
        for ref in _REFS:
            reached = {pod: [name for name in each.of(ref) if (name, ref) in alive] for pod, each in routes.items()}
            for pod, names in reached.items():
                if ref in redundant and not names:
                    yield "routes", f"{pod} has no {ref} target with a ready pod"
            if routes and all(len(names) > 1 for names in reached.values()):
                redundant.add(ref)

    # -- at rest -----------------------------------------------------------------------------------------------------

    def _rest(self, distributed: Manifest) -> Iterator[tuple[str, str]]:
        zones = self.mirror.zones(distributed)
        for zone in zones:
            if zone.in_play and (reason := self.mirror.unready(zone)):
                yield "rest", f"it is through while {reason}"
        if self.mirror.balancer_name(distributed) is None:
            return
        wanted = {ref: {zone.name for zone in zones if zone.may(ref)} for ref in _REFS}
        stored = self.mirror.stored_routes(distributed)
        for where, routes in (("the VMAuth", stored), *self.mirror.running_routes(distributed).items()):
            for ref in _REFS:
                if routes.configured and routes.of(ref) != wanted[ref]:
                    found = ", ".join(sorted(routes.of(ref))) or "none"
                    yield "rest", f"it is through while {where} has as {ref} targets: {found}"


def takes_writes(zone: Zone, backend: Manifest | None) -> bool:
    """The backend takes what agents write to it (§8)."""
    spec: dict[str, Any] = (backend or {}).get("spec") or {}
    if zone.backend_kind == "VMSingle":
        return backend is not None
    return spec.get("vminsert") is not None and spec["vminsert"].get("replicaCount", 1) > 0


def _goes_down(change: Change) -> bool:
    """A pod that nobody had asked to end is asked to, or is gone at once."""
    was_going = bool((change.old or change.new)["metadata"].get("deletionTimestamp"))
    is_going = change.type == "DELETED" or bool(change.new["metadata"].get("deletionTimestamp"))
    return is_going and not was_going


def _comes_to_rest(change: Change) -> bool:
    """A VMDistributed says that it is through with the spec that is stored."""
    if change.type == "DELETED" or change.new["metadata"].get("deletionTimestamp"):
        return False
    through = change.status.get("updateStatus") == "operational"
    current = change.status.get("observedGeneration", 0) >= change.new["metadata"].get("generation", 0)
    news = change.old_status.get("updateStatus") != "operational" or _completed(change.old_status) != _completed(
        change.status
    )
    return through and current and bool(_completed(change.status)) and news


def _completed(status: Manifest) -> str:
    return str((status.get("rollout") or {}).get("completionTime") or "")
