"""What dashboards see of rollouts (spec 02 §19.9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from vmop.kube import ObjectKey
from vmop.reconcilers.vmdistributed.model import Rollout, Step, ZoneView

_OWNER = ("namespace", "name")


class DistributedMetrics:
    """Metrics of all VMDistributed resources of a process, in the registry of the caller."""

    def __init__(self, registry: CollectorRegistry) -> None:
        zone = (*_OWNER, "zone")
        self._ready = Gauge(
            "vmop_vmdistributed_zone_ready", "1 for a zone that is ready, else 0.", zone, registry=registry
        )
        self._phase = Gauge(
            "vmop_vmdistributed_zone_phase_seconds",
            "Seconds that a zone spent in a phase when it was in it last.",
            (*zone, "phase"),
            registry=registry,
        )
        self._pending = Gauge(
            "vmop_vmdistributed_pending_bytes",
            "Bytes that agents had queued for a zone at the last look.",
            zone,
            registry=registry,
        )
        self._rollouts = Counter(
            "vmop_vmdistributed_rollouts", "Rollouts that ended, by result.", (*_OWNER, "result"), registry=registry
        )

    def observe_zones(self, owner: ObjectKey, views: Iterable[ZoneView], pending: Mapping[str, int]) -> None:
        """The state of the zones, and what was found queued for some of them."""
        for view in views:
            self._ready.labels(*owner, view.name).set(view.ready)
        for zone, size in pending.items():
            self._pending.labels(*owner, zone).set(size)

    def observe_steps(self, owner: ObjectKey, before: Rollout, after: Rollout) -> None:
        """How long zones were in the phases that they left between two records of a pass."""
        known = {zone.name: zone for zone in before.zones}
        for zone in after.zones:
            left = known.get(zone.name)
            if left is None or left.step is zone.step or left.step_start is None or zone.step_start is None:
                continue
            seconds = (zone.step_start - left.step_start).total_seconds()
            self._phase.labels(*owner, zone.name, left.step.value).set(seconds)
            if zone.step is Step.FAILED:
                self._rollouts.labels(*owner, "failed").inc()

    def completed(self, owner: ObjectKey) -> None:
        """A rollout with changes reached all zones."""
        self._rollouts.labels(*owner, "completed").inc()

    def forget(self, owner: ObjectKey) -> None:
        """Drop all series of a resource that is gone."""
        for metric in (self._ready, self._phase, self._pending, self._rollouts):
            metric.remove_by_labels({"namespace": owner.namespace, "name": owner.name})
