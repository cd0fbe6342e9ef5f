"""VMSingle: account, claim, Services, the files that its pod mounts, then its Deployment (spec 03 §4.10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

from vmop.api import Manifest, Problem
from vmop.api.v1beta1 import VMSingle
from vmop.builders.components import Component
from vmop.builders.metadata import selector_labels
from vmop.builders.vmsingle import VMSingleInputs, VMSingleManifests, build_vmsingle, referenced, single_name
from vmop.informers import StoredObject
from vmop.kube import ObjectKey, Resource
from vmop.kube.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    NETWORK_POLICY,
    PERSISTENT_VOLUME_CLAIM,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    VERTICAL_POD_AUTOSCALER,
    VM_SERVICE_SCRAPE,
    VM_SINGLE,
)
from vmop.reconcilers.context import Context
from vmop.reconcilers.hold import must_hold
from vmop.reconcilers.objects import apply_object, lister, release_all, sweep
from vmop.reconcilers.progress import READY, Progress
from vmop.reconcilers.references import read_references
from vmop.reconcilers.rights import remove_foreign_rights, remove_identity
from vmop.reconcilers.steps import check, step
from vmop.reconcilers.volumes import apply_claim, release_claim
from vmop.reconcilers.workloads import Workload, reconcile_workload

_STEP = "failed create or update vmsingle: "
_SWEPT: Sequence[Resource] = (SERVICE, VM_SERVICE_SCRAPE, CONFIG_MAP, VERTICAL_POD_AUTOSCALER, NETWORK_POLICY)
_OTHERS: Sequence[Resource] = (DEPLOYMENT, SECRET, SERVICE_ACCOUNT, ROLE, ROLE_BINDING)


@attrs.frozen
class VMSingleKind:
    """What VMSingle adds to the lifecycle."""

    context: Context
    cls: ClassVar[type[VMSingle]] = VMSingle
    resource: ClassVar[Resource] = VM_SINGLE

    def validate(self, cr: VMSingle) -> Sequence[Problem]:
        """None: only the webhook validates a VMSingle (spec 03 §4.10)."""
        return ()

    def extra_status(self, cr: VMSingle) -> Manifest:
        return {}

    async def ensure(self, cr: VMSingle, previous: Manifest | None) -> Progress:
        references = await read_references(self.context, referenced(cr))
        scraped = VM_SERVICE_SCRAPE.kind not in self.context.disabled
        inputs = VMSingleInputs(references=references, scraped=scraped)
        with step(_STEP):
            manifests = build_vmsingle(cr, self.context.settings, self.context.platform, inputs)
            if previous is not None:
                await self._clean_up(cr, manifests)
            await self._write(manifests.identity)
            for claim in manifests.storage.objects:
                progress = await apply_claim(self.context, claim)
                if not progress.ready:
                    return progress
            await self._write(manifests.surroundings)
            await self._write(manifests.files)
            check(manifests.workload)
            stored = lister(self.context, VM_SINGLE).get(ObjectKey(cr.namespace, cr.name))
            holding = stored is not None and must_hold(self.context, stored)
            progress = READY
            for manifest in manifests.workload.objects:
                progress = await reconcile_workload(self.context, Workload(manifest, held=holding))
            return progress

    async def _write(self, part: Component) -> None:
        """Write what could be built of a part, and raise what could not."""
        for manifest in part.objects:
            await apply_object(self.context, manifest)
        check(part)

    async def _clean_up(self, cr: VMSingle, manifests: VMSingleManifests) -> None:
        """Remove what earlier specs left (spec 03 §4.11); claims and what scrapes stay."""
        labels = selector_labels("vmsingle", cr.name)
        await sweep(self.context, cr, self._swept(), labels, manifests.wanted)
        if cr.spec.service_account_name:
            await remove_identity(self.context, cr, single_name(cr.name, legacy=cr.spec.use_legacy_naming))

    def _swept(self) -> Sequence[Resource]:
        unused = set(self.context.disabled)
        if not self.context.settings.vpa_api_enabled:
            unused.add(VERTICAL_POD_AUTOSCALER.kind)
        return [each for each in _SWEPT if each.kind not in unused]

    async def finalize(self, stored: StoredObject) -> None:
        """Rights outside the namespace go; the claim stays, unless it is to go with the object (spec 03 §4.13)."""
        names = [single_name(stored.key.name, legacy=legacy) for legacy in (False, True)]
        await remove_foreign_rights(self.context, VM_SINGLE, stored.key, names)
        resources = [*_OTHERS, *self._swept()]
        if (stored.get("spec") or {}).get("removePvcAfterDelete") is True:
            resources.append(PERSISTENT_VOLUME_CLAIM)
        else:
            for name in names:
                await release_claim(self.context, ObjectKey(stored.key.namespace, name), stored, VM_SINGLE)
        await release_all(self.context, stored, VM_SINGLE, resources, selector_labels("vmsingle", stored.key.name))
