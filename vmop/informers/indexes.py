"""Indexes over a store: from a value to the objects that have it.

An index is a function of one object. What it said of an object is remembered with the object, so that an
index stays right even where the function would answer differently by now.
"""

import logging
from collections.abc import Callable, Iterable
from typing import TypeAlias

from vmop.informers.objects import StoredObject

IndexFunction: TypeAlias = Callable[[StoredObject], Iterable[str]]
"""Gives the values under which an object is found. It must be quick, and depend on nothing but the object."""

_log = logging.getLogger(__name__)


class Index:
    """One index. Objects of a value stand in the order in which they came."""

    def __init__(self, name: str, function: IndexFunction) -> None:
        self.name = name
        self._function = function
        self._objects: dict[str, dict[StoredObject, None]] = {}
        self._values: dict[StoredObject, str | tuple[str, ...]] = {}
        """The values of an object; a single one stands without a tuple, which saves a fifth of an index."""

    def change(self, old: StoredObject | None, new: StoredObject | None) -> None:
        """``new`` has taken the place of ``old``."""
        if old is not None:
            known = self._values.pop(old, ())
            for value in (known,) if isinstance(known, str) else known:
                objects = self._objects[value]
                del objects[old]
                if not objects:
                    del self._objects[value]
        if new is not None:
            values = self._evaluate(new)
            if values:
                self._values[new] = values[0] if len(values) == 1 else values
                for value in values:
                    self._objects.setdefault(value, {})[new] = None

    def find(self, value: str) -> list[StoredObject]:
        return list(self._objects.get(value, ()))

    def _evaluate(self, subject: StoredObject) -> tuple[str, ...]:
        try:
            return tuple(dict.fromkeys(self._function(subject)))
        except Exception:  # noqa: BLE001 - the function is the caller's
            _log.exception(
                "an index function failed; the object is left out of the index",
                extra={"index": self.name, "resource": str(subject.resource), "object": str(subject.key)},
            )
            return ()
