"""Changed pod templates of a zone wait for the zone's turn (spec 02 §19.6, I8).

A new operator release, another default image or environment variable changes the templates of all children of a
VMDistributed at once, though nobody touched a spec. Their controllers hold the write, say so in a condition, and
VMDistributed gives each zone its turn: the marker on the zone's backend is what lets the write through, once its status
says that the zone is out of traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vmop.api import Manifest
from vmop.builders.vmdistributed.ownership import KIND, OWNER, UPDATING, ZONE, ZONE_STATE
from vmop.informers import StoredObject
from vmop.kube import NotFound, ObjectKey
from vmop.kube.apply.compare import contains
from vmop.kube.apply.plan import Plan, read_record, replace_body
from vmop.kube.resources import VM_CLUSTER, VM_DISTRIBUTED, VM_SINGLE
from vmop.kube.times import rfc3339
from vmop.reconcilers.context import Context
from vmop.reconcilers.vmdistributed.model import Step

#: condition of a child of which a changed pod template is held back (I8)
UPDATE_HELD = "UpdateHeld"
#: phases in which a marked zone is out of traffic and its workloads may change; the marker alone comes before that
UPDATING_PHASES = frozenset({Step.UPDATING_BACKEND, Step.UPDATING_AGENT, Step.CATCHING_UP, Step.MAINTENANCE})


def is_member(metadata: Mapping[str, Any]) -> bool:
    """The object is a child of a VMDistributed, as far as its markers say."""
    return OWNER in (metadata.get("annotations") or {})


def must_hold(context: Context, stored: StoredObject) -> bool:
    """Changed pod templates of this child may not be written now.

    Never when the VMDistributed is gone or its controller does not run, when the zone carries the marker and is out of
    traffic, or when the child's spec was changed since its workloads were last written: a user's edit is his own
    decision.
    """
    namespace, _, rest = stored.annotations.get(OWNER, "").partition("/")
    name, _, uid = rest.partition("/")
    if not name or KIND in context.disabled or stored.generation > applied_generation(stored):
        return False
    owner = context.informers.informer(VM_DISTRIBUTED).lister.get(ObjectKey(namespace, name))
    if owner is None or owner.uid != uid:
        return False
    phase = zone_phases(owner).get(stored.annotations.get(ZONE, ""), "")
    return not _zone_is_marked(context, stored) or (phase != "" and phase not in UPDATING_PHASES)


def zone_phases(distributed: StoredObject) -> dict[str, str]:
    """What the status of a VMDistributed says of its zones, by name."""
    zones = (distributed.get("status") or {}).get("zones") or ()
    return {str(zone.get("name")): str(zone.get("phase", "")) for zone in zones}


async def changes_template(context: Context, plan: Plan, stored: StoredObject) -> bool:
    """Applying `plan` would change the pod template of `stored`.

    Nothing is asked while the object records that very manifest, or where the template obviously lacks something. Else
    the server is: a dry run of the template over the live one tells what would go, whoever owns it now.
    """
    if read_record(stored.annotations)[0] == plan.recorded:
        return False
    before: Manifest = stored.manifest()["spec"]["template"]
    if not contains(before, plan.desired["spec"]["template"], zero_is_absent=True):
        return True
    try:
        live = await context.client.get(plan.resource, plan.key)
        after = replace_body(plan, live, "", (), rfc3339(context.now()))
        body = {**live, "spec": {**live["spec"], "template": after["spec"]["template"]}}
        result = await context.client.replace(plan.resource, body, field_manager=plan.manager, dry_run=True)
    except NotFound:
        return False
    return bool(result["spec"]["template"] != live["spec"]["template"])


def _zone_is_marked(context: Context, stored: StoredObject) -> bool:
    owner, zone = stored.annotations.get(OWNER), stored.annotations.get(ZONE)
    return any(
        backend.annotations.get(ZONE_STATE) == UPDATING
        for resource in (VM_CLUSTER, VM_SINGLE)
        for backend in context.informers.informer(resource).lister.list(stored.key.namespace)
        if backend.annotations.get(OWNER) == owner and backend.annotations.get(ZONE) == zone
    )


def applied_generation(stored: StoredObject) -> int:
    """The generation whose workloads were last written; all that exists where nobody recorded it."""
    condition = _condition(stored.get("status") or {})
    return int((condition or {}).get("observedGeneration", stored.generation))


def with_condition(status: Manifest, stored: StoredObject, held: str, now: str) -> Manifest:
    """`status` with the condition that says what is held back, or that nothing is (and for which generation)."""
    before = _condition(status) or {}
    wanted: Manifest = {
        "type": UPDATE_HELD,
        "status": "True" if held else "False",
        "reason": "WaitingForZone" if held else "Applied",
        "observedGeneration": applied_generation(stored) if held else stored.generation,
    }
    if held:
        wanted["message"] = held
    if all(before.get(key) == wanted.get(key) for key in (*wanted, "message")):
        return status
    wanted["lastTransitionTime"] = now if before.get("status") != wanted["status"] else before["lastTransitionTime"]
    wanted["lastUpdateTime"] = now
    others = [each for each in status.get("conditions") or () if each.get("type") != UPDATE_HELD]
    return {**status, "conditions": [*others, wanted]}


def _condition(status: Mapping[str, Any]) -> Manifest | None:
    return next((each for each in status.get("conditions") or () if each.get("type") == UPDATE_HELD), None)
