"""Children of every recorded VMDistributed have the specs that the Go operator stored on a real API server.

The cases lie beside the checkout of this project, not in it; without them this module is skipped.
"""

import itertools
from collections.abc import Iterator

import pytest

from tests.unit.builders.recorded import CASES, NAMESPACE, excused, golden, normaliser, standing
from vmop.api import Manifest, parse
from vmop.api.v1alpha1 import VMDistributed
from vmop.builders import Platform, with_defaults
from vmop.builders.vmdistributed.children import Child, ZoneBuilder
from vmop.builders.vmdistributed.ownership import Origin
from vmop.builders.vmdistributed.referenced import LiveChild
from vmop.builders.vmdistributed.targets import Routing, Target, choose, target_refs
from vmop.settings import Settings

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the recorded cases are not beside this checkout")


def rolled_out() -> Iterator[tuple[str, str, str, Manifest]]:
    """Case, step, the step before, and manifest of each VMDistributed that the Go operator rolled out."""
    for folder in sorted(CASES.glob("vmdistributed-*")) if CASES.is_dir() else ():
        before = ""
        for step, objects in standing(folder.name):
            for key, manifest in objects.items():
                recorded = golden(folder.name).get(step, {}).get(key, {})
                if manifest["kind"] == "VMDistributed" and recorded.get("updateStatus") == "operational":
                    yield folder.name, step, before, manifest
            before = step


RESOURCES = [pytest.param(*each, id=f"{each[0]}/{each[1]}/{each[3]['metadata']['name']}") for each in rolled_out()]


def builder_of(case: str, before: str, manifest: Manifest) -> ZoneBuilder:
    """A builder that sees the children as they were recorded after the step before."""
    stored = golden(case).get(before, {})

    def live(kind: str, name: str) -> LiveChild | None:
        found = stored.get(f"{kind}/{name}")
        if found is None:
            return None
        owners = found["metadata"].get("ownerReferences") or ()
        ours = any(owner["kind"] == "VMDistributed" for owner in owners)
        return LiveChild(found, Origin.CREATED if ours else Origin.REFERENCED)

    cr = with_defaults(parse(VMDistributed, manifest).object, Settings(), Platform())
    return ZoneBuilder(cr, Settings(), Platform(), live)


def specs(children: list[Child]) -> dict[str, Manifest]:
    return {f"{child.kind}/{child.name}": normaliser().filled(child.spec) for child in children}


@pytest.mark.parametrize(("case", "step", "before", "manifest"), RESOURCES)
@pytest.mark.parametrize("known", ["before", "after"])
def test_backends_and_agents_are_the_stored_ones_before_and_after_they_are_written(
    case: str, step: str, before: str, manifest: Manifest, known: str
) -> None:
    zones = builder_of(case, before if known == "before" else step, manifest).zones()
    mine = specs([child for zone in zones for child in (zone.backend, zone.agent)])
    kept = [key for key in mine if not normaliser().excused(excused(case), step, key)]
    theirs = {key: normaliser().filled(golden(case)[step][key]["spec"]) for key in kept}
    assert {key: mine[key] for key in kept} == theirs


@pytest.mark.parametrize(("case", "step", "before", "manifest"), RESOURCES)
def test_the_balancer_is_the_stored_one_in_some_update_order(
    case: str, step: str, before: str, manifest: Manifest
) -> None:
    builder = builder_of(case, before, manifest)
    given = manifest["spec"].get("vmauth") or {}
    stored = golden(case)[step].get(f"VMAuth/{given.get('name') or manifest['metadata']['name']}")
    if stored is None:
        assert given.get("enabled") is False or not manifest["spec"].get("zones")
        return
    zones = [
        Target(
            zone=zone.name,
            namespace=NAMESPACE,
            backend=zone.backend.name,
            agent=zone.agent.name,
            reads=zone.mode in ("read-write", "read-only"),
            writes=zone.mode in ("read-write", "write-only"),
        )
        for zone in builder.zones()
    ]
    built = [
        specs([builder.balancer(target_refs(choose(order, Routing(), keep_last=True), builder.backend_cls.kind))])
        for order in itertools.permutations(zones)
    ]
    assert {f"VMAuth/{stored['metadata']['name']}": normaliser().filled(stored["spec"])} in built
