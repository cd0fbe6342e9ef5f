"""Small grammars of flags: what they accept, and what it means."""

import pytest

from vmop.api.syntax import dns_subdomain, go_duration, metricsql_duration, retention, series_selector

DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("30", 30_000), ("1.5", 1500), ("250ms", 250), ("1h30m", 5_400_000), ("1.5d", 129_600_000), ("1w", 7 * DAY)],
)
def test_metricsql_durations(text: str, milliseconds: int) -> None:
    assert metricsql_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "h", "1x", "1h 30m", "-5m", "5m!"])
def test_bad_metricsql_durations(text: str) -> None:
    with pytest.raises(ValueError, match="cannot parse duration"):
        metricsql_duration(text)


@pytest.mark.parametrize(("text", "days"), [("1", 31), ("2M", 62), ("3d", 3), ("1w", 7), ("1y", 365), ("48h", 2)])
def test_retentions(text: str, days: int) -> None:
    assert retention(text) == days * DAY


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90s", 90), ("1m30s", 90), ("1.5h", 5400), ("300ms", 0.3), ("-2s", -2), ("+1m", 60)],
)
def test_go_durations(text: str, seconds: float) -> None:
    assert go_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-", "5", "1d", "s", "1m 30s"])
def test_bad_go_durations(text: str) -> None:
    with pytest.raises(ValueError, match="it must be a duration"):
        go_duration(text)


@pytest.mark.parametrize(
    "text",
    ["up", '{env="dev"}', '{env=~"a|b",x!="y",}', "up{}", '{a="b" or c="d"}', "{'quoted'=\"x\"}", '{__name__!~"a.*"}'],
)
def test_series_selectors(text: str) -> None:
    series_selector(text)


@pytest.mark.parametrize("text", ["", "a-b", "{", '{a="b"', "{a=b}", '{a=="b"}'])
def test_bad_series_selectors(text: str) -> None:
    with pytest.raises(ValueError, match="cannot parse series selector"):
        series_selector(text)


@pytest.mark.parametrize(
    ("name", "valid"), [("a", True), ("a-1.b", True), ("A", False), ("-a", False), ("a..b", False), ("a" * 254, False)]
)
def test_dns_subdomains(name: str, valid: bool) -> None:
    assert dns_subdomain(name) is valid
