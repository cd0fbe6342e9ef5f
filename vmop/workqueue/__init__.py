"""Between those who notice that something changed and those who do something about it.

Handlers of informers *add* items (usually keys of objects); workers *get* one, work on it and say *done*. What the
queue promises makes controllers simple:

* an item is in the queue once, however often it is added;
* an item is never handed to two workers at a time. Added again while somebody works on it, it is handed out once more
  after ``done``: no change is missed;
* an item may be added for later (:meth:`WorkQueue.add_after`); of several such adds the earliest wins;
* failures are retried ever more slowly (:meth:`WorkQueue.add_rate_limited` and a :class:`RateLimiter`), until
  :meth:`WorkQueue.forget`;
* what has a higher priority comes first: what a user changes overtakes what an initial list brings.

The queue belongs to one event loop and no lock is needed; only :class:`QueueMetrics` may be read from another thread.
Its metrics have the names that client-go gives them. This room imports nothing else of vmop.
"""

from vmop.workqueue.limiters import (
    BucketRateLimiter,
    ExponentialFailureRateLimiter,
    MaxOfRateLimiter,
    RateLimiter,
    default_rate_limiter,
)
from vmop.workqueue.metrics import QueueMetrics
from vmop.workqueue.queue import QueueShutDown, WorkQueue

__all__ = [
    "BucketRateLimiter",
    "ExponentialFailureRateLimiter",
    "MaxOfRateLimiter",
    "QueueMetrics",
    "QueueShutDown",
    "RateLimiter",
    "WorkQueue",
    "default_rate_limiter",
]
