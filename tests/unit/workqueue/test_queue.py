"""What the queue promises, one promise a test."""

import asyncio
from collections.abc import Callable

import pytest

from vmop.workqueue import ExponentialFailureRateLimiter, QueueShutDown, WorkQueue

pytestmark = pytest.mark.looptime


def queue_of(*items: str) -> WorkQueue[str]:
    queue: WorkQueue[str] = WorkQueue("test", ExponentialFailureRateLimiter(2.0, 120.0))
    for item in items:
        queue.add(item)
    return queue


async def take(queue: WorkQueue[str], count: int) -> list[str]:
    return [await queue.get() for _ in range(count)]


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_items_come_out_in_the_order_of_their_adds() -> None:
    assert await take(queue_of("a", "b", "c"), 3) == ["a", "b", "c"]


async def test_an_item_added_often_is_queued_once() -> None:
    assert len(queue_of("a", "a", "b", "a")) == 2


async def test_an_item_in_work_is_not_handed_out_until_done() -> None:
    queue = queue_of("a")
    await queue.get()
    queue.add("a")
    assert len(queue) == 0


async def test_an_item_added_again_while_in_work_is_handed_out_once_more_after_done() -> None:
    queue = queue_of("a")
    await queue.get()
    for _ in range(3):
        queue.add("a")
    queue.done("a")
    assert (await queue.get(), len(queue)) == ("a", 0)


async def test_get_waits_for_an_item() -> None:
    queue = queue_of()
    async with asyncio.TaskGroup() as group:
        getter = group.create_task(queue.get())
        await asyncio.sleep(1)
        queue.add("a")
    assert getter.result() == "a"


async def test_waiting_workers_get_one_item_each() -> None:
    queue = queue_of()
    async with asyncio.TaskGroup() as group:
        getters = [group.create_task(queue.get()) for _ in range(3)]
        await asyncio.sleep(0)
        for item in "abc":
            queue.add(item)
    assert sorted(getter.result() for getter in getters) == ["a", "b", "c"]


async def test_a_worker_cancelled_while_it_waits_takes_nothing_with_it() -> None:
    queue = queue_of()
    async with asyncio.TaskGroup() as group:
        cancelled, getter = group.create_task(queue.get()), group.create_task(queue.get())
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        queue.add("a")
    assert getter.result() == "a"


@pytest.mark.parametrize("then", [lambda queue: queue.add("a"), WorkQueue.shut_down])
async def test_a_worker_cancelled_just_before_something_happens_ends_as_cancelled(
    then: Callable[[WorkQueue[str]], None],
) -> None:
    queue = queue_of()
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    worker.cancel()
    then(queue)
    with pytest.raises(asyncio.CancelledError):
        await worker


async def test_a_worker_cancelled_after_it_was_woken_wakes_the_next() -> None:
    queue = queue_of()
    async with asyncio.TaskGroup() as group:
        cancelled, getter = group.create_task(queue.get()), group.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add("a")
        cancelled.cancel()
    assert getter.result() == "a"


async def test_done_without_work_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match=r"work queue test: done\(a\) for an item that is not in work"):
        queue_of("a").done("a")


async def test_higher_priorities_come_first_and_each_in_order() -> None:
    queue = queue_of()
    for item, priority in [("list1", -100), ("user1", 0), ("list2", -100), ("urgent", 10), ("user2", 0)]:
        queue.add(item, priority=priority)
    assert await take(queue, 5) == ["urgent", "user1", "user2", "list1", "list2"]


async def test_an_add_with_higher_priority_raises_a_queued_item() -> None:
    queue = queue_of()
    queue.add("a", priority=-100)
    queue.add("b", priority=-100)
    queue.add("b")
    assert await take(queue, 2) == ["b", "a"]


async def test_an_add_with_lower_priority_changes_nothing() -> None:
    queue = queue_of("a")
    queue.add("a", priority=-100)
    queue.add("b", priority=-50)
    assert await take(queue, 2) == ["a", "b"]


async def test_of_adds_while_in_work_the_highest_priority_counts() -> None:
    queue = queue_of("a")
    await queue.get()
    for priority in (-100, 5, -100):
        queue.add("a", priority=priority)
    queue.add("b")
    queue.done("a")
    assert await queue.get() == "a"
    assert queue.priority("a") == 5


async def test_a_delayed_item_comes_at_its_time() -> None:
    queue = queue_of()
    queue.add_after("a", 30.0)
    assert (await queue.get(), now()) == ("a", 30.0)


async def test_delayed_items_come_in_the_order_of_their_times() -> None:
    queue = queue_of()
    for item, delay in [("c", 30.0), ("a", 10.0), ("b", 20.0)]:
        queue.add_after(item, delay)
    assert [(await queue.get(), now()) for _ in range(3)] == [("a", 10.0), ("b", 20.0), ("c", 30.0)]


