"""Every VMAuth of the recorded cases gives the objects that the Go operator left on a real API server.

Where VMUsers stand beside it, the config is left out: their entries come in rendered.
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
from vmop.api import Manifest, parse, to_json
from vmop.api.v1beta1 import VMAuth
from vmop.builders.references import References
from vmop.builders.registry import with_defaults
from vmop.builders.vmauth import TargetKey, VMAuthInputs, build_vmauth
from vmop.settings import Settings

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the recorded cases are not beside this checkout")

SKIPPED_BY_THE_GO_OPERATOR = ("Secret/", "Role")
"""Kinds that it does not delete when a feature goes away (06 §2.1, §21)."""


def targets(objects: dict[str, Manifest]) -> dict[TargetKey, Manifest]:
    return {
        TargetKey(m["kind"], m["metadata"].get("namespace", "parity"), m["metadata"]["name"]): m
        for m in objects.values()
    }


def compare(
    cr: VMAuth, case: str, step: str, objects: dict[str, Manifest], stored: Callable[[Manifest], Manifest]
) -> None:
    theirs = owned_by("VMAuth", cr.name, golden(case)[step])
    inputs = VMAuthInputs(targets=targets(objects), references=References(contents(objects)), users=())
    built = build_vmauth(cr, Settings(), inputs=inputs)
    found = {f"{m['kind']}/{m['metadata']['name']}": mine(stored(m)) for part in built.components for m in part.objects}
    if built.proxy.workload is not None and cr.spec.hpa is not None:
        workload = f"Deployment/{built.proxy.workload['metadata']['name']}"
        found[workload]["spec"]["replicas"] = theirs[workload]["spec"]["replicas"]
    if any(key.startswith("VMUser/") for key in objects):
        found.pop(f"Secret/vmauth-config-{cr.name}", None)
    kept = [key for key in {*found, *theirs} if not normaliser().excused(excused(case), step, key)]
    expected = {key: comparable(theirs[key]) for key in kept if key in theirs}
    expected = {k: v for k, v in expected.items() if k in found or not k.startswith(SKIPPED_BY_THE_GO_OPERATOR)}
    assert {key: found[key] for key in kept if key in found} == expected


@pytest.mark.parametrize(
    ("case", "step", "name", "objects"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]}") for c in resources("VMAuth", "vmauth-*")],
)
def test_the_same_objects(
    case: str, step: str, name: str, objects: dict[str, Manifest], stored: Callable[[Manifest], Manifest]
) -> None:
    compare(parse(VMAuth, objects[f"VMAuth/{name}"]).object, case, step, objects, stored)


@pytest.mark.parametrize(
    ("case", "step", "manifest"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]['metadata']['name']}") for c in children("VMAuth")],
)
def test_the_same_objects_before_zones(
    case: str, step: str, manifest: Manifest, stored: Callable[[Manifest], Manifest]
) -> None:
    known = {key: value for key, value in golden(case)[step].items() if key.startswith("VM")}
    compare(parse(VMAuth, manifest).object, case, step, standing_at(case, step) | known, stored)


@pytest.mark.parametrize(
    ("case", "step", "manifest"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]['metadata']['name']}") for c in children("VMAuth")],
)
def test_defaults_leave_the_stored_form_as_it_is(case: str, step: str, manifest: Manifest) -> None:
    defaulted = to_json(with_defaults(parse(VMAuth, manifest).object, Settings()))["spec"]
    assert normaliser().filled(defaulted) == normaliser().filled(manifest["spec"])
