"""Relabeling and stream aggregation as files: the rules of a spec in the order of keys that files have (04 §5)."""

from collections.abc import Iterator, Sequence
from typing import Any

from vmop.api.v1beta1 import KeySelector, RelabelRule, StreamAggregation, StreamAggregationRule
from vmop.builders.base import BuildError, Manifest, present
from vmop.builders.references import MissingReference, References, config_map
from vmop.builders.yamltext import sorted_map, yaml_text

RELABELING_DIR = "/etc/vm/relabeling"
AGGREGATION_DIR = "/etc/vm/stream-aggr"


def has_rules(config: StreamAggregation | None) -> bool:
    """The aggregation has a file with rules."""
    return config is not None and (bool(config.rules) or config.configmap is not None)


def rules_text(
    rules: Sequence[Manifest], more: KeySelector | None, references: References, *, namespace: str, path: str, what: str
) -> str:
    """Inline rules, and directly behind them the text of a ConfigMap's key without white space at its end.

    `path` is the reference's in the spec. Raises `MissingReference`, beginning with `what`, where it leads nowhere.
    """
    text = yaml_text(list(rules)) if rules else ""
    if more is None or not more.name:
        return text
    try:
        return text + references.text(config_map(namespace, more), more.key or "", path).rstrip()
    except BuildError as error:
        raise MissingReference(path, f"{what}: cannot fetch configmap: {more.name}, err: {error}") from None


def relabel_rules(rules: Sequence[RelabelRule] | None, *, target_first: bool = False) -> list[Manifest]:
    """Rules as vmagent reads them; those without any field are left out.

    `target_first` is the order of keys in stream aggregation rules and global scrape relabeling (04 §5.2).
    """
    rendered = [_relabel_rule(rule, target_first=target_first) for rule in rules or ()]
    return [rule for rule in rendered if rule]


def aggregation_rules(rules: Sequence[StreamAggregationRule] | None) -> list[Manifest]:
    """Rules as stream aggregation reads them."""
    return [present(dict(_aggregation_fields(rule))) for rule in rules or ()]


def _relabel_rule(rule: RelabelRule, *, target_first: bool) -> Manifest:
    head: Manifest = {"separator": rule.separator, "target_label": rule.target_label or None}
    if target_first:
        head = dict(reversed(head.items()))
    return present(
        {
            "source_labels": rule.source_labels or None,
            **head,
            "regex": _scalar_or_list(rule.regex),
            "modulus": rule.modulus or None,
            "replacement": rule.replacement,
            "action": rule.action or None,
            "if": _scalar_or_list(rule.if_),
            "match": rule.match or None,
            "labels": sorted_map(rule.labels) if rule.labels else None,
        }
    )


def _scalar_or_list(value: str | list[str] | None) -> Any:
    """One element prints as a scalar, more as a list, none not at all."""
    if not value:
        return None
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _aggregation_fields(rule: StreamAggregationRule) -> Iterator[tuple[str, Any]]:
    yield "match", _scalar_or_list(rule.match)
    yield "interval", rule.interval or ""
    yield "no_align_flush_to_interval", rule.no_align_flush_to_interval
    yield "flush_on_shutdown", rule.flush_on_shutdown or None
    yield "dedup_interval", rule.dedup_interval or None
    yield "staleness_interval", rule.staleness_interval or None
    yield "outputs", rule.outputs or []
    yield "keep_metric_names", rule.keep_metric_names
    yield "ignore_old_samples", rule.ignore_old_samples
    yield "by", rule.by or None
    yield "without", rule.without or None
    yield "ignore_first_intervals", rule.ignore_first_intervals
    yield "ignore_first_sample_interval", rule.ignore_first_sample_interval or None
    yield "drop_input_labels", rule.drop_input_labels or None
    yield "input_relabel_configs", relabel_rules(rule.input_relabel_configs, target_first=True) or None
    yield "output_relabel_configs", relabel_rules(rule.output_relabel_configs, target_first=True) or None
    yield "enable_windows", rule.enable_windows or None
