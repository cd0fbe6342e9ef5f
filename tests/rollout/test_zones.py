"""Zones come and go, and change what traffic they take."""

from __future__ import annotations

from tests.rollout.manifests import ANOTHER_CLUSTER, distributed, with_common, with_zones
from tests.support.mirror import PREFIX, Routes
from tests.support.stage import Stage
from vmop.kube import Manifest

MEGABYTE = 1024.0 * 1024
READ_ONLY: Manifest = {"name": "east", "trafficMode": "read-only"}
WRITE_ONLY: Manifest = {"name": "east", "trafficMode": "write-only"}


async def installed(stage: Stage, *zones: str | Manifest, pause: str) -> Manifest:
    manifest = distributed(zones, pause=pause)
    await stage.start_operator()
    await stage.apply(manifest)
    await stage.until_operational("VMDistributed", "met")
    stage.checker.turns.clear()
    return manifest


def destinations(stage: Stage, agent: str) -> list[str]:
    """The clusters that the pod of an agent writes to, in its order."""
    urls = stage.arguments("vmagent", agent)["remoteWrite.url"].split(",")
    return [url.partition("//vminsert-")[2].partition(".")[0] for url in urls]


async def test_a_zone_is_added(stage: Stage, pause: str) -> None:
    manifest = await installed(stage, "east", "west", pause=pause)
    await stage.apply(with_zones(manifest, "north", "east", "west"))
    await stage.until_operational("VMDistributed", "met")
    # the new one first, then the others, whose agents write to it from now on
    assert stage.checker.turns == ["north", "east", "west"]
    # entries that were there keep their places, and with them their queues
    assert {agent: destinations(stage, agent) for agent in stage.names("VMAgent")} == {
        "met-north": ["met-north", "met-east", "met-west"],
        "met-east": ["met-east", "met-west", "met-north"],
        "met-west": ["met-east", "met-west", "met-north"],
    }
    everybody = frozenset({"north", "east", "west"})
    assert list(stage.running_routes("met").values()) == [Routes(everybody, everybody)]


async def test_a_zone_is_removed(stage: Stage, pause: str) -> None:
    manifest = await installed(stage, "east", "north", "west", pause=pause)
    await stage.apply(with_zones(manifest, "east", "west"))
    await stage.until_operational("VMDistributed", "met")
    assert stage.checker.turns == ["east", "west"]
    assert {agent: destinations(stage, agent) for agent in ("met-east", "met-west")} == {
        "met-east": ["met-east", "met-west"],
        "met-west": ["met-east", "met-west"],
    }
    # what was made for it runs on, outside of everything
    assert {
        (kind, name): f"{PREFIX}detached" in stage.annotations(kind, name)
        for kind in ("VMCluster", "VMAgent")
        for name in stage.names(kind)
    } == {
        (kind, f"met-{zone}"): zone == "north"
        for kind in ("VMCluster", "VMAgent")
        for zone in ("east", "north", "west")
    }


async def test_a_zone_that_takes_no_writes_any_more_is_updated_in_its_turn(stage: Stage, pause: str) -> None:
    manifest = await installed(stage, "east", "west", pause=pause)
    await stage.apply(with_zones(manifest, READ_ONLY, "west"))
    await stage.until_operational("VMDistributed", "met")
    assert stage.checker.turns == ["east"]
    both, west = frozenset({"east", "west"}), frozenset({"west"})
    assert list(stage.running_routes("met").values()) == [Routes(read=both, write=west)]
    assert stage.pods("vminsert", "met-east") == []


async def test_a_zone_that_takes_writes_again_catches_up_before_it_has_traffic(stage: Stage, pause: str) -> None:
    manifest = await installed(stage, READ_ONLY, "west", pause=pause)
    stage.cluster.nodes.knobs.drain_rate = MEGABYTE
    stage.queue("met-west", "met-east", 2 * MEGABYTE)
    await stage.apply(with_zones(manifest, "east", "west"))
    await stage.until_operational("VMDistributed", "met")
    assert stage.checker.turns == ["east"]
    both = frozenset({"east", "west"})
    assert list(stage.running_routes("met").values()) == [Routes(both, both)]


async def test_a_mode_that_only_the_vmauth_knows_of_takes_no_zone_out(stage: Stage, pause: str) -> None:
    manifest = await installed(stage, "east", "west", pause=pause)
    await stage.apply(with_zones(manifest, WRITE_ONLY, "west"))
    await stage.until_operational("VMDistributed", "met")
    await stage.apply(with_zones(manifest, "east", "west"))
    await stage.until_operational("VMDistributed", "met")
    assert stage.checker.turns == []
    assert [sorted(routes.read) for routes in stage.stored_routes("met")] == [
        ["east"],
        ["east", "west"],
        ["west"],
        ["east", "west"],
    ]


async def test_the_only_zone_keeps_its_traffic_while_it_is_updated(stage: Stage, pause: str) -> None:
    manifest = await installed(stage, "east", pause=pause)
    await stage.apply(with_common(manifest, ANOTHER_CLUSTER))
    await stage.until_operational("VMDistributed", "met")
    assert stage.checker.turns == ["east"]
    assert stage.arguments("vmselect", "met-east")["search.maxSeries"] == "1000"
    east = frozenset({"east"})
    assert stage.stored_routes("met") == [Routes(east, east)]
