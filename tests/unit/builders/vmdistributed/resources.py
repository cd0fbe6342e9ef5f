"""The VMDistributed `met` of the specs' examples, and the children that exist beside it."""

from collections.abc import Iterable
from typing import Any

from vmop.api import Manifest, parse
from vmop.api.v1alpha1 import VMDistributed
from vmop.builders import Platform, with_defaults
from vmop.builders.vmdistributed.children import Child, ZoneBuilder
from vmop.builders.vmdistributed.ownership import Origin
from vmop.builders.vmdistributed.referenced import LiveChild
from vmop.settings import Settings

WRITE = "/insert/multitenant/prometheus/api/v1/write"
COMPONENTS: Manifest = {"vmcluster": {"spec": {"vminsert": {}, "vmselect": {}}}}


def vmdistributed(spec: Manifest, **metadata: Any) -> VMDistributed:
    """`met` in namespace `obs`, as its user wrote it."""
    manifest = {"metadata": {"name": "met", "namespace": "obs", **metadata}, "spec": spec}
    return parse(VMDistributed, manifest).object


def referenced(kind: str, name: str, spec: Manifest, **annotations: str) -> tuple[str, str, LiveChild]:
    """A child that somebody else made."""
    return (
        kind,
        name,
        LiveChild({"metadata": {"name": name, "annotations": annotations}, "spec": spec}, Origin("referenced")),
    )


def created(kind: str, name: str, spec: Manifest) -> tuple[str, str, LiveChild]:
    """A child that the VMDistributed made."""
    return (kind, name, LiveChild({"metadata": {"name": name}, "spec": spec}, Origin("created")))


def builder(
    spec: Manifest, live: Iterable[tuple[str, str, LiveChild]] = (), *, settings: Settings | None = None
) -> ZoneBuilder:
    """The builder of `met` with this spec, beside these children."""
    used = settings or Settings()
    present = {(kind, name): child for kind, name, child in live}
    cr = with_defaults(vmdistributed(spec), used, Platform())
    return ZoneBuilder(cr, used, Platform(), lambda kind, name: present.get((kind, name)))


def chosen(child: Child, *keys: str) -> Manifest:
    """Some top-level fields of a child's spec; absent ones are left out."""
    return {key: child.spec[key] for key in keys if key in child.spec}
