"""How a reconcile may end, and what its status and events say of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import attrs
import pytest

from tests.integration.reconcilers.stage import SETTINGS, Stage, staged
from vmop.api import Manifest, Problem
from vmop.api.v1beta1 import VMCluster
from vmop.builders.base import BuildError
from vmop.devcluster.cluster import DevCluster
from vmop.informers import StoredObject
from vmop.kube import AlreadyExists, Conflict, Forbidden, ObjectKey, Resource, Timeout, TooManyRequests, Unavailable
from vmop.kube.applier import BeingRemoved, OwnedByAnother
from vmop.kube.resources import VM_CLUSTER
from vmop.reconcilers.lifecycle import CONFLICT_DELAY, Parent
from vmop.reconcilers.progress import READY, Delay, Failure, Progress
from vmop.runtime import ReconcileError, Result, TerminalError


@attrs.define
class Puppet:
    """A kind that ends its reconciles as it is told."""

    ends: Progress | Exception = READY
    problems: tuple[Problem, ...] = ()
    previous: list[Manifest | None] = attrs.Factory(list)
    finalized: list[ObjectKey] = attrs.Factory(list)
    cls: type[VMCluster] = VMCluster
    resource: Resource = VM_CLUSTER

    def validate(self, cr: VMCluster) -> Sequence[Problem]:
        return self.problems

    async def ensure(self, cr: VMCluster, previous: Manifest | None) -> Progress:
        self.previous.append(previous)
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.ends

    async def finalize(self, stored: StoredObject) -> None:
        self.finalized.append(stored.key)

    def extra_status(self, cr: VMCluster) -> Manifest:
        return {"shards": 1}


@pytest.fixture
async def stage(dev: DevCluster) -> AsyncIterator[Stage]:
    async with staged(dev.config, dev.nodes, run=frozenset()) as stage:
        yield stage


async def seen(stage: Stage, made: Manifest) -> None:
    """Wait until the operator's cache has it."""

    async def is_cached() -> bool:
        stored = stage.context.informers.cached(VM_CLUSTER, stage.key("c"))
        return stored is not None and stored.generation >= made["metadata"]["generation"]

    await stage.until(is_cached)


async def reconcile(stage: Stage, puppet: Puppet) -> Result | type[Exception]:
    try:
        return await Parent(stage.context, puppet).reconcile(stage.key("c"))
    except Exception as error:  # noqa: BLE001 - the type is what tests look at
        return type(error)


async def summary(stage: Stage) -> tuple[str | None, str | None]:
    status = await stage.status()
    return status.get("updateStatus"), status.get("reason")


async def warnings(stage: Stage, count: int) -> list[str]:
    async def are_there() -> bool:
        return len([each for each in await stage.events() if each[0] == "Warning"]) >= count

    await stage.until(are_there)
    return [message for type_, _, message in await stage.events() if type_ == "Warning"]


def api(cls: type[Any], code: int) -> Exception:
    error: Exception = cls(code, cls.__name__, "as told", verb="apply", target="Service shop/x")
    return error


@pytest.mark.parametrize(
    ("ends", "outcome", "status"),
    [
        pytest.param(READY, Result(), "operational", id="ready"),
        pytest.param(Progress("pods", 3.0), Result(3.0), "expanding", id="waiting"),
        pytest.param(Failure("broken"), ReconcileError, "failed", id="failure"),
        pytest.param(Failure("wrong", terminal=True), TerminalError, "failed", id="terminal failure"),
        pytest.param(BuildError("spec.x", "unbuildable"), TerminalError, "failed", id="unbuildable"),
        pytest.param(OwnedByAnother("theirs"), ReconcileError, "failed", id="owned by another"),
        pytest.param(api(Forbidden, 403), ReconcileError, "failed", id="forbidden"),
        pytest.param(Delay("slow"), ReconcileError, "expanding", id="delay"),
        pytest.param(Delay("slow", after=7.0), Result(7.0), "expanding", id="delay with a time"),
        pytest.param(BeingRemoved("leaving"), ReconcileError, "expanding", id="being removed"),
        pytest.param(api(AlreadyExists, 409), ReconcileError, "expanding", id="already exists"),
        pytest.param(api(Conflict, 409), Result(CONFLICT_DELAY), "expanding", id="conflict"),
        pytest.param(api(TooManyRequests, 429), TooManyRequests, "expanding", id="too many requests"),
        pytest.param(api(Timeout, 504), Timeout, "expanding", id="timeout"),
        pytest.param(api(Unavailable, 503), Unavailable, "expanding", id="unavailable"),
    ],
)
async def test_an_end(stage: Stage, ends: Progress | Exception, outcome: Any, status: str) -> None:
    await seen(stage, await stage.cluster())
    puppet = Puppet(ends)
    assert await reconcile(stage, puppet) == outcome
    reason = str(ends) if status == "failed" else None
    assert await summary(stage) == (status, reason)
    tells = isinstance(ends, Failure | BuildError | OwnedByAnother | Forbidden | Delay | BeingRemoved | AlreadyExists)
    expected = [str(ends)] if tells else []
    assert await warnings(stage, len(expected)) == expected


