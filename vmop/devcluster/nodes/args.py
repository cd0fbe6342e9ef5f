"""Command lines of containers, as far as a simulated workload reads its own."""

from collections.abc import Mapping, Sequence
from typing import Any


def arguments(container: Mapping[str, Any]) -> dict[str, list[str]]:
    """Values by flag name, without its dashes. A repeated flag and a comma list (outside quotes) are the same."""
    found: dict[str, list[str]] = {}
    for argument in [*(container.get("command") or ()), *(container.get("args") or ())]:
        if argument.startswith("-"):
            name, _, value = argument.lstrip("-").partition("=")
            found.setdefault(name, []).extend(_values(value) if name.startswith("remoteWrite.") else [value])
    return found


def _values(text: str) -> Sequence[str]:
    """The values of a list flag; a quoted one may have commas."""
    values, current, quote = [], "", ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
            current += "" if not quote else letter
        elif letter in "'\"" and not current:
            quote = letter
        elif letter == ",":
            values.append(current)
            current = ""
        else:
            current += letter
    return [*values, current]


def listen_port(args: Mapping[str, Sequence[str]], flag: str) -> int | None:
    """The port of an address such as ``:8429``; None without the flag."""
    for value in args.get(flag, ()):
        port = value.rpartition(":")[2]
        if port.isdigit():
            return int(port)
    return None
