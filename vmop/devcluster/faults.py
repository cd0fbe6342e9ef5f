"""Faults on demand: what may go wrong between a client and the API server, made to happen in a test.

A *hook* is awaited with every call: one list before the call has any effect, one after it. A hook lets the call
pass by returning, delays it by awaiting, and ends it by raising: `StatusError` (an error code), `Dropped` (the
connection is reset without an answer). Raised after a write, the effect has happened and the client never learns: a
crash, a time-out. Faults of reading are states: frozen lists, withheld events, closed watches.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from vmop.devcluster.requests import Call
from vmop.devcluster.status import StatusError
from vmop.devcluster.storage import GroupResource, Storage, StorageEvent, Subscription

Hook: TypeAlias = Callable[[Call], Awaitable[None]]
Matcher: TypeAlias = Callable[[Call], bool]


class Dropped(Exception):
    """Raised by a hook: the connection is reset, nothing is answered."""


def fail(
    code: int, reason: str = "InternalError", message: str = "injected", *, retry_after: int | None = None
) -> Hook:
    """A hook that answers every call with this failure."""

    async def hook(call: Call) -> None:
        raise StatusError(code, reason, message, retry_after=retry_after)

    return hook


def delay(seconds: float) -> Hook:
    """A hook that holds every call up."""

    async def hook(call: Call) -> None:
        await asyncio.sleep(seconds)

    return hook


async def drop(call: Call) -> None:
    """A hook that resets every connection."""
    raise Dropped


def on(matches: Matcher, hook: Hook, *, times: int | None = None) -> Hook:
    """`hook`, for the calls that match, at most so many times."""
    left = times

    async def limited(call: Call) -> None:
        nonlocal left
        if left == 0 or not matches(call):
            return
        if left is not None:
            left -= 1
        await hook(call)

    return limited


class Faults:
    """The faults of one server. `before` and `after` are lists of hooks, asked in order; tests add and remove them."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.before: list[Hook] = []
        self.after: list[Hook] = []
        self._frozen: dict[GroupResource, int] = {}
        self.withhold: Callable[[StorageEvent], bool] | None = None  # events that no watch shows
        self._watches: set[Subscription] = set()

    def clear(self) -> None:
        """No faults any more."""
        self.before.clear()
        self.after.clear()
        self._frozen.clear()
        self.withhold = None

    def freeze_lists(self, group: str, plural: str) -> None:
        """Lists of this resource stay as they are now."""
        self._frozen[GroupResource(group, plural)] = self._storage.version

    def thaw_lists(self, group: str, plural: str) -> None:
        self._frozen.pop(GroupResource(group, plural), None)

    def frozen_at(self, resource: GroupResource) -> int | None:
        """The version that lists of this resource show; None when they show the present."""
        return self._frozen.get(resource)

    def expire(self) -> None:
        """Forget the past: open watches end, and those that resume from an earlier version are told 410."""
        self._storage.compact()
        self.close_watches()

    def close_watches(self) -> None:
        """End every open watch, as a restarting server does."""
        for subscription in tuple(self._watches):
            subscription.close()

    def watching(self, subscription: Subscription) -> None:
        self._watches.add(subscription)

    def watched(self, subscription: Subscription) -> None:
        self._watches.discard(subscription)

    @property
    def open_watches(self) -> int:
        return len(self._watches)
