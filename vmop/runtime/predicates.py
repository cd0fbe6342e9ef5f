"""Which changes concern a controller: small functions over a :class:`Change`, freely combined.

Those that compare old and new let every addition and removal pass: nothing can be compared there, and both matter.
"""

from collections.abc import Callable
from typing import NamedTuple

from vmop.informers import StoredObject


class Change(NamedTuple):
    """An object before and after: ``old`` is None for an addition, ``new`` for a removal."""

    old: StoredObject | None
    new: StoredObject | None


Predicate = Callable[[Change], bool]


def generation_changed(change: Change) -> bool:
    """The spec changed, or removal was asked for; not: status, labels, annotations."""
    return change.old is None or change.new is None or change.old.generation != change.new.generation


def labels_changed(change: Change) -> bool:
    """Any label was added, removed or changed."""
    return change.old is None or change.new is None or change.old.labels != change.new.labels


def annotations_changed(change: Change) -> bool:
    """Any annotation was added, removed or changed."""
    return change.old is None or change.new is None or change.old.annotations != change.new.annotations


def resource_version_changed(change: Change) -> bool:
    """Anything changed; not: a resync, which shows the same object again."""
    return change.old is None or change.new is None or change.old.resource_version != change.new.resource_version


def any_of(*predicates: Predicate) -> Predicate:
    """Passes what at least one of ``predicates`` passes."""
    return lambda change: any(predicate(change) for predicate in predicates)


def all_of(*predicates: Predicate) -> Predicate:
    """Passes what each of ``predicates`` passes."""
    return lambda change: all(predicate(change) for predicate in predicates)


def not_(predicate: Predicate) -> Predicate:
    """Passes what ``predicate`` does not: additions and removals, too, where that lets them pass."""
    return lambda change: not predicate(change)
