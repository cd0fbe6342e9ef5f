"""Zones are brought up, changed, adopted and let go of one at a time."""

from __future__ import annotations

from tests.integration.reconcilers.vmdistributed.play import Play
from vmop.kube import Manifest
from vmop.kube.resources import VM_AGENT, VM_AUTH, VM_CLUSTER, VM_DISTRIBUTED

COMMON: Manifest = {"updatePause": "0s", "vmcluster": {"spec": {"vminsert": {}, "vmselect": {}}}}
TWO: Manifest = {"zoneCommon": COMMON, "zones": [{"name": "east"}, {"name": "west"}]}
CHANGED: Manifest = {
    **TWO,
    "zoneCommon": {**COMMON, "vmcluster": {"spec": {"vminsert": {}, "vmselect": {"port": "1"}}}},
}


async def test_a_first_install_ends_with_both_zones_behind_the_balancer(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    assert await play.targets() == (["met-west", "met-east"], ["met-east", "met-west"])
    assert await play.markers(VM_CLUSTER, "met-east") == {
        "origin": "created",
        "owner": f"obs/met/{(await play.must(VM_DISTRIBUTED, 'met'))['metadata']['uid']}",
        "zone": "east",
    }
    status = await play.status()
    assert [zone["phase"] for zone in status["zones"]] == ["Ready", "Ready"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Progressing": "False",
        "Available": "True",
        "Degraded": "False",
        "OwnershipConflict": "False",
        "AccessConfigured": "False",
    }
    assert play.failures == []


async def test_a_change_takes_out_one_zone_at_a_time(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    await play.met(CHANGED)
    seen = []
    for _ in range(60):
        result = await play.step()
        marked = await play.marked()
        assert len(marked) <= 1
        seen += [name for name in marked if name not in seen]
        if result is not None and result.requeue_after is None:
            break
    ports = [(await play.must(VM_CLUSTER, name))["spec"]["vmselect"]["port"] for name in ("met-east", "met-west")]
    assert (seen, ports, await play.marked()) == (["met-east", "met-west"], ["1", "1"], [])
    assert await play.targets() == (["met-west", "met-east"], ["met-east", "met-west"])


async def test_a_steady_resource_is_not_written(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    before = (
        await play.must(VM_DISTRIBUTED, "met"),
        await play.must(VM_AUTH, "met"),
        await play.must(VM_CLUSTER, "met-east"),
    )
    await play.step()
    after = (
        await play.must(VM_DISTRIBUTED, "met"),
        await play.must(VM_AUTH, "met"),
        await play.must(VM_CLUSTER, "met-east"),
    )
    assert before == after


async def test_a_status_that_is_lost_at_every_step_changes_nothing_about_the_end(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    await play.met(CHANGED)
    for _ in range(40):
        await play.step()
        assert len(await play.marked()) <= 1
        await play.merge(VM_DISTRIBUTED, "met", {"status": {"rollout": None, "zones": None}}, subresource="status")
    await play.settle()
    ports = [(await play.must(VM_CLUSTER, name))["spec"]["vmselect"]["port"] for name in ("met-east", "met-west")]
    assert ports == ["1", "1"]


async def test_a_full_queue_stops_the_rollout_until_its_deadline(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    url = "http://vminsert-met-east.obs.svc:8480/insert/multitenant/prometheus/api/v1/write"
    play.metrics = f'vm_persistentqueue_bytes_pending{{url="{url}"}} 4096'
    await play.met(CHANGED)
    for _ in range(60):
        if await play.step() is None:
            break
    east = next(zone for zone in (await play.status())["zones"] if zone["name"] == "east")
    assert (await play.marked(), east["phase"], east["pendingBytes"]) == ([], "Failed", 8192)
    assert play.failures == [
        "VMDistributed met update failed: zone=1/2: failed to wait till backend=met-east queue is empty"
    ]
    play.metrics = ""
    await play.settle()


async def test_a_held_update_gets_its_zone_a_turn(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    held = [{"type": "UpdateHeld", "status": "True"}]
    await play.merge(VM_CLUSTER, "met-west", {"status": {"conditions": held}}, subresource="status")
    for _ in range(20):
        await play.step()
        if await play.marked():
            break
    assert await play.marked() == ["met-west"]
    await play.merge(VM_CLUSTER, "met-west", {"status": {"conditions": None}}, subresource="status")
    await play.settle()
    assert await play.marked() == []


async def test_a_mode_without_writes_scales_vminsert_down_and_up(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    await play.met({**TWO, "zones": [{"name": "east", "trafficMode": "read-only"}, {"name": "west"}]})
    await play.settle()
    replicas = (await play.must(VM_CLUSTER, "met-east"))["spec"]["vminsert"].get("replicaCount")
    assert (replicas, await play.targets()) == (0, (["met-west", "met-east"], ["met-west"]))
    await play.met(TWO)
    await play.settle()
    assert "replicaCount" not in (await play.must(VM_CLUSTER, "met-east"))["spec"]["vminsert"]


async def test_a_removed_zone_is_detached_and_taken_back(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    await play.met({**TWO, "zones": [{"name": "east"}]})
    await play.settle()
    assert await play.targets() == (["met-east"], ["met-east"])
    detached = (await play.status())["detached"]
    assert [(each["kind"], each["name"], each["origin"]) for each in detached] == [
        ("VMCluster", "met-west", "created"),
        ("VMAgent", "met-west", "created"),
    ]
    assert await play.owners(VM_CLUSTER, "met-west") == ["met"]
    east = (await play.must(VM_AGENT, "met-east"))["spec"]["remoteWrite"]
    assert [entry["url"].partition(".")[0] for entry in east] == ["http://vminsert-met-east"]
    await play.met(TWO)
    await play.settle()
    assert "detached" not in await play.status()
    assert (await play.targets())[1] == ["met-east", "met-west"]


async def test_a_renamed_backend_leaves_the_agent_of_the_old_name_alone(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    await play.met({**TWO, "zones": [{"name": "east", "vmcluster": {"name": "db"}}, {"name": "west"}]})
    await play.settle()
    assert "detached" in await play.markers(VM_CLUSTER, "met-east")
    read, write = await play.targets()
    assert (sorted(read), sorted(write)) == (["db", "met-west"], ["met-east", "met-west"])


async def test_a_balancer_that_is_switched_off_is_detached(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    await play.met({**TWO, "vmauth": {"enabled": False}})
    await play.settle()
    assert "detached" in await play.markers(VM_AUTH, "met")
