"""Making entries smaller than the server sends them."""

from collections.abc import Callable, Container
from typing import TypeAlias

import attrs

from vmop.informers.store import Keep
from vmop.kube import ObjectKey, WireObject

Transform: TypeAlias = Callable[[WireObject], WireObject]
"""Changes an object before it is stored. It owns what it is given, and may change it and give it back."""


@attrs.frozen
class OnlyFields:
    """Keeps of the top-level fields beside metadata only those named. Equal ones make equal informers."""

    fields: frozenset[str]

    def __call__(self, wire: WireObject) -> WireObject:
        kept = {name: raw for name, raw in wire.fields.items() if name in self.fields}
        return WireObject(wire.meta, kept)


def only_fields(*fields: str) -> OnlyFields:
    return OnlyFields(frozenset(fields))


def identity_unless(referenced: Container[ObjectKey]) -> Keep:
    """Of objects whose key is not in ``referenced`` only key, uid and resource version are kept.

    ``referenced`` is looked at whenever an object comes. What comes into it later is completed by
    :meth:`Informer.refresh`, or read live.
    """
    return lambda wire: wire.key in referenced
