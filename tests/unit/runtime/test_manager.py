import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import aiohttp
import attrs
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tests.unit.runtime.memory import MemoryCluster, now, thing
from vmop.kube import Fenced, Forbidden, Manifest, ObjectKey
from vmop.kube.resources import CONFIG_MAP, LEASE
from vmop.runtime import (
    CacheSyncTimeout,
    Controller,
    LeaderElection,
    LeaderElectionConfig,
    LeadershipLost,
    Manager,
    Result,
)

A = ObjectKey("obs", "a")


def clock() -> float:
    return asyncio.get_running_loop().time()


@attrs.define
class House:
    """A cluster with one object, a manager, and one controller that notes what it does."""

    takes: float = 0.0
    cluster: MemoryCluster = attrs.field(factory=MemoryCluster)
    registry: CollectorRegistry = attrs.field(factory=CollectorRegistry)
    began: list[ObjectKey] = attrs.field(factory=list)
    ended: list[ObjectKey] = attrs.field(factory=list)
    stop: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def reconcile(self, key: ObjectKey) -> Result:
        self.began.append(key)
        await asyncio.sleep(self.takes)
        self.ended.append(key)
        return Result()

    def manager(self, *, election: LeaderElection | None = None, drain: float = 30.0, probes: str = "") -> Manager:
        self.cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "a"))
        factory = self.cluster.factory()
        manager = Manager(
            self.cluster,
            factory,
            registry=self.registry,
            leader_election=election,
            probe_address=probes,
            metrics_address=probes,
            drain_timeout=drain,
            cache_sync_timeout=60.0,
        )
        manager.add(Controller("configmap", self.reconcile).watch_for(factory.informer(CONFIG_MAP)))
        return manager

    def election(self, identity: str = "me") -> LeaderElection:
        config = LeaderElectionConfig("vm", identity=identity)
        return LeaderElection(self.cluster, config, now=now, jitter=random.Random(1))

    @contextlib.asynccontextmanager
    async def running(self, manager: Manager, seconds: float = 1.0) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(manager.run(self.stop))
            await asyncio.sleep(seconds)
            yield
            self.stop.set()


async def forever() -> None:
    await asyncio.Event().wait()


@attrs.define
class Note:
    """A runnable that notes when it starts and ends."""

    name: str
    notes: list[str]

    async def run(self) -> None:
        self.notes.append(f"{self.name} runs")
        try:
            await forever()
        finally:
            self.notes.append(f"{self.name} ends")


class Failing:
    async def run(self) -> None:
        await asyncio.sleep(1.0)
        raise ValueError("broken")


class Finishing:
    async def run(self) -> None:
        await asyncio.sleep(1.0)


def lease_of_another() -> Manifest:
    lease = thing(LEASE, "57410f0d.victoriametrics.com", "vm")
    lease["spec"] = {
        "holderIdentity": "other",
        "leaseDurationSeconds": 15,
        "renewTime": "2026-03-01T10:00:00.000000Z",
    }
    return lease


@pytest.mark.looptime
async def test_controllers_run_once_caches_are_synced() -> None:
    house = House()
    async with house.running(house.manager()):
        assert house.ended == [A]


@pytest.mark.looptime
async def test_stop_leaves_no_task_and_no_metric_behind() -> None:
    house = House()
    async with house.running(house.manager()):
        assert b"controller_runtime_reconcile_total" in generate_latest(house.registry)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert generate_latest(house.registry) == b""


@pytest.mark.looptime
async def test_a_running_reconcile_may_end_within_the_drain_timeout() -> None:
    house = House(takes=20.0)
    async with house.running(house.manager()):
        pass
    assert (house.ended, round(clock())) == ([A], 20)


@pytest.mark.looptime
async def test_a_reconcile_that_takes_longer_than_the_drain_timeout_is_cancelled() -> None:
    house = House(takes=3600.0)
    async with house.running(house.manager(drain=30.0)):
        pass
    assert (house.began, house.ended, round(clock())) == ([A], [], 31)


@pytest.mark.looptime
async def test_a_stop_before_anything_is_synced_ends_at_once() -> None:
    house = House()
    house.cluster.latency = 10.0
    async with house.running(house.manager()):
        pass
    assert (house.began, clock()) == ([], 1.0)


@pytest.mark.looptime
async def test_caches_that_do_not_sync_are_named() -> None:
    house = House()
    house.cluster.failure = Forbidden(403, "", "configmaps is forbidden", verb="list", target="configmaps")
    with pytest.raises(CacheSyncTimeout) as caught:
        await house.manager().run(house.stop)
    assert str(caught.value) == (
        "caches did not sync: not synced after 60.0 s:"
        " ConfigMap: list configmaps: Forbidden (403): configmaps is forbidden"
    )
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.looptime
async def test_a_follower_keeps_caches_warm_and_works_as_soon_as_it_leads() -> None:
    house = House()
    house.cluster.put(LEASE, lease_of_another())
    manager = house.manager(election=house.election())
    async with house.running(manager, 10.0):
        assert house.began == []
        lists = house.cluster.calls.count(("list", "ConfigMap"))
        await asyncio.sleep(10.0)
        assert (house.ended, house.cluster.calls.count(("list", "ConfigMap"))) == ([A], lists)


