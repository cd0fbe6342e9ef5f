"""The queue on uvloop, whose timers of less than half a millisecond are none."""

from __future__ import annotations

import pytest

from vmop.workqueue import ExponentialFailureRateLimiter, WorkQueue

uvloop = pytest.importorskip("uvloop")


def test_delays_that_the_loop_takes_for_none() -> None:
    async def items() -> list[str]:
        queue: WorkQueue[str] = WorkQueue("test", ExponentialFailureRateLimiter(1.0, 1.0))
        queue.add_after("b", 0.0001)
        queue.add_after("a", 0.00005)
        queue.add_after("c", 0.02)
        return [await queue.get() for _ in range(3)]

    assert uvloop.run(items()) == ["a", "b", "c"]
