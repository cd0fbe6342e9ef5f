"""Enterprise features of storage: downsampling, retention filters, backups (03-vmcluster-vmsingle.md 2.9, 2.10)."""

from collections.abc import Callable, Iterator, Sequence

from vmop.api.problems import Problem
from vmop.api.syntax import metricsql_duration, retention, series_selector
from vmop.api.v1beta1 import Backup, Downsampling, DownsamplingPeriod, DownsamplingRule, License, RetentionFilter
from vmop.api.validation.shared import ENTERPRISE, license_fields, license_given


def backup(path: str, config: Backup | None, granted: License | None) -> Iterator[Problem]:
    """A backup needs a license, unless the old way of accepting the terms is used."""
    if config is None or config.accept_eula:
        return
    if not license_given(granted):
        yield Problem(path, f"it is required to provide license key. See [here]({ENTERPRISE})")
    yield from license_fields("spec.license", granted)


def downsampling(path: str, config: Downsampling | None, granted: License | None) -> Iterator[Problem]:
    if config is None:
        return
    if not license_given(granted):
        yield Problem(path, f"license key is required for downsampling. See {ENTERPRISE}")
    yield from license_fields("spec.license", granted)
    seen: set[str] = set()
    for index, rule in enumerate(config.rules or ()):
        where, prefix = f"{path}.rules[{index}]", f"downsampling.rules[{index}]: "
        text = rule.filter or ""
        if text in seen:
            yield Problem(f"{where}.filter", f'{prefix}duplicate filter "{text}"')
        seen.add(text)
        if text and (error := _error(series_selector, text)):
            yield Problem(f"{where}.filter", f'{prefix}invalid filter "{text}": {error}')
        yield from _periods(where, prefix, rule)
    yield from _dedup(path, config)


def _periods(where: str, prefix: str, rule: DownsamplingRule) -> Iterator[Problem]:
    if not rule.periods:
        yield Problem(f"{where}.periods", f"{prefix}periods must not be empty")
        return
    intervals: list[tuple[int, str, int]] = []
    for index, period in enumerate(rule.periods):
        message = _period(period)
        if message:
            yield Problem(f"{where}.periods[{index}]", f"{prefix}periods[{index}]: {message}")
        elif period.interval:
            intervals.append((index, period.interval, metricsql_duration(period.interval)))
    for position, (first, text, value) in enumerate(intervals):
        for second, other_text, other in intervals[position + 1 :]:
            if value and other and max(value, other) % min(value, other):
                yield Problem(
                    f"{where}.periods[{second}].interval",
                    f'{prefix}periods[{first}] interval "{text}" and periods[{second}] interval "{other_text}" '
                    "must be multiples of each other",
                )


def _period(period: DownsamplingPeriod) -> str:
    offset, interval = period.offset, period.interval
    if not offset:
        return "offset must not be empty"
    if error := _error(metricsql_duration, offset):
        return f'invalid offset "{offset}": {error}'
    if not interval:
        return "interval must not be empty"
    if error := _error(metricsql_duration, interval):
        return f'invalid interval "{interval}": {error}'
    age, distance = metricsql_duration(offset), metricsql_duration(interval)
    if age and not distance:
        return "interval must be greater than 0 when offset is not 0"
    if distance and age % distance:
        return f'offset "{offset}" must be a multiple of interval "{interval}"'
    return ""


def _dedup(path: str, config: Downsampling) -> Iterator[Problem]:
    text = config.dedup_interval
    if not text:
        return
    if error := _error(metricsql_duration, text):
        yield Problem(f"{path}.dedupInterval", f'downsampling.dedupInterval: invalid value "{text}": {error}')
        return
    dedup = metricsql_duration(text)
    for i, rule in enumerate(config.rules or ()):
        for j, period in enumerate(rule.periods or ()):
            interval = period.interval
            if not interval or _period(period) or not dedup or metricsql_duration(interval) % dedup == 0:
                continue
            where = f"rules[{i}].periods[{j}]"
            message = f'interval "{interval}" must be a multiple of dedupInterval "{text}"'
            yield Problem(f"{path}.{where}.interval", f"downsampling.{where}: {message}")


def retention_filters(
    path: str, filters: Sequence[RetentionFilter] | None, period: str | None, granted: License | None
) -> Iterator[Problem]:
    """`period` is the retention of everything else, which no filter may exceed."""
    if not filters:
        return
    longest = 0
    if period:
        if error := _error(retention, period):
            yield Problem("spec.retentionPeriod", f'invalid retentionPeriod "{period}": {error}')
        else:
            longest = retention(period)
    if not license_given(granted):
        yield Problem(path, f"license key is required for retentionFilters. See {ENTERPRISE}")
    yield from license_fields("spec.license", granted)
    for index, each in enumerate(filters):
        where, prefix = f"{path}[{index}]", f"retentionFilters[{index}]: "
        selector, kept = each.filter or "", each.retention or ""
        if error := _error(series_selector, selector):
            yield Problem(f"{where}.filter", f'{prefix}invalid filter "{selector}": {error}')
        if error := _error(retention, kept):
            yield Problem(f"{where}.retention", f'{prefix}invalid retention "{kept}": {error}')
        elif 0 < longest < retention(kept):
            message = f'{prefix}retention "{kept}" must not exceed retentionPeriod "{period}"'
            yield Problem(f"{where}.retention", message)


def _error(check: Callable[[str], object], text: str) -> str:
    try:
        check(text)
    except ValueError as error:
        return str(error)
    return ""
