"""Live reads, where a stale answer could take out a second zone (spec 00 §7, spec 02 §19.6)."""

from __future__ import annotations

import asyncio

from vmop.api import Manifest
from vmop.api.v1beta1 import VMAgent
from vmop.builders.vmdistributed import ownership
from vmop.builders.vmdistributed.ownership import Origin, Owner
from vmop.kube import NotFound, ObjectKey
from vmop.kube.resources import ENDPOINT_SLICE, VM_AGENT, VM_DISTRIBUTED
from vmop.reconcilers.context import Context
from vmop.reconcilers.vmdistributed.model import TrafficMode
from vmop.reconcilers.vmdistributed.observe import (
    CHILD_RESOURCES,
    SERVICE_NAME,
    Observed,
    agent_service,
    owned_children,
    wants_pods,
)


async def guessed_origins(context: Context, owner: Owner, created_at: str) -> dict[str, Origin]:
    """Who made each child that carries our reference and no record of it, by uid (spec 02 §16.3).

    The guess needs the whole ``managedFields``, of which caches keep one entry. Once it is recorded on the child,
    nothing is read any more.
    """
    found = {}
    for resource, stored in owned_children(context, owner):
        if ownership.is_unrecorded(stored.metadata, owner):
            live = await _get(context, resource.kind, stored.key)
            if live is not None:
                found[stored.uid] = ownership.origin_of(live["metadata"], owner, created_at)
    return found


async def zones_not_ready(context: Context, observed: Observed, taken_out: str, *, check_ready: bool) -> str:
    """Why zone `taken_out` may not be marked, as the API server has it at this moment; empty when it may.

    The VMDistributed must be unchanged, no other zone may carry the marker, and with `check_ready` every other zone
    outside maintenance must be ready.
    """
    cr = await context.client.get(VM_DISTRIBUTED, observed.key)
    if cr["metadata"].get("generation") != observed.cr.metadata.get("generation"):
        return "the spec changed"
    if cr["metadata"].get("deletionTimestamp") or (cr.get("spec") or {}).get("paused"):
        return "the resource is paused or being deleted"
    others = [zone for zone in observed.zones if zone.name != taken_out]
    async with asyncio.TaskGroup() as group:
        checks = {
            zone.name: group.create_task(
                _why_not(
                    context,
                    ObjectKey(observed.cr.namespace, zone.backend.name),
                    zone.backend.kind,
                    ObjectKey(observed.cr.namespace, zone.agent.name),
                    check_ready=check_ready and zone.mode != TrafficMode.MAINTENANCE,
                )
            )
            for zone in others
        }
    found = [f"zone {name}: {check.result()}" for name, check in checks.items() if check.result()]
    return "; ".join(found)


async def _why_not(context: Context, backend: ObjectKey, kind: str, agent: ObjectKey, *, check_ready: bool) -> str:
    live = await _get(context, kind, backend)
    if live is not None and ownership.ZONE_STATE in (live["metadata"].get("annotations") or {}):
        return f"{kind}={backend} is being updated"
    if not check_ready:
        return ""
    if not _is_operational(live):
        return f"{kind}={backend} is not operational"
    live_agent = await _get(context, VMAgent.kind, agent)
    if live_agent is None or not _is_operational(live_agent):
        return f"{VM_AGENT.kind}={agent} is not operational"
    if wants_pods(live_agent.get("spec") or {}) and not await _has_endpoint(context, live_agent):
        return f"{VM_AGENT.kind}={agent} has no ready endpoint"
    return ""


async def _get(context: Context, kind: str, key: ObjectKey) -> Manifest | None:
    try:
        return await context.client.get(CHILD_RESOURCES[kind], key)
    except NotFound:
        return None


def _is_operational(live: Manifest | None) -> bool:
    if live is None:
        return False
    status = live.get("status") or {}
    seen = status.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
    return seen and status.get("updateStatus") == "operational"


async def _has_endpoint(context: Context, agent: Manifest) -> bool:
    service = agent_service(agent["metadata"]["name"], agent.get("spec") or {})
    slices = await context.client.list(
        ENDPOINT_SLICE, agent["metadata"]["namespace"], label_selector=f"{SERVICE_NAME}={service}"
    )
    return any(
        (endpoint.get("conditions") or {}).get("ready") is not False and endpoint.get("addresses")
        for each in slices.items
        for endpoint in each.get("endpoints") or ()
    )
