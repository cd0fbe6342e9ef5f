"""Small grammars of VictoriaMetrics' flags: durations, retentions, series selectors, URLs, headers.

They raise ValueError with a reason. Where a full parser would be needed they check what can be told for sure: what they
refuse, VictoriaMetrics would refuse too.
"""

import re
from urllib.parse import urlsplit

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_MONTH = 31 * _UNITS["d"]
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h|d|w|y)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def metricsql_duration(text: str) -> int:
    """Milliseconds of a positive MetricsQL duration: units ms to y in sequence, or seconds without a unit."""
    if _NUMBER.fullmatch(text):
        return int(float(text) * 1000)
    total, end = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != end:
            break
        total += float(part[1]) * _UNITS[part[2].lower()]
        end = part.end()
    if not text or end != len(text):
        raise ValueError(f"cannot parse duration {text!r}")
    return int(total)


def retention(text: str) -> int:
    """Milliseconds of a `-retentionPeriod`: months of 31 days without a unit or with `M`; minutes are refused."""
    number = text.removesuffix("M")
    if _NUMBER.fullmatch(number):
        return int(float(number) * _MONTH)
    if text.endswith("m"):
        raise ValueError("duration in months must be set without `m` suffix")
    return metricsql_duration(text)


def go_duration(text: str) -> float:
    """Seconds of a Go duration such as `1m30s`; negative ones are allowed, days are not."""
    sign, body = (-1.0, text[1:]) if text[:1] == "-" else (1.0, text.removeprefix("+"))
    if body == "0":
        return 0.0
    total, end = 0.0, 0
    for part in _GO_PART.finditer(body):
        if part.start() != end:
            break
        total += float(part[1]) * _GO_UNITS[part[2]]
        end = part.end()
    if not body or end != len(body):
        raise ValueError("it must be a duration such as 90s, 1m30s or 1.5h")
    return sign * total


_NAME = r"[a-zA-Z_:.][a-zA-Z0-9_:.]*"
_STRING = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`'
_MATCHER = rf"(?:{_NAME}|{_STRING})\s*(?:=~|!~|!=|=)\s*(?:{_STRING})"
_MATCHERS = rf"\s*(?:(?:{_MATCHER}|{_STRING})(?:\s*(?:,|\bor\b)\s*(?:{_MATCHER}|{_STRING}))*)?\s*,?\s*"
_SELECTOR = re.compile(rf"\s*(?:{_NAME})?\s*(?:\{{{_MATCHERS}\}})?\s*")


def series_selector(text: str) -> None:
    """Check the selector of a relabeling `if`, e.g. `{env="dev"}` or `metric{a=~"b|c"}`."""
    if not text.strip() or not _SELECTOR.fullmatch(text):
        raise ValueError(f"cannot parse series selector {text!r}")


def target_url(text: str) -> None:
    """Check a URL that vmauth sends requests to (06-vmauth-vmuser.md 6.2)."""
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        raise ValueError(f'parse "{text}": net/url: invalid control character in URL')
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f'parse "{text}": {error}') from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f'unsupported scheme for `url_prefix: "{text}"`: "{parts.scheme}"; must be `http` or `https`')
    if not parts.netloc:
        printed = f"{parts.scheme}:" + text.split(":", 1)[1].removeprefix("//")
        raise ValueError(f'missing hostname in `url_prefix "{printed}"`')


def header(text: str) -> None:
    """Check a header of vmauth: `Name: value`."""
    if text.find(":") <= 0:
        raise ValueError(f'expected colon separated header: value, got="{text}"')


def dns_subdomain(text: str) -> bool:
    """Whether a name is a DNS-1123 subdomain, as names of most objects must be."""
    label = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    return len(text) <= 253 and re.fullmatch(rf"{label}(\.{label})*", text) is not None
