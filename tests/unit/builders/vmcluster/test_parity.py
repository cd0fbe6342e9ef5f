"""Every VMCluster of the recorded cases gives the objects that the Go operator left on a real API server.

The cases lie beside the checkout of this project, not in it; without them this module is skipped.
"""

from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.unit.builders.recorded import CASES, comparable, excused, golden, normaliser, owned_by
from vmop.api import Manifest, SpecError, parse, to_json
from vmop.api.v1beta1 import VMCluster
from vmop.builders import build_vmcluster, with_defaults
from vmop.settings import Settings

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the recorded cases are not beside this checkout")

INVALID = {"good-skipped"}
"""Clusters that validation refuses later on, so that what is there stays."""


def clusters() -> Iterator[tuple[str, str, Manifest]]:
    """Case, step and manifest of every cluster as it stands at that step."""
    for folder in sorted(CASES.glob("vmcluster-*")):
        standing: dict[str, Manifest] = {}
        for step in sorted(folder.glob("[0-9]*.yaml")):
            documents = yaml.load_all(step.read_text(), yaml.CSafeLoader)
            found = {d["metadata"]["name"]: d for d in documents if d["kind"] == "VMCluster"}
            refused = {k.removeprefix("rejected VMCluster/") for k in golden(folder.name)[step.stem]}
            standing |= {name: manifest for name, manifest in found.items() if name not in refused}
            yield from ((folder.name, step.stem, manifest) for manifest in standing.values())
    for folder in sorted(CASES.glob("vmdistributed-*")):
        for name, objects in golden(folder.name).items():
            yield from ((folder.name, name, o) for key, o in objects.items() if key.startswith("VMCluster/"))


@pytest.mark.parametrize(
    ("case", "step", "manifest"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]['metadata']['name']}") for c in (clusters() if CASES.is_dir() else ())],
)
def test_the_same_objects(case: str, step: str, manifest: Manifest, stored: Callable[[Manifest], Manifest]) -> None:
    name = manifest["metadata"]["name"]
    theirs = owned_by("VMCluster", name, golden(case)[step])
    try:
        cr = parse(VMCluster, {**manifest, "metadata": {"namespace": "parity", **manifest["metadata"]}}).object
    except SpecError:
        assert not theirs
        return
    status = golden(case)[step][f"VMCluster/{name}"]["updateStatus"]
    if status == "paused" or (status == "failed" and (not theirs or name in INVALID)):
        return
    live = theirs.get(f"StatefulSet/vmstorage-{name}", {}).get("spec", {}).get("replicas")
    built = build_vmcluster(cr, Settings(), live_storage_replicas=live)
    account = [built.service_account] if built.service_account else []
    mine: dict[str, Manifest] = {}
    for desired in [*account, *(o for part in built.components for o in part.objects)]:
        key = f"{desired['kind']}/{desired['metadata']['name']}"
        mine[key] = comparable(normaliser().normal(stored(desired)))
        if key in theirs and any(part.autoscaled and part.workload is desired for part in built.components):
            mine[key]["spec"]["replicas"] = theirs[key]["spec"]["replicas"]
    kept = [key for key in {*mine, *theirs} if not normaliser().excused(excused(case), step, key)]
    expected = {key: comparable(theirs[key]) for key in kept if key in theirs}
    assert {key: mine[key] for key in kept if key in mine} == expected


@pytest.mark.parametrize(
    ("case", "step", "manifest"),
    [
        pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]['metadata']['name']}")
        for c in (clusters() if CASES.is_dir() else ())
        if any(owner["kind"] == "VMDistributed" for owner in c[2]["metadata"].get("ownerReferences", []))
    ],
)
def test_defaults_leave_the_stored_form_as_it_is(case: str, step: str, manifest: Manifest) -> None:
    cr = parse(VMCluster, manifest).object
    defaulted = to_json(with_defaults(cr, Settings()))["spec"]
    assert normaliser().filled(defaulted) == normaliser().filled(manifest["spec"])
