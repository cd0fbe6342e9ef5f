"""Merge patches."""

# ruff: noqa: E501 - tables of manifests and of the server's sentences, one a row

from typing import Any

import pytest

from vmop.devcluster import schema
from vmop.devcluster.schema import Manifest


def pod_spec(**spec: Any) -> Manifest:
    return {"spec": spec}


def merged(live: Manifest, patch: Manifest) -> Manifest:
    place = schema.builtin_type("", "v1", "Pod")
    assert place is not None
    return schema.strategic_merge(place, live, patch)


@pytest.mark.parametrize(
    ("live", "patch", "expected"),
    [
        ({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}}, {"b": {"c": 2, "d": 3}}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
        ({"a": 1}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": 1}, 5, 5),
    ],
)
def test_a_merge_patch_merges_maps_and_replaces_the_rest(live: Any, patch: Any, expected: Any) -> None:
    assert schema.merge_patch(live, patch) == expected


A, B, C = ({"name": name, "image": name} for name in "abc")


@pytest.mark.parametrize(
    ("live", "patch", "expected"),
    [
        (pod_spec(containers=[A]), pod_spec(containers=[{"name": "a", "image": "x"}, B]), [{**A, "image": "x"}, B]),
        (pod_spec(containers=[A, B]), pod_spec(containers=[C]), [C, A, B]),
        (pod_spec(containers=[A, B, C]), pod_spec(containers=[{"name": "c"}, {"name": "b"}]), [A, C, B]),
        (pod_spec(containers=[A, B]), pod_spec(containers=[{"name": "a", "$patch": "delete"}]), [B]),
        (pod_spec(containers=[A, B]), pod_spec(containers=[C, {"$patch": "replace"}]), [C]),
        (
            pod_spec(containers=[A, B]),
            {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}},
            [B, A],
        ),
        (
            pod_spec(containers=[A, B]),
            {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "c"}, {"name": "a"}], "containers": [C]}},
            [B, C, A],
        ),
    ],
)
def test_lists_merge_by_their_key(live: Manifest, patch: Manifest, expected: list[Manifest]) -> None:
    assert merged(live, patch) == pod_spec(containers=expected)


@pytest.mark.parametrize(
    ("live", "patch", "expected"),
    [
        (
            {"spec": {"nodeSelector": {"a": "b"}, "hostname": "h"}},
            {"spec": {"nodeSelector": {"$patch": "delete"}, "hostname": None}},
            {"spec": {}},
        ),
        (
            {"spec": {"nodeSelector": {"a": "b"}}},
            {"spec": {"nodeSelector": {"$patch": "replace", "c": "d", "e": None}}},
            {"spec": {"nodeSelector": {"c": "d"}}},
        ),
        (
            {"spec": {"nodeSelector": {"a": "b", "c": "d"}}},
            {"spec": {"nodeSelector": {"$retainKeys": ["a", "e"], "$patch": "merge", "e": "f"}}},
            {"spec": {"nodeSelector": {"a": "b", "e": "f"}}},
        ),
        (
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]}},
            {"metadata": {"finalizers": ["c", "b"]}},
        ),
        (
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"$setElementOrder/finalizers": ["b", "a"]}},
            {"metadata": {"finalizers": ["b", "a"]}},
        ),
        ({"spec": {"tolerations": [{"key": "a"}]}}, {"spec": {"tolerations": [{"key": "b"}]}}, {"spec": {"tolerations": [{"key": "b"}]}}),
        ({"a": 1}, {"$patch": "delete"}, {}),
    ],
)  # fmt: skip
def test_directives_are_followed(live: Manifest, patch: Manifest, expected: Manifest) -> None:
    assert merged(live, patch) == expected


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"$patch": "other"}, "Unknown patch type found: other"),
        (pod_spec(containers=[{"image": "x"}]), "map: map[image:x] does not contain declared merge key: name"),
    ],
)
def test_a_patch_may_mean_nothing(patch: Manifest, message: str) -> None:
    with pytest.raises(schema.InvalidPatch) as error:
        merged({}, patch)
    assert str(error.value) == message
