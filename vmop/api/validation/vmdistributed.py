"""VMDistributed (02-vmdistributed.md 4, in its order, and what chapter 19 adds)."""

from collections.abc import Iterator
from typing import Any

from vmop.api.problems import Problem
from vmop.api.structure import to_json
from vmop.api.syntax import dns_subdomain, go_duration
from vmop.api.v1alpha1 import VMDistributed, VMDistributedSpec, Zone, ZoneCommon
from vmop.api.validation.shared import update_behavior

PLACEHOLDER = "%ZONE%"


def check_vmdistributed(cr: VMDistributed) -> Iterator[Problem]:
    """Problems of a VMDistributed, in the order in which the Go operator looks for them; then those of vmop's own."""
    spec = cr.spec
    common = spec.zone_common or ZoneCommon()
    single = spec.backend_type == "VMSingle"
    if single and _used(common.vmcluster):
        yield Problem(
            "spec.zoneCommon.vmcluster", "backendType=VMSingle is incompatible with zoneCommon.vmcluster configuration"
        )
    if not single and _used(common.vmsingle, empty_spec=True):
        yield Problem(
            "spec.zoneCommon.vmsingle", "backendType=VMCluster is incompatible with zoneCommon.vmsingle configuration"
        )
    names: set[str] = set()
    backends: set[str] = set()
    agents: set[str] = set()
    for index, zone in enumerate(spec.zones or ()):
        yield from _name(index, zone, names)
        yield from _backend(cr, index, zone, common, backends)
        yield from _agent(cr, index, zone, common, agents)
    yield from _durations(common)
    yield from _references(spec)
    if spec.rollout and spec.rollout.max_unavailable not in (None, 1):
        yield Problem("spec.rollout.maxUnavailable", "rollout.maxUnavailable must be 1")


def _used(part: Any, *, empty_spec: bool = False) -> bool:
    """Whether a backend is configured: a name or a spec; an empty spec counts only where the Go operator counts it."""
    if part is None:
        return False
    return bool(part.name) or (part.spec is not None and (empty_spec or bool(to_json(part.spec))))


def _name(index: int, zone: Zone, seen: set[str]) -> Iterator[Problem]:
    path, name = f"spec.zones[{index}].name", zone.name or ""
    if not name:
        yield Problem(path, f"{path} is required")
        return
    if name in seen:
        yield Problem(path, f"{path}={name} is duplicated, zone names must be unique")
    if '"' in name or "\\" in name:
        yield Problem(path, f"{path}={name} must not contain quotes or backslashes")
    seen.add(name)


def _backend(cr: VMDistributed, index: int, zone: Zone, common: ZoneCommon, seen: set[str]) -> Iterator[Problem]:
    path = f"spec.zones[{index}]"
    single = (zone.backend_type or cr.spec.backend_type) == "VMSingle"
    if single and _used(zone.vmcluster):
        yield Problem(path, f"{path}: backendType=VMSingle is incompatible with vmcluster configuration")
    if not single and _used(zone.vmsingle, empty_spec=True):
        yield Problem(path, f"{path}: backendType=VMCluster is incompatible with vmsingle configuration")
    kind = "vmsingle" if single else "vmcluster"
    own, shared = (zone.vmsingle, common.vmsingle) if single else (zone.vmcluster, common.vmcluster)
    yield from _resolved(cr, f"{path}.{kind}.name", zone, own, shared, seen)
    if not single:
        yield from _parts(index, zone, common)


def _resolved(cr: VMDistributed, path: str, zone: Zone, own: Any, shared: Any, seen: set[str]) -> Iterator[Problem]:
    """The name that a child gets (02 §2) must be unique, and a valid one where it is made of the zone's name."""
    if own is not None and own.selector is not None:
        return
    name, derived = resolved_name(cr, zone, own, shared)
    if name in seen:
        yield Problem(path, f"{path}={name} is already added in a different zone")
    seen.add(name)
    if derived and zone.name and not dns_subdomain(name):
        yield Problem(path, f"{path}={name} must be a DNS-1123 subdomain")


def resolved_name(cr: VMDistributed, zone: Zone, own: Any, shared: Any) -> tuple[str, bool]:
    """The name of a zone's child, and whether it is derived from the name of the zone."""
    if own is not None and own.name:
        return own.name, False
    if shared is not None and shared.name:
        return shared.name.replace(PLACEHOLDER, zone.name or ""), PLACEHOLDER in shared.name
    return f"{cr.name}-{zone.name or ''}", True


def _parts(index: int, zone: Zone, common: ZoneCommon) -> Iterator[Problem]:
    """A VMCluster needs vminsert and vmselect, unless an existing one is only referred to (S3)."""
    own = zone.vmcluster.spec if zone.vmcluster else None
    shared = common.vmcluster.spec if common.vmcluster else None
    named = any(part and (part.name or part.selector) for part in (zone.vmcluster, common.vmcluster))
    policy = zone.vmcluster.spec_policy if zone.vmcluster else None
    if policy in ("Keep", "Patch") or (named and not any(spec and to_json(spec) for spec in (own, shared))):
        return
    for part in ("vminsert", "vmselect"):
        if any(spec and part in to_json(spec) for spec in (own, shared)):
            continue
        path = f"spec.zones[{index}].vmcluster.spec.{part}"
        yield Problem(path, f"either zoneCommon.vmcluster.spec.{part} or {path} is required")


def _agent(cr: VMDistributed, index: int, zone: Zone, common: ZoneCommon, seen: set[str]) -> Iterator[Problem]:
    path = f"spec.zones[{index}].vmagent"
    yield from _resolved(cr, f"{path}.name", zone, zone.vmagent, common.vmagent, seen)
    specs = [part.spec for part in (zone.vmagent, common.vmagent) if part and part.spec]
    if not any(spec.stateful_mode for spec in specs):
        return
    behavior = next((b for spec in specs if (b := spec.stateful_rolling_update_strategy_behavior)), None)
    where = f"{path}.spec.statefulRollingUpdateStrategyBehavior"
    yield from update_behavior(where, behavior, f"{where}: ")


def _durations(common: ZoneCommon) -> Iterator[Problem]:
    """Their syntax is a matter of the parser, their sign is ours."""
    if common.ready_timeout is not None and go_duration(common.ready_timeout) <= 0:
        yield Problem("spec.zoneCommon.readyTimeout", "zoneCommon.readyTimeout must be greater than 0")
    if common.update_pause is not None and go_duration(common.update_pause) < 0:
        yield Problem("spec.zoneCommon.updatePause", "zoneCommon.updatePause must not be negative")


def _references(spec: VMDistributedSpec) -> Iterator[Problem]:
    """A child is meant by name or by selector, not by both (19.2)."""
    children: list[tuple[str, Any]] = [("spec.vmauth", spec.vmauth)]
    children += [(f"spec.vmauths[{index}]", each) for index, each in enumerate(spec.vmauths or ())]
    for index, zone in enumerate(spec.zones or ()):
        path = f"spec.zones[{index}]"
        children += [(f"{path}.vmcluster", zone.vmcluster), (f"{path}.vmsingle", zone.vmsingle)]
        children += [(f"{path}.vmagent", zone.vmagent)]
    for path, child in children:
        if child is not None and child.name and child.selector is not None:
            yield Problem(f"{path}.selector", f"{path}: name and selector are mutually exclusive")
