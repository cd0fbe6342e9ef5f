"""Instants in statuses and annotations."""

from __future__ import annotations

from datetime import UTC, datetime

FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def instant(time: datetime) -> str:
    """RFC 3339 in UTC with microseconds: pauses are shorter than a second in tests."""
    return time.astimezone(UTC).strftime(FORMAT)


def parse_instant(text: object) -> datetime | None:
    """The instant that `text` says; None for what is not one."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
