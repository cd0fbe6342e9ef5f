"""Instants as they are written and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from vmop.reconcilers.vmdistributed.times import instant, parse_instant, timestamp

NOW = datetime(2030, 1, 1, 10, 0, 0, 250000, tzinfo=UTC)


def test_an_instant_keeps_its_microseconds_and_is_read_back() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=2)))
    assert (instant(there), parse_instant(instant(there))) == ("2030-01-01T10:00:00.250000Z", NOW)


def test_a_timestamp_has_whole_seconds() -> None:
    assert timestamp(NOW) == "2030-01-01T10:00:00Z"


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
    assert parse_instant(text) == time
