"""VMAuth: what stands around the pods, the config, then the Deployment (spec 06 §7).

With ``waitForConfigReload`` the Deployment comes after all pods loaded the config; where pods are not ready, before it,
so that an update of broken pods is never stuck behind them (spec 02 §18, 22).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs

from vmop.api import Manifest, Problem
from vmop.api.v1beta1 import VMAuth
from vmop.builders.components import WORKLOADS, Component
from vmop.builders.metadata import ADDITIONAL_SERVICE_LABEL, selector_labels
from vmop.builders.vmauth import (
    VMAuthInputs,
    VMAuthManifests,
    build_vmauth,
    proxy_name,
    referenced,
    target_objects,
)
from vmop.informers import StoredObject
from vmop.kube import ObjectKey, Resource
from vmop.kube.resources import (
    HORIZONTAL_POD_AUTOSCALER,
    HTTP_ROUTE,
    INGRESS,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    SECRET,
    SERVICE,
    VERTICAL_POD_AUTOSCALER,
    VM_AUTH,
    VM_SERVICE_SCRAPE,
)
from vmop.reconcilers.context import Context
from vmop.reconcilers.objects import apply_object, remove_account, sweep
from vmop.reconcilers.pods import pods_of
from vmop.reconcilers.progress import READY, Progress
from vmop.reconcilers.references import read_references, read_targets
from vmop.reconcilers.reloads import Reload, is_blocked
from vmop.reconcilers.steps import check, step
from vmop.reconcilers.workloads import Workload, reconcile_workload

_SWEPT: Sequence[Resource] = (
    SERVICE,
    VM_SERVICE_SCRAPE,
    POD_DISRUPTION_BUDGET,
    NETWORK_POLICY,
    INGRESS,
    HTTP_ROUTE,
    HORIZONTAL_POD_AUTOSCALER,
    VERTICAL_POD_AUTOSCALER,
)
_STEP = "cannot create or update vmauth deploy: "
_SERVICE = "cannot create or update vmauth service: "
_OBJECT_STEPS: Mapping[str, str] = {
    "ServiceAccount": "failed create service account: ",
    "VMServiceScrape": _SERVICE,
    "Ingress": "cannot create or update ingress for vmauth: ",
    "HTTPRoute": "cannot create or update httpRoute for vmauth: ",
    "HorizontalPodAutoscaler": "cannot create or update hpa for vmauth: ",
    "VerticalPodAutoscaler": "cannot create or update vpa for vmauth: ",
    "PodDisruptionBudget": "cannot update pod disruption budget for vmauth: ",
    "NetworkPolicy": "cannot update network policy for vmauth: ",
    "Deployment": "cannot reconcile vmauth deployment: ",
}
"""What statuses say before the error of writing an object; nothing before that of others (spec 06 §7)."""


@attrs.frozen
class VMAuthKind:
    """What VMAuth adds to the lifecycle."""

    context: Context
    cls: ClassVar[type[VMAuth]] = VMAuth
    resource: ClassVar[Resource] = VM_AUTH

    def validate(self, cr: VMAuth) -> Sequence[Problem]:
        """None: only the webhook validates a VMAuth, and each build its access without credentials (spec 06 §6)."""
        return ()

    def extra_status(self, cr: VMAuth) -> Manifest:
        return {}

    async def finalize(self, stored: StoredObject) -> None:
        """Everything has an owner reference; garbage collection does the rest."""

    async def ensure(self, cr: VMAuth, previous: Manifest | None) -> Progress:
        with step(_STEP):
            inputs = VMAuthInputs(
                targets=await read_targets(self.context, target_objects(cr)),
                references=await read_references(self.context, referenced(cr)),
                scrapes=VM_SERVICE_SCRAPE.kind not in self.context.disabled,
            )
            manifests = build_vmauth(cr, self.context.settings, self.context.platform, inputs)
            for manifest in manifests.surroundings.objects:
                with step(_object_step(manifest)):
                    await apply_object(self.context, manifest)
            check(manifests.surroundings)
            check(manifests.config)
            progress = await self._config_and_proxy(cr, manifests)
            if progress.ready and previous is not None:
                await self._clean_up(cr, manifests)
        return progress

    async def _config_and_proxy(self, cr: VMAuth, manifests: VMAuthManifests) -> Progress:
        reload: Reload | None = None
        for manifest in manifests.config.objects:
            applied = await self.context.applier.apply(SECRET, manifest)
            if cr.spec.wait_for_config_reload:
                owner = ObjectKey(cr.namespace, cr.name)
                reload = Reload(self.context.pods, self.context.now(), owner, applied.object)
        if reload is None:
            return await self._proxy(cr, manifests.proxy)
        if is_blocked(self._pods(cr)):
            progress = await self._proxy(cr, manifests.proxy)
            if not progress.ready:
                return progress
        loaded = await reload.check(self._pods(cr))
        return await self._proxy(cr, manifests.proxy) if loaded.ready else loaded

    def _pods(self, cr: VMAuth) -> list[Manifest]:
        return [pod.manifest() for pod in pods_of(self.context, cr.namespace, selector_labels("vmauth", cr.name))]

    async def _proxy(self, cr: VMAuth, proxy: Component) -> Progress:
        """Disruption budget, network policy, Deployment; which belongs to no zone, so it never waits for one's turn."""
        check(proxy)
        progress = READY
        for manifest in proxy.objects:
            with step(_object_step(manifest)):
                if manifest["kind"] in WORKLOADS:
                    workload = Workload(manifest, autoscaled=cr.spec.hpa is not None)
                    progress = await reconcile_workload(self.context, workload)
                else:
                    await apply_object(self.context, manifest)
        return progress

    async def _clean_up(self, cr: VMAuth, manifests: VMAuthManifests) -> None:
        """Remove what earlier specs left (spec 06 §21). Roles and the config Secret stay."""
        await sweep(self.context, cr, _SWEPT, selector_labels("vmauth", cr.name), manifests.wanted)
        if cr.spec.service_account_name:
            await remove_account(self.context, cr, proxy_name(cr.name, legacy=cr.spec.use_legacy_naming))


def _object_step(manifest: Manifest) -> str:
    if manifest["kind"] != "Service":
        return _OBJECT_STEPS.get(manifest["kind"], "")
    additional = ADDITIONAL_SERVICE_LABEL in manifest["metadata"]["labels"]
    return f"{_SERVICE}cannot reconcile {'additional service' if additional else 'service'} for vmauth: "
