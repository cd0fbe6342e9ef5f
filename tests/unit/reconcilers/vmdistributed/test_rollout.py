"""A rollout takes one zone at a time out of traffic, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.reconcilers.vmdistributed.world import TIMING, World, Zone, progress
from vmop.reconcilers.vmdistributed.model import TrafficMode
from vmop.reconcilers.vmdistributed.rollout import Halt, Wait

TURN = ["mark {0}", "balance without {0}", "write backend {0}", "balance without ", "unmark {0}"]


def turn(zone: str) -> list[str]:
    return [line.format(zone) for line in TURN]


def test_a_steady_resource_is_left_alone() -> None:
    world = World.steady("east", "west")
    assert world.run() == []


def test_a_change_goes_over_the_zones_one_after_the_other() -> None:
    world = World.steady("east", "west", "north")
    for zone in world.zones.values():
        zone.desired = 2
    assert world.run() == turn("east") + turn("north") + turn("west")


def test_an_agent_change_alone_is_a_turn_too() -> None:
    world = World.steady("east", "west")
    world.zones["west"].agent_desired = 2
    assert world.run() == [
        "mark west",
        "balance without west",
        "write agent west",
        "balance without ",
        "unmark west",
    ]


def test_a_first_install_brings_up_one_zone_after_the_other() -> None:
    world = World({name: Zone(name, exists=False) for name in ("east", "west")}, balancer_exists=False)
    log = world.run()
    assert log == [
        *("write backend east", "balance without ", "unmark east"),
        *("write backend west", "balance without ", "unmark west"),
    ]


def test_zones_that_only_have_to_be_adopted_stay_in_traffic() -> None:
    world = World({name: Zone(name, owned=False) for name in ("east", "west")}, balancer_exists=False)
    assert world.run() == ["adopt east", "balance without ", "adopt west", "balance without "]


def test_a_pause_follows_each_zone_but_the_last() -> None:
    world = World.steady("east", "west")
    for zone in world.zones.values():
        zone.desired = 2
    world.run_until("unmark east", seconds=1)
    unmarked = world.now
    world.run_until("mark west", seconds=1)
    assert TIMING.update_pause <= world.now - unmarked <= TIMING.update_pause + timedelta(seconds=1)
    world.run()
    assert progress(world, "west").pause_until is None


def test_nothing_is_taken_out_while_another_zone_is_not_ready() -> None:
    world = World.steady("east", "west")
    world.zones["east"].desired = 2
    world.zones["west"].broken = True
    world.zones["west"].running = 0
    for _ in range(200):
        if isinstance(world.reconcile(), Wait | Halt):
            world.pass_time(10)
    assert world.log == []


def test_a_zone_that_serves_nobody_is_repaired_though_others_are_not_ready() -> None:
    world = World.steady("east", "west")
    for zone in world.zones.values():
        zone.broken, zone.running = True, 0
    world.zones["east"].desired = 2
    world.read = world.write = frozenset({"west"})
    world.run_until("mark east")


def test_a_backend_that_does_not_become_ready_fails_its_turn_and_stays_out() -> None:
    world = World.steady("east", "west")
    for zone in world.zones.values():
        zone.desired = 2
    world.zones["east"].broken = True
    action = None
    while not isinstance(action, Halt):
        action = world.reconcile()
        if isinstance(action, Wait):
            world.pass_time(5)
    assert action.error == (
        "zone=1/2: failed to reconcile VMCluster=obs/met-east: it is not ready in time, current status: expanding"
    )
    assert (world.zones["east"].marked, "east" in world.read, world.zones["west"].marked) == (True, False, False)
    world.zones["east"].broken = False
    world.run()
    assert (world.read, [zone.marked for zone in world.zones.values()]) == (frozenset({"east", "west"}), [False, False])


def test_the_marker_stays_on_a_zone_that_breaks_while_the_balancer_reloads() -> None:
    world = World.steady("east", "west")
    world.zones["east"].desired = 2
    world.run_until("balance without ")
    crash(world.zones["east"])
    for _ in range(10):
        world.reconcile()
        world.pass_time(6)
    assert world.log == turn("east")[:-1]
    heal(world.zones["east"])
    assert world.run() == turn("east")


def test_a_fix_made_during_a_turn_reaches_the_marked_zone_first() -> None:
    world = World.steady("east", "west")
    for zone in world.zones.values():
        zone.desired = 2
    world.zones["east"].broken = True
    world.run_until("write backend east", seconds=1)
    for zone in world.zones.values():
        zone.desired = 3
    world.zones["east"].broken = False
    log = world.run()
    assert log[log.index("write backend east") + 1 :] == [
        *("write backend east", "balance without ", "unmark east"),
        *turn("west"),
    ]


def test_templates_that_are_held_go_over_the_zones_one_after_the_other() -> None:
    world = World.steady("east", "west", "north")
    for zone in world.zones.values():
        zone.template = 2
    pairs = [line.format(zone) for zone in ("east", "north", "west") for line in TURN if "write" not in line]
    assert world.run() == pairs


def test_a_zone_that_gets_queries_again_waits_for_its_turn_and_keeps_its_writes() -> None:
    world = World.steady("east", "west")
    world.zones["west"].mode = TrafficMode.WRITE_ONLY
    world.run()
    world.zones["west"].mode = TrafficMode.READ_WRITE
    world.zones["west"].queue = 1 << 30
    world.zones["east"].desired = 2
    world.run_until("balance without east", seconds=1)
    assert (set(world.read), set(world.write)) == ({"east"}, {"west"})
    world.run()
    assert (set(world.read), set(world.write)) == ({"east", "west"}, {"east", "west"})


def test_a_detached_child_is_adopted_and_not_written_again() -> None:
    world = World.steady("east", "west")
    world.zones["east"].owned = False
    world.zones["east"].agent_desired = 2
    log = world.run()
    assert log.count("write backend east") == 0
    assert world.zones["east"].owned


@pytest.mark.parametrize("mode", [TrafficMode.MAINTENANCE, TrafficMode.READ_ONLY, TrafficMode.WRITE_ONLY])
def test_a_traffic_mode_ends_with_the_targets_that_it_allows(mode: TrafficMode) -> None:
    world = World.steady("east", "west")
    world.zones["east"].mode = mode
    world.run()
    assert (("east" in world.read), ("east" in world.write)) == (mode.reads, mode.writes)
    world.zones["east"].mode = TrafficMode.READ_WRITE
    world.run()
    assert (world.read, world.write) == (frozenset(world.zones), frozenset(world.zones))


def test_a_dead_zone_in_maintenance_blocks_nobody() -> None:
    world = World.steady("east", "west")
    world.zones["west"].broken = True
    world.zones["west"].running = 0
    world.zones["west"].mode = TrafficMode.MAINTENANCE
    world.zones["east"].desired = 2
    for _ in range(300):
        if isinstance(world.reconcile(), Wait | Halt):
            world.pass_time(6)
    assert world.zones["east"].running == 2


def test_the_way_is_the_same_when_the_record_is_lost_before_every_reconcile() -> None:
    def change() -> World:
        world = World.steady("east", "west", "north")
        for zone in world.zones.values():
            zone.desired = 2
        return world

    assert change().run(forget=True) == change().run()


def edit_backend(zone: Zone) -> None:
    zone.desired += 1


def edit_agent(zone: Zone) -> None:
    zone.agent_desired += 1


def crash(zone: Zone) -> None:
    zone.broken, zone.running = True, 0


def heal(zone: Zone) -> None:
    zone.broken = False


def fill_queue(zone: Zone) -> None:
    zone.queue = 1 << 30


def new_template(zone: Zone) -> None:
    zone.template += 1


def delete_by_hand(zone: Zone) -> None:
    zone.exists, zone.marked = False, False
    zone.template_written = zone.template


ZONE_EVENTS = (edit_backend, edit_agent, crash, heal, fill_queue, new_template, delete_by_hand)
#: reconciles are what a history mostly consists of
histories = st.lists(
    st.one_of(
        st.just("reconcile"),
        st.just("reconcile"),
        st.just("time passes"),
        st.just("record lost"),
        st.tuples(st.sampled_from(ZONE_EVENTS), st.integers(0, 2)),
        st.tuples(st.sampled_from(list(TrafficMode)), st.integers(0, 2)),
    ),
    max_size=120,
)


def happen(world: World, event: str | tuple[TrafficMode | Callable[[Zone], None], int]) -> None:
    """Let one event of a history happen."""
    zones = list(world.zones.values())
    match event:
        case "reconcile":
            world.reconcile()
        case "time passes":
            world.pass_time(20)
        case "record lost":
            world.rollout = None
        case (TrafficMode() as mode, int(which)):
            zones[which].mode = mode
        case (change, int(which)) if callable(change):
            change(zones[which])


@settings(max_examples=300, deadline=None)
@given(histories)
def test_the_invariants_hold_and_the_end_is_reached_whatever_happens(
    history: list[str | tuple[TrafficMode | Callable[[Zone], None], int]],
) -> None:
    world = World.steady("east", "west", "north")
    for event in history:
        happen(world, event)
    for zone in world.zones.values():
        zone.broken, zone.mode = False, TrafficMode.READ_WRITE
    world.run()
    everybody = frozenset(world.zones)
    assert (world.read, world.write) == (everybody, everybody)
    assert all(zone.running == zone.desired and not zone.marked for zone in world.zones.values())
    assert all(zone.template_written == zone.template for zone in world.zones.values())
