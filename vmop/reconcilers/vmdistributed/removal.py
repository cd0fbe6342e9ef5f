"""Children of zones that are not in the spec any more (spec 02 §17.3).

First the balancer stops sending to them, then what the agents have queued for them drains, then the agents' lists lose
them zone by zone as part of the pass, and at last they are detached, if we made them, or given back.
"""

from __future__ import annotations

import attrs

from vmop.api.v1beta1 import VMAgent, VMAuth
from vmop.builders.vmdistributed import ownership, targets
from vmop.builders.vmdistributed.children import BACKENDS
from vmop.builders.vmdistributed.ownership import Origin
from vmop.builders.vmdistributed.write_urls import remote_write_url
from vmop.informers import StoredObject
from vmop.kube import Resource
from vmop.reconcilers.context import Context
from vmop.reconcilers.vmdistributed.deletion import disown
from vmop.reconcilers.vmdistributed.drain import Question, poll
from vmop.reconcilers.vmdistributed.model import Rollout
from vmop.reconcilers.vmdistributed.observe import Observed
from vmop.reconcilers.vmdistributed.rollout import CHILD_INTERVAL, DRAIN_INTERVAL, Balance, Timing, Wait
from vmop.reconcilers.vmdistributed.times import instant


@attrs.frozen
class Removal:
    """Takes leftover children out, around the turns of the zones."""

    context: Context
    observed: Observed
    timing: Timing

    async def before_zones(self, rollout: Rollout) -> tuple[Rollout, Balance | Wait | None]:
        """What is due before the zones' turns; None when nothing is left to do or to wait for."""
        leftovers = self.observed.leftovers()
        if not leftovers:
            return rollout, None
        names = {stored.key.name for _, stored in leftovers}
        if self._is_served(names):
            return rollout, Balance(self._marked())
        if self.observed.balancer.managed and not self.observed.balancer.operational:
            return rollout, Wait(CHILD_INTERVAL, "waiting for VMAuth to reload without removed zones")
        urls = frozenset(url for resource, stored in leftovers for url in self._urls(resource, stored))
        now = self.context.now()
        if not urls:
            return rollout, None
        if rollout.removal_deadline is None:
            rollout = attrs.evolve(rollout, removal_deadline=now + self.timing.ready_timeout)
        deadline = rollout.removal_deadline
        if deadline is None or now >= deadline:
            return rollout, None
        drain = await poll(self.observed.agents(), Question(urls=urls, now=now, since=now), self.context.pods)
        if drain.drained:
            return attrs.evolve(rollout, removal_deadline=now), None
        return rollout, Wait(DRAIN_INTERVAL, "waiting for queues of removed zones to drain")

    async def after_zones(self) -> tuple[str, str]:
        """Detach or give back one leftover; reason and message of its event, empty when none is left."""
        for resource, stored in self.observed.leftovers():
            if self.observed.origin(stored) is Origin.CREATED:
                await self._detach(resource, stored)
                if resource.kind == VMAuth.kind:
                    return "DetachedVMAuth", f"{resource.kind}={stored.key} still serves its last targets"
                return "ZoneDetached", f"{resource.kind}={stored.key} keeps running outside of all zones"
            await disown(self.context, resource, stored, self.observed.owner)
            return "ObjectDisowned", f"{resource.kind}={stored.key} is not managed by this resource any more"
        return "", ""

    def _marked(self) -> frozenset[str]:
        return frozenset(view.name for view in self.observed.views.values() if view.marked)

    def _is_served(self, names: set[str]) -> bool:
        balancer = self.observed.stored(VMAuth.kind, self.observed.balancer_name)
        if balancer is None or not self.observed.balancer.managed:
            return False
        spec = balancer.get("spec") or {}
        listed = {name for ref in ("read", "write") for _, name in targets.listed(spec, ref)}
        return bool(names & listed)

    def _urls(self, resource: Resource, stored: StoredObject) -> list[str]:
        """Where agents write to reach a removed backend that still takes writes."""
        status = stored.get("status") or {}
        if resource.kind == VMAgent.kind or resource.kind not in BACKENDS:
            return []
        if status.get("updateStatus") != "operational":
            return []
        return [
            remote_write_url(BACKENDS[resource.kind], stored.key.name, stored.key.namespace, stored.get("spec") or {})
        ]

    async def _detach(self, resource: Resource, stored: StoredObject) -> None:
        changes: dict[str, str | None] = {ownership.DETACHED: instant(self.context.now())}
        if ownership.ZONE_STATE in stored.annotations:
            changes[ownership.ZONE_STATE] = None
        await self.context.applier.set_annotations(resource, stored, changes)
