import asyncio
import contextlib
from collections.abc import AsyncIterator

import attrs
import pytest
from prometheus_client import CollectorRegistry
from structlog.contextvars import get_contextvars

from tests.unit.runtime.memory import MemoryCluster, thing
from vmop.informers import InformerFactory, StoredObject
from vmop.kube import Conflict, Fenced, ObjectKey, Unavailable
from vmop.kube.resources import CONFIG_MAP, DEPLOYMENT, SECRET
from vmop.runtime import (
    LOW_PRIORITY,
    Controller,
    ControllerMetrics,
    Result,
    RetryAfter,
    TerminalError,
    generation_changed,
    labels_changed,
)
from vmop.workqueue import QueueMetrics

pytestmark = pytest.mark.looptime

A = ObjectKey("obs", "a")
B = ObjectKey("obs", "b")


def clock() -> float:
    return asyncio.get_running_loop().time()


@attrs.define
class Script:
    """A reconciler that plays what it is told, and notes when it was called with what."""

    steps: list[Exception | Result] = attrs.field(factory=list)
    takes: float = 0.0
    calls: list[tuple[float, ObjectKey]] = attrs.field(factory=list)

    async def __call__(self, key: ObjectKey) -> Result:
        self.calls.append((clock(), key))
        if self.takes:
            await asyncio.sleep(self.takes)
        step = self.steps.pop(0) if self.steps else Result()
        if isinstance(step, Exception):
            raise step
        return step

    @property
    def times(self) -> list[float]:
        return [round(at, 3) for at, _ in self.calls]

    @property
    def keys(self) -> list[ObjectKey]:
        return [key for _, key in self.calls]


@contextlib.asynccontextmanager
async def running(controller: Controller) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(controller.run())
        yield
        controller.stop()
        await task


async def results(script: Script, seconds: float = 1000.0, **options: float) -> dict[str, float]:
    """Reconcile A as scripted, and what the metrics say then (only what is not 0)."""
    registry = CollectorRegistry()
    controller = Controller("test", script, **options)  # type: ignore[arg-type]  # only floats are passed
    controller.measure(ControllerMetrics(registry), QueueMetrics(registry))
    async with running(controller):
        controller.enqueue(A)
        await asyncio.sleep(seconds)
    labels = {"controller": "test"}
    found = {
        name: registry.get_sample_value(f"controller_runtime_{name}_total", labels)
        for name in ("reconcile_errors", "terminal_reconcile_errors", "reconcile_panics", "reconcile_timeouts")
    }
    for result in ("success", "error", "requeue", "requeue_after"):
        name = "controller_runtime_reconcile_total"
        found[result] = registry.get_sample_value(name, {**labels, "result": result})
    return {name: value for name, value in found.items() if value}


async def test_success_is_not_repeated() -> None:
    script = Script([Result()])
    assert await results(script) == {"success": 1}
    assert script.times == [0.0]


async def test_requeue_after_comes_back_after_that_time() -> None:
    script = Script([Result(requeue_after=60.0), Result()])
    assert await results(script) == {"requeue_after": 1, "success": 1}
    assert script.times == [0.0, 60.0]


async def test_an_error_is_retried_with_growing_backoff_until_success() -> None:
    script = Script([Unavailable(503, "", "busy")] * 4)
    assert await results(script) == {"error": 4, "reconcile_errors": 4, "success": 1}
    assert script.times == [0.0, 2.0, 6.0, 14.0, 30.0]


async def test_success_resets_the_backoff() -> None:
    error = Unavailable(503, "", "busy")
    script = Script([error, error, Result(requeue_after=10.0), error])
    await results(script)
    assert script.times == [0.0, 2.0, 6.0, 16.0, 18.0]


async def test_a_bug_counts_as_panic_and_is_retried() -> None:
    script = Script([KeyError("spec")])
    assert await results(script) == {"error": 1, "reconcile_errors": 1, "reconcile_panics": 1, "success": 1}


async def test_a_terminal_error_is_not_retried() -> None:
    script = Script([TerminalError("spec.zones: two of one name")])
    assert await results(script) == {"error": 1, "reconcile_errors": 1, "terminal_reconcile_errors": 1}


async def test_retry_after_is_no_error_and_does_not_grow_the_backoff() -> None:
    script = Script([RetryAfter(5.0, "conflict"), RetryAfter(5.0), Unavailable(503, "", "busy")])
    assert await results(script) == {"requeue_after": 2, "error": 1, "reconcile_errors": 1, "success": 1}
    assert script.times == [0.0, 5.0, 10.0, 12.0]


@pytest.mark.parametrize("error", [Conflict(409, "", "modified"), Fenced("not renewed")])
async def test_conflict_and_fence_are_retried_quietly_with_backoff(error: Exception) -> None:
    script = Script([error, error])
    assert await results(script) == {"requeue": 2, "success": 1}
    assert script.times == [0.0, 2.0, 6.0]


