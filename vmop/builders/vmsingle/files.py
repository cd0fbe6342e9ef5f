"""Relabeling and stream aggregation: ConfigMaps with files, and the flags that name them (03 §4.7)."""

from collections.abc import Iterator

from vmop.api.v1beta1 import StreamAggregation
from vmop.builders.args import flag
from vmop.builders.base import Manifest
from vmop.builders.metadata import object_metadata
from vmop.builders.relabeling import AGGREGATION_DIR, RELABELING_DIR, aggregation_rules, relabel_rules, rules_text
from vmop.builders.vmsingle.single import Single

RELABELING_FILES = ("relabeling.yaml", "relabel.yaml")
"""The Go operator's key, and the file that the flag has always named: without that no pod would start (03 P2)."""
AGGREGATION_FILE = "config.yaml"


def relabeling_name(single: Single) -> str:
    return f"relabelings-assets-{single.name}"


def aggregation_name(single: Single) -> str:
    return f"stream-aggr-{single.name}"


def config_maps(single: Single) -> Iterator[Manifest]:
    """Raises `MissingReference` where a ConfigMap that the spec names is not there."""
    spec = single.spec
    if single.relabels:
        text = rules_text(
            relabel_rules(spec.inline_relabel_config),
            spec.relabel_config,
            single.references,
            namespace=single.cr.namespace,
            path="spec.relabelConfig",
            what="cannot update relabeling asset for vmsingle",
        )
        yield _config_map(single, relabeling_name(single), dict.fromkeys(RELABELING_FILES, text))
    if single.aggregates:
        aggregation = spec.stream_aggr_config or StreamAggregation()
        text = rules_text(
            aggregation_rules(aggregation.rules),
            aggregation.configmap,
            single.references,
            namespace=single.cr.namespace,
            path="spec.streamAggrConfig.configmap",
            what="cannot update stream aggregation config for vmsingle",
        )
        yield _config_map(single, aggregation_name(single), {AGGREGATION_FILE: text})


def _config_map(single: Single, name: str, data: dict[str, str]) -> Manifest:
    metadata = object_metadata(single.cr, name, single.labels)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def file_args(single: Single) -> list[str]:
    """Flags of both. The interval of deduplication is there twice, once with two dashes, as it always was (03 P8)."""
    config = single.spec.stream_aggr_config or StreamAggregation()
    relabeling = f"{RELABELING_DIR}/{RELABELING_FILES[-1]}" if single.relabels else None
    return [
        *flag("relabelConfig", relabeling),
        *(_rule_args(config) if single.aggregates else []),
        *flag("streamAggr.dropInputLabels", ",".join(config.drop_input_labels or ())),
        *flag("streamAggr.dedupInterval", config.dedup_interval),
        *flag("-streamAggr.dedupInterval", config.dedup_interval),
    ]


def _rule_args(config: StreamAggregation) -> list[str]:
    """What only counts for a file with rules, each where it is not the default."""
    return [
        *flag("streamAggr.config", f"{AGGREGATION_DIR}/{AGGREGATION_FILE}"),
        *flag("streamAggr.keepInput", config.keep_input or None),
        *flag("streamAggr.dropInput", config.drop_input or None),
        *flag("streamAggr.ignoreFirstIntervals", config.ignore_first_intervals or None),
        *flag("streamAggr.ignoreFirstSampleInterval", config.ignore_first_sample_interval),
        *flag("streamAggr.ignoreOldSamples", config.ignore_old_samples or None),
        *flag("streamAggr.enableWindows", config.enable_windows or None),
    ]
