"""Relabeling and stream aggregation: ConfigMaps with files, and the flags that name them (04 §5)."""

from collections.abc import Iterator, Sequence
from typing import Any

from vmop.api.v1beta1 import KeySelector, RelabelRule, StreamAggregation, StreamAggregationRule
from vmop.builders.args import list_flag
from vmop.builders.base import BuildError, Manifest, present
from vmop.builders.metadata import object_metadata
from vmop.builders.references import MissingReference, config_map
from vmop.builders.vmagent.agent import Agent, has_rules
from vmop.builders.yamltext import sorted_map, yaml_text

RELABELING_DIR = "/etc/vm/relabeling"
AGGREGATION_DIR = "/etc/vm/stream-aggr"


def relabeling_file(target: int | None = None) -> str:
    """The file with the rules for all samples, or for those of one target."""
    return "global_relabeling.yaml" if target is None else f"url_relabeling-{target}.yaml"


def aggregation_file(target: int | None = None) -> str:
    return "global_aggregation.yaml" if target is None else f"RWS_{target}-CM-STREAM-AGGR-CONF"


# -- flags -----------------------------------------------------------------------------------------------------------


def aggregation_flags(prefix: str, configs: Sequence[StreamAggregation | None]) -> list[str]:
    """`-<prefix>.*`, a value for each config: `streamAggr` has one, `remoteWrite.streamAggr` one a target."""
    ruled = [config if has_rules(config) else None for config in configs]
    numbered = prefix != "streamAggr"
    files = [
        f"{AGGREGATION_DIR}/{aggregation_file(i if numbered else None)}" if config else None
        for i, config in enumerate(ruled)
    ]
    table: tuple[tuple[str, list[object | None], str], ...] = (
        ("config", list(files), ""),
        ("keepInput", [each and each.keep_input for each in ruled], "false"),
        ("dropInput", [each and each.drop_input for each in ruled], "false"),
        ("ignoreFirstIntervals", [each and each.ignore_first_intervals for each in ruled], "0"),
        ("ignoreFirstSampleInterval", [each and each.ignore_first_sample_interval for each in ruled], ""),
        ("ignoreOldSamples", [each and each.ignore_old_samples for each in ruled], "false"),
        ("enableWindows", [each and each.enable_windows for each in ruled], "false"),
        ("dedupInterval", [each and each.dedup_interval for each in configs], ""),
        ("dropInputLabels", [each and ",".join(each.drop_input_labels or ()) for each in configs], ""),
    )
    return [arg for name, values, empty in table for arg in list_flag(f"{prefix}.{name}", values, empty=empty)]


# -- ConfigMaps ------------------------------------------------------------------------------------------------------


def relabeling_config_map(agent: Agent) -> Manifest | None:
    """`relabelings-assets-…`; None without relabeling. Raises `MissingReference` where a ConfigMap is not there."""
    if not agent.has_relabeling:
        return None
    spec, data = agent.spec, {}
    if agent.relabels:
        rules = relabel_rules(spec.inline_relabel_config)
        data[relabeling_file()] = _file(agent, rules, spec.relabel_config, "spec.relabelConfig", _RELABELING)
    for index, target in enumerate(spec.remote_write or ()):
        if agent.relabels_target(index):
            rules, path = relabel_rules(target.inline_url_relabel_config), f"spec.remoteWrite[{index}].urlRelabelConfig"
            data[relabeling_file(index)] = _file(agent, rules, target.url_relabel_config, path, _RELABELING)
    return _config_map(agent, f"relabelings-assets-{agent.name}", data)


def aggregation_config_map(agent: Agent) -> Manifest | None:
    """`stream-aggr-…`; None without rules."""
    if not agent.has_aggregation:
        return None
    targets = enumerate(agent.spec.remote_write or ())
    configs: list[tuple[int | None, StreamAggregation | None, str]] = [
        (None, agent.spec.stream_aggr_config, "spec"),
        *((index, target.stream_aggr_config, f"spec.remoteWrite[{index}]") for index, target in targets),
    ]
    data = {
        aggregation_file(index): _file(
            agent,
            [_aggregation_rule(rule) for rule in config.rules or ()],
            config.configmap,
            f"{path}.streamAggrConfig.configmap",
            _AGGREGATION,
        )
        for index, config, path in configs
        if config is not None and has_rules(config)
    }
    return _config_map(agent, f"stream-aggr-{agent.name}", data)


def _config_map(agent: Agent, name: str, data: dict[str, str]) -> Manifest:
    metadata = object_metadata(agent.cr, name, agent.labels)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


_RELABELING = "cannot update relabeling asset for vmagent"
_AGGREGATION = "cannot update stream aggregation config for vmagent"


def _file(agent: Agent, rules: list[Manifest], more: KeySelector | None, path: str, what: str) -> str:
    """Inline rules, and directly behind them the text of a ConfigMap's key without white space at its end."""
    text = yaml_text(rules) if rules else ""
    if more is None or not more.name:
        return text
    try:
        return text + agent.references.text(config_map(agent.namespace, more), more.key or "", path).rstrip()
    except BuildError as error:
        raise MissingReference(path, f"{what}: cannot fetch configmap: {more.name}, err: {error}") from None


# -- rules -----------------------------------------------------------------------------------------------------------


def relabel_rules(rules: Sequence[RelabelRule] | None, *, target_first: bool = False) -> list[Manifest]:
    """Rules as vmagent reads them; those without any field are left out.

    `target_first` is the order of keys in stream aggregation rules and global scrape relabeling (04 §5.2).
    """
    rendered = [_relabel_rule(rule, target_first=target_first) for rule in rules or ()]
    return [rule for rule in rendered if rule]


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


def _aggregation_rule(rule: StreamAggregationRule) -> Manifest:
    return present(dict(_aggregation_fields(rule)))


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
