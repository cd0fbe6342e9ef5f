"""Who gets queries and writes (spec 02 §7, §8, §20.2 to 20.5)."""

import pytest

from vmop.builders.vmdistributed.targets import Listed, Routing, Target, choose, listed, target_refs, upsert

STUB = {"url": "http://127.0.0.1:9999"}
WRITE_REF = {
    "name": "write",
    "paths": ["/insert/.+", "/api/v1/write"],
    "load_balancing_policy": "least_loaded",
    "retry_status_codes": [500, 502, 503],
}
READ_REF = {
    "name": "read",
    "paths": ["/flags", "/metrics", "/select/.+", "/admin/tenants"],
    "load_balancing_policy": "first_available",
    "retry_status_codes": [500, 502, 503],
}


def target(name: str, *, reads: bool = True, writes: bool = True, present: bool = True) -> Target:
    return Target(name, "obs", f"met-{name}", f"met-{name}", reads, writes, present and reads, present and writes)


def names(targets: tuple[Target, ...]) -> str:
    return "".join(each.zone for each in targets)


#: the update order of §20.2
ORDER = "dbcea"


def test_queries_go_first_to_the_zone_that_is_updated_last() -> None:
    zones = [target(name, reads=name != "d", writes=name != "d") for name in ORDER]
    chosen = choose(zones, Routing(), keep_last=True)
    assert (names(chosen.read), names(chosen.write)) == ("aecb", "bcea")


def test_the_zone_being_updated_is_in_no_ref() -> None:
    chosen = choose([target(name) for name in ORDER], Routing(frozenset("c")), keep_last=True)
    assert (names(chosen.read), names(chosen.write), chosen.kept) == ("aebd", "dbea", ())


def test_a_zone_stays_where_nobody_else_would_be_left() -> None:
    zones = [target("a"), target("b", reads=False)]
    chosen = choose(zones, Routing(frozenset("a")), keep_last=True)
    assert (names(chosen.read), names(chosen.write), chosen.kept) == ("a", "b", ("a",))


def test_both_refs_of_a_single_zone_are_kept() -> None:
    chosen = choose([target("a")], Routing(frozenset("a")), keep_last=True)
    assert (names(chosen.read), names(chosen.write), chosen.kept) == ("a", "a", ("a",))


def test_a_zone_that_is_no_target_is_not_kept_as_the_last_one() -> None:
    chosen = choose([target("a", present=False)], Routing(frozenset("a")), keep_last=True)
    assert (chosen.read, chosen.write, chosen.kept) == ((), (), ())


def test_without_keeping_the_last_target_nobody_is_left() -> None:
    chosen = choose([target("a")], Routing(frozenset("a")), keep_last=False)
    assert (chosen.read, chosen.write, chosen.kept) == ((), (), ())


@pytest.mark.parametrize(("entering", "read"), [(None, "ba"), (frozenset("b"), "ba"), (frozenset[str](), "a")])
def test_a_zone_enters_a_ref_when_it_may(entering: frozenset[str] | None, read: str) -> None:
    zones = [target("a"), Target("b", "obs", "met-b", "met-b", True, True, False, True)]
    chosen = choose(zones, Routing(entering=entering), keep_last=True)
    assert (names(chosen.read), names(chosen.write)) == (read, "ab")


def test_both_refs_of_cluster_zones() -> None:
    chosen = choose([target("east"), target("west")], Routing(), keep_last=True)
    assert target_refs(chosen, "VMCluster") == [
        WRITE_REF
        | {
            "crd": {
                "kind": "VMAgent",
                "name": "",
                "namespace": "",
                "objects": [{"namespace": "obs", "name": "met-east"}, {"namespace": "obs", "name": "met-west"}],
            }
        },
        READ_REF
        | {
            "crd": {
                "kind": "VMCluster/vmselect",
                "name": "",
                "namespace": "",
                "objects": [{"namespace": "obs", "name": "met-west"}, {"namespace": "obs", "name": "met-east"}],
            }
        },
    ]


def test_the_read_ref_of_single_zones() -> None:
    [_, read] = target_refs(choose([target("east")], Routing(), keep_last=True), "VMSingle")
    objects = [{"namespace": "obs", "name": "met-east"}]
    assert read == READ_REF | {
        "paths": ["/flags", "/metrics", "/api/v1/.+"],
        "crd": {"kind": "VMSingle", "name": "", "namespace": "", "objects": objects},
    }


def test_refs_without_a_target_lead_nowhere() -> None:
    refs = target_refs(choose([], Routing(), keep_last=True), "VMCluster")
    assert refs == [WRITE_REF | {"static": STUB}, READ_REF | {"static": STUB}]


def test_stored_refs_are_read_with_their_kinds() -> None:
    spec = {"defaultTargetRefs": target_refs(choose([target("east")], Routing(), keep_last=True), "VMCluster")}
    assert (listed(spec, "read"), listed(spec, "write"), listed(spec, "other")) == (
        frozenset({Listed("VMCluster", "obs", "met-east")}),
        frozenset({Listed("VMAgent", "obs", "met-east")}),
        frozenset(),
    )


def test_a_stub_lists_nobody() -> None:
    assert (
        listed({"defaultTargetRefs": target_refs(choose([], Routing(), keep_last=True), "VMCluster")}, "read") == set()
    )


def test_our_refs_take_the_place_of_those_of_their_names() -> None:
    mine = [{"name": "write", "v": 2}, {"name": "read", "v": 2}]
    assert upsert([{"name": "mine"}, {"name": "read", "v": 1}, {"static": {}}], mine) == [
        {"name": "mine"},
        {"name": "read", "v": 2},
        {"static": {}},
        {"name": "write", "v": 2},
    ]