async def test_the_same_failure_is_told_once(stage: Stage) -> None:
    await seen(stage, await stage.cluster())
    puppet = Puppet(Failure("broken"))
    for _ in range(3):
        await reconcile(stage, puppet)
    puppet.ends = Failure("broken otherwise")
    await reconcile(stage, puppet)
    assert await warnings(stage, 2) == ["broken", "broken otherwise"]


async def test_a_quiet_delay_is_not_told(stage: Stage) -> None:
    await seen(stage, await stage.cluster())
    await reconcile(stage, Puppet(Delay("hush", after=1.0, quiet=True)))
    await reconcile(stage, Puppet(Failure("loud")))
    assert await warnings(stage, 1) == ["loud"]


async def test_what_was_applied_before_a_change_is_handed_on(stage: Stage) -> None:
    await seen(stage, await stage.cluster(retentionPeriod="1"))
    puppet = Puppet()
    await reconcile(stage, puppet)
    await reconcile(stage, puppet)
    await seen(stage, await stage.cluster(retentionPeriod="2"))
    await reconcile(stage, puppet)
    periods = [previous and previous["retentionPeriod"] for previous in puppet.previous]
    assert periods == [None, "1", "1"]
    assert (await stage.status())["shards"] == 1


async def test_a_problem_of_the_spec_ends_it_unless_validation_is_skipped(stage: Stage) -> None:
    await seen(stage, await stage.cluster())
    puppet = Puppet(problems=(Problem("spec.a", "first"), Problem("spec.b", "second")))
    assert await reconcile(stage, puppet) is TerminalError
    assert await summary(stage) == ("failed", "first")
    skip = {"metadata": {"annotations": {"operator.victoriametrics.com/skip-validation": "true"}}}
    made = await stage.merge(VM_CLUSTER, "c", skip)

    async def is_cached() -> bool:
        stored = stage.context.informers.cached(VM_CLUSTER, stage.key("c"))
        return stored is not None and stored.resource_version == made["metadata"]["resourceVersion"]

    await stage.until(is_cached)
    assert await reconcile(stage, puppet) == Result()
    assert await summary(stage) == ("operational", None)


async def test_pausing_keeps_the_reason(stage: Stage) -> None:
    await seen(stage, await stage.cluster())
    await reconcile(stage, Puppet(Failure("broken")))
    await seen(stage, await stage.cluster(paused=True))
    puppet = Puppet()
    await reconcile(stage, puppet)
    assert await summary(stage) == ("paused", "broken")
    assert puppet.previous == []


async def test_deletion_finalizes_once(stage: Stage) -> None:
    await seen(stage, await stage.cluster())
    puppet = Puppet()
    await reconcile(stage, puppet)
    await stage.merge(VM_CLUSTER, "c", {"metadata": {"finalizers": ["example.com/stays", *await finalizers(stage)]}})
    await stage.client.delete(VM_CLUSTER, stage.key("c"))

    async def is_leaving() -> bool:
        stored = stage.context.informers.cached(VM_CLUSTER, stage.key("c"))
        return stored is not None and bool(stored.metadata.get("deletionTimestamp"))

    await stage.until(is_leaving)
    assert [await reconcile(stage, puppet) for _ in range(2)] == [Result(), Result()]
    assert puppet.finalized == [stage.key("c")]
    assert await finalizers(stage) == ["example.com/stays"]
    await stage.merge(VM_CLUSTER, "c", {"metadata": {"finalizers": None}})


async def finalizers(stage: Stage) -> list[str]:
    found = await stage.client.get(VM_CLUSTER, stage.key("c"))
    return list(found["metadata"].get("finalizers") or ())


async def test_nothing_is_done_for_what_is_not_there(stage: Stage) -> None:
    puppet = Puppet()
    assert await reconcile(stage, puppet) == Result()
    assert puppet.previous == []


async def test_resync_is_a_minute_and_a_little(dev: DevCluster) -> None:
    settings = attrs.evolve(SETTINGS, forceresyncinterval=60.0)
    async with staged(dev.config, dev.nodes, run=frozenset(), settings=settings) as stage:
        await seen(stage, await stage.cluster())
        result = await reconcile(stage, Puppet())
    assert isinstance(result, Result)
    assert result.requeue_after is not None
    assert 60 <= result.requeue_after <= 63
