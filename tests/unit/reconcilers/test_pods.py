"""What pods say about themselves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.reconcilers.made import NOW, Pod, at
from vmop.kube import ObjectKey
from vmop.kube.times import parse_time
from vmop.reconcilers.pods import (
    became_ready_at,
    describe,
    has_crashed,
    is_ready,
    key_of_pod,
    too_late,
    unready_since,
)
from vmop.reconcilers.progress import Delay, Failure


def test_a_running_pod_with_a_true_condition_is_ready() -> None:
    assert is_ready(Pod(0).manifest())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"metadata": {"name": "db-0", "deletionTimestamp": at(1)}}, id="leaving"),
        pytest.param({"status": {"phase": "Pending"}}, id="pending"),
        pytest.param({"status": {"phase": "Running"}}, id="without conditions"),
        pytest.param(
            {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}}, id="false"
        ),
        pytest.param({"status": None}, id="without a status"),
    ],
)
def test_any_other_pod_is_not(change: dict[str, Any]) -> None:
    assert not is_ready(Pod(0).manifest() | change)


@pytest.mark.parametrize(("since", "ready"), [(29, False), (30, True), (31, True)])
def test_ready_for_a_minimal_time(since: float, ready: bool) -> None:
    assert is_ready(Pod(0, since=since).manifest(), 30, NOW) is ready


def test_unready_since_the_condition_changed_or_since_it_was_made() -> None:
    pod = Pod(0, ready=False, since=40, age=90).manifest()
    assert unready_since(pod) == parse_time(at(40))
    assert unready_since(pod | {"status": {}}) == parse_time(at(90))


def test_became_ready_when_its_condition_says() -> None:
    assert became_ready_at(Pod(0, since=40).manifest()) == parse_time(at(40))
    assert became_ready_at(Pod(0, ready=False).manifest()) is None


WAITING = {"waiting": {"reason": "CrashLoopBackOff"}}
TERMINATED = {"terminated": {"exitCode": 1}}


@pytest.mark.parametrize(
    ("container", "crashed"),
    [
        pytest.param({"state": WAITING, "restartCount": 1, "lastState": TERMINATED}, True, id="waits after a crash"),
        pytest.param({"state": WAITING, "restartCount": 0, "lastState": {}}, False, id="waits for its first start"),
        pytest.param({"state": WAITING, "restartCount": 2}, False, id="restarted, but never terminated"),
        pytest.param(
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}, True, id="refused"
        ),
        pytest.param(
            {"state": {"waiting": {"reason": "PodInitializing", "message": "soon"}}}, False, id="not its turn yet"
        ),
        pytest.param(
            {"state": {"running": {}}, "ready": False, "restartCount": 1, "lastState": TERMINATED}, False, id="once"
        ),
        pytest.param(
            {"state": {"running": {}}, "ready": False, "restartCount": 2, "lastState": TERMINATED}, True, id="again"
        ),
        pytest.param(
            {"state": {"running": {}}, "ready": True, "restartCount": 9, "lastState": TERMINATED}, False, id="well"
        ),
        pytest.param({"state": TERMINATED, "restartCount": 3, "lastState": TERMINATED}, False, id="between two states"),
        pytest.param({}, False, id="unknown"),
    ],
)
def test_crashed(container: dict[str, Any], crashed: bool) -> None:
    for field in ("containerStatuses", "initContainerStatuses"):
        assert has_crashed({"status": {field: [container]}}) is crashed


def test_a_pod_that_takes_too_long_is_described() -> None:
    pod = Pod(0, ready=False).manifest()
    pod["status"]["conditions"].append({"type": "PodScheduled", "status": "True"})
    error = too_late(pod, "not ready in time")
    assert type(error) is Delay
    assert str(error) == "not ready in time: pod db-0: phase=Running, conditions=[Ready=False], containers=[]"


def test_a_crashed_pod_is_a_failure() -> None:
    pod = Pod(0, ready=False).manifest()
    pod["status"]["containerStatuses"] = [
        {"name": "db", "state": WAITING, "restartCount": 4, "lastState": TERMINATED},
        {"name": "side", "state": {"running": {}}},
    ]
    error = too_late(pod, "not ready in time")
    assert type(error) is Failure
    assert str(error) == (
        "not ready in time: pod db-0: phase=Running, conditions=[Ready=False], "
        "containers=[db: CrashLoopBackOff after 4 restarts]: pod has crashed containers"
    )


def test_a_pod_without_a_status_is_described_all_the_same() -> None:
    assert describe({"metadata": {"name": "db-0"}}) == "pod db-0: phase=Unknown, conditions=[], containers=[]"


def test_the_key_of_a_pod() -> None:
    assert key_of_pod(Pod(3).manifest()) == ObjectKey("ns", "db-3")
