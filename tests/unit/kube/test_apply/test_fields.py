"""``managedFields`` as sets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmop.kube.apply.fields import (
    FieldPath,
    MixedVersions,
    entries_of,
    give_back,
    newest_change,
    owned_by_apply,
    owned_by_others,
    parse,
    render,
    take_over,
)

ELEMENTS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', "v:1", "i:0"])
PATHS = st.lists(ELEMENTS, min_size=1, max_size=4).map(tuple)
FIELD_SETS = st.frozensets(PATHS, max_size=8)


def entry(manager: str, *paths: FieldPath, operation: str = "Update", version: str = "v1", **more: str) -> Any:
    base = {"manager": manager, "operation": operation, "apiVersion": version, "time": "2026-01-01T00:00:00Z"}
    return {**base, "fieldsType": "FieldsV1", "fieldsV1": render(paths), **more}


def test_a_tree_is_the_set_of_its_members() -> None:
    tree: dict[str, Any] = {"f:spec": {"f:a": {}, "f:list": {'k:{"name":"x"}': {".": {}, "f:name": {}}, "v:1": {}}}}
    assert parse(tree) == {
        ("f:spec", "f:a"),
        ("f:spec", "f:list", 'k:{"name":"x"}'),
        ("f:spec", "f:list", 'k:{"name":"x"}', "f:name"),
        ("f:spec", "f:list", "v:1"),
    }


@given(FIELD_SETS)
def test_rendering_is_the_inverse_of_parsing(fields: frozenset[FieldPath]) -> None:
    assert parse(render(fields)) == fields


@given(FIELD_SETS, FIELD_SETS, FIELD_SETS)
def test_taking_over_loses_no_owner_and_leaves_nothing_claimed_to_others(
    ours: frozenset[FieldPath], theirs: frozenset[FieldPath], others: frozenset[FieldPath]
) -> None:
    managed = [entry("me", *ours, operation="Apply"), entry("app", *theirs), entry("kubectl", *others)]
    moved = take_over(managed, manager="me", api_version="v1", claimed=lambda path: path[0] == "f:a", time="now")
    foreign = theirs | others
    claimed = {path for path in foreign if path[0] == "f:a"}
    if not claimed:
        assert moved is None
        return
    assert moved is not None
    assert owned_by_apply(moved, "me") == ours | claimed
    assert owned_by_others(moved, "me") == foreign - claimed


def test_an_entry_that_is_left_with_nothing_goes() -> None:
    managed = [entry("app", ("f:spec",)), entry("kcm", ("f:status",), subresource="status")]
    assert take_over(managed, manager="me", api_version="v1", claimed=lambda p: p == ("f:spec",), time="now") == [
        entry("me", ("f:spec",), operation="Apply", time="now"),
        entry("kcm", ("f:status",), subresource="status"),
    ]


def test_our_own_updates_are_taken_over_too() -> None:
    managed = [entry("me", ("f:spec",))]
    moved = take_over(managed, manager="me", api_version="v1", claimed=lambda _: True, time="now")
    assert moved == [entry("me", ("f:spec",), operation="Apply", time="now")]


@pytest.mark.parametrize(
    "managed",
    [[entry("app", ("f:spec",), version="v1beta1")], [entry("me", ("f:x",), operation="Apply", version="v1beta1")]],
)
def test_fields_of_another_version_are_not_counted_with_ours(managed: list[Any]) -> None:
    with pytest.raises(MixedVersions):
        take_over(managed, manager="me", api_version="v1", claimed=lambda _: True, time="now")


def test_what_is_given_back_is_the_update_of_a_neutral_manager() -> None:
    managed = [
        entry("me", ("f:a",), operation="Apply"),
        entry("me", ("f:b",)),
        entry("me", ("f:status",), subresource="status"),
        entry("app", ("f:c",)),
        entry("me", ("f:d",), version="v2"),
    ]
    assert give_back(managed, manager="me", neutral="nobody") == [
        managed[2],
        managed[3],
        entry("nobody", ("f:a",), ("f:b",)),
        entry("nobody", ("f:d",), version="v2"),
    ]


def test_the_newest_change_is_of_another_manager_and_of_the_object_itself() -> None:
    managed = [
        entry("app", time="2026-01-02T00:00:00Z"),
        entry("old", time="2026-01-01T00:00:00Z"),
        entry("kcm", time="2026-01-03T00:00:00Z", subresource="status"),
        entry("me", time="2026-01-04T00:00:00Z"),
    ]
    assert newest_change(managed, {"me"}.__contains__) == "2026-01-02T00:00:00Z"
    assert newest_change([], {"me"}.__contains__) == ""


def test_an_object_without_managed_fields_has_no_entries() -> None:
    bare: list[dict[str, Any]] = [{}, {"metadata": {}}, {"metadata": {"managedFields": None}}]
    assert [entries_of(manifest) for manifest in bare] == [[], [], []]
