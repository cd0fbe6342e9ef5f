"""What a Deployment does next, as a table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.devcluster.workloads.objects import deployment, replica_set
from vmop.devcluster.workloads.deployment_model import DESIRED, MAXIMUM, Conditions, Rollout
from vmop.informers import StoredObject
from vmop.kube import Manifest

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
STAMP = "2026-03-01T12:00:00Z"
EARLIER = "2026-03-01T11:00:00Z"


def rolling(surge: int | str, unavailable: int | str) -> Manifest:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def rollout(owner: StoredObject, *sets: StoredObject) -> Rollout:
    return Rollout(owner, sets)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (4, "25%", "25%", (1, 1)),
        (3, "25%", "25%", (1, 0)),
        (1, "25%", "25%", (1, 0)),
        (2, 0, 0, (0, 1)),
        (2, 0, 5, (0, 2)),
        (0, 1, 1, (1, 0)),
    ],
)
def test_surge_is_rounded_up_and_unavailability_down_but_one_of_them_is_left(
    replicas: int, surge: int | str, unavailable: int | str, expected: tuple[int, int]
) -> None:
    one = rollout(deployment("new", replicas, strategy=rolling(surge, unavailable)))
    assert (one.max_surge, one.max_unavailable) == expected


def test_recreation_has_neither_surge_nor_unavailability() -> None:
    one = rollout(deployment("new", 3, strategy={"type": "Recreate"}))
    assert (one.max_surge, one.max_unavailable, one.new_replicas()) == (0, 0, 3)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [(3, 0, 1), (3, 1, 1), (2, 1, 2), (0, 3, 3), (0, 5, 3)],
)
def test_the_newest_grows_as_far_as_the_surge_allows(old: int, new: int, expected: int) -> None:
    sets = (replica_set("old", "old", old), replica_set("new", "new", new))
    one = rollout(deployment("new", 3, strategy=rolling(1, 0)), *sets)
    assert min(one.new_replicas(), one.replicas) == expected


@pytest.mark.parametrize(
    ("old", "new", "new_available", "unavailable", "expected"),
    [
        (3, 1, 1, 0, {"old": 2}),
        (3, 1, 0, 0, {}),
        (3, 1, 0, 1, {"old": 2}),
        (3, 3, 3, 0, {"old": 0}),
        (0, 3, 3, 0, {}),
    ],
)
def test_old_ones_shrink_as_far_as_availability_allows(
    old: int, new: int, new_available: int, unavailable: int, expected: dict[str, int]
) -> None:
    sets = (replica_set("old", "old", old), replica_set("new", "new", new, available=new_available))
    assert rollout(deployment("new", 3, strategy=rolling(1, unavailable)), *sets).scale_down() == expected


def test_unhealthy_replicas_of_old_ones_go_first() -> None:
    sets = (
        replica_set("older", "older", 2, available=2, created="2026-03-01T08:00:00Z"),
        replica_set("old", "old", 2, available=0, created="2026-03-01T09:00:00Z"),
        replica_set("new", "new", 1),
    )
    assert rollout(deployment("new", 4, strategy=rolling(1, 1)), *sets).scale_down() == {"old": 0}


def _sized(name: str, image: str, replicas: int, desired: int, maximum: int) -> StoredObject:
    return replica_set(name, image, replicas, annotations={DESIRED: str(desired), MAXIMUM: str(maximum)})


@pytest.mark.parametrize(
    ("sets", "replicas", "expected"),
    [
        ((_sized("new", "new", 3, 3, 4),), 5, {"new": 5}),
        ((_sized("new", "new", 3, 3, 4),), 3, {}),
        ((_sized("old", "old", 3, 3, 4), _sized("new", "new", 0, 3, 4)), 1, {"old": 1}),
        ((), 1, {}),
        ((_sized("old", "old", 3, 3, 4), _sized("new", "new", 1, 3, 4)), 6, {"old": 6, "new": 2}),
        ((_sized("old", "old", 3, 3, 4), _sized("new", "new", 1, 3, 4)), 0, {"old": 0, "new": 0}),
        ((_sized("old", "old", 1, 2, 3), _sized("new", "new", 2, 2, 3)), 2, {"old": 0}),
    ],
)
def test_a_scaled_deployment_scales_its_sets_in_proportion(
    sets: tuple[StoredObject, ...], replicas: int, expected: dict[str, int]
) -> None:
    assert rollout(deployment("new", replicas), *sets).scaling() == expected


def _progress(status: str, reason: str, since: str = EARLIER) -> Manifest:
    times = {"lastUpdateTime": since, "lastTransitionTime": since}
    return {"type": "Progressing", "status": status, "reason": reason, "message": "", **times}


def _judged(owner: StoredObject, *sets: StoredObject) -> tuple[Any, ...] | None:
    conditions = rollout(owner, *sets).status(NOW)["conditions"]
    return next(
        ((one["status"], one["reason"], one["message"]) for one in conditions if one["type"] == "Progressing"), None
    )


def test_a_finished_rollout_is_said_to_be_available() -> None:
    assert _judged(deployment("new", 2), replica_set("new", "new", 2)) == (
        *("True", "NewReplicaSetAvailable"),
        'ReplicaSet "new" has successfully progressed.',
    )


def test_more_ready_pods_are_progress() -> None:
    owner = deployment("new", 2, status={"replicas": 2, "updatedReplicas": 2})
    judged = _judged(owner, replica_set("new", "new", 2, available=1))
    assert judged == ("True", "ReplicaSetUpdated", 'ReplicaSet "new" is progressing.')


def test_no_progress_until_the_deadline_is_a_failure() -> None:
    known = {"replicas": 2, "updatedReplicas": 2, "conditions": [_progress("True", "ReplicaSetUpdated")]}
    owner = deployment("new", 2, status=known)
    judged = _judged(owner, replica_set("new", "new", 2, available=0))
    assert judged == ("False", "ProgressDeadlineExceeded", 'ReplicaSet "new" has timed out progressing.')


def test_there_is_no_deadline_after_success() -> None:
    known = {"replicas": 2, "updatedReplicas": 2, "conditions": [_progress("True", "NewReplicaSetAvailable")]}
    one = rollout(deployment("new", 2, status=known), replica_set("new", "new", 2, available=0))
    assert (one.seconds_left(NOW), one.timed_out(NOW)) == (None, False)


def test_without_a_deadline_progress_is_not_judged() -> None:
    known = {"conditions": [_progress("True", "ReplicaSetUpdated")]}
    owner = deployment("new", 2, status=known, progressDeadlineSeconds=2147483647)
    assert _judged(owner, replica_set("new", "new", 2)) is None


def test_the_deadline_runs_from_the_last_progress() -> None:
    since = (NOW - timedelta(seconds=590)).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = {"conditions": [_progress("True", "ReplicaSetUpdated", since)]}
    assert rollout(deployment("new", 2, status=known)).seconds_left(NOW) == 10


def test_the_status_counts_over_all_sets() -> None:
    sets = (replica_set("old", "old", 2), replica_set("new", "new", 2, available=1))
    status = rollout(deployment("new", 3), *sets).status(NOW, rolling=False)
    assert status == {
        "observedGeneration": 1,
        "replicas": 4,
        "updatedReplicas": 2,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "unavailableReplicas": 1,
        "terminatingReplicas": 0,
        "conditions": [
            {
                "type": "Available",
                "status": "True",
                "reason": "MinimumReplicasAvailable",
                "message": "Deployment has minimum availability.",
                "lastUpdateTime": STAMP,
                "lastTransitionTime": STAMP,
            }
        ],
    }


def test_a_condition_of_the_same_status_keeps_the_time_of_its_transition() -> None:
    conditions = Conditions([_progress("True", "NewReplicaSetCreated")], NOW)
    conditions.set("Progressing", "True", "ReplicaSetUpdated", "text")
    assert [(one["lastUpdateTime"], one["lastTransitionTime"]) for one in conditions.all] == [(STAMP, EARLIER)]


def test_an_equal_condition_stays_as_it_is() -> None:
    known = _progress("True", "NewReplicaSetAvailable")
    conditions = Conditions([known], NOW)
    conditions.set("Progressing", "True", "NewReplicaSetAvailable", "other text")
    assert conditions.all == [known]


def test_the_oldest_of_several_sets_of_one_template_is_the_newest() -> None:
    first = replica_set("b", "new", 1, created="2026-03-01T08:00:00Z")
    second = replica_set("a", "new", 1, created="2026-03-01T09:00:00Z")
    one = rollout(deployment("new", 1), second, first)
    assert (one.newest, one.old) == (first, [second])
