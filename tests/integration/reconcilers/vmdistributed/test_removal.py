"""Queues of removed zones drain before agents forget them, or somebody is told (spec 02 §17.3)."""

from __future__ import annotations

import pytest

from tests.integration.reconcilers.vmdistributed.play import MET, Play
from tests.integration.reconcilers.vmdistributed.test_references import DB, delete
from tests.integration.reconcilers.vmdistributed.test_zones import TWO
from vmop.kube import Manifest
from vmop.kube.resources import VM_AGENT, VM_CLUSTER, VM_DISTRIBUTED

ONE: Manifest = {**TWO, "zones": [{"name": "east"}]}
PATH = "/insert/multitenant/prometheus/api/v1/write"
WEST = f"http://vminsert-met-west.obs.svc:8480{PATH}"

EMPTY = "\n".join(
    f'vm_persistentqueue_bytes_pending{{url="http://vminsert-met-{zone}.obs.svc:8480{PATH}"}} 0'
    for zone in ("east", "west")
)


async def urls(play: Play) -> list[str]:
    """Where the agent of the zone that stays writes to."""
    return [entry["url"] for entry in (await play.must(VM_AGENT, "met-east"))["spec"]["remoteWrite"]]


async def test_a_removed_zone_is_out_of_traffic_while_its_queue_drains(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    play.metrics = f'vm_persistentqueue_bytes_pending{{url="{WEST}"}} 4096'
    await play.met(ONE)
    for _ in range(10):
        await play.step()
    assert (await play.targets(), WEST in await urls(play)) == ((["met-east"], ["met-east"]), True)
    play.metrics = ""
    await play.settle()
    assert WEST not in await urls(play)


@pytest.mark.parametrize(
    ("metrics", "status", "message"),
    [
        (
            f'vm_persistentqueue_bytes_pending{{url="{WEST}"}} 4096',
            {},
            "queues of removed zones are not empty: 4096 bytes are lost",
        ),
        (
            "",
            {"updateStatus": "failed"},
            "queues are not waited for, since these are not operational: VMCluster=obs/met-west",
        ),
    ],
)
async def test_what_cannot_drain_is_told(play: Play, metrics: str, status: Manifest, message: str) -> None:
    play.metrics = EMPTY
    await play.met(TWO)
    await play.settle()
    play.metrics = f"{EMPTY}\n{metrics}"
    if status:
        play.broken = frozenset({"met-west"})
        await play.merge(VM_CLUSTER, "met-west", {"status": status}, subresource="status")
    await play.met(ONE)
    for _ in range(80):
        await play.step()
        if WEST not in await urls(play):
            break
    assert (WEST in await urls(play), await play.messages("DrainSkipped")) == (False, [message])


async def test_foreground_deletion_is_warned_of(play: Play) -> None:
    await play.apply(VM_CLUSTER, "db", DB, finalizers=["example.org/hold"])
    await play.live()
    await play.met({"zones": [{"name": "east", "vmcluster": {"name": "db"}}]})
    await play.settle()
    await play.client.delete(VM_DISTRIBUTED, MET, propagation="Foreground")
    lister = play.context.informers.informer(VM_DISTRIBUTED).lister
    await play.until(lambda: bool((stored := lister.get(MET)) and stored.metadata.get("deletionTimestamp")))
    await play.reconcile()
    assert await play.messages("ForegroundDeletion") == [
        "children are collected at once: referenced objects may be lost before they are given back"
    ]
    assert await play.owners(VM_CLUSTER, "db") == []


async def test_without_zones_the_balancer_leads_nowhere_and_all_is_detached(play: Play) -> None:
    await play.met(TWO)
    await play.settle()
    await play.met({**TWO, "zones": []})
    await play.settle()
    assert await play.targets() == ([], [])
    assert len((await play.status())["detached"]) == 4
    await delete(play)
