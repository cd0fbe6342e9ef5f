"""The workloads of an agent: one, or one a shard, each with its disruption budget (04 §14)."""

from collections.abc import Iterator
from typing import Any

from vmop.builders.base import BuildError, Manifest, present
from vmop.builders.metadata import object_metadata
from vmop.builders.policies import pod_disruption_budget
from vmop.builders.services import additional_service_name, is_override
from vmop.builders.vmagent.agent import SHARD_LABEL, Agent
from vmop.builders.vmagent.pod import agent_pod, queue_storage
from vmop.builders.volumes import check_stateful_set
from vmop.builders.workloads import deployment, stateful_set

SHARD_PLACEHOLDER = "%SHARD_NUM%"
DESCRIPTIONS = {"Deployment": "deployment", "StatefulSet": "*v1.StatefulSet", "DaemonSet": "daemonset"}
"""How statuses call a workload."""


def shard_objects(agent: Agent, shard: int | None) -> Iterator[Manifest]:
    """Disruption budget and workload of a shard; of the whole agent where `shard` is None."""
    template = agent_pod(agent, shard)
    budget = agent.spec.pod_disruption_budget
    if budget is not None and agent.mode != "DaemonSet":
        manifest = pod_disruption_budget(
            agent.cr, shard_name(agent, shard), budget, labels=agent.labels, selector=agent.selector
        )
        if shard is not None:
            manifest["spec"]["selector"]["matchLabels"][SHARD_LABEL] = str(shard)
        yield manifest
    manifest = _workload(agent, shard, template)
    yield manifest if shard is None else _numbered(manifest, str(shard))


def shard_name(agent: Agent, shard: int | None) -> str:
    return agent.name if shard is None else f"{agent.name}-{shard}"


def _workload(agent: Agent, shard: int | None, template: Manifest) -> Manifest:
    cr, spec, name = agent.cr, agent.spec, shard_name(agent, shard)
    selector = agent.selector if shard is None else agent.selector | {SHARD_LABEL: str(shard)}
    match agent.mode:
        case "DaemonSet":
            return _daemon_set(agent, template)
        case "StatefulSet":
            manifest = stateful_set(
                cr,
                name,
                spec,
                template,
                labels=agent.labels,
                selector=selector,
                service_name=_governing_service(agent),
                strategy=spec.stateful_rolling_update_strategy,
                claims=[*queue_storage(agent).claims, *(spec.claim_templates or ())],
                claim_retention=spec.persistent_volume_claim_retention_policy,
                always_parallel=True,
            )
            try:
                return check_stateful_set(manifest, "spec")
            except BuildError as error:
                prefix = f"cannot reconcile {DESCRIPTIONS['StatefulSet']} for vmagent({shard or 0})"
                raise BuildError(error.path, f"{prefix}: {error}") from None
        case "Deployment":
            return deployment(
                cr,
                name,
                spec,
                template,
                labels=agent.labels,
                selector=selector,
                strategy=spec.update_strategy,
                rolling_update=spec.rolling_update,
            )


def _governing_service(agent: Agent) -> str:
    """The headless additional Service if there is one; else the main one, but only of shards."""
    extra = agent.spec.service_spec
    if extra is not None and not is_override(extra) and (extra.spec or {}).get("clusterIP") == "None":
        return additional_service_name(extra, agent.name)
    return agent.name if agent.shards else ""


def _daemon_set(agent: Agent, template: Manifest) -> Manifest:
    spec = agent.spec
    revisions = spec.revision_history_limit_count
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": object_metadata(agent.cr, agent.name, agent.labels),
        "spec": present(
            {
                "selector": {"matchLabels": agent.selector},
                "updateStrategy": present(
                    {
                        "type": spec.daemon_set_update_strategy or "RollingUpdate",
                        "rollingUpdate": spec.daemon_set_rolling_update_strategy_behavior,
                    }
                ),
                "minReadySeconds": spec.min_ready_seconds or None,
                "revisionHistoryLimit": 10 if revisions is None else revisions,
                "template": template,
            }
        ),
    }


def _numbered(value: Any, number: str) -> Any:
    """The manifest with the shard's number in place of its placeholder, in every text."""
    match value:
        case str():
            return value.replace(SHARD_PLACEHOLDER, number)
        case dict():
            return {_numbered(key, number): _numbered(item, number) for key, item in value.items()}
        case list():
            return [_numbered(item, number) for item in value]
    return value
