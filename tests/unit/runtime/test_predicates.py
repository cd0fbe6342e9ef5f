from typing import Any

import pytest

from tests.unit.runtime.memory import thing
from vmop.informers import StoredObject, stored_object
from vmop.kube.resources import CONFIG_MAP
from vmop.runtime import (
    Change,
    Predicate,
    all_of,
    annotations_changed,
    any_of,
    generation_changed,
    labels_changed,
    not_,
    resource_version_changed,
)


def stored(**metadata: Any) -> StoredObject:
    return stored_object(CONFIG_MAP, thing(CONFIG_MAP, "a", uid="00000000-0000-4000-8000-000000000001", **metadata))


BASE: dict[str, Any] = {
    "resourceVersion": "1",
    "generation": 1,
    "labels": {"app": "a"},
    "annotations": {"note": "a"},
}
CHANGES: dict[str, Any] = {
    "resource version": {"resourceVersion": "2"},
    "generation": {"generation": 2},
    "labels": {"labels": {"app": "b"}},
    "annotations": {"annotations": {}},
}


def passed(predicate: Predicate) -> set[str]:
    """Which changes of an object pass, and whether additions and removals do."""
    old = stored(**BASE)
    found = {name for name, change in CHANGES.items() if predicate(Change(old, stored(**{**BASE, **change})))}
    if predicate(Change(None, old)):
        found.add("addition")
    if predicate(Change(old, None)):
        found.add("removal")
    return found


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (generation_changed, {"generation", "addition", "removal"}),
        (labels_changed, {"labels", "addition", "removal"}),
        (annotations_changed, {"annotations", "addition", "removal"}),
        (resource_version_changed, {"resource version", "addition", "removal"}),
        (any_of(generation_changed, labels_changed), {"generation", "labels", "addition", "removal"}),
        (all_of(generation_changed, labels_changed), {"addition", "removal"}),
        (all_of(any_of(generation_changed, labels_changed), not_(labels_changed)), {"generation"}),
        (not_(generation_changed), {"resource version", "labels", "annotations"}),
        (any_of(), set()),
        (all_of(), {*CHANGES, "addition", "removal"}),
    ],
)
def test_a_predicate_passes_only_what_it_names(predicate: Predicate, expected: set[str]) -> None:
    assert passed(predicate) == expected
