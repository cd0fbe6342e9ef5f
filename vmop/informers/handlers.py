"""Telling others of changes.

Each handler has a queue and a task of its own, so that one that is slow (it may return an awaitable) or fails
holds up no other, and not the watch. Within one handler, order is kept.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, Protocol, TypeAlias

import attrs

from vmop.informers.objects import StoredObject

_log = logging.getLogger(__name__)

_SLICE: Final = 0.01
"""Seconds that one handler may run before others get the event loop."""

Told: TypeAlias = Awaitable[None] | None


class EventHandler(Protocol):
    """What is told of changes. Methods are quick (they enqueue a key), or return an awaitable, which holds up
    only this handler.

    An exception is logged and counted as told. What they are given is shared with everybody: it must not be changed.
    """

    def on_add(self, obj: StoredObject, initial: bool) -> Told:
        """``initial``: the object was there before the informer was synced, or before the handler came."""
        ...

    def on_update(self, old: StoredObject, new: StoredObject) -> Told:
        """On a resync ``old`` is ``new``. Changes while the watch was interrupted come as one."""
        ...

    def on_delete(self, obj: StoredObject) -> Told:
        """``obj`` is the last state known, which may be older than the deletion."""
        ...


def _ignore(*_: object) -> None:
    return None


@attrs.frozen
class Handler:
    """An :class:`EventHandler` made of functions; those left out do nothing."""

    add: Callable[[StoredObject, bool], Told] = _ignore
    update: Callable[[StoredObject, StoredObject], Told] = _ignore
    delete: Callable[[StoredObject], Told] = _ignore

    def on_add(self, obj: StoredObject, initial: bool) -> Told:
        return self.add(obj, initial)

    def on_update(self, old: StoredObject, new: StoredObject) -> Told:
        return self.update(old, new)

    def on_delete(self, obj: StoredObject) -> Told:
        return self.delete(obj)


class _Notice(NamedTuple):
    old: StoredObject | None
    new: StoredObject | None
    initial: bool


class Registration:
    """The place of one handler at one informer."""

    def __init__(self, handler: EventHandler, resource: str, on_remove: Callable[["Registration"], None]) -> None:
        self._handler = handler
        self._resource = resource
        self._on_remove = on_remove
        self._notices: deque[_Notice | None] = deque()
        self._wake = asyncio.Event()
        self._synced = asyncio.Event()
        self._removed = False

    @property
    def synced(self) -> bool:
        """Whether the handler was told of all objects that were there when the informer had synced."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        await self._synced.wait()

    def remove(self) -> None:
        """The handler is told of nothing more; a call that runs is finished."""
        if not self._removed:
            self._removed = True
            self._notices.clear()
            self._wake.set()
            self._on_remove(self)

    def notify(self, old: StoredObject | None, new: StoredObject | None, *, initial: bool = False) -> None:
        self._notices.append(_Notice(old, new, initial))
        self._wake.set()

    def mark_synced(self) -> None:
        """The initial objects end here."""
        self._notices.append(None)
        self._wake.set()

    async def run(self) -> None:
        """Tells the handler, until removed."""
        loop = asyncio.get_running_loop()
        while not self._removed:
            await self._wake.wait()
            self._wake.clear()
            until = loop.time() + _SLICE
            while self._notices:
                notice = self._notices.popleft()
                if notice is None:
                    self._synced.set()
                else:
                    try:
                        told = self._call(notice)
                        if told is not None:
                            await told
                    except Exception:  # noqa: BLE001 - whatever it raises is its own affair
                        self._complain(notice)
                if loop.time() >= until:
                    await asyncio.sleep(0)
                    until = loop.time() + _SLICE

    def _complain(self, notice: _Notice) -> None:
        subject = notice.new or notice.old
        _log.exception(
            "an event handler failed; it goes on with the next event",
            extra={"resource": self._resource, "object": str(subject.key) if subject else ""},
        )

    def _call(self, notice: _Notice) -> Told:
        old, new, initial = notice
        if new is None:
            return None if old is None else self._handler.on_delete(old)
        if old is None:
            return self._handler.on_add(new, initial)
        return self._handler.on_update(old, new)
