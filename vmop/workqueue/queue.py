"""The queue itself: where an item can be, and how it moves on.

An item is in at most one of these places, except that an item *in work* may at the same time be *again* or *delayed*:

========  ==================================================================================================
queued    in the lane of its priority, first in, first out; ``get`` takes from the highest lane that has any
in work   handed out by ``get``, until ``done``
again     added while in work: goes into its lane on ``done``
delayed   waits for its time, then is added. An add for now takes it from here: the earliest wins
========  ==================================================================================================
"""

import asyncio
import heapq
from collections import OrderedDict, deque
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

from vmop.workqueue.limiters import RateLimiter, default_rate_limiter
from vmop.workqueue.metrics import QueueMetrics, QueueStatistics

T = TypeVar("T", bound=Hashable)


class QueueShutDown(Exception):
    """The queue hands out nothing any more: the worker that asked should end."""


class WorkQueue(Generic[T]):
    """A queue of items to work on; see the story of :mod:`vmop.workqueue` for what it promises.

    ``name`` is the value of the labels ``name`` and ``controller`` of its metrics. All methods are called from within
    one running event loop; times are that loop's. Priorities are few (each keeps its lane for good), higher come first.
    """

    def __init__(self, name: str, rate_limiter: RateLimiter | None = None, metrics: QueueMetrics | None = None) -> None:
        self.name = name
        self.statistics = QueueStatistics()
        self._rate_limiter = rate_limiter if rate_limiter is not None else default_rate_limiter()
        self._loop: asyncio.AbstractEventLoop | None = None
        # item -> when it was added; the lanes by priority, and the priorities from high to low
        self._lanes: dict[int, OrderedDict[T, float]] = {}
        self._priorities: list[int] = []
        self._queued: dict[T, int] = {}
        self._in_work: dict[T, tuple[int, float]] = {}  # priority it was handed out with, since when
        self._again: dict[T, tuple[int, float]] = {}  # priority, added when
        self._delayed: dict[T, tuple[float, int, int]] = {}  # ready when, ticket, priority
        self._heap: list[tuple[float, int, T]] = []  # ready when, ticket; void if _delayed has another ticket
        self._tickets = count()
        self._timer: tuple[float, asyncio.Handle] | None = None  # when it is due: other loops' handles do not tell
        self._getters: deque[asyncio.Future[None]] = deque()
        self._idle: list[asyncio.Future[None]] = []  # those in drain()
        self._closed_to_adds = False
        self._shut_down = False
        if metrics is not None:
            metrics.attach(self)

    def __len__(self) -> int:
        """How many items ``get`` would hand out now, one after the other."""
        return len(self._queued)

    def add(self, item: T, *, priority: int = 0) -> None:
        """Queue ``item``: at once, or after ``done`` if it is in work. If queued, its priority can only rise."""
        if self._closed_to_adds:
            return
        if self._delayed:
            self._delayed.pop(item, None)
        queued = self._queued.get(item)
        if queued is not None:
            if priority > queued:
                added = self._lanes[queued].pop(item)
                self._put(item, priority, added)
        elif item in self._in_work:
            again = self._again.get(item)
            if again is None:
                self.statistics.adds += 1
                self._again[item] = (priority, self._now())
            elif priority > again[0]:
                self._again[item] = (priority, again[1])
        else:
            self.statistics.adds += 1
            self._put(item, priority, self._now())
            self._wake_getter()

    def add_after(self, item: T, delay: float, *, priority: int = 0) -> None:
        """Add ``item`` in ``delay`` seconds (at once if that is not above 0).

        Where it is queued already, or to be handed out again after ``done``, that is earlier:
        only the priority can rise. Of several delayed adds the earliest wins, with the highest priority.
        """
        if self._closed_to_adds:
            return
        self.statistics.retries += 1
        if delay <= 0 or item in self._queued or item in self._again:
            self.add(item, priority=priority)
            return
        ready_at = self._now() + delay
        before = self._delayed.get(item)
        if before is not None:
            priority = max(priority, before[2])
            if before[0] <= ready_at:
                self._delayed[item] = (before[0], before[1], priority)
                return
        ticket = next(self._tickets)
        self._delayed[item] = (ready_at, ticket, priority)
        if len(self._heap) > 64 + 2 * len(self._delayed):
            self._heap = [(at, ticket, item) for item, (at, ticket, _) in self._delayed.items()]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (ready_at, ticket, item))
        self._set_timer()

    def add_rate_limited(self, item: T, *, priority: int = 0) -> None:
        """Add ``item`` when its rate limiter says that it may be tried again."""
        if not self._closed_to_adds:
            self.add_after(item, self._rate_limiter.when(item), priority=priority)

    def forget(self, item: T) -> None:
        """``item`` succeeded or is given up: the rate limiter starts anew with its next failure."""
        self._rate_limiter.forget(item)

    def retries(self, item: T) -> int:
        """How often ``item`` was added rate limited since it was last forgotten."""
        return self._rate_limiter.retries(item)

    async def get(self) -> T:
        """The next item, waited for if need be; who gets it calls ``done``. At the end: :class:`QueueShutDown`."""
        while not self._shut_down:
            if self._queued:
                return self._take()
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if not getter.cancelled():
                    self._wake_getter()  # it was told of an item that it cannot take any more
                elif getter in self._getters:
                    self._getters.remove(getter)
                raise
        raise QueueShutDown(f"work queue {self.name} is shut down")

    def done(self, item: T) -> None:
        """The work on ``item`` has ended, well or badly. Raises ``ValueError`` if nobody works on it."""
        try:
            _, since = self._in_work.pop(item)
        except KeyError:
            raise ValueError(f"work queue {self.name}: done({item}) for an item that is not in work") from None
        self.statistics.work_duration.observe(self._now() - since)
        again = self._again.pop(item, None)
        if again is not None:
            self._put(item, *again)
            self._wake_getter()
        elif self._idle and not self._queued and not self._in_work:
            self._finish()

    def priority(self, item: T) -> int:
        """The priority with which ``item``, which is in work, was handed out: a retry may keep it."""
        return self._in_work[item][0]

    def shut_down(self) -> None:
        """From now on adds are ignored and ``get`` raises :class:`QueueShutDown`: what is queued is dropped.

        That suits a level-based controller, whose next start lists everything anew. May be called again.
        """
        self._close()
        self._shut_down = True
        for lane in self._lanes.values():
            lane.clear()
        self._queued.clear()
        self._again.clear()
        for getter in self._getters:
            if not getter.done():
                getter.set_result(None)
        self._getters.clear()
        if not self._in_work:
            self._finish()

    async def drain(self) -> None:
        """Ignore adds from now on, but hand out what is queued; return and shut down when nothing is queued or in work.

        What is delayed is dropped. After :meth:`shut_down` it only waits for what is in work.
        """
        self._close()
        if self._queued or self._in_work:
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle
        self.shut_down()

    def depths(self) -> dict[int, int]:
        """How many items are queued, by priority (each that was ever used). May be called from any thread."""
        return {priority: len(lane) for priority, lane in list(self._lanes.items())}

    def running_seconds(self) -> list[float]:
        """For each item in work, since how many seconds. May be called from any thread."""
        in_work = list(self._in_work.values())
        if self._loop is None or not in_work:
            return []
        now = self._loop.time()
        return [now - since for _, since in in_work]

    def _now(self) -> float:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop.time()

    def _put(self, item: T, priority: int, added: float) -> None:
        lane = self._lanes.get(priority)
        if lane is None:
            lane = self._lanes[priority] = OrderedDict()
            self._priorities = sorted(self._lanes, reverse=True)
        lane[item] = added
        self._queued[item] = priority

    def _take(self) -> T:
        for priority in self._priorities:
            lane = self._lanes[priority]
            if lane:
                break
        item, added = lane.popitem(last=False)
        del self._queued[item]
        now = self._now()
        self.statistics.queue_duration.observe(now - added)
        self._in_work[item] = (priority, now)
        return item

    def _wake_getter(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _close(self) -> None:
        self._closed_to_adds = True
        self._delayed.clear()
        self._heap.clear()
        if self._timer is not None:
            self._timer[1].cancel()
            self._timer = None

    def _finish(self) -> None:
        for idle in self._idle:
            if not idle.done():
                idle.set_result(None)
        self._idle.clear()

    def _set_timer(self) -> None:
        earliest = self._heap[0][0]
        if self._timer is not None:
            due, timer = self._timer
            if due <= earliest:
                return
            timer.cancel()
        self._timer = (earliest, asyncio.get_running_loop().call_at(earliest, self._move_due, earliest))

    def _move_due(self, due: float) -> None:
        """Add what is due. A timer may fire early by the clock's resolution, hence now is at least ``due``."""
        self._timer = None
        due = max(due, self._now())
        while self._heap and self._heap[0][0] <= due:
            _, ticket, item = heapq.heappop(self._heap)
            delayed = self._delayed.get(item)
            if delayed is not None and delayed[1] == ticket:
                self.add(item, priority=delayed[2])
        if self._heap:
            self._set_timer()
