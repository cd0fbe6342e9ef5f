"""Instants in statuses and annotations.

What the rollout counts on has microseconds; what people and `kubectl` read has whole seconds, as in all of Kubernetes.
"""

from __future__ import annotations

from datetime import UTC, datetime

FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
SECONDS = "%Y-%m-%dT%H:%M:%SZ"


def instant(time: datetime) -> str:
    """RFC 3339 in UTC with microseconds: pauses are shorter than a second in tests."""
    return time.astimezone(UTC).strftime(FORMAT)


def timestamp(time: datetime) -> str:
    """RFC 3339 in UTC with whole seconds."""
    return time.astimezone(UTC).strftime(SECONDS)


def parse_instant(text: object) -> datetime | None:
    """The instant that `text` says, in UTC where it does not say of which zone; None for what is not one."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
