"""Every VMSingle of the recorded cases gives the objects that the Go operator left on a real API server.

Of scraping nodes the config itself is left out: it comes in as text.
"""

from collections.abc import Callable

import pytest

from tests.unit.builders.recorded import (
    CASES,
    children,
    comparable,
    contents,
    excused,
    golden,
    mine,
    normaliser,
    owned_by,
    resources,
    standing_at,
)
from vmop.api import Manifest, SpecError, parse, to_json
from vmop.api.v1beta1 import VMSingle
from vmop.builders.references import References
from vmop.builders.registry import with_defaults
from vmop.builders.vmsingle import VMSingleInputs, build_vmsingle
from vmop.settings import Settings

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the recorded cases are not beside this checkout")

LEFT_BEHIND = ("Secret/", "PersistentVolumeClaim/", "Role", "ClusterRole")
"""Kinds that the Go operator does not delete when a feature goes away (03 §4.4, §4.9)."""
OLD_NAME = "loft-old"
"""Objects that stay under the older name (03 §4.11)."""
FIXED_CLAIM = "PersistentVolumeClaim/vmsingle-attic-fixed"
"""A claim that may not grow."""


def compare(
    cr: VMSingle, case: str, step: str, objects: dict[str, Manifest], stored: Callable[[Manifest], Manifest]
) -> None:
    theirs = owned_by("VMSingle", cr.name, golden(case)[step])
    config = "from elsewhere" if cr.spec.ingest_only_mode is False else None
    inputs = VMSingleInputs(references=References(contents(objects)), scrape_config=config)
    built = build_vmsingle(cr, Settings(), inputs=inputs)
    found = {f"{m['kind']}/{m['metadata']['name']}": in_recorded_form(stored(m)) for m in built.all()}
    kept = [key for key in {*found, *theirs} if not normaliser().excused(excused(case), step, key)]
    expected = {key: comparable(theirs[key]) for key in kept if key in theirs}
    if config is not None:
        for side in (found, expected):
            for key in [key for key in side if key.startswith("Secret/")]:
                side.pop(key)
    expected = {
        k: v for k, v in expected.items() if k in found or not (k.startswith(LEFT_BEHIND) or k.endswith(f"/{OLD_NAME}"))
    }
    for side in (found, expected):
        if FIXED_CLAIM in side:
            side[FIXED_CLAIM]["spec"].pop("resources")
    assert {key: found[key] for key in kept if key in found} == expected


def in_recorded_form(manifest: Manifest) -> Manifest:
    """A built object as the recorded ones are; its relabeling rules also stand in the file that the flag names."""
    if manifest["kind"] == "PersistentVolumeClaim":
        manifest["spec"].setdefault("volumeMode", "Filesystem")
        manifest["metadata"].setdefault("finalizers", ["kubernetes.io/pvc-protection"])
    if manifest["kind"] == "ConfigMap":
        manifest["data"].pop("relabel.yaml", None)
    return mine(manifest)


@pytest.mark.parametrize(
    ("case", "step", "name", "objects"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]}") for c in resources("VMSingle", "vmsingle-*")],
)
def test_the_same_objects(
    case: str, step: str, name: str, objects: dict[str, Manifest], stored: Callable[[Manifest], Manifest]
) -> None:
    try:
        cr = parse(VMSingle, objects[f"VMSingle/{name}"]).object
    except SpecError:
        return
    if golden(case)[step][f"VMSingle/{name}"]["updateStatus"] != "operational":
        return
    compare(cr, case, step, objects, stored)


@pytest.mark.parametrize(
    ("case", "step", "manifest"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]['metadata']['name']}") for c in children("VMSingle")],
)
def test_the_same_objects_of_a_zone(
    case: str, step: str, manifest: Manifest, stored: Callable[[Manifest], Manifest]
) -> None:
    compare(parse(VMSingle, manifest).object, case, step, standing_at(case, step), stored)


@pytest.mark.parametrize(
    ("case", "step", "manifest"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]['metadata']['name']}") for c in children("VMSingle")],
)
def test_defaults_leave_the_stored_form_as_it_is(case: str, step: str, manifest: Manifest) -> None:
    defaulted = to_json(with_defaults(parse(VMSingle, manifest).object, Settings()))["spec"]
    assert normaliser().filled(defaulted) == normaliser().filled(manifest["spec"])
