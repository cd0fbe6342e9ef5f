"""Children of zones that are not in the spec any more (spec 02 §17.3).

First the balancer stops sending to them, then what the agents have queued for them drains, then the agents' lists lose
them zone by zone as part of the pass, and at last they are detached, if we made them, or given back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from vmop.api.v1beta1 import VMAuth
from vmop.builders.vmdistributed import ownership, targets
from vmop.builders.vmdistributed.children import BACKENDS
from vmop.builders.vmdistributed.ownership import Origin
from vmop.builders.vmdistributed.targets import Routing
from vmop.builders.vmdistributed.write_urls import remote_write_url
from vmop.informers import StoredObject
from vmop.kube import Resource
from vmop.kube.resources import VM_DISTRIBUTED
from vmop.kube.times import rfc3339
from vmop.reconcilers.context import Context
from vmop.reconcilers.vmdistributed.deletion import disown
from vmop.reconcilers.vmdistributed.drain import Question, poll
from vmop.reconcilers.vmdistributed.model import Rollout
from vmop.reconcilers.vmdistributed.observe import Observed
from vmop.reconcilers.vmdistributed.rollout import CHILD_INTERVAL, DRAIN_INTERVAL, Balance, Timing, Wait


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
        if self._is_served(leftovers):
            return rollout, Balance(self._routing())
        now = self.context.now()
        deadline = rollout.removal_deadline or now + self.timing.ready_timeout
        waiting = attrs.evolve(rollout, removal_deadline=deadline)
        # the end of this wait is recorded as a deadline at the start of the pass
        done = attrs.evolve(rollout, removal_deadline=rollout.start_time)
        if deadline <= rollout.start_time:
            return rollout, None
        late = now >= deadline
        if self.observed.balancer.managed and not self.observed.balancer.operational and not late:
            return waiting, Wait(CHILD_INTERVAL, "waiting for VMAuth to reload without removed zones")
        urls, broken = self._urls(leftovers)
        if broken:
            self._warn(f"queues are not waited for, since these are not operational: {', '.join(broken)}")
        if not urls:
            return done, None
        drain = await poll(self.observed.agents(), self._question(urls, deadline), self.context.pods)
        if drain.drained:
            return done, None
        if late:
            self._warn(f"queues of removed zones are not empty: {drain.pending or 0} bytes are lost")
            return done, None
        return waiting, Wait(DRAIN_INTERVAL, "waiting for queues of removed zones to drain")

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

    def _question(self, urls: frozenset[str], deadline: datetime) -> Question:
        """Patience counts from when the wait began. Nothing else is recorded of earlier polls, so all count as good."""
        now, since = self.context.now(), deadline - self.timing.ready_timeout
        polls = int((now - since).total_seconds() / DRAIN_INTERVAL)
        return Question(urls=urls, now=now, since=since, good_polls=polls, first_good_poll=since)

    def _routing(self) -> Routing:
        """Nobody but the removed zones loses traffic by this write, and nobody gets more."""
        marked = frozenset(view.name for view in self.observed.views.values() if view.marked)
        return Routing(excluded=marked, entering=frozenset())

    def _is_served(self, leftovers: Sequence[tuple[Resource, StoredObject]]) -> bool:
        """The VMAuth, which is managed, still sends traffic to one of them."""
        balancer = self.observed.stored(VMAuth.kind, self.observed.balancer_name)
        if balancer is None or not self.observed.balancer.managed:
            return False
        spec = balancer.get("spec") or {}
        served = targets.listed(spec, "read") | targets.listed(spec, "write")
        return any(targets.Listed(resource.kind, *stored.key) in served for resource, stored in leftovers)

    def _urls(self, leftovers: Sequence[tuple[Resource, StoredObject]]) -> tuple[frozenset[str], list[str]]:
        """Where agents write to reach removed backends, and backends whose queues cannot drain any more."""
        urls: set[str] = set()
        broken: list[str] = []
        for resource, stored in leftovers:
            if resource.kind not in BACKENDS:
                continue
            if (stored.get("status") or {}).get("updateStatus") != "operational":
                broken.append(f"{resource.kind}={stored.key}")
                continue
            urls.add(
                remote_write_url(
                    BACKENDS[resource.kind], stored.key.name, stored.key.namespace, stored.get("spec") or {}
                )
            )
        return frozenset(urls - {""}), broken

    def _warn(self, message: str) -> None:
        stored = self.context.informers.informer(VM_DISTRIBUTED).lister.get(self.observed.key)
        if stored is not None:
            self.context.events.event(stored, "Warning", "DrainSkipped", message, own=True)

    async def _detach(self, resource: Resource, stored: StoredObject) -> None:
        changes: dict[str, str | None] = {ownership.DETACHED: rfc3339(self.context.now())}
        if ownership.ZONE_STATE in stored.annotations:
            changes[ownership.ZONE_STATE] = None
        await self.context.applier.set_annotations(resource, stored, changes)
