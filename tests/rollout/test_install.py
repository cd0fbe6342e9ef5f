"""A VMDistributed comes into being, is changed, and is at rest."""

from __future__ import annotations

import asyncio

from tests.rollout.manifests import ANOTHER_CLUSTER, distributed, example, with_common
from tests.support.stage import Stage

CHILDREN_AND_WORKLOADS = ("VMCluster", "VMAgent", "VMAuth", "StatefulSet", "Deployment", "Secret")


async def test_the_example_of_the_seeds_is_installed_zone_by_zone(stage: Stage, pause: str) -> None:
    [seed] = example("vmdistributed.yaml")
    seed = with_common(seed, {"updatePause": pause})
    await stage.start_operator()
    await stage.apply(seed)
    await stage.until_operational("VMDistributed", "my-distributed-cluster")
    zones = [f"my-distributed-cluster-{zone}" for zone in ("zone-a", "zone-b")]
    assert {kind: stage.names(kind) for kind in CHILDREN_AND_WORKLOADS} == {
        "VMCluster": zones,
        "VMAgent": zones,
        "VMAuth": ["my-distributed-vmauth"],
        "StatefulSet": [f"{app}-{zone}" for app in ("vmselect", "vmstorage") for zone in zones],
        "Deployment": [
            *(f"vmagent-{zone}" for zone in zones),
            "vmauth-my-distributed-vmauth",
            *(f"vminsert-{zone}" for zone in zones),
        ],
        "Secret": ["vmauth-config-my-distributed-vmauth"],
    }
    assert stage.checker.turns == ["zone-a", "zone-b"]


async def test_a_change_rolls_zone_by_zone(stage: Stage, pause: str) -> None:
    await stage.start_operator()
    manifest = distributed(["east", "west"], pause=pause)
    await stage.apply(manifest)
    await stage.until_operational("VMDistributed", "met")
    stage.checker.turns.clear()
    await stage.apply(with_common(manifest, ANOTHER_CLUSTER))
    await stage.until_operational("VMDistributed", "met")
    assert stage.checker.turns == ["east", "west"]
    assert {name: stage.arguments("vmselect", name)["search.maxSeries"] for name in ("met-east", "met-west")} == {
        "met-east": "1000",
        "met-west": "1000",
    }
    assert stage.phases("met", "east") == [
        *("UpdatingBackend", "UpdatingAgent", "Restoring", "Pausing", "Ready"),
        *("Draining", "Excluding", "UpdatingBackend", "Restoring", "Pausing", "Ready"),
    ]


async def test_a_new_operator_finds_nothing_to_do(stage: Stage, pause: str) -> None:
    await stage.start_operator()
    await stage.apply(distributed(["east", "west"], pause=pause))
    await stage.until_operational("VMDistributed", "met")
    await stage.stop_operator()
    before = len(stage.changes)
    await stage.start_operator()
    # nothing can be waited for: nothing is to happen
    await asyncio.sleep(3)
    assert [change.label for change in stage.changes[before:] if change.kind != "Lease"] == []
