"""VMAgent: what stands around the pods, the files that they mount, then all shards at once (spec 04 §10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

from vmop.api import Manifest, Problem
from vmop.api.v1beta1 import VMAgent
from vmop.builders.components import WORKLOADS, Component
from vmop.builders.metadata import selector_labels
from vmop.builders.vmagent import (
    SWEPT_AFTER,
    SWEPT_BEFORE,
    VMAgentInputs,
    VMAgentManifests,
    agent_name,
    build_vmagent,
    referenced,
)
from vmop.informers import StoredObject
from vmop.kube import ObjectKey, Resource
from vmop.kube.resources import (
    DAEMON_SET,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    STATEFUL_SET,
    VERTICAL_POD_AUTOSCALER,
    VM_AGENT,
    VM_POD_SCRAPE,
    VM_SERVICE_SCRAPE,
)
from vmop.reconcilers.context import Context
from vmop.reconcilers.hold import must_hold
from vmop.reconcilers.objects import apply_object, lister, sweep
from vmop.reconcilers.progress import READY, Delay, Failure, Progress
from vmop.reconcilers.references import read_references
from vmop.reconcilers.rights import remove_foreign_rights, remove_identity
from vmop.reconcilers.steps import check, step
from vmop.reconcilers.workloads import Workload, reconcile_workload

_SWEPT: Sequence[Resource] = (
    SERVICE,
    VM_SERVICE_SCRAPE,
    VM_POD_SCRAPE,
    DAEMON_SET,
    HORIZONTAL_POD_AUTOSCALER,
    VERTICAL_POD_AUTOSCALER,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    DEPLOYMENT,
    STATEFUL_SET,
)


@attrs.frozen
class VMAgentKind:
    """What VMAgent adds to the lifecycle."""

    context: Context
    cls: ClassVar[type[VMAgent]] = VMAgent
    resource: ClassVar[Resource] = VM_AGENT

    def validate(self, cr: VMAgent) -> Sequence[Problem]:
        """None: only the webhook validates a VMAgent (spec 04 §9)."""
        return ()

    def extra_status(self, cr: VMAgent) -> Manifest:
        labels = selector_labels("vmagent", cr.name)
        sharded = not cr.spec.daemon_set_mode
        return {
            "shards": max(1, cr.spec.shard_count or 0) if sharded else 1,
            "replicas": cr.spec.replica_count or None,
            "selector": ",".join(f"{key}={labels[key]}" for key in sorted(labels)),
        }

    async def ensure(self, cr: VMAgent, previous: Manifest | None) -> Progress:
        references = await read_references(self.context, referenced(cr))
        disabled = self.context.disabled
        inputs = VMAgentInputs(
            references=references,
            scrapes=VM_SERVICE_SCRAPE.kind not in disabled,
            pod_scrapes=VM_POD_SCRAPE.kind not in disabled,
        )
        with step(""):
            manifests = build_vmagent(cr, self.context.settings, self.context.platform, inputs)
        if previous is not None:
            await self._sweep(cr, manifests, SWEPT_BEFORE)
            if cr.spec.service_account_name:
                name = agent_name(cr.name, legacy=cr.spec.use_legacy_naming)
                await remove_identity(self.context, cr, name)
        with step(""):
            for part in (manifests.surroundings, manifests.files):
                for manifest in part.objects:
                    await apply_object(self.context, manifest)
                check(part)
        progress = await self._shards(cr, manifests.shards)
        if progress.ready:
            await self._sweep(cr, manifests, SWEPT_AFTER)
        return progress

    # -- shards --------------------------------------------------------------------------------------------------------

    async def _shards(self, cr: VMAgent, shards: Sequence[Component]) -> Progress:
        """Take the next step of every shard; the first that failed or is not ready speaks for all."""
        stored = lister(self.context, VM_AGENT).get(ObjectKey(cr.namespace, cr.name))
        holding = stored is not None and must_hold(self.context, stored)
        waiting: list[Progress] = []
        failures: list[Failure | Delay] = []
        held: list[str] = []
        for number, shard in enumerate(shards):
            try:
                progress = await self._shard(cr, number, shard, holding=holding)
            except (Failure, Delay) as error:
                failures.append(error)
                continue
            if not progress.ready:
                waiting.append(progress)
            held.extend(filter(None, [progress.held]))
        if failures:
            raise failures[0]
        return waiting[0] if waiting else attrs.evolve(READY, held="; ".join(held))

    async def _shard(self, cr: VMAgent, number: int, shard: Component, *, holding: bool) -> Progress:
        with step(""):
            check(shard)
        with step(_workload_step(cr, number)):
            progress = READY
            for manifest in shard.objects:
                if manifest["kind"] not in WORKLOADS:
                    await apply_object(self.context, manifest)
                    continue
                workload = Workload(manifest, max_unavailable=_max_unavailable(cr), held=holding)
                progress = await reconcile_workload(self.context, workload)
            return progress

    # -- leftovers -----------------------------------------------------------------------------------------------------

    async def _sweep(self, cr: VMAgent, manifests: VMAgentManifests, kinds: Sequence[str]) -> None:
        """Remove what earlier specs left (spec 04 §10, 1 and 11)."""
        await sweep(self.context, cr, _SWEPT, selector_labels("vmagent", cr.name), manifests.names(kinds))

    async def finalize(self, stored: StoredObject) -> None:
        """Rights outside the namespace have no owner, so garbage collection leaves them (spec 04 §19, 01 §8.3)."""
        names = [agent_name(stored.key.name, legacy=legacy) for legacy in (False, True)]
        await remove_foreign_rights(self.context, VM_AGENT, stored.key, names)


def _workload_step(cr: VMAgent, shard: int) -> str:
    if cr.spec.daemon_set_mode:
        return "cannot reconcile daemonset for vmagent: "
    kind = "*v1.StatefulSet" if cr.spec.stateful_mode else "deployment"
    return f"cannot reconcile {kind} for vmagent({shard}): "


def _max_unavailable(cr: VMAgent) -> int | str:
    behavior = cr.spec.stateful_rolling_update_strategy_behavior
    limit = behavior.max_unavailable if behavior is not None else None
    return 1 if limit is None else limit