async def test_an_error_alone_in_a_group_counts_as_itself() -> None:
    script = Script([ExceptionGroup("tasks", [Conflict(409, "", "modified")])])
    assert await results(script) == {"requeue": 1, "success": 1}


async def test_a_reconcile_beyond_its_time_limit_is_cancelled_and_retried() -> None:
    script = Script(takes=50.0)
    assert await results(script, 62.0, timeout=30.0) == {
        "error": 2,
        "reconcile_errors": 2,
        "reconcile_timeouts": 2,
    }
    assert script.times == [0.0, 32.0]


async def test_a_timeout_of_the_reconciler_itself_is_an_error_like_others() -> None:
    assert await results(Script([TimeoutError("pod")]), timeout=30.0) == {
        "error": 1,
        "reconcile_errors": 1,
        "success": 1,
    }


async def test_a_cancellation_from_within_is_retried_after_five_seconds() -> None:
    times = []

    async def reconcile(key: ObjectKey) -> Result:
        times.append(clock())
        if len(times) == 1:
            raise asyncio.CancelledError
        return Result()

    controller = Controller("test", reconcile)
    async with running(controller):
        controller.enqueue(A)
        await asyncio.sleep(100.0)
    assert times == [0.0, 5.0]


async def test_a_failing_key_does_not_stop_others() -> None:
    worked = []

    async def reconcile(key: ObjectKey) -> Result:
        if key == A:
            raise RuntimeError("broken")
        worked.append(key)
        return Result()

    controller = Controller("test", reconcile, workers=1)
    async with running(controller):
        for key in (A, B, A):
            controller.enqueue(key)
        await asyncio.sleep(1.0)
    assert worked == [B]


async def test_keys_are_worked_on_in_parallel_but_never_one_twice() -> None:
    active: set[ObjectKey] = set()
    most = 0

    async def reconcile(key: ObjectKey) -> Result:
        nonlocal most
        assert key not in active
        active.add(key)
        most = max(most, len(active))
        await asyncio.sleep(1.0)
        active.remove(key)
        return Result()

    controller = Controller("test", reconcile, workers=3)
    async with running(controller):
        for number in range(40):
            controller.enqueue(ObjectKey("obs", str(number % 5)))
            await asyncio.sleep(0.1)
    assert most == 3


@contextlib.asynccontextmanager
async def following(factory: InformerFactory, controller: Controller) -> AsyncIterator[None]:
    """Informers and controller run; the initial list was worked on."""
    async with asyncio.TaskGroup() as group:
        informers = group.create_task(factory.run())
        async with running(controller):
            await asyncio.sleep(1.0)
            yield
            await asyncio.sleep(1.0)
        informers.cancel()


async def test_a_log_line_within_a_reconcile_knows_the_object() -> None:
    seen = {}

    async def reconcile(key: ObjectKey) -> Result:
        seen.update(get_contextvars())
        return Result()

    cluster = MemoryCluster()
    cluster.put(DEPLOYMENT, thing(DEPLOYMENT, "a"))
    factory = cluster.factory()
    async with following(factory, Controller("deployment", reconcile).watch_for(factory.informer(DEPLOYMENT))):
        pass
    assert seen.pop("reconcileID") != ""
    assert seen == {"deployment": "a", "namespace": "obs"}


async def test_a_failed_reconcile_ends_with_the_line_of_controller_runtime(caplog: pytest.LogCaptureFixture) -> None:
    cluster = MemoryCluster()
    cluster.put(DEPLOYMENT, thing(DEPLOYMENT, "a"))
    factory = cluster.factory()
    script = Script([Unavailable(503, "", "busy", verb="get", target="Deployment obs/a")])
    async with following(factory, Controller("deployment", script).watch_for(factory.informer(DEPLOYMENT))):
        pass
    (record,) = [record for record in caplog.records if record.name == "vmop.runtime.controller"]
    context = vars(record)["context"]
    assert context.pop("reconcileID") != ""
    assert (record.levelname, record.getMessage(), record.exc_info) == ("ERROR", "Reconciler error", None)
    assert context == {
        "deployment": "a",
        "controller": "deployment",
        "controllerGroup": "apps",
        "controllerKind": "Deployment",
        "Deployment": {"name": "a", "namespace": "obs"},
        "namespace": "obs",
        "name": "a",
        "error": "get Deployment obs/a: ServiceUnavailable (503): busy",
    }


async def test_a_bug_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    await results(Script([KeyError("spec")]))
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [KeyError]


