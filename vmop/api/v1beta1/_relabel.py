"""Relabeling and stream aggregation: what happens to series on their way."""

import attrs

from vmop.api.fields import ATOMIC, StringOrList, field
from vmop.api.v1beta1._common import KeySelector


@attrs.frozen(kw_only=True)
class RelabelRule:
    """One relabeling rule, as VictoriaMetrics documents them. Both spellings of two fields are accepted."""

    source_labels: list[str] | None = field(
        "Labels whose values, joined by the separator, are matched. Also spelled `source_labels`.",
        aliases=("source_labels",),
    )
    separator: str | None = field("Text between the joined values; `;` by default.", pointer=True)
    target_label: str | None = field(
        "Label that is written by the action. Also spelled `target_label`.", aliases=("target_label",)
    )
    regex: StringOrList | None = field("Anchored regular expression, or a list of which one must match.", raw=True)
    modulus: int | None = field("Divisor of the hash for the action `hashmod`.", format="int64")
    replacement: str | None = field(
        "Value to write, with `$1` for groups of the expression; `$1` by default.", pointer=True
    )
    action: str | None = field("What to do with a match: `replace` (default), `keep`, `drop`, `labelmap` and others.")
    if_: StringOrList | None = field(
        "Selector of the series the rule is for, or a list of which one matches.", name="if", raw=True
    )
    match: str | None = field("Graphite pattern of metric names, for the action `graphite`.")
    labels: dict[str, str] | None = field("Labels made of the parts of a matched Graphite name.")


@attrs.frozen(kw_only=True)
class StreamAggregationRule:
    """One aggregation of incoming samples into new series."""

    match: StringOrList | None = field(
        "Selector of the samples that are aggregated, or a list; all by default.", raw=True
    )
    interval: str | None = field("Time over which samples are aggregated, e.g. `1m`.", required=True)
    no_align_flush_to_interval: bool | None = field(
        "Do not align the end of the interval to full minutes or hours.",
        name="no_align_flush_to_interval",
        pointer=True,
    )
    flush_on_shutdown: bool | None = field(
        "Write unfinished aggregates when stopping.", name="flush_on_shutdown", pointer=True
    )
    dedup_interval: str | None = field("Of samples closer together one is aggregated.", name="dedup_interval")
    staleness_interval: str | None = field(
        "How long a series without samples is still aggregated; twice the interval by default.",
        name="staleness_interval",
    )
    outputs: list[str] | None = field(
        "Aggregates to compute, e.g. `total`, `sum_samples`, `quantiles(0.9)`.", required=True
    )
    keep_metric_names: bool | None = field(
        "Keep the metric's name; possible with a single output only.", name="keep_metric_names", pointer=True
    )
    ignore_old_samples: bool | None = field(
        "Ignore samples with timestamps before the current interval of this rule.",
        name="ignore_old_samples",
        pointer=True,
    )
    by: list[str] | None = field("Labels that are kept; all others are aggregated away.")
    without: list[str] | None = field("Labels that are aggregated away; all others are kept.")
    ignore_first_intervals: int | None = field(
        "Intervals after the start whose results are not written.", name="ignore_first_intervals", pointer=True
    )
    ignore_first_sample_interval: str | None = field(
        "Time after the start in which the first sample of a counter does not count as an increase."
    )
    drop_input_labels: list[str] | None = field(
        "Labels removed before this aggregation.", name="drop_input_labels", pointer=True
    )
    input_relabel_configs: list[RelabelRule] | None = field(
        "Relabeling of the samples before they are aggregated.", name="input_relabel_configs"
    )
    output_relabel_configs: list[RelabelRule] | None = field(
        "Relabeling of the aggregates before they are written.", name="output_relabel_configs"
    )
    enable_windows: bool | None = field(
        "Aggregate by exact windows of time for this rule: delayed, but more precise.",
        name="enable_windows",
        pointer=True,
    )


@attrs.frozen(kw_only=True)
class StreamAggregation:
    """Aggregation of samples before they are stored or sent."""

    rules: list[StreamAggregationRule] | None = field("Aggregation rules, written into a generated ConfigMap.")
    configmap: KeySelector | None = field(
        "ConfigMap key with further rules as YAML, appended to `rules`.", schema=ATOMIC
    )
    keep_input: bool | None = field("Also keep the samples that were aggregated.")
    drop_input: bool | None = field("Drop the samples that no rule matched, too.")
    dedup_interval: str | None = field("Of samples of a series closer together than this one is kept.")
    drop_input_labels: list[str] | None = field("Labels removed from all samples before aggregation.")
    ignore_first_intervals: int | None = field("Intervals after the start without results, for all rules.")
    ignore_first_sample_interval: str | None = field(
        "Time after the start in which first samples do not count, for all rules."
    )
    ignore_old_samples: bool | None = field("Ignore samples older than the current interval, for all rules.")
    enable_windows: bool | None = field("Aggregate by exact windows of time, for all rules.")
