import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import pytest
import uvloop
from prometheus_client import CollectorRegistry

from tests.unit.runtime.memory import MemoryCluster, now
from vmop.kube import Fenced, Manifest, ObjectKey, Unavailable
from vmop.kube.resources import LEASE
from vmop.runtime import LeaderElection, LeaderElectionConfig, new_identity

KEY = ObjectKey("vm", "57410f0d.victoriametrics.com")


def election(cluster: MemoryCluster, identity: str = "me", registry: CollectorRegistry | None = None) -> LeaderElection:
    config = LeaderElectionConfig("vm", identity=identity)
    return LeaderElection(cluster, config, now=now, jitter=random.Random(1), registry=registry)


def clock() -> float:
    return round(asyncio.get_running_loop().time(), 1)


def lease_of(cluster: MemoryCluster) -> Manifest:
    spec: Manifest = cluster.objects[LEASE][KEY]["spec"]
    return spec


def held_by(identity: str, renewed: str = "2026-03-01T09:59:59.000000Z") -> Manifest:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": KEY.name, "namespace": KEY.namespace},
        "spec": {
            "holderIdentity": identity,
            "leaseDurationSeconds": 15,
            "acquireTime": "2026-03-01T09:00:00.000000Z",
            "renewTime": renewed,
            "leaseTransitions": 3,
        },
    }


async def holding(one: LeaderElection, step: Callable[[], Awaitable[None]]) -> None:
    """Run ``step`` once the lease is held, then stop."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(one.run())
        await one.wait_acquired()
        await step()
        task.cancel()


@pytest.mark.looptime
async def test_a_free_lease_is_created_and_renewed_with_the_fields_of_client_go() -> None:
    cluster = MemoryCluster()
    await holding(election(cluster), lambda: asyncio.sleep(5.0))
    assert lease_of(cluster) == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-03-01T10:00:00.000000Z",
        "renewTime": "2026-03-01T10:00:04.000000Z",
        "leaseTransitions": 0,
    }


@pytest.mark.looptime
async def test_only_get_create_and_update_are_used() -> None:
    cluster = MemoryCluster()
    await holding(election(cluster), lambda: asyncio.sleep(5.0))
    assert cluster.calls == [("get", "Lease"), ("create", "Lease"), ("update", "Lease"), ("update", "Lease")]


@pytest.mark.looptime
async def test_the_lease_is_left_to_expire_on_stop() -> None:
    cluster = MemoryCluster()
    await holding(election(cluster), lambda: asyncio.sleep(1.0))
    assert lease_of(cluster)["holderIdentity"] == "me"


@pytest.mark.looptime
async def test_a_lease_of_another_is_taken_once_it_is_not_renewed_for_its_duration() -> None:
    cluster = MemoryCluster()
    cluster.put(LEASE, held_by("other"))
    one = election(cluster)
    await holding(one, lambda: asyncio.sleep(0))
    assert 15.0 <= clock() < 20.0
    assert (lease_of(cluster)["holderIdentity"], lease_of(cluster)["leaseTransitions"]) == ("me", 4)


@pytest.mark.looptime
async def test_a_lease_that_another_renews_is_never_taken_whatever_its_clock_says() -> None:
    cluster = MemoryCluster()

    async def renew() -> None:
        for second in range(20):
            cluster.put(LEASE, held_by("other", f"1999-01-01T00:00:{second:02d}.000000Z"))
            await asyncio.sleep(5.0)

    one = election(cluster)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(one.run())
        await renew()
        assert not one.leading
        task.cancel()


@pytest.mark.looptime
async def test_of_two_candidates_one_leads_and_the_other_follows_when_it_is_gone() -> None:
    cluster = MemoryCluster()
    first, second = election(cluster, "first"), election(cluster, "second")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(first.run())
        await first.wait_acquired()
        follower = group.create_task(second.run())
        await asyncio.sleep(60.0)
        assert (first.leading, second.leading) == (True, False)
        task.cancel()
        await second.wait_acquired()
        follower.cancel()
    assert 74.0 <= clock() < 80.0


@pytest.mark.looptime
async def test_a_lease_taken_by_another_is_lost_at_the_next_renewal() -> None:
    cluster = MemoryCluster()

    async def take() -> None:
        cluster.put(LEASE, held_by("other"))
        await asyncio.sleep(60.0)

    with pytest.raises(ExceptionGroup) as caught:
        await holding(election(cluster), take)
    assert [str(error) for error in caught.value.exceptions] == ["leader election lost: the lease is held by other"]
    assert clock() == 2.0


@pytest.mark.looptime
@pytest.mark.parametrize("latency", [0.0, 3600.0])
async def test_a_lease_that_cannot_be_renewed_is_lost_at_the_deadline(latency: float) -> None:
    cluster = MemoryCluster()

    async def fail() -> None:
        cluster.failure, cluster.latency = Unavailable(503, "", "down"), latency
        await asyncio.sleep(60.0)

    with pytest.raises(ExceptionGroup) as caught:
        await holding(election(cluster), fail)
    assert [str(error) for error in caught.value.exceptions] == [
        "leader election lost: the lease was not renewed within 10s"
    ]
    assert 10.0 <= clock() <= 12.0


@pytest.mark.looptime
async def test_an_outage_shorter_than_the_deadline_is_survived() -> None:
    cluster = MemoryCluster()

    async def fail() -> None:
        cluster.failure = Unavailable(503, "", "down")
        await asyncio.sleep(7.0)
        cluster.failure = None
        await asyncio.sleep(60.0)
        one.check()

    one = election(cluster)
    await holding(one, fail)


async def test_the_fence_is_closed_before_the_lease_is_held() -> None:
    with pytest.raises(Fenced, match=r"lease vm/57410f0d\.victoriametrics\.com is not held by me: nothing is written"):
        election(MemoryCluster()).check()


@pytest.mark.looptime
async def test_the_fence_closes_at_the_deadline_and_not_before() -> None:
    cluster = MemoryCluster()
    one = election(cluster)

    async def hang() -> None:
        cluster.latency = 3600.0
        await asyncio.sleep(9.9)
        one.check()
        await asyncio.sleep(60.0)

    with pytest.raises(ExceptionGroup):
        await holding(one, hang)
    assert clock() == 10.0
    with pytest.raises(Fenced):
        one.check()


@pytest.mark.looptime
async def test_a_renewal_counts_from_when_it_was_begun() -> None:
    cluster = MemoryCluster()
    one = election(cluster)

    async def slow() -> None:
        cluster.latency = 4.0
        await asyncio.sleep(2.0 + 4.0)  # one renewal, begun at 2
        cluster.latency = 3600.0
        await asyncio.sleep(60.0)

    with pytest.raises(ExceptionGroup):
        await holding(one, slow)
    assert clock() == 12.0


async def test_after_a_blocked_loop_nothing_is_written_until_the_lease_is_renewed() -> None:
    cluster = MemoryCluster()
    config = LeaderElectionConfig("vm", identity="me", lease_duration=0.6, renew_deadline=0.4, retry_period=0.1)
    one = LeaderElection(cluster, config, now=now)

    async def block() -> None:
        time.sleep(0.5)  # noqa: ASYNC251 - the loop is blocked, as by a bug
        with pytest.raises(Fenced):
            one.check()
        await asyncio.sleep(0.2)
        one.check()

    await holding(one, block)


def test_the_fence_sees_a_blocked_loop_whose_own_clock_stands_still() -> None:
    """uvloop's clock goes on only between callbacks."""

    async def main() -> None:
        config = LeaderElectionConfig("vm", identity="me", lease_duration=0.3, renew_deadline=0.2, retry_period=0.1)
        one = LeaderElection(MemoryCluster(), config, now=now)

        async def block() -> None:
            await asyncio.sleep(0)
            time.sleep(0.25)  # noqa: ASYNC251 - the loop is blocked, as by a bug
            with pytest.raises(Fenced):
                one.check()

        await holding(one, block)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