async def test_watch_for_reconciles_additions_changes_and_removals() -> None:
    cluster, script = MemoryCluster(), Script()
    factory = cluster.factory()
    controller = Controller("test", script).watch_for(factory.informer(CONFIG_MAP))
    cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "a"))
    async with following(factory, controller):
        assert script.keys == [A]
        cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "b"))
        await asyncio.sleep(1.0)
        cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "b", labels={"x": "y"}))
        await asyncio.sleep(1.0)
        cluster.remove(CONFIG_MAP, A)
    assert script.keys == [A, B, B, A]


async def test_owns_reconciles_the_controlling_owner_of_that_kind_in_any_version() -> None:
    cluster, script = MemoryCluster(), Script()
    factory = cluster.factory()
    owners = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "not-controlling", "uid": "1"},
        {"apiVersion": "apps/v1beta2", "kind": "Deployment", "name": "a", "uid": "2", "controller": True},
        {"apiVersion": "other/v1", "kind": "Deployment", "name": "other-group", "uid": "3", "controller": True},
    ]
    cluster.put(SECRET, thing(SECRET, "owned", ownerReferences=owners))
    cluster.put(SECRET, thing(SECRET, "free"))
    async with following(factory, Controller("test", script).owns(factory.informer(SECRET), DEPLOYMENT)):
        pass
    assert script.keys == [A]


async def test_an_update_wakes_what_old_and_new_map_to() -> None:
    cluster, script = MemoryCluster(), Script()
    factory = cluster.factory()

    def by_label(obj: StoredObject) -> list[ObjectKey]:
        return [ObjectKey(obj.namespace, obj.labels["of"])]

    cluster.put(SECRET, thing(SECRET, "s", labels={"of": "a"}))
    async with following(factory, Controller("test", script).watches(factory.informer(SECRET), by_label)):
        script.calls.clear()
        cluster.put(SECRET, thing(SECRET, "s", labels={"of": "b"}))
    assert script.keys == [A, B]


async def test_predicates_of_controller_and_watch_must_all_pass() -> None:
    cluster, script = MemoryCluster(), Script()
    factory = cluster.factory()
    controller = Controller("test", script, predicates=[generation_changed])
    controller.watch_for(factory.informer(CONFIG_MAP), labels_changed)
    cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "a", generation=1))
    async with following(factory, controller):
        script.calls.clear()
        cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "a", generation=2))
        cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "a", generation=2, labels={"x": "1"}))
        await asyncio.sleep(1.0)
        assert script.keys == []
        cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "a", generation=3, labels={"x": "2"}))
    assert script.keys == [A]


async def test_what_changes_now_overtakes_the_initial_list() -> None:
    cluster, script = MemoryCluster(), Script(takes=1.0)
    factory = cluster.factory()
    controller = Controller("test", script, workers=1).watch_for(factory.informer(CONFIG_MAP))
    for name in ("l1", "l2", "l3"):
        cluster.put(CONFIG_MAP, thing(CONFIG_MAP, name))
    async with following(factory, controller):
        cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "user"))
        await asyncio.sleep(5.0)
    assert [key.name for key in script.keys] == ["l1", "l2", "user", "l3"]


async def test_a_failed_key_keeps_its_low_priority() -> None:
    cluster, script = MemoryCluster(), Script([RetryAfter(1.0)])
    factory = cluster.factory()
    priorities = []

    async def reconcile(key: ObjectKey) -> Result:
        priorities.append(controller.queue.priority(key))
        return await script(key)

    controller = Controller("test", reconcile).watch_for(factory.informer(CONFIG_MAP))
    cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "a"))
    async with following(factory, controller):
        await asyncio.sleep(1.0)
    assert priorities == [LOW_PRIORITY, LOW_PRIORITY]


async def test_stop_lets_running_reconciles_end_and_takes_no_more() -> None:
    script = Script(takes=10.0)
    controller = Controller("test", script, workers=1)
    async with running(controller):
        controller.enqueue(A)
        controller.enqueue(B)
        await asyncio.sleep(1.0)
    assert (script.keys, clock()) == ([A], 10.0)


async def test_a_stopped_controller_hears_of_nothing_any_more() -> None:
    cluster, script = MemoryCluster(), Script()
    factory = cluster.factory()
    async with asyncio.TaskGroup() as group:
        informers = group.create_task(factory.run())
        async with running(Controller("test", script).watch_for(factory.informer(CONFIG_MAP))):
            await asyncio.sleep(1.0)
        cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "a"))
        await asyncio.sleep(1.0)
        informers.cancel()
    assert script.keys == []


async def test_a_key_may_be_enqueued_for_later() -> None:
    script = Script()
    controller = Controller("test", script)
    async with running(controller):
        controller.enqueue(A, after=30.0)
        await asyncio.sleep(60.0)
    assert script.calls == [(30.0, A)]
