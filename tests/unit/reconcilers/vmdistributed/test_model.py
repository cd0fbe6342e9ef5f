"""The order of a pass, and what zones and children are said to be (spec 02 §9.3, §19.6)."""

from __future__ import annotations

import attrs
import pytest

from vmop.kube import ObjectKey
from vmop.kube.resources import VM_AGENT, VM_AUTH, VM_CLUSTER
from vmop.reconcilers.vmdistributed.model import BalancerView, ChildView, TrafficMode, ZoneView, update_order


def child(name: str, *, agent: bool = False, status: str = "operational", generation: int = 1) -> ChildView:
    return ChildView(
        VM_AGENT if agent else VM_CLUSTER,
        ObjectKey("obs", name),
        exists=generation > 0,
        owned=True,
        update_status=status,
        generation=generation,
        observed_generation=generation,
    )


def zone(name: str, status: str = "operational", generation: int = 1, *, marked: bool = False) -> ZoneView:
    return ZoneView(
        name,
        TrafficMode.READ_WRITE,
        child(name, status=status, generation=generation),
        child(name, agent=True),
        marked=marked,
    )


A, B, C, E = zone("a", generation=2), zone("b", "expanding", 9), zone("c", generation=7), zone("e", generation=7)
D = zone("d", "", 0)


def test_zones_out_of_order_come_first_then_those_written_most_often() -> None:
    assert update_order([A, B, C, D, E]) == ("d", "b", "c", "e", "a")


def test_a_marked_zone_and_one_whose_agent_is_out_of_order_come_before_all() -> None:
    sick = attrs.evolve(A, agent=attrs.evolve(A.agent, update_status="failed"))
    assert update_order([sick, B, C, D, E]) == ("a", "d", "b", "c", "e")
    assert update_order([B, D, attrs.evolve(E, marked=True)]) == ("e", "d", "b")


@pytest.mark.parametrize(
    ("changes", "up", "operational", "failed"),
    [
        ({}, True, True, False),
        ({"held": True}, True, False, False),
        ({"deleting": True}, False, False, False),
        ({"observed_generation": 0}, False, False, False),
        ({"update_status": "expanding"}, False, False, False),
        ({"update_status": "failed"}, False, False, True),
        ({"update_status": "failed", "observed_generation": 0}, False, False, False),
        ({"exists": False}, False, False, False),
    ],
)
def test_when_a_child_is_ready(changes: dict[str, object], up: bool, operational: bool, failed: bool) -> None:
    view: ChildView = attrs.evolve(child("a"), **changes)  # type: ignore[arg-type]  # a table of different fields
    assert (view.up, view.operational, view.failed) == (up, operational, failed)


def test_a_zone_whose_update_is_held_is_ready_and_has_something_disruptive_to_do() -> None:
    held = attrs.evolve(A, backend=attrs.evolve(A.backend, held=True))
    assert (held.ready, held.disruptive, held.settled) == (True, True, False)


@pytest.mark.parametrize("changes", [{"marked": True}, {"agent_reachable": False}])
def test_when_a_zone_is_not_ready(changes: dict[str, bool]) -> None:
    view: ZoneView = attrs.evolve(A, **changes)  # type: ignore[arg-type]  # a table of different fields
    assert not view.ready


@pytest.mark.parametrize(
    ("balancer", "serves"),
    [
        (BalancerView(managed=False), True),
        (BalancerView(read=frozenset("a")), True),
        (BalancerView(write=frozenset("a")), True),
        (BalancerView(read=frozenset("b")), False),
    ],
)
def test_which_zones_serve(balancer: BalancerView, serves: bool) -> None:
    assert balancer.serves(A) is serves
    assert not balancer.serves(D)


def test_children_are_named_as_in_statuses() -> None:
    assert str(ChildView(VM_AUTH, ObjectKey("obs", "met"))) == "VMAuth=obs/met"