@pytest.mark.looptime
async def test_a_follower_counts_nothing_as_waiting() -> None:
    house = House()
    house.cluster.put(LEASE, lease_of_another())
    async with house.running(house.manager(election=house.election()), 10.0):
        labels = {"name": "configmap", "controller": "configmap", "priority": "-100"}
        assert not house.registry.get_sample_value("workqueue_depth", labels)


@pytest.mark.looptime
async def test_the_client_is_fenced_by_the_lease() -> None:
    house = House()
    manager = house.manager(election=house.election())
    fence = house.cluster.fence
    assert fence is not None
    with pytest.raises(Fenced):
        fence()
    async with house.running(manager):
        fence()
    with pytest.raises(Fenced):
        fence()


@pytest.mark.looptime
async def test_the_lease_is_renewed_while_reconciles_drain() -> None:
    house = House(takes=25.0)
    manager = house.manager(election=house.election())
    async with house.running(manager):
        house.stop.set()
        await asyncio.sleep(20.0)
        assert house.cluster.fence is not None
        house.cluster.fence()
    assert house.ended == [A]


@pytest.mark.looptime
async def test_a_lost_lease_ends_the_run_with_an_error() -> None:
    house = House(takes=3600.0)

    async def take() -> None:
        await asyncio.sleep(5.0)
        house.cluster.put(LEASE, lease_of_another())

    async with asyncio.TaskGroup() as group:
        group.create_task(take())
        with pytest.raises(LeadershipLost, match="leader election lost: the lease is held by other"):
            await house.manager(election=house.election()).run(house.stop)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.looptime
async def test_runnables_that_need_no_lease_run_on_followers_and_end_after_controllers() -> None:
    house = House()
    notes: list[str] = []
    house.cluster.put(LEASE, lease_of_another())
    manager = house.manager(election=house.election())
    manager.add(Note("webhook", notes))
    manager.add(Note("lane", notes), needs_leadership=True)
    async with house.running(manager, 10.0):
        assert notes == ["webhook runs"]
        await asyncio.sleep(10.0)
    assert notes == ["webhook runs", "lane runs", "lane ends", "webhook ends"]


@pytest.mark.looptime
async def test_the_error_of_a_runnable_comes_out_of_run() -> None:
    house = House()
    manager = house.manager()
    manager.add(Failing())
    with pytest.raises(ValueError, match="broken"):
        await manager.run(house.stop)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.looptime
async def test_several_errors_come_out_together() -> None:
    house = House()
    manager = house.manager()
    manager.add(Failing())
    manager.add(Failing())
    with pytest.raises(ExceptionGroup) as caught:
        await manager.run(house.stop)
    assert [str(error) for error in caught.value.exceptions] == ["broken", "broken"]


@pytest.mark.looptime
async def test_a_runnable_may_finish_by_itself() -> None:
    house = House()
    manager = house.manager()
    manager.add(Finishing())
    async with house.running(manager, 5.0):
        house.cluster.put(CONFIG_MAP, thing(CONFIG_MAP, "b"))
        await asyncio.sleep(1.0)
    assert house.ended == [A, ObjectKey("obs", "b")]


@pytest.mark.looptime
async def test_the_hosts_cancellation_ends_everything() -> None:
    house = House(takes=3600.0)
    task = asyncio.create_task(house.manager().run(house.stop))
    await asyncio.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.looptime
async def test_a_blocked_loop_shows_as_lag() -> None:
    house = House()
    async with house.running(house.manager(), 5.0):
        lag = house.registry.get_sample_value("vmop_event_loop_lag_seconds")
    assert lag == pytest.approx(0.0, abs=0.001)


async def test_probes_and_metrics_are_served_while_it_runs() -> None:
    house = House()
    manager = house.manager(probes="127.0.0.1:0")
    async with house.running(manager, 0.0), aiohttp.ClientSession() as session:
        while manager.metrics_url is None:
            await asyncio.sleep(0.01)
        async with session.get(f"{manager.probe_url}/ready") as response:
            assert (response.status, await response.text()) == (200, "ok")
        async with session.get(f"{manager.metrics_url}/metrics") as response:
            assert 'controller_runtime_active_workers{controller="configmap"} 0.0' in await response.text()


@pytest.mark.looptime
async def test_two_runs_may_follow_each_other_in_one_registry() -> None:
    first = House()
    async with first.running(first.manager()):
        pass
    second = House(registry=first.registry)
    async with second.running(second.manager()):
        pass
    assert (first.ended, second.ended) == ([A], [A])


async def test_a_lease_of_its_own_client_is_configured_by_name() -> None:
    house = House()
    config = LeaderElectionConfig("vm", identity="me")
    manager = Manager(house.cluster, house.cluster.factory(), registry=house.registry, leader_election=config)
    assert manager.election is not None
    assert manager.election.config == config
