"""How many items a second pass through the work queue: added, handed out, done, with metrics on, on one core."""

import asyncio
import time

import attrs
from prometheus_client import CollectorRegistry

from vmop.workqueue import QueueMetrics, WorkQueue

GOAL = 100_000


@attrs.frozen
class QueueFigures:
    """Items a second through add, get and done: one by one, and with all queued before the first get."""

    one_by_one: float
    all_at_once: float


async def _one_by_one(queue: WorkQueue[int], items: int) -> None:
    for item in range(items):
        queue.add(item)
        queue.done(await queue.get())


async def _all_at_once(queue: WorkQueue[int], items: int) -> None:
    for item in range(items):
        queue.add(item, priority=-100 if item % 2 else 0)
    for _ in range(items):
        queue.done(await queue.get())


async def _measure(items: int) -> QueueFigures:
    queue: WorkQueue[int] = WorkQueue("benchmark", metrics=QueueMetrics(CollectorRegistry()))
    rates = []
    for run in (_one_by_one, _all_at_once):
        seconds = []
        for _ in range(3):
            start = time.process_time()  # other processes on the machine do not count
            await run(queue, items)
            seconds.append(time.process_time() - start)
        rates.append(items / min(seconds))
    return QueueFigures(*rates)


def measure(items: int = 200_000) -> QueueFigures:
    """Run both patterns with ``items`` items each and return their rates."""
    return asyncio.run(_measure(items))


if __name__ == "__main__":
    figures = measure()
    print(f"one by one:  {figures.one_by_one:10,.0f} items/s   (goal {GOAL:,})")
    print(f"all at once: {figures.all_at_once:10,.0f} items/s   (goal {GOAL:,})")
