"""Instants as Kubernetes writes them: RFC 3339 in UTC, so that two of one precision compare as text."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """``moment`` (aware) in whole seconds: ``Time`` of the API, as in metadata, statuses and Events."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(moment: datetime) -> str:
    """``moment`` (aware) in microseconds: ``MicroTime`` of the API, as in Leases."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: object) -> datetime | None:
    """The instant (aware) that ``text`` says, in UTC where it does not say of which zone; None for what is not one."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
