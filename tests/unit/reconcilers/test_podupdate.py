"""Which pods of an OnDelete StatefulSet may go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.reconcilers.made import NOW, UID, Pod, stateful_set
from vmop.reconcilers.pods import is_ready
from vmop.reconcilers.podupdate import PodUpdate
from vmop.reconcilers.progress import Failure


def update(*pods: Pod, limit: int | str = 1, replicas: int = 3, **spec: Any) -> PodUpdate:
    return PodUpdate(stateful_set(replicas, **spec), [pod.manifest() for pod in pods], limit, NOW)


def names(pods: list[Any]) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods]


OLD = "old"


@pytest.mark.parametrize(
    ("pods", "limit", "gone"),
    [
        pytest.param([Pod(0), Pod(1), Pod(2)], 1, [], id="nothing is outdated"),
        pytest.param([Pod(2, OLD), Pod(0, OLD), Pod(1, OLD)], 1, ["db-0"], id="the lowest ordinal goes first"),
        pytest.param([Pod(0), Pod(1, OLD), Pod(2, OLD)], 1, ["db-1"], id="the next one when the first is ready"),
        pytest.param([Pod(0, ready=False), Pod(1, OLD), Pod(2, OLD)], 1, [], id="the first one is not ready"),
        pytest.param([Pod(0, leaving=True), Pod(1, OLD), Pod(2, OLD)], 1, [], id="the first one is leaving"),
        pytest.param([Pod(1, OLD), Pod(2, OLD)], 1, [], id="the first one is being made again"),
        pytest.param(
            [Pod(0), Pod(1, OLD), Pod(2, OLD, ready=False)], 1, ["db-2"], id="one that is broken anyway first"
        ),
        pytest.param(
            [Pod(0, ready=False), Pod(1, OLD, ready=False)], 1, [], id="broken, but the template is not proven"
        ),
        pytest.param([Pod(0, OLD, ready=False)], 1, ["db-0"], id="broken, and its successors are not made yet"),
        pytest.param([Pod(0, OLD), Pod(1, OLD), Pod(2, OLD)], 2, ["db-0", "db-1"], id="as many as may be down"),
        pytest.param([Pod(0, ready=False), Pod(1, OLD), Pod(2, OLD)], 2, ["db-1"], id="what is left of the budget"),
        pytest.param([Pod(0, OLD), Pod(1, OLD), Pod(2, OLD)], "67%", ["db-0", "db-1"], id="a percentage, rounded down"),
        pytest.param([Pod(0, OLD), Pod(1, OLD), Pod(2, OLD)], "1%", ["db-0"], id="a percentage is at least one"),
        pytest.param([Pod(0, OLD), Pod(1, OLD), Pod(2, OLD)], "100%", ["db-0", "db-1", "db-2"], id="all at once"),
        pytest.param([Pod(n, OLD) for n in range(6)], 1, ["db-0"], id="pods beyond the replicas do not count as ready"),
    ],
)
def test_next(pods: list[Pod], limit: int | str, gone: list[str]) -> None:
    assert names(update(*pods, limit=limit).next()) == gone


def test_a_pod_counts_as_ready_after_its_minimal_time_only() -> None:
    pods = [Pod(0, since=20), Pod(1, OLD), Pod(2, OLD)]
    assert names(update(*pods, minReadySeconds=30).next()) == []
    assert names(update(*pods, minReadySeconds=10).next()) == ["db-1"]


def test_no_pod_goes_while_the_revision_is_unknown() -> None:
    live = stateful_set() | {"status": {"observedGeneration": 1}}
    assert PodUpdate(live, [Pod(0, OLD).manifest()], 1, NOW).next() == []


def test_ordinals_may_start_elsewhere() -> None:
    pods = [Pod(n, OLD) for n in (0, 4, 5)]
    assert names(update(*pods, replicas=2, ordinals={"start": 4}).members) == ["db-4", "db-5"]


def test_pods_of_others_are_no_members() -> None:
    mine = Pod(0).manifest()
    orphan = Pod(1).manifest()
    del orphan["metadata"]["ownerReferences"]
    other = Pod(2).manifest()
    other["metadata"]["name"] = "other-2"
    odd = Pod(2).manifest()
    odd["metadata"]["name"] = "db-x"
    assert names(PodUpdate(stateful_set(), [orphan, odd, other, mine], 1, NOW).members) == ["db-0"]


@pytest.mark.parametrize("limit", ["two", "", "-5%"])
def test_a_limit_that_says_nothing_is_refused(limit: str) -> None:
    with pytest.raises(Failure) as raised:
        _ = update(limit=limit).budget
    assert str(raised.value) == f"maxUnavailable must be a number or a percentage, got {limit!r}"


def volume(claim: str, pod: str = "db-0") -> dict[str, Any]:
    return {"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{pod}"}}


@pytest.mark.parametrize(
    ("spec", "age", "outdated"),
    [
        pytest.param({"volumes": [volume("data")]}, 7200, False, id="it fits"),
        pytest.param({"volumes": [volume("data"), {"name": "tmp", "emptyDir": {}}]}, 7200, False, id="other volumes"),
        pytest.param({}, 7200, True, id="a claim is missing"),
        pytest.param({"volumes": [volume("data"), volume("more")]}, 7200, True, id="a claim too many"),
        pytest.param({"volumes": [volume("data")], "subdomain": "other"}, 7200, True, id="another Service"),
        pytest.param({"subdomain": "other"}, 60, False, id="made by this StatefulSet, whatever others did to it"),
    ],
)
def test_a_pod_older_than_its_stateful_set_must_fit_it(spec: dict[str, Any], age: float, outdated: bool) -> None:
    live = stateful_set(claims=("data",))
    pod = Pod(0, age=age).manifest(**spec)
    assert PodUpdate(live, [pod], 1, NOW).is_outdated(pod) is outdated


def test_a_volume_of_the_template_is_no_claim_of_its_own() -> None:
    live = stateful_set(claims=("data",), template={"spec": {"volumes": [volume("shared")]}})
    pod = Pod(0, age=7200).manifest(volumes=[volume("data"), volume("shared")])
    assert PodUpdate(live, [pod], 1, NOW).is_outdated(pod) is False


@pytest.mark.parametrize(
    ("pods", "done"),
    [
        ([Pod(0), Pod(1), Pod(2)], True),
        ([Pod(0), Pod(1)], False),
        ([Pod(0), Pod(1), Pod(2, OLD)], False),
        ([Pod(0), Pod(1), Pod(2, ready=False)], False),
        ([Pod(0), Pod(1), Pod(2, leaving=True)], False),
        ([Pod(0), Pod(1), Pod(2), Pod(3, OLD, leaving=True)], True),
    ],
)
def test_done_when_all_pods_are_there_on_the_revision_and_ready(pods: list[Pod], done: bool) -> None:
    assert update(*pods).done is done


# -- whatever the pods are ---------------------------------------------------------------------------------------------

a_pod = st.builds(
    Pod,
    ordinal=st.integers(0, 7),
    revision=st.sampled_from(["new", "old", "older"]),
    ready=st.booleans(),
    leaving=st.booleans(),
    since=st.sampled_from([1, 600]),
)
some_pods = st.lists(a_pod, max_size=8, unique_by=lambda pod: pod.ordinal)
some_limit = st.one_of(st.integers(1, 4), st.integers(1, 99).map(lambda number: f"{number}%"))


@given(some_pods, some_limit, st.integers(1, 6), st.sampled_from([0, 30]))
def test_no_ready_pod_goes_that_would_leave_too_few(
    pods: list[Pod], limit: int | str, replicas: int, min_ready: int
) -> None:
    seen = update(*pods, limit=limit, replicas=replicas, minReadySeconds=min_ready)
    gone = seen.next()
    left = [pod for pod in seen.members if pod not in gone and is_ready(pod, min_ready, NOW)]
    if any(is_ready(pod) for pod in gone):
        assert replicas - len(left) <= seen.budget


@given(some_pods, some_limit, st.integers(1, 6))
def test_only_outdated_pods_go_and_never_more_than_the_budget(pods: list[Pod], limit: int | str, replicas: int) -> None:
    seen = update(*pods, limit=limit, replicas=replicas)
    gone = seen.next()
    assert len(gone) <= seen.budget
    assert all(pod["metadata"]["labels"]["controller-revision-hash"] != "new" for pod in gone)
    assert all(pod["metadata"]["ownerReferences"][0]["uid"] == UID for pod in gone)


@given(some_pods, st.integers(1, 6))
def test_a_template_that_does_not_become_ready_stops_at_its_budget(pods: list[Pod], replicas: int) -> None:
    seen = update(*pods, replicas=replicas)
    underway = [pod for pod in seen.members if pod["metadata"].get("deletionTimestamp")] + seen.unready
    assert not (underway and seen.next())


def world_after(pods: list[Pod], gone: set[int], replicas: int, good: bool) -> list[Pod]:
    """What the StatefulSet's controller makes of it: whoever went or is missing comes on the new revision."""
    kept = [pod for pod in pods if pod.ordinal not in gone and not pod.leaving and pod.ordinal < replicas]
    there = {pod.ordinal for pod in kept}
    return kept + [Pod(n, ready=good) for n in range(replicas) if n not in there]


@given(some_pods, some_limit, st.integers(1, 6))
def test_every_start_ends_on_the_new_revision(pods: list[Pod], limit: int | str, replicas: int) -> None:
    world = [pod if pod.revision != "new" or pod.ready else Pod(pod.ordinal) for pod in pods]  # they become ready
    for _ in range(20):
        gone = {int(name.removeprefix("db-")) for name in names(update(*world, limit=limit, replicas=replicas).next())}
        world = world_after(world, gone, replicas, good=True)
    assert update(*world, limit=limit, replicas=replicas).done


@given(st.lists(st.booleans(), min_size=1, max_size=6), some_limit)
def test_a_bad_template_costs_no_more_ready_pods_than_the_budget(ready: list[bool], limit: int | str) -> None:
    replicas = len(ready)
    world = [Pod(n, OLD, ready=each) for n, each in enumerate(ready)]
    budget = update(*world, limit=limit, replicas=replicas).budget
    for _ in range(20):
        gone = {int(name.removeprefix("db-")) for name in names(update(*world, limit=limit, replicas=replicas).next())}
        world = world_after(world, gone, replicas, good=False)
    lost = sum(ready) - sum(pod.ready for pod in world)
    assert lost <= budget
