"""The syntax of single values, as Go's `strconv`, `time.ParseDuration` and Kubernetes' quantities have it.

Every function takes text that is not empty and returns the value, or raises `ValueError` saying what is accepted.
"""

import re
from collections.abc import Mapping

UNLIMITED = "unlimited"
"""In place of a quantity: leave this request or limit out."""

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_DURATION_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_QUANTITY = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?", re.ASCII)
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_OPENSHIFT = {"auto": "auto", "enabled": "enabled", "disabled": "disabled", "true": "enabled", "false": "disabled"}


def parse_text(text: str) -> str:
    """The text itself: any is accepted."""
    return text


def parse_bool(text: str) -> bool:
    """The spellings that Go's `strconv.ParseBool` accepts. Like all of these, raises ValueError that says what is."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("expected true or false")


def parse_int(text: str) -> int:
    """A decimal number with or without a sign."""
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        raise ValueError("expected a decimal integer")
    return int(text)


def parse_duration(text: str) -> float:
    """Seconds of a Go duration such as `300ms`, `1h30m` or `0`."""
    sign = -1.0 if text.startswith("-") else 1.0
    rest = text[1:] if text[:1] in {"+", "-"} else text
    if rest == "0":
        return 0.0
    seconds, position = 0.0, 0
    for part in _DURATION_PART.finditer(rest):
        if part.start() != position:
            break
        seconds += float(part[1]) * _DURATION_UNITS[part[2]]
        position = part.end()
    if not rest or position != len(rest):
        raise ValueError("expected a duration such as 300ms, 80s or 1h30m")
    return sign * seconds


def format_duration(seconds: float) -> str:
    """The text Go prints for a duration: `3m0s`, `1h0m0s`, `300ms`, `0s`."""
    if seconds == 0:
        return "0s"
    if abs(seconds) < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    sign = "-" if seconds < 0 else ""
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{head}{rest:g}s"


def parse_quantity(text: str) -> str:
    """The text itself, checked to be a Kubernetes quantity or `unlimited`."""
    if text != UNLIMITED and not _QUANTITY.fullmatch(text):
        raise ValueError("expected a quantity such as 500Mi or 200m, or the word unlimited")
    return text


def parse_list(text: str) -> tuple[str, ...]:
    """Items between commas: nothing is trimmed and empty items stay."""
    return tuple(text.split(","))


def parse_namespaces(text: str) -> tuple[str, ...]:
    """Names of namespaces between commas, each a DNS label (RFC 1123)."""
    names = parse_list(text)
    for name in names:
        if not _DNS_LABEL.fullmatch(name):
            raise ValueError(f"expected namespaces between commas, {name!r} is not a DNS label")
    return names


def parse_map(text: str) -> Mapping[str, str]:
    """`key=value` pairs between commas; of a key given twice the last value counts."""
    pairs = [item.partition("=") for item in text.split(",")]
    if not all(separator for _, separator, _ in pairs):
        raise ValueError("expected key=value pairs between commas")
    return {key: value for key, _, value in pairs}


def parse_openshift(text: str) -> str:
    """`auto`, `enabled` or `disabled`; the words true and false of the public chart are understood (08 §20.2)."""
    if text not in _OPENSHIFT:
        raise ValueError("expected auto, enabled or disabled")
    return _OPENSHIFT[text]
