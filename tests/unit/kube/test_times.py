"""Instants as they are written and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from vmop.kube.times import parse_time, rfc3339, rfc3339_micro

NOW = datetime(2030, 1, 1, 10, 0, 0, 250000, tzinfo=UTC)


def test_an_instant_keeps_its_microseconds_and_is_read_back() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=2)))
    assert (rfc3339_micro(there), parse_time(rfc3339_micro(there))) == ("2030-01-01T10:00:00.250000Z", NOW)


def test_times_are_in_utc_and_whole_seconds() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5)))
    assert [rfc3339(NOW), rfc3339(there)] == ["2030-01-01T10:00:00Z"] * 2


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2030-01-01T10:00:00", datetime(2030, 1, 1, 10, tzinfo=UTC)),
        ("2030-01-01T12:00:00+02:00", datetime(2030, 1, 1, 10, tzinfo=UTC)),
        ("soon", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_what_is_read_is_an_instant_of_utc_or_none(text: object, time: datetime | None) -> None:
    assert parse_time(text) == time