@pytest.mark.parametrize("delays", [(10.0, 60.0), (60.0, 10.0)])
async def test_of_two_delayed_adds_the_earliest_wins(delays: tuple[float, float]) -> None:
    queue = queue_of()
    for delay in delays:
        queue.add_after("a", delay)
    assert (await queue.get(), now()) == ("a", 10.0)
    queue.done("a")
    await asyncio.sleep(100.0)
    assert len(queue) == 0


async def test_of_two_delayed_adds_the_highest_priority_counts() -> None:
    queue = queue_of()
    queue.add_after("a", 10.0, priority=-100)
    queue.add_after("a", 60.0, priority=3)
    assert (await queue.get(), queue.priority("a")) == ("a", 3)


async def test_an_add_for_now_takes_the_place_of_a_delayed_one() -> None:
    queue = queue_of()
    queue.add_after("a", 10.0)
    queue.add("a")
    queue.done(await queue.get())
    await asyncio.sleep(60.0)
    assert len(queue) == 0


async def test_a_delayed_add_of_a_queued_item_changes_nothing() -> None:
    queue = queue_of("a")
    queue.add_after("a", 10.0)
    queue.done(await queue.get())
    await asyncio.sleep(60.0)
    assert len(queue) == 0


@pytest.mark.parametrize("delay", [0.0, -1.0])
async def test_a_delay_of_nothing_means_now(delay: float) -> None:
    queue = queue_of()
    queue.add_after("a", delay)
    assert len(queue) == 1


async def test_what_falls_due_while_in_work_is_handed_out_after_done() -> None:
    queue = queue_of("a")
    await queue.get()
    queue.add_after("a", 5.0)
    await asyncio.sleep(10.0)
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"


async def test_delayed_adds_that_were_overtaken_take_no_memory_for_long() -> None:
    queue = queue_of()
    for _ in range(1000):
        queue.add_after("a", 3600.0)
        queue.add("a")
        queue.done(await queue.get())
    assert len(queue._heap) <= 66


async def test_failures_come_back_ever_later_until_forgotten() -> None:
    queue = queue_of("a")
    times = []
    for failures in range(5):
        await queue.get()
        times.append(now())
        if failures == 2:
            queue.forget("a")
        queue.add_rate_limited("a")
        queue.done("a")
    assert times == [0.0, 2.0, 6.0, 8.0, 12.0]


async def test_retries_counts_the_rate_limited_adds() -> None:
    queue = queue_of()
    queue.add_rate_limited("a")
    queue.add_rate_limited("a")
    assert (queue.retries("a"), queue.retries("b")) == (2, 0)
    queue.shut_down()


async def test_after_shut_down_nothing_is_handed_out_or_taken_in() -> None:
    queue = queue_of("a")
    queue.add_after("b", 10.0)
    queue.shut_down()
    queue.add("c")
    queue.add_after("d", 1.0)
    queue.add_rate_limited("e")
    await asyncio.sleep(20.0)
    assert len(queue) == 0
    with pytest.raises(QueueShutDown, match="work queue test is shut down"):
        await queue.get()


async def test_shut_down_ends_waiting_workers() -> None:
    queue = queue_of()
    async with asyncio.TaskGroup() as group:
        getters = [group.create_task(expect_shut_down(queue)) for _ in range(3)]
        await asyncio.sleep(0)
        queue.shut_down()
    assert [getter.result() for getter in getters] == [True, True, True]


async def expect_shut_down(queue: WorkQueue[str]) -> bool:
    with pytest.raises(QueueShutDown):
        await queue.get()
    return True


async def test_drain_hands_out_what_is_queued_and_waits_for_what_is_in_work() -> None:
    queue = queue_of("a", "b")
    queue.add_after("c", 3.0)
    worked = []

    async def worker() -> None:
        while True:
            try:
                item = await queue.get()
            except QueueShutDown:
                return
            await asyncio.sleep(10.0)
            queue.add("late")
            worked.append(item)
            queue.done(item)

    async with asyncio.TaskGroup() as group:
        group.create_task(worker())
        await asyncio.sleep(1.0)
        queue.add("a")
        await queue.drain()
        assert (worked, now()) == (["a", "b", "a"], 30.0)


async def test_drain_after_shut_down_waits_only_for_what_is_in_work() -> None:
    queue = queue_of("a", "b")
    await queue.get()
    queue.shut_down()
    asyncio.get_running_loop().call_later(5.0, queue.done, "a")
    await queue.drain()
    assert now() == 5.0


async def test_drain_of_an_idle_queue_returns_at_once() -> None:
    queue = queue_of()
    await queue.drain()
    with pytest.raises(QueueShutDown):
        await queue.get()
