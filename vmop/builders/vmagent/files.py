"""Relabeling and stream aggregation: ConfigMaps with files, and the flags that name them (04 §5)."""

from collections.abc import Sequence

from vmop.api.v1beta1 import KeySelector, StreamAggregation
from vmop.builders.args import list_flag
from vmop.builders.base import Manifest
from vmop.builders.metadata import object_metadata
from vmop.builders.relabeling import AGGREGATION_DIR, aggregation_rules, has_rules, relabel_rules, rules_text
from vmop.builders.vmagent.agent import Agent


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
            aggregation_rules(config.rules),
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
    return rules_text(rules, more, agent.references, namespace=agent.namespace, path=path, what=what)
