"""The operator dies in the middle of a rollout, and the next one finishes it with every rule kept all the time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.rollout.manifests import ANOTHER_AGENT, ANOTHER_CLUSTER, distributed, with_common
from tests.support.stage import Stage
from vmop.devcluster.nodes import Behaviour
from vmop.informers import StoredObject
from vmop.kube import Manifest

PAUSE = "2s"
BACKLOG = 4.0 * 1024 * 1024


async def installed(stage: Stage, *zones: str, pause: str) -> Manifest:
    """A VMDistributed at rest, of which a new turn has not begun."""
    manifest = distributed(zones, pause=pause)
    await stage.start_operator()
    await stage.apply(manifest)
    await stage.until_operational("VMDistributed", "met")
    stage.checker.turns.clear()
    return manifest


async def die_in(stage: Stage, zone: str, phase: str) -> None:
    """SIGKILL while the zone is in that phase and waits for something."""

    def waits() -> bool:
        return stage.phase("met", zone) == phase and stage.waits_for("met", zone) != ""

    await stage.until(waits, f"zone {zone} waits in {phase}")
    await stage.kill_operator()
    assert stage.phase("met", zone) == phase


async def finish(stage: Stage) -> None:
    """A new operator brings it to its end, and nothing takes its time any more."""
    stage.cluster.nodes.knobs.default = Behaviour()
    stage.cluster.nodes.knobs.reload_after = 0.0
    stage.cluster.nodes.refresh()
    await stage.start_operator()
    await stage.until_operational("VMDistributed", "met")


async def test_in_preflight(stage: Stage) -> None:
    manifest = await installed(stage, "east", "north", "west", pause=PAUSE)
    await stage.apply(with_common(manifest, ANOTHER_CLUSTER))
    await stage.until(lambda: stage.phase("met", "east") == "Pausing", "east updated")
    stage.behave(never_ready("vmagent", "met-west"))
    await die_in(stage, "north", "Preflight")
    stage.cluster.nodes.knobs.behaviour = None
    await finish(stage)
    assert stage.checker.turns == ["east", "north", "west"]


def never_ready(app: str, instance: str) -> Callable[[StoredObject], Behaviour | None]:
    def choose(pod: StoredObject) -> Behaviour | None:
        wanted = (pod.labels.get("app.kubernetes.io/name"), pod.labels.get("app.kubernetes.io/instance"))
        return Behaviour("never") if wanted == (app, instance) else None

    return choose


@pytest.mark.parametrize(
    ("phase", "agent", "backend", "change"),
    [
        ("Draining", "west", "east", ANOTHER_CLUSTER),
        # what the agent itself would lose, since its pod restarts without a volume
        ("AgentDrain", "east", "west", ANOTHER_AGENT),
    ],
)
async def test_while_queues_drain(
    stage: Stage, pause: str, phase: str, agent: str, backend: str, change: Manifest
) -> None:
    manifest = await installed(stage, "east", "west", pause=pause)
    stage.hold_queues()
    stage.queue(f"met-{agent}", f"met-{backend}", BACKLOG)
    await stage.apply(with_common(manifest, change))
    await die_in(stage, "east", phase)
    stage.release_queues()
    await finish(stage)
    assert stage.checker.turns == ["east", "west"]


async def test_while_the_zone_catches_up(stage: Stage, pause: str) -> None:
    manifest = await installed(stage, "east", "west", pause=pause)
    stage.cluster.nodes.knobs.default = Behaviour(ready_after=0.5)
    await stage.apply(with_common(manifest, ANOTHER_CLUSTER))
    await stage.until(lambda: stage.phase("met", "east") == "UpdatingBackend", "east updated")
    stage.hold_queues()
    stage.queue("met-west", "met-east", BACKLOG)
    await die_in(stage, "east", "CatchingUp")
    stage.release_queues()
    await finish(stage)
    assert stage.checker.turns == ["east", "west"]


@pytest.mark.parametrize(
    ("phase", "change"),
    [
        ("Excluding", ANOTHER_CLUSTER),
        ("UpdatingBackend", ANOTHER_CLUSTER),
        ("UpdatingAgent", ANOTHER_AGENT),
        ("Restoring", ANOTHER_CLUSTER),
        ("Pausing", ANOTHER_CLUSTER),
    ],
)
async def test_in_phases_that_take_their_time(stage: Stage, pause: str, phase: str, change: Manifest) -> None:
    manifest = await installed(stage, "east", "west", pause=pause)
    stage.cluster.nodes.knobs.default = Behaviour(ready_after=1.0)
    stage.cluster.nodes.knobs.reload_after = 1.0
    await stage.apply(with_common(manifest, change))
    await die_in(stage, "east", phase)
    await finish(stage)
    assert stage.checker.turns == ["east", "west"]
