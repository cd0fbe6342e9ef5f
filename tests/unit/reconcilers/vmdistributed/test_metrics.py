"""Dashboards see zones, phases, queues and rollouts of a VMDistributed, and nothing of one that is gone."""

from __future__ import annotations

from datetime import timedelta

import attrs
from prometheus_client import CollectorRegistry

from tests.unit.reconcilers.vmdistributed.world import START, World
from vmop.kube import ObjectKey
from vmop.reconcilers.vmdistributed.metrics import DistributedMetrics
from vmop.reconcilers.vmdistributed.model import Rollout, Step, ZoneProgress

MET = ObjectKey("obs", "met")


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """All samples but those that say when a series was made."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def test_zones_and_queues() -> None:
    registry = CollectorRegistry()
    world = World.steady("east", "west")
    world.zones["west"].broken = True
    DistributedMetrics(registry).observe_zones(MET, world.views.values(), {"west": 4096})
    assert samples(registry) == {
        ("vmop_vmdistributed_zone_ready", "east", "met", "obs"): 1,
        ("vmop_vmdistributed_zone_ready", "met", "obs", "west"): 0,
        ("vmop_vmdistributed_pending_bytes", "met", "obs", "west"): 4096,
    }


def test_phases_that_zones_left_and_how_rollouts_ended() -> None:
    registry = CollectorRegistry()
    metrics = DistributedMetrics(registry)
    updating = ZoneProgress("east", Step.UPDATING_BACKEND, step_start=START)
    before = Rollout("r", ("east", "west"), (updating, ZoneProgress("west")), START)
    failed = attrs.evolve(updating, step=Step.FAILED, step_start=START + timedelta(seconds=90))
    metrics.observe_steps(MET, before, before.with_progress(failed))
    metrics.completed(MET)
    assert samples(registry) == {
        ("vmop_vmdistributed_zone_phase_seconds", "UpdatingBackend", "east", "met", "obs"): 90,
        ("vmop_vmdistributed_rollouts_total", "failed", "met", "obs"): 1,
        ("vmop_vmdistributed_rollouts_total", "completed", "met", "obs"): 1,
    }


def test_a_resource_that_is_gone_leaves_no_series() -> None:
    registry = CollectorRegistry()
    metrics = DistributedMetrics(registry)
    metrics.observe_zones(MET, World.steady("east").views.values(), {"east": 1})
    metrics.completed(MET)
    metrics.forget(MET)
    assert samples(registry) == {}
