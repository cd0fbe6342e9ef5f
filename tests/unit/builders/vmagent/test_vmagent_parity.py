"""Every VMAgent of the recorded cases gives the objects that the Go operator left on a real API server.

Of scraping agents the config itself is left out: it comes in as text.
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
from vmop.api.v1beta1 import VMAgent
from vmop.builders.references import References
from vmop.builders.registry import with_defaults
from vmop.builders.vmagent import VMAgentInputs, build_vmagent
from vmop.settings import Settings

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the recorded cases are not beside this checkout")

LEFT_BEHIND = ("Secret/", "ConfigMap/", "Role", "ClusterRole")
"""Kinds that the Go operator does not delete when a feature goes away (04 §10)."""


def compare(
    cr: VMAgent, case: str, step: str, objects: dict[str, Manifest], stored: Callable[[Manifest], Manifest]
) -> None:
    theirs = owned_by("VMAgent", cr.name, golden(case)[step])
    references = References(contents(objects))
    config = None if cr.spec.ingest_only_mode else "from elsewhere"
    built = build_vmagent(cr, Settings(), inputs=VMAgentInputs(references=references, scrape_config=config))
    built_objects = [manifest for part in built.components for manifest in part.objects]
    found = {f"{m['kind']}/{m['metadata']['name']}": mine(stored(m)) for m in built_objects}
    kept = [key for key in {*found, *theirs} if not normaliser().excused(excused(case), step, key)]
    expected = {key: comparable(theirs[key]) for key in kept if key in theirs}
    if config is not None:
        for side in (found, expected):
            for key in [key for key in side if key.startswith("Secret/")]:
                side.pop(key)
    expected = {k: v for k, v in expected.items() if k in found or not k.startswith(LEFT_BEHIND)}
    assert {key: found[key] for key in kept if key in found} == expected


@pytest.mark.parametrize(
    ("case", "step", "name", "objects"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]}") for c in resources("VMAgent", "vmagent-*")],
)
def test_the_same_objects(
    case: str, step: str, name: str, objects: dict[str, Manifest], stored: Callable[[Manifest], Manifest]
) -> None:
    compare(parse(VMAgent, objects[f"VMAgent/{name}"]).object, case, step, objects, stored)


@pytest.mark.parametrize(
    ("case", "step", "manifest"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]['metadata']['name']}") for c in children("VMAgent")],
)
def test_the_same_objects_of_a_zone(
    case: str, step: str, manifest: Manifest, stored: Callable[[Manifest], Manifest]
) -> None:
    compare(parse(VMAgent, manifest).object, case, step, standing_at(case, step), stored)


@pytest.mark.parametrize(
    ("case", "step", "manifest"),
    [pytest.param(*c, id=f"{c[0]}/{c[1]}/{c[2]['metadata']['name']}") for c in children("VMAgent")],
)
def test_defaults_leave_the_stored_form_as_it_is(case: str, step: str, manifest: Manifest) -> None:
    defaulted = to_json(with_defaults(parse(VMAgent, manifest).object, Settings()))["spec"]
    assert normaliser().filled(defaulted) == normaliser().filled(manifest["spec"])