@pytest.mark.looptime
async def test_a_deleted_lease_is_created_again() -> None:
    cluster = MemoryCluster()
    one = election(cluster)

    async def delete() -> None:
        cluster.remove(LEASE, KEY)
        await asyncio.sleep(3.0)
        one.check()

    await holding(one, delete)
    assert lease_of(cluster)["holderIdentity"] == "me"


@pytest.mark.looptime
async def test_the_metric_says_who_leads() -> None:
    cluster, registry = MemoryCluster(), CollectorRegistry()
    labels = {"name": "57410f0d.victoriametrics.com"}

    def status() -> float | None:
        return registry.get_sample_value("leader_election_master_status", labels)

    async def look() -> None:
        assert status() == 1.0

    cluster.put(LEASE, held_by("other"))
    one = election(cluster, registry=registry)
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(1.0)).add_done_callback(lambda _: followed.append(status()))
        followed: list[float | None] = []
        group.create_task(holding(one, look))
    assert (followed, status()) == ([0.0], None)


def test_an_identity_is_the_hostname_and_a_uuid() -> None:
    host, _, unique = new_identity().rpartition("_")
    assert host != ""
    assert len(unique) == 36


def test_a_deadline_beyond_the_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="leader election needs lease duration > renew deadline"):
        LeaderElectionConfig("vm", lease_duration=10.0, renew_deadline=10.0)
