"""The status of a VMDistributed: the record of the pass, the zones for people, and conditions (spec 02 §9.4, §19.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vmop.api import Manifest
from vmop.builders.vmdistributed.ownership import DETACHED
from vmop.kube.times import parse_time, rfc3339, rfc3339_micro
from vmop.reconcilers.vmdistributed.model import ChildView, Rollout, Step, TrafficMode, ZoneProgress, ZoneView
from vmop.reconcilers.vmdistributed.observe import Observed, owned_children

OPERATIONAL = "operational"

# -- the record --------------------------------------------------------------------------------------------------------


def record(rollout: Rollout, views: Mapping[str, ZoneView]) -> Manifest:
    """``status.rollout``: what the next reconcile goes on from, and a summary for people."""
    current = rollout.current
    done = sum(zone.done for zone in rollout.zones)
    state = "Idle" if rollout.completion_time else "Progressing"
    if current is not None and current.step is Step.FAILED:
        state = "Failed"
    elif current is not None and current.step is Step.PREFLIGHT and not _is_marked(views, current.name):
        state = "Blocked"
    return _present(
        {
            "revision": rollout.revision,
            "state": state,
            "order": list(rollout.order),
            "startTime": rfc3339_micro(rollout.start_time),
            "completionTime": _maybe(rollout.completion_time),
            "resumeAfter": _maybe(rollout.resume_after),
            "removalDeadline": _maybe(rollout.removal_deadline),
            "currentZone": current.name if current is not None else None,
            "zonesTotal": len(rollout.zones),
            "zonesDone": done,
            "zones": [_zone_record(zone) for zone in rollout.zones],
        }
    )


def _is_marked(views: Mapping[str, ZoneView], name: str) -> bool:
    # a record may be of zones that are not in the spec any more
    view = views.get(name)
    return view is not None and view.marked


def _zone_record(zone: ZoneProgress) -> Manifest:
    return _present(
        {
            "name": zone.name,
            "step": zone.step.value,
            "disruptive": zone.disruptive or None,
            "stepStartTime": _maybe(zone.step_start),
            "stepDeadline": _maybe(zone.deadline),
            "goodPolls": zone.good_polls or None,
            "firstGoodPoll": _maybe(zone.first_good_poll),
            "pauseUntil": _maybe(zone.pause_until),
        }
    )


def read_record(status: Mapping[str, Any]) -> Rollout | None:
    """The pass that is recorded; None where there is none, or nothing that this version can go on from."""
    written: Any = status.get("rollout")
    try:
        start = parse_time(written["startTime"])
        zones = tuple(_read_zone(zone) for zone in written["zones"])
        names = [zone.name for zone in zones]
        if start is None or sorted(written["order"]) != sorted(set(names)) or len(set(names)) < len(names):
            return None
        return Rollout(
            revision=str(written["revision"]),
            order=tuple(written["order"]),
            zones=zones,
            start_time=start,
            completion_time=parse_time(written.get("completionTime")),
            resume_after=parse_time(written.get("resumeAfter")),
            removal_deadline=parse_time(written.get("removalDeadline")),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _read_zone(written: Mapping[str, Any]) -> ZoneProgress:
    return ZoneProgress(
        name=str(written["name"]),
        step=Step(written["step"]),
        disruptive=bool(written.get("disruptive")),
        step_start=parse_time(written.get("stepStartTime")),
        deadline=parse_time(written.get("stepDeadline")),
        good_polls=int(written.get("goodPolls") or 0),
        first_good_poll=parse_time(written.get("firstGoodPoll")),
        pause_until=parse_time(written.get("pauseUntil")),
    )


# -- zones for people --------------------------------------------------------------------------------------------------


def zone_list(
    observed: Observed,
    rollout: Rollout | None,
    previous: Sequence[Mapping[str, Any]],
    pending: Mapping[str, int],
    message: str,
) -> list[Manifest]:
    """``status.zones`` in the order of the spec, with bytes of the last polls and what is waited for."""
    before = {zone.get("name"): zone for zone in previous}
    return [
        _zone_status(observed, zone.name, rollout, before.get(zone.name, {}), pending, message)
        for zone in observed.zones
    ]


def _zone_status(
    observed: Observed,
    name: str,
    rollout: Rollout | None,
    before: Mapping[str, Any],
    pending: Mapping[str, int],
    message: str,
) -> Manifest:
    view, zone = observed.views[name], observed.zone(name)
    progress = rollout.progress(name) if rollout is not None else _unrecorded(view)
    turn = rollout.current if rollout is not None else None
    phase = Step.MAINTENANCE if view.mode is TrafficMode.MAINTENANCE else progress.step
    changed = before.get("phase") != phase
    now = rfc3339(observed.context.now())
    since = (progress.step_start and rfc3339(progress.step_start)) or now
    updated = before.get("lastUpdateTime")
    if phase is Step.READY and progress.disruptive and changed:
        updated = since
    return _present(
        {
            "name": name,
            "trafficMode": view.mode.value,
            "phase": phase.value,
            "phaseStartTime": since if changed else before.get("phaseStartTime", since),
            "lastUpdateTime": updated,
            "revision": observed.zone_revision(name),
            "inRead": name in observed.balancer.read,
            "inWrite": name in observed.balancer.write,
            "pendingBytes": pending.get(name, before.get("pendingBytes")),
            "backend": _child_status(observed, view.backend, zone.backend.kind),
            "agents": [_child_status(observed, view.agent, zone.agent.kind)],
            "message": message if turn is not None and turn.name == name and message else None,
        }
    )


def _unrecorded(view: ZoneView) -> ZoneProgress:
    """Where a zone stands when no pass is known."""
    return ZoneProgress(view.name, Step.READY if view.settled else Step.PENDING)


def _child_status(observed: Observed, view: ChildView, kind: str) -> Manifest:
    stored = observed.stored(kind, view.key.name)
    origin = observed.origin(stored).value if stored is not None else None
    return _present(
        {
            "kind": kind,
            "name": view.key.name,
            "namespace": view.key.namespace,
            "origin": origin,
            "updateStatus": view.update_status or None,
            "observedGeneration": view.observed_generation or None,
        }
    )


def detached_list(observed: Observed) -> list[Manifest]:
    """``status.detached``: children that we made and that belong to no zone any more."""
    return [
        {
            "kind": resource.kind,
            "name": stored.key.name,
            "namespace": stored.key.namespace,
            "origin": observed.origin(stored).value,
            "since": stored.annotations[DETACHED],
        }
        for resource, stored in owned_children(observed.context, observed.owner)
        if DETACHED in stored.annotations
    ]


# -- conditions --------------------------------------------------------------------------------------------------------


def conditions(
    observed: Observed, rollout: Rollout | None, previous: Sequence[Manifest], *, conflict: str = "", blocked: str = ""
) -> list[Manifest]:
    """``status.conditions``; the transition time of each changes only with its status."""
    generation = observed.cr.metadata.get("generation", 0)
    running = rollout is not None and rollout.completion_time is None
    progressing = running and not blocked
    degraded = sorted(
        view.name
        for view in observed.views.values()
        if view.mode is not TrafficMode.MAINTENANCE and not view.marked and not view.ready
    )
    reachable = not observed.balancer.managed or _has_targets(observed)
    wanted = [
        ("Progressing", progressing, "WaitingForZones" if blocked else "RollingOut" if running else "Idle", blocked),
        ("Available", reachable, "TargetsReady" if reachable else "NoTargets", ""),
        ("Degraded", bool(degraded), "ZonesNotReady" if degraded else "ZonesReady", ", ".join(degraded)),
        ("OwnershipConflict", bool(conflict), "OwnedByOther" if conflict else "NoConflict", conflict),
    ]
    if observed.balancer.managed:
        granted = observed.access_configured
        wanted.append(("AccessConfigured", granted, "AccessConfigured" if granted else "NoAccessConfigured", ""))
    before = {condition.get("type"): condition for condition in previous}
    now = rfc3339(observed.context.now())
    result = [
        _condition(before.get(type_), type_, status, reason, message, generation, now)
        for type_, status, reason, message in wanted
    ]
    names = {type_ for type_, *_ in wanted}
    return result + [condition for condition in previous if condition.get("type") not in names]


def _has_targets(observed: Observed) -> bool:
    """Reads and writes each have a target that is ready."""
    views = observed.views.values()
    reads = any(view.name in observed.balancer.read and view.backend.update_status == OPERATIONAL for view in views)
    writes = any(
        view.name in observed.balancer.write and view.agent.update_status == OPERATIONAL and view.agent_reachable
        for view in views
    )
    return reads and writes


def _condition(
    before: Mapping[str, Any] | None, type_: str, status: bool, reason: str, message: str, generation: int, now: str
) -> Manifest:
    text = "True" if status else "False"
    wanted = _present(
        {
            "type": type_,
            "status": text,
            "reason": reason,
            "message": message or None,
            "observedGeneration": generation or None,
        }
    )
    if before is not None and all(
        before.get(key) == wanted.get(key) for key in ("status", "reason", "message", "observedGeneration")
    ):
        return dict(before)
    flipped = before is None or before.get("status") != text
    wanted["lastTransitionTime"] = now if flipped or before is None else before.get("lastTransitionTime", now)
    wanted["lastUpdateTime"] = now
    return wanted


def _present(manifest: Manifest) -> Manifest:
    return {key: value for key, value in manifest.items() if value is not None}


def _maybe(time: datetime | None) -> str | None:
    return rfc3339_micro(time) if time is not None else None
