"""Objects of others: adopted, changed as little as possible, and given back (spec 02 §16, §17, §20.10 to 20.14)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.reconcilers.vmdistributed.play import MET, Play
from tests.integration.reconcilers.vmdistributed.test_zones import COMMON, TWO
from vmop.builders.vmdistributed.ownership import Owner
from vmop.kube import Manifest, ObjectKey
from vmop.kube.resources import VM_AGENT, VM_AUTH, VM_CLUSTER, VM_DISTRIBUTED, VM_SINGLE

NAMED: Manifest = {
    "vmauth": {"name": "gate"},
    "zones": [
        {"name": "east", "vmcluster": {"name": "db"}, "vmagent": {"name": "in"}},
        {"name": "west", "vmcluster": COMMON["vmcluster"]},
    ],
}
DB: Manifest = {"retentionPeriod": "3", "vminsert": {"replicaCount": 2}, "vmselect": {}}
IN: Manifest = {"selectAllByDefault": True, "remoteWrite": [{"url": "http://elsewhere/write"}]}
GATE: Manifest = {"defaultTargetRefs": [{"name": "own", "static": {"url": "http://own"}}], "selectAllByDefault": True}


async def delete(play: Play) -> None:
    """Delete the VMDistributed and reconcile until it is gone."""
    await play.client.delete(VM_DISTRIBUTED, MET, propagation="Background")
    for _ in range(20):
        if await play.get(VM_DISTRIBUTED, "met") is None:
            return
        lister = play.context.informers.informer(VM_DISTRIBUTED).lister
        stored = lister.get(MET)
        if stored is not None and stored.metadata.get("deletionTimestamp"):
            await play.reconcile()
    raise AssertionError(f"it stays: {play.failures}")


async def others(play: Play) -> None:
    """A VMCluster, a VMAgent and a VMAuth of a user, at work."""
    await play.apply(VM_CLUSTER, "db", DB)
    await play.apply(VM_AGENT, "in", IN)
    await play.apply(VM_AUTH, "gate", GATE)
    await play.live()


def url(cluster: str) -> str:
    return f"http://vminsert-{cluster}.obs.svc:8480/insert/multitenant/prometheus/api/v1/write"


async def test_objects_that_are_only_named_keep_their_specs(play: Play) -> None:
    await others(play)
    await play.met(NAMED)
    await play.settle()
    agent, gate = (await play.must(VM_AGENT, "in"))["spec"], (await play.must(VM_AUTH, "gate"))["spec"]
    assert (await play.must(VM_CLUSTER, "db"))["spec"] == DB
    assert agent == {
        "selectAllByDefault": True,
        "remoteWriteSettings": {"useMultiTenantMode": True},
        "remoteWrite": [{"url": "http://elsewhere/write"}, {"url": url("db")}, {"url": url("met-west")}],
    }
    assert [ref["name"] for ref in gate["defaultTargetRefs"]] == ["own", "write", "read"]
    assert [
        (await play.markers(*each))["origin"] for each in ((VM_CLUSTER, "db"), (VM_AGENT, "in"), (VM_AUTH, "gate"))
    ] == ["referenced"] * 3
    assert (await play.markers(VM_CLUSTER, "met-west"))["origin"] == "created"
    assert play.failures == []


@pytest.mark.parametrize("retain", [False, True])
async def test_what_was_referenced_is_given_back_as_it_was(play: Play, retain: bool) -> None:
    await others(play)
    await play.met({**NAMED, "retain": retain})
    await play.settle()
    await delete(play)
    for resource, name in ((VM_CLUSTER, "db"), (VM_AGENT, "in"), (VM_AUTH, "gate")):
        assert (await play.owners(resource, name), await play.markers(resource, name)) == ([], {})
    agent = (await play.must(VM_AGENT, "in"))["spec"]
    assert (await play.must(VM_CLUSTER, "db"))["spec"] == DB
    assert agent == {**IN, "remoteWriteSettings": {}}
    created = ["met-west"] if retain else []
    # what was made goes with its owner, as soon as garbage is collected
    async with asyncio.timeout(10):
        while await play.names(VM_CLUSTER) != ["db", *created]:
            await asyncio.sleep(0.01)


async def test_all_is_kept_where_retain_is_not_a_boolean(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    await play.merge(VM_DISTRIBUTED, "met", {"spec": {"retain": "yes"}})
    await delete(play)
    assert [await play.owners(VM_CLUSTER, name) for name in ("met-east", "met-west")] == [[], []]


async def test_children_of_removed_zones_are_kept_with_retain(play: Play) -> None:
    await play.met({**TWO, "retain": True})
    await play.settle()
    await play.met({**TWO, "retain": True, "zones": [{"name": "east"}]})
    await play.settle()
    await delete(play)
    assert await play.owners(VM_CLUSTER, "met-west") == await play.owners(VM_AGENT, "met-west") == []
    assert await play.markers(VM_CLUSTER, "met-west") == {}


async def test_a_removed_zone_that_was_referenced_is_given_back(play: Play) -> None:
    await others(play)
    await play.met(NAMED)
    await play.settle()
    await play.met({**NAMED, "zones": NAMED["zones"][1:]})
    await play.settle()
    assert (await play.owners(VM_CLUSTER, "db"), await play.markers(VM_CLUSTER, "db")) == ([], {})
    assert (await play.must(VM_AGENT, "in"))["spec"]["remoteWrite"] == IN["remoteWrite"]


async def test_an_agent_that_gets_a_spec_is_ours_whole_and_keeps_its_list(play: Play) -> None:
    await others(play)
    await play.met(NAMED)
    await play.settle()
    agent = {"name": "in", "spec": {"replicaCount": 1}}
    await play.met({**NAMED, "zones": [{**NAMED["zones"][0], "vmagent": agent}, NAMED["zones"][1]]})
    await play.settle()
    assert (await play.markers(VM_AGENT, "in")).keys() == {"origin", "owner", "zone"}
    await delete(play)
    entries = (await play.must(VM_AGENT, "in"))["spec"]["remoteWrite"]
    assert [entry["url"] for entry in entries] == [url("db"), url("met-west")]


async def test_replicas_that_a_mode_held_are_given_back(play: Play) -> None:
    await others(play)
    zones = [{**NAMED["zones"][0], "trafficMode": "read-only"}, NAMED["zones"][1]]
    await play.met({**NAMED, "zones": zones})
    await play.settle()
    assert (await play.must(VM_CLUSTER, "db"))["spec"]["vminsert"] == {"replicaCount": 0}
    await delete(play)
    assert (await play.must(VM_CLUSTER, "db"))["spec"] == DB


async def test_a_missing_reference_fails_and_nothing_is_made(play: Play) -> None:
    await play.met({"zones": [{"name": "z", "vmcluster": {"name": "ghost"}}]})
    assert await play.reconcile() is None
    status = await play.status()
    reason = (
        "VMDistributed met update failed: failed to build distributed zones VMDistributed=obs/met: "
        "spec.zones[0]: vmcluster.name=ghost is not found and no vmcluster spec is provided"
    )
    assert (status["updateStatus"], status["reason"]) == ("failed", reason)
    assert [await play.names(resource) for resource in (VM_CLUSTER, VM_AGENT, VM_AUTH)] == [[], [], []]
    await play.apply(VM_CLUSTER, "ghost", DB)
    await play.live()
    await play.settle()
    assert (await play.markers(VM_CLUSTER, "ghost"))["origin"] == "referenced"


async def test_a_child_of_another_one_is_a_conflict(play: Play) -> None:
    other = await play.apply(VM_DISTRIBUTED, "other", {})
    owner = Owner("obs", "other", other["metadata"]["uid"]).reference()
    await play.apply(VM_CLUSTER, "met-east", DB, ownerReferences=[owner])
    await play.met(TWO)
    assert await play.reconcile() is None
    status = await play.status()
    assert status["reason"] == (
        "VMDistributed met update failed: VMCluster obs/met-east is owned by other distributed resource: other, "
        "expected: met"
    )
    [conflict] = [each for each in status["conditions"] if each["type"] == "OwnershipConflict"]
    assert conflict["status"] == "True"
    assert await play.names(VM_AUTH) == []


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"zones": [{"name": "a"}, {"name": "a"}]}, "spec.zones[1].name=a is duplicated, zone names must be unique"),
        ({"zoneCommon": COMMON | {"readyTimeout": "0s"}}, "zoneCommon.readyTimeout must be greater than 0"),
        (TWO | {"rollout": {"canary": {"zone": "east"}}}, "spec.rollout.canary: is not supported yet"),
        ({"zones": [{"name": "a", "backendType": "VMSingle"}]}, "spec.zones[0].backendType: is not supported yet"),
    ],
)
async def test_a_wrong_manifest_says_what_is_wrong(play: Play, spec: Manifest, reason: str) -> None:
    if "zones" in spec and "zoneCommon" not in spec:
        spec = {**spec, "zoneCommon": COMMON}
    await play.apply(VM_DISTRIBUTED, "met", spec)
    assert await play.reconcile() is None
    status = await play.status()
    assert (status["updateStatus"], status["reason"]) == ("failed", f"VMDistributed met update failed: {reason}")


async def test_another_backend_type_needs_consent(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    uid = (await play.must(VM_DISTRIBUTED, "met"))["metadata"]["uid"]
    marker = {"operator.victoriametrics.com/vmdistributed-owner": f"obs/met/{uid}"}
    await play.apply(VM_SINGLE, "old", {}, annotations=marker)
    assert await play.reconcile() is None
    assert (await play.status())["reason"] == (
        "VMDistributed met update failed: backendType change from VMSingle to VMCluster needs annotation "
        "operator.victoriametrics.com/allow-backend-type-change"
    )


@pytest.mark.parametrize(("manager", "origin"), [("manager", "created"), ("kubectl-edit", "referenced")])
async def test_children_of_the_go_operator_are_recorded_and_not_written(play: Play, manager: str, origin: str) -> None:
    await play.met(TWO)
    await play.settle()
    uid = (await play.must(VM_DISTRIBUTED, "met"))["metadata"]["uid"]
    before = {}
    for resource, name in ((VM_CLUSTER, "met-east"), (VM_AGENT, "met-east"), (VM_AUTH, "met")):
        made = await play.must(resource, name)
        await play.client.delete(resource, ObjectKey("obs", name))
        body: dict[str, Any] = {"apiVersion": made["apiVersion"], "kind": made["kind"], "spec": made["spec"]}
        references = [each for each in made["metadata"]["ownerReferences"] if each["uid"] == uid]
        body["metadata"] = {"name": name, "namespace": "obs"}
        if manager == "manager":
            body["metadata"]["ownerReferences"] = references
        created = await play.client.create(resource, body, field_manager=manager)
        if manager != "manager":
            patch = {"metadata": {"ownerReferences": references}}
            created = await play.merge(resource, name, patch)
        before[resource] = (await play.seen(resource, created))["metadata"]["generation"]
    await play.live()
    await play.settle()
    after = {}
    for resource, name in ((VM_CLUSTER, "met-east"), (VM_AGENT, "met-east"), (VM_AUTH, "met")):
        assert (await play.markers(resource, name))["origin"] == origin
        after[resource] = (await play.must(resource, name))["metadata"]["generation"]
    assert after == before


async def test_a_paused_child_fails_its_turn_at_once(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    await play.merge(VM_CLUSTER, "met-west", {"status": {"updateStatus": "paused"}}, subresource="status")
    reason = (
        "VMDistributed met update failed: zone=1/2: failed to reconcile VMCluster=obs/met-west: "
        "VMCluster=obs/met-west is paused"
    )
    assert (await play.reconcile(), play.failures) == (None, [reason])
