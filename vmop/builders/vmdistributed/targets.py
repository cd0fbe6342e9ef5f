"""The two targets that a VMAuth gets: ``write`` to the agents, ``read`` from the backends (spec 02 §7 and §8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from vmop.builders.base import Manifest

#: Where traffic goes when no zone may take it: nobody listens there, so clients get an error at once.
STUB_URL = "http://127.0.0.1:9999"
RETRY_STATUS_CODES = (500, 502, 503)
WRITE_PATHS = ("/insert/.+", "/api/v1/write")
READ_PATHS: Mapping[str, Sequence[str]] = {
    "VMCluster": ("/flags", "/metrics", "/select/.+", "/admin/tenants"),
    "VMSingle": ("/flags", "/metrics", "/api/v1/.+"),
}
READ_KIND: Mapping[str, str] = {"VMCluster": "VMCluster/vmselect", "VMSingle": "VMSingle"}


@attrs.frozen
class Target:
    """A zone as the balancer sees it. `reads` and `writes` say what its mode allows and what exists and is owned."""

    zone: str
    namespace: str
    backend: str
    agent: str
    reads: bool
    writes: bool
    #: the zone is in the stored ref already
    in_read: bool = False
    in_write: bool = False


@attrs.frozen
class Routing:
    """Which zones a VMAuth must do without, beside those that their modes, absence and ownership leave out."""

    #: zones that are being updated
    excluded: frozenset[str] = frozenset()
    #: zones that may be added to a ref that they are not in (§19.6, I7); None: all
    entering: frozenset[str] | None = None

    def admits(self, zone: str, *, present: bool) -> bool:
        """The zone may be a target of a ref that it is `present` in, or not."""
        return zone not in self.excluded and (present or self.entering is None or zone in self.entering)


@attrs.frozen
class Targets:
    """Zones that get queries and zones that get writes, each in the order in which they are tried."""

    read: tuple[Target, ...]
    write: tuple[Target, ...]
    #: zones that should have been left out, but a ref would have been empty without them
    kept: tuple[str, ...] = ()


def choose(candidates: Sequence[Target], routing: Routing, *, keep_last: bool) -> Targets:
    """Targets of both refs; `candidates` are in update order.

    Queries try the zone first that is updated last. With `keep_last` zones stay where nobody else would be left.
    """
    readers = [zone for zone in reversed(candidates) if zone.reads]
    writers = [zone for zone in candidates if zone.writes]
    read = [zone for zone in readers if routing.admits(zone.zone, present=zone.in_read)]
    write = [zone for zone in writers if routing.admits(zone.zone, present=zone.in_write)]
    kept: list[str] = []
    if keep_last and not read:
        read = [zone for zone in readers if zone.in_read]
        kept += [zone.zone for zone in read]
    if keep_last and not write:
        write = [zone for zone in writers if zone.in_write]
        kept += [zone.zone for zone in write if zone.zone not in kept]
    return Targets(tuple(read), tuple(write), tuple(kept))


def target_refs(targets: Targets, backend_kind: str) -> list[Manifest]:
    """``defaultTargetRefs``: exactly ``write`` and ``read``, in this order."""
    write = _ref("write", WRITE_PATHS, "least_loaded", "VMAgent", [(t.namespace, t.agent) for t in targets.write])
    read = _ref(
        "read",
        READ_PATHS[backend_kind],
        "first_available",
        READ_KIND[backend_kind],
        [(t.namespace, t.backend) for t in targets.read],
    )
    return [write, read]


def _ref(name: str, paths: Sequence[str], policy: str, kind: str, objects: list[tuple[str, str]]) -> Manifest:
    ref: Manifest = {"name": name}
    if objects:
        # the schema requires name and namespace beside the list (T35)
        listed = [{"namespace": namespace, "name": each} for namespace, each in objects]
        ref["crd"] = {"kind": kind, "name": "", "namespace": "", "objects": listed}
    else:
        ref["static"] = {"url": STUB_URL}
    ref["paths"] = list(paths)
    ref["load_balancing_policy"] = policy
    ref["retry_status_codes"] = list(RETRY_STATUS_CODES)
    return ref


class Listed(NamedTuple):
    """An object in a stored ref: its kind without the component, its namespace and its name."""

    kind: str
    namespace: str
    name: str


def listed(spec: Mapping[str, Any], ref: str) -> frozenset[Listed]:
    """The objects in the stored ref of that name; none where it is absent or the stub."""
    for each in spec.get("defaultTargetRefs") or ():
        if each.get("name") == ref:
            crd = each.get("crd") or {}
            kind = str(crd.get("kind", "")).partition("/")[0]
            objects = crd.get("objects") or ()
            return frozenset(Listed(kind, item.get("namespace", ""), item.get("name", "")) for item in objects)
    return frozenset()


def upsert(existing: Sequence[Manifest], ours: Sequence[Manifest]) -> list[Manifest]:
    """`existing` refs with ours in the place of those of the same names, new ones last (S4)."""
    by_name = {ref["name"]: ref for ref in ours}
    kept = [by_name.pop(ref.get("name", ""), ref) for ref in existing]
    return kept + list(by_name.values())
