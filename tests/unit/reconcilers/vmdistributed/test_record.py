"""The record of a pass in the status: written, read back, and whatever else may stand there (spec 02 §9.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmop.reconcilers.vmdistributed.model import Rollout, Step, ZoneProgress
from vmop.reconcilers.vmdistributed.status import read_record, record

NOW = datetime(2030, 1, 1, 10, tzinfo=UTC)
times = st.none() | st.integers(0, 10**15).map(lambda microseconds: NOW + timedelta(microseconds=microseconds))
progresses = st.builds(
    ZoneProgress,
    name=st.sampled_from(["east", "west", "north"]),
    step=st.sampled_from(Step),
    disruptive=st.booleans(),
    step_start=times,
    deadline=times,
    good_polls=st.integers(0, 9),
    first_good_poll=times,
    pause_until=times,
)


@st.composite
def rollouts(draw: st.DrawFn) -> Rollout:
    zones = draw(st.lists(progresses, unique_by=lambda zone: zone.name, max_size=3))
    return Rollout(
        revision="3fa91c07be",
        order=tuple(draw(st.permutations([zone.name for zone in zones]))),
        zones=tuple(zones),
        start_time=NOW,
        completion_time=draw(times),
        resume_after=draw(times),
        removal_deadline=draw(times),
    )


@given(rollouts())
def test_what_is_recorded_is_read_back(rollout: Rollout) -> None:
    assert read_record({"rollout": record(rollout, {})}) == rollout


def test_a_record_in_full() -> None:
    west = ZoneProgress("west", Step.UPDATING_BACKEND, True, NOW, NOW + timedelta(minutes=5), 2, NOW)
    rollout = Rollout("3fa91c07be", ("west", "east"), (ZoneProgress("east", Step.READY), west), NOW)
    assert record(rollout, {}) == {
        "revision": "3fa91c07be",
        "state": "Progressing",
        "order": ["west", "east"],
        "startTime": "2030-01-01T10:00:00.000000Z",
        "currentZone": "west",
        "zonesTotal": 2,
        "zonesDone": 1,
        "zones": [
            {"name": "east", "step": "Ready"},
            {
                "name": "west",
                "step": "UpdatingBackend",
                "disruptive": True,
                "stepStartTime": "2030-01-01T10:00:00.000000Z",
                "stepDeadline": "2030-01-01T10:05:00.000000Z",
                "goodPolls": 2,
                "firstGoodPoll": "2030-01-01T10:00:00.000000Z",
            },
        ],
    }


@pytest.mark.parametrize(
    ("step", "completed", "state"),
    [
        (Step.DRAINING, None, "Progressing"),
        (Step.PREFLIGHT, None, "Blocked"),
        (Step.FAILED, None, "Failed"),
        (Step.READY, NOW, "Idle"),
    ],
)
def test_the_state_for_people(step: Step, completed: datetime | None, state: str) -> None:
    rollout = Rollout("x", ("east",), (ZoneProgress("east", step),), NOW, completion_time=completed)
    assert record(rollout, {})["state"] == state


GOOD: dict[str, Any] = {
    "revision": "x",
    "order": ["east"],
    "startTime": "2030-01-01T10:00:00Z",
    "zones": [{"name": "east", "step": "Ready"}],
}


@pytest.mark.parametrize(
    "written",
    [
        None,
        "text",
        [],
        {},
        GOOD | {"startTime": "soon"},
        GOOD | {"startTime": None},
        GOOD | {"order": ["west"]},
        GOOD | {"order": []},
        GOOD | {"order": None},
        GOOD | {"order": ["east", "east"], "zones": GOOD["zones"] * 2},
        GOOD | {"zones": {"name": "east"}},
        GOOD | {"zones": ["east"]},
        GOOD | {"zones": [{"step": "Ready"}]},
        GOOD | {"zones": [{"name": "east", "step": "Done"}]},
        GOOD | {"zones": [{"name": "east", "step": "Ready", "goodPolls": "many"}]},
    ],
)
def test_what_is_no_record_counts_as_none(written: object) -> None:
    assert read_record({"rollout": written}) is None


def test_garbage_in_optional_fields_is_left_out() -> None:
    zone = {"name": "east", "step": "Pausing", "pauseUntil": 5, "stepDeadline": "x"}
    assert read_record({"rollout": GOOD | {"zones": [zone], "completionTime": {}}}) == Rollout(
        "x", ("east",), (ZoneProgress("east", Step.PAUSING),), NOW
    )


def test_a_rollout_knows_its_zones() -> None:
    rollout = Rollout("x", ("west", "east"), (ZoneProgress("east"), ZoneProgress("west", Step.READY)), NOW)
    assert rollout.current == ZoneProgress("east")
    assert attrs.evolve(rollout, zones=()) != rollout
    with pytest.raises(KeyError):
        rollout.progress("north")
