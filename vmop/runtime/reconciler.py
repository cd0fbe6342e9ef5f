"""The contract between a controller and the function that does its work.

A reconciler gets the key of an object, not what happened to it: it looks at what is there *now* (in caches),
compares it with what should be there, and takes the next step. So it does not matter whether it is called once for
ten changes or ten times for one, or after a restart. An object that is gone is a normal case. It never sleeps and
never waits for something to happen in the cluster: it returns, and is called again when something that it watches
changes or when it asked to be.

How it ends says what happens next:

=======================  =====================================================================================
returns ``Result()``     all done; called again when something changes
``requeue_after=s``      the same, but called again after ``s`` seconds at the latest
:class:`TerminalError`   wrong by the object's own content: counted and logged, no retry until something changes
:class:`RetryAfter`      not a failure: called again after ``delay`` seconds; nothing is counted, backoff stays as it is
:class:`ReconcileError`  a failure that is explained already: counted and logged in one line, retried with backoff
Conflict, Fenced         the cache was behind, or the lease is in doubt: called again with backoff, quietly
any other exception      counted and logged, called again with a backoff that grows until the next success
=======================  =====================================================================================
"""

from collections.abc import Awaitable, Callable

import attrs

from vmop.kube import ObjectKey


@attrs.frozen
class Result:
    """A reconcile that went well. ``requeue_after``: seconds after which the key is looked at again (None: on
    change only).
    """

    requeue_after: float | None = None


class TerminalError(Exception):
    """Only a change of the object itself can help, so the controller does not retry."""


class ReconcileError(Exception):
    """A failure that the reconciler explained already, in a status or an event: counted, retried with backoff, and
    logged in one line, without a traceback.
    """


class RetryAfter(Exception):
    """Try again after ``delay`` seconds; ``reason`` says what for, in a log line of level debug."""

    def __init__(self, delay: float, reason: str = "") -> None:
        super().__init__(delay, reason)
        self.delay = delay
        self.reason = reason

    def __str__(self) -> str:
        return f"again in {self.delay:g}s: {self.reason}" if self.reason else f"again in {self.delay:g}s"


Reconciler = Callable[[ObjectKey], Awaitable[Result]]
