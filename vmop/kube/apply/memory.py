"""What was written, as the server answered. Lost at a restart, which costs nothing: the object itself says what was
desired."""

from collections import OrderedDict
from typing import TypeAlias

import attrs

from vmop.kube.resources import ObjectKey, Resource

Writer: TypeAlias = tuple[Resource, ObjectKey, str]
"""The resource, the object and the field manager."""


@attrs.frozen(kw_only=True)
class Remembered:
    """One object after our last write or our last look at it.

    ``generation`` is 0 for kinds without one. ``time`` is when that was, ``changed`` when another manager had last
    changed it. ``own`` is what it had under our keys of the metadata, a webhook's changes included.
    """

    uid: str
    fingerprint: str
    generation: int
    resource_version: str
    time: str
    changed: str
    own: tuple[object, ...]


class Memory:
    """The newest ``limit`` objects; what falls out is recognised by its recorded hash again."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[Writer, Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, writer: Writer) -> Remembered | None:
        """What is known, if anything; what is asked for stays longer."""
        found = self._entries.get(writer)
        if found is not None:
            self._entries.move_to_end(writer)
        return found

    def put(self, writer: Writer, remembered: Remembered) -> None:
        """Remember, forgetting the object that was not asked for the longest when there are too many."""
        self._entries[writer] = remembered
        self._entries.move_to_end(writer)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def drop(self, resource: Resource, key: ObjectKey, managers: tuple[str, ...]) -> None:
        """Forget an object that is gone or no longer ours."""
        for manager in managers:
            self._entries.pop((resource, key, manager), None)
