"""VMCluster: storage, then select, then insert, each ready before the next is touched (spec 03 §3.14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

from vmop.api import Manifest, Problem
from vmop.api.v1beta1 import VMCluster
from vmop.api.validation import validate
from vmop.builders.components import WORKLOADS, Component
from vmop.builders.vmcluster import VMClusterManifests, build_vmcluster, part_name
from vmop.informers import StoredObject
from vmop.kube import ObjectKey, Resource
from vmop.kube.resources import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    VERTICAL_POD_AUTOSCALER,
    VM_CLUSTER,
    VM_SERVICE_SCRAPE,
)
from vmop.reconcilers.context import Context
from vmop.reconcilers.hold import must_hold
from vmop.reconcilers.objects import apply_object, lister, release_all, remove_account, sweep
from vmop.reconcilers.progress import READY, Progress
from vmop.reconcilers.steps import check
from vmop.reconcilers.workloads import Workload, reconcile_workload

_SWEPT: Sequence[Resource] = (
    POD_DISRUPTION_BUDGET,
    HORIZONTAL_POD_AUTOSCALER,
    VERTICAL_POD_AUTOSCALER,
    NETWORK_POLICY,
    VM_SERVICE_SCRAPE,
    SERVICE,
)


@attrs.frozen
class VMClusterKind:
    """What VMCluster adds to the lifecycle."""

    context: Context
    cls: ClassVar[type[VMCluster]] = VMCluster
    resource: ClassVar[Resource] = VM_CLUSTER

    def validate(self, cr: VMCluster) -> Sequence[Problem]:
        return validate(cr)

    def extra_status(self, cr: VMCluster) -> Manifest:
        return {}

    async def finalize(self, stored: StoredObject) -> None:
        """Everything has an owner reference; garbage collection does the rest. Claims stay."""
        kinds = (STATEFUL_SET, DEPLOYMENT, SECRET, *_SWEPT, SERVICE_ACCOUNT)
        await release_all(self.context, stored, VM_CLUSTER, kinds, _labels(stored.key.name))

    async def ensure(self, cr: VMCluster, previous: Manifest | None) -> Progress:
        storage = lister(self.context, STATEFUL_SET).get(ObjectKey(cr.namespace, part_name(cr, "vmstorage")))
        manifests = build_vmcluster(
            cr,
            self.context.settings,
            self.context.platform,
            live_storage_replicas=(storage.get("spec") or {}).get("replicas") if storage is not None else None,
            scrapes=VM_SERVICE_SCRAPE.kind not in self.context.disabled,
        )
        if manifests.service_account is not None:
            await apply_object(self.context, manifests.service_account)
        held: list[str] = []
        stored = lister(self.context, VM_CLUSTER).get(ObjectKey(cr.namespace, cr.name))
        holding = stored is not None and must_hold(self.context, stored)
        for component in manifests.components:
            progress = await self._component(cr, component, holding=holding)
            held.extend(filter(None, [progress.held]))
            if not progress.ready:
                return attrs.evolve(progress, held="; ".join(held))
        if previous is not None:
            await self._clean_up(cr, manifests)
        return attrs.evolve(READY, held="; ".join(held))

    async def _component(self, cr: VMCluster, component: Component, *, holding: bool) -> Progress:
        """Write a part in order, up to and including its workload, and the rest once that is ready."""
        held = ""
        for manifest in component.objects:
            if manifest["kind"] not in WORKLOADS:
                await apply_object(self.context, manifest)
                continue
            workload = Workload(
                manifest,
                autoscaled=component.autoscaled,
                max_unavailable=_max_unavailable(cr, component.name),
                held=holding,
            )
            progress = await reconcile_workload(self.context, workload)
            if not progress.ready:
                return progress
            held = progress.held
        check(component)
        return attrs.evolve(READY, held=held)

    async def _clean_up(self, cr: VMCluster, manifests: VMClusterManifests) -> None:
        """Remove parts that are gone from the spec, and what no part wants any more (spec 03 §3.16)."""
        labels = {**_labels(cr.name), "app.kubernetes.io/part-of": "vmcluster"}
        parts = (STATEFUL_SET, DEPLOYMENT, SECRET)
        await sweep(self.context, cr, parts, labels, manifests.names(each.kind for each in parts))
        await sweep(self.context, cr, _SWEPT, labels, manifests.wanted)
        if manifests.service_account is None:
            await remove_account(self.context, cr, part_name(cr, "vmcluster"))


def _labels(name: str) -> dict[str, str]:
    """What all objects of a cluster carry."""
    return {
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "monitoring",
        "managed-by": "vm-operator",
    }


def _max_unavailable(cr: VMCluster, component: str) -> int | str:
    parts = {"vmstorage": cr.spec.vmstorage, "vmselect": cr.spec.vmselect}
    part = parts.get(component)
    behavior = part.rolling_update_strategy_behavior if part is not None else None
    limit = behavior.max_unavailable if behavior is not None else None
    return 1 if limit is None else limit
