"""JSON patches of single pieces."""

from typing import Any

import pytest

from vmop.kube.apply.metadata import (
    MetadataPatch,
    add_finalizer,
    pointer,
    remove_finalizer,
    remove_owner,
    set_annotations,
    set_owner,
)

OWNER: dict[str, Any] = {"apiVersion": "v1", "kind": "K", "name": "n", "uid": "1", "controller": True}
OTHER: dict[str, Any] = {"apiVersion": "v1", "kind": "O", "name": "n", "uid": "2", "controller": True}
NOTHING = MetadataPatch()


def test_names_in_a_pointer_are_escaped() -> None:
    assert pointer("metadata", "annotations", "a/b~c", 0) == "/metadata/annotations/a~1b~0c/0"


@pytest.mark.parametrize(
    ("present", "patch"),
    [
        (None, MetadataPatch(({"op": "add", "path": "/metadata/finalizers", "value": ["f"]},), True)),
        (["x"], MetadataPatch(({"op": "add", "path": "/metadata/finalizers/-", "value": "f"},))),
        (["x", "f"], NOTHING),
    ],
)
def test_a_finalizer_is_added(present: list[str] | None, patch: MetadataPatch) -> None:
    assert add_finalizer({"finalizers": present}, "f") == patch


@pytest.mark.parametrize(
    ("present", "patch"),
    [
        (None, NOTHING),
        (["x"], NOTHING),
        (
            ["x", "f"],
            MetadataPatch(
                (
                    {"op": "test", "path": "/metadata/finalizers/1", "value": "f"},
                    {"op": "remove", "path": "/metadata/finalizers/1"},
                )
            ),
        ),
    ],
)
def test_a_finalizer_is_removed_from_its_place(present: list[str] | None, patch: MetadataPatch) -> None:
    assert remove_finalizer({"finalizers": present}, "f") == patch


def test_annotations_are_set_and_removed_one_by_one() -> None:
    patch = set_annotations({"annotations": {"a": "1", "b": "1", "c": "1"}}, {"a": "2", "b": None, "c": "1", "d": None})
    assert patch.operations == (
        {"op": "add", "path": "/metadata/annotations/a", "value": "2"},
        {"op": "remove", "path": "/metadata/annotations/b"},
    )


def test_the_first_annotation_makes_the_map_and_needs_the_version() -> None:
    operation = {"op": "add", "path": "/metadata/annotations", "value": {"a": "1"}}
    assert set_annotations({}, {"a": "1", "b": None}) == MetadataPatch((operation,), decided_by_version=True)
    assert set_annotations({}, {"b": None}) == NOTHING


@pytest.mark.parametrize(
    ("present", "patch"),
    [
        ([], MetadataPatch(({"op": "add", "path": "/metadata/ownerReferences", "value": [OWNER]},), True)),
        ([OWNER], NOTHING),
        (
            [OTHER],
            MetadataPatch(
                ({"op": "add", "path": "/metadata/ownerReferences/-", "value": {**OWNER, "controller": False}},)
            ),
        ),
        (
            [{**OTHER, "controller": False}, {**OWNER, "uid": "0"}],
            MetadataPatch(
                (
                    {"op": "test", "path": "/metadata/ownerReferences/1/uid", "value": "0"},
                    {"op": "replace", "path": "/metadata/ownerReferences/1", "value": OWNER},
                )
            ),
        ),
    ],
)
def test_an_owner_is_added_or_takes_the_place_of_its_predecessor(present: list[Any], patch: MetadataPatch) -> None:
    assert set_owner({"ownerReferences": present}, OWNER) == patch


def test_every_reference_to_an_owner_is_removed_from_the_last_on() -> None:
    present = [{**OWNER, "uid": "0"}, OTHER, OWNER]
    assert remove_owner({"ownerReferences": present}, OWNER).operations == (
        {"op": "test", "path": "/metadata/ownerReferences/2/uid", "value": "1"},
        {"op": "remove", "path": "/metadata/ownerReferences/2"},
        {"op": "test", "path": "/metadata/ownerReferences/0/uid", "value": "0"},
        {"op": "remove", "path": "/metadata/ownerReferences/0"},
    )
