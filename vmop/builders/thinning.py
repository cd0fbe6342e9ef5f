"""Downsampling and retention filters: what is kept of old samples, and how long (03 §2.9)."""

from collections.abc import Sequence

from vmop.api.v1beta1 import Downsampling, RetentionFilter
from vmop.builders.args import flag


def downsampling_args(downsampling: Downsampling | None) -> list[str]:
    """One `-downsampling.period` for each period of each rule, and the deduplication interval."""
    if downsampling is None:
        return []
    periods = [
        f"-downsampling.period={f'{rule.filter}:' if rule.filter else ''}{period.offset}:{period.interval}"
        for rule in downsampling.rules or ()
        for period in rule.periods or ()
    ]
    return [*periods, *flag("dedup.minScrapeInterval", downsampling.dedup_interval)]


def retention_filter_args(filters: Sequence[RetentionFilter] | None) -> list[str]:
    """One `-retentionFilter` a rule, in their order."""
    return [f"-retentionFilter={rule.filter}:{rule.retention}" for rule in filters or ()]
