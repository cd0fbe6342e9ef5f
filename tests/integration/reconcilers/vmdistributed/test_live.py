"""Reads that must not be stale: caches here are as before, the API server has moved on (spec 02 §16.3, §19.6)."""

from __future__ import annotations

import pytest

from tests.integration.reconcilers.vmdistributed.play import MET, ZONE_STATE, Play
from tests.integration.reconcilers.vmdistributed.test_zones import TWO
from vmop.api import parse
from vmop.api.v1alpha1 import VMDistributed
from vmop.builders import with_defaults
from vmop.builders.vmdistributed.ownership import Owner
from vmop.kube import Manifest, MergePatch, ObjectKey, Resource
from vmop.kube.resources import ENDPOINT_SLICE, VM_AGENT, VM_CLUSTER, VM_DISTRIBUTED
from vmop.reconcilers.vmdistributed.live import zones_not_ready
from vmop.reconcilers.vmdistributed.observe import Observed

STATUS = {"status": {"updateStatus": "expanding"}}


async def observed(play: Play) -> Observed:
    """What the operator knew before."""
    await play.met(TWO)
    await play.settle()
    cr = with_defaults(parse(VMDistributed, await play.must(VM_DISTRIBUTED, "met")).object, play.context.settings)
    return Observed.of(play.context, cr, Owner("obs", "met", cr.metadata["uid"]))


async def change(play: Play, resource: Resource, name: str, patch: Manifest, subresource: str = "") -> None:
    await play.client.patch(resource, ObjectKey("obs", name), MergePatch(patch), subresource=subresource)


async def test_a_zone_may_go_out_while_the_others_are_ready(play: Play) -> None:
    assert await zones_not_ready(play.context, await observed(play), "east", check_ready=True) == ""


@pytest.mark.parametrize(
    ("resource", "name", "patch", "subresource", "why"),
    [
        (
            VM_CLUSTER,
            "met-west",
            {"metadata": {"annotations": {ZONE_STATE: "updating"}}},
            "",
            "zone west: VMCluster=obs/met-west is being updated",
        ),
        (VM_CLUSTER, "met-west", STATUS, "status", "zone west: VMCluster=obs/met-west is not operational"),
        (
            VM_CLUSTER,
            "met-west",
            {"spec": {"paused": True}},
            "",
            "zone west: VMCluster=obs/met-west is not operational",
        ),
        (VM_AGENT, "met-west", STATUS, "status", "zone west: VMAgent=obs/met-west is not operational"),
        (VM_DISTRIBUTED, "met", {"spec": {"retain": True}}, "", "the spec changed"),
    ],
)
async def test_a_zone_stays_where_something_has_changed_meanwhile(
    play: Play, resource: Resource, name: str, patch: Manifest, subresource: str, why: str
) -> None:
    before = await observed(play)
    await change(play, resource, name, patch, subresource)
    assert await zones_not_ready(play.context, before, "east", check_ready=True) == why


async def test_an_agent_without_a_ready_endpoint_is_not_ready_unless_it_has_no_replicas(play: Play) -> None:
    before = await observed(play)
    await play.client.delete(ENDPOINT_SLICE, ObjectKey("obs", "vmagent-met-west"))
    why = "zone west: VMAgent=obs/met-west has no ready endpoint"
    assert await zones_not_ready(play.context, before, "east", check_ready=True) == why
    await change(play, VM_AGENT, "met-west", {"spec": {"replicaCount": 0}})
    await play.live()
    assert await zones_not_ready(play.context, before, "east", check_ready=True) == ""


async def test_a_missing_backend_is_not_ready(play: Play) -> None:
    before = await observed(play)
    await play.client.delete(VM_CLUSTER, ObjectKey("obs", "met-west"))
    assert "met-west is not operational" in await zones_not_ready(play.context, before, "east", check_ready=True)


async def test_a_repair_asks_only_for_markers(play: Play) -> None:
    before = await observed(play)
    await change(play, VM_CLUSTER, "met-west", STATUS, "status")
    assert await zones_not_ready(play.context, before, "east", check_ready=False) == ""


async def test_a_resource_on_its_way_out_takes_no_zone_out(play: Play) -> None:
    before = await observed(play)
    await play.client.delete(VM_DISTRIBUTED, MET)
    why = await zones_not_ready(play.context, before, "east", check_ready=True)
    assert why in ("the spec changed", "the resource is paused or being deleted")
