"""The queue against a model that is simple enough to be believed, whatever is done to it in whatever order."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import looptime
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from vmop.workqueue import ExponentialFailureRateLimiter, WorkQueue

ITEMS = st.sampled_from("abcde")
PRIORITIES = st.sampled_from([-100, 0, 7])
DELAYS = st.integers(min_value=0, max_value=30)


@attrs.define
class Add:
    """One wish that an item be handed out: at what priority, not before when."""

    priority: int
    at: float
    ticket: int


class QueueMachine(RuleBasedStateMachine):
    """For every item at most one wish is kept: the earliest, with the highest priority of all since."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop(start=0)
        self.queue: WorkQueue[str] = WorkQueue("model", ExponentialFailureRateLimiter(1.0, 8.0))
        self.wishes: dict[str, Add] = {}
        self.in_work: set[str] = set()
        self.failures: dict[str, int] = {}
        self.now = 0.0
        self.tickets = 0

    def run(self, step: Callable[[], Awaitable[Any] | None]) -> Any:
        async def inside() -> Any:
            result = step()
            return await result if result is not None else None

        return self.loop.run_until_complete(inside())

    def wish(self, item: str, delay: float, priority: int) -> None:
        self.tickets += 1
        at = self.now + delay
        known = self.wishes.get(item)
        if known is None:
            self.wishes[item] = Add(priority, at, self.tickets)
            return
        if at < known.at or (delay == 0 and known.at > self.now):
            known.at, known.ticket = at, self.tickets
            known.priority = priority if delay == 0 else max(known.priority, priority)
        elif priority > known.priority:
            known.priority = priority
            if known.at <= self.now and item not in self.in_work:
                known.ticket = self.tickets

    def ready(self) -> list[str]:
        due = [item for item, add in self.wishes.items() if add.at <= self.now and item not in self.in_work]
        return sorted(due, key=lambda item: (-self.wishes[item].priority, self.wishes[item].ticket))

    @rule(item=ITEMS, priority=PRIORITIES)
    def add(self, item: str, priority: int) -> None:
        self.run(lambda: self.queue.add(item, priority=priority))
        self.wish(item, 0, priority)

    @rule(item=ITEMS, delay=DELAYS, priority=PRIORITIES)
    def add_after(self, item: str, delay: int, priority: int) -> None:
        self.run(lambda: self.queue.add_after(item, delay, priority=priority))
        self.wish(item, delay, priority)

    @rule(item=ITEMS)
    def add_rate_limited(self, item: str) -> None:
        self.run(lambda: self.queue.add_rate_limited(item))
        failures = self.failures.get(item, 0)
        self.failures[item] = failures + 1
        self.wish(item, min(8.0, 2.0**failures), 0)

    @rule(item=ITEMS)
    def forget(self, item: str) -> None:
        self.queue.forget(item)
        self.failures.pop(item, None)

    @precondition(lambda self: self.ready())
    @rule()
    def get(self) -> None:
        item = self.run(self.queue.get)
        assert item in self.ready()
        best = self.wishes[self.ready()[0]].priority
        assert self.queue.priority(item) == self.wishes[item].priority == best
        del self.wishes[item]
        self.in_work.add(item)

    @precondition(lambda self: self.in_work)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(sorted(self.in_work)))
        self.run(lambda: self.queue.done(item))
        self.in_work.remove(item)
        if item in self.wishes and self.wishes[item].at <= self.now:
            self.tickets += 1
            self.wishes[item].ticket = self.tickets

    @rule(seconds=st.integers(min_value=1, max_value=20))
    def wait(self, seconds: int) -> None:
        self.run(lambda: asyncio.sleep(seconds))
        self.now += seconds

    @invariant()
    def what_is_ready_is_queued(self) -> None:
        assert len(self.queue) == len(self.ready())

    @invariant()
    def retries_are_counted(self) -> None:
        assert {item: self.queue.retries(item) for item in "abcde"} == {
            item: self.failures.get(item, 0) for item in "abcde"
        }

    @override
    def teardown(self) -> None:
        self.run(self.queue.shut_down)
        self.loop.close()


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestQueueAgainstModel = QueueMachine.TestCase
