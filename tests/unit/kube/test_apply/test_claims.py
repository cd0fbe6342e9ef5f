"""Which members of ``managedFields`` are ours."""

import copy
from typing import Any

import pytest

from vmop.kube import Resource
from vmop.kube.apply.claims import (
    NOTHING,
    Claims,
    Path,
    claimed_fields,
    claims_of,
    get_path,
    scaled_field,
    set_path,
    without,
)
from vmop.kube.apply.fields import FieldPath
from vmop.kube.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    PERSISTENT_VOLUME_CLAIM,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    SERVICE_ACCOUNT,
    VM_AGENT,
    VM_CLUSTER,
)

DESIRED: dict[str, Any] = {
    "metadata": {"labels": {"ours": "1"}, "annotations": {"ours": "1"}, "ownerReferences": [{"uid": "1"}]},
    "spec": {"template": {"metadata": {"annotations": {"ours": "1"}}}},
}


@pytest.mark.parametrize(
    ("resource", "path", "ours"),
    [
        (DEPLOYMENT, ("f:spec",), True),
        (DEPLOYMENT, ("f:spec", "f:replicas"), True),
        (DEPLOYMENT, ("f:spec", "f:template", "f:metadata", "f:labels", "f:x"), True),
        (DEPLOYMENT, ("f:spec", "f:template", "f:metadata", "f:annotations", "f:restartedAt"), False),
        (DEPLOYMENT, ("f:spec", "f:template", "f:metadata", "f:annotations", "f:ours"), True),
        (DEPLOYMENT, ("f:status", "f:replicas"), False),
        (DEPLOYMENT, ("f:metadata", "f:labels", "f:ours"), True),
        (DEPLOYMENT, ("f:metadata", "f:labels", "f:theirs"), False),
        (DEPLOYMENT, ("f:metadata", "f:labels"), False),
        (DEPLOYMENT, ("f:metadata", "f:annotations", "f:ours"), True),
        (DEPLOYMENT, ("f:metadata", "f:ownerReferences", 'k:{"uid":"1"}'), True),
        (DEPLOYMENT, ("f:metadata", "f:ownerReferences", 'k:{"uid":"2"}', "f:name"), False),
        (DEPLOYMENT, ("f:metadata", "f:finalizers", 'v:"x"'), False),
        (SERVICE, ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:port"), True),
        (SERVICE, ("f:spec", "f:clusterIPs"), False),
        (CONFIG_MAP, ("f:binaryData", "f:x"), True),
        (CONFIG_MAP, ("f:immutable",), False),
        (SERVICE_ACCOUNT, ("f:secrets", 'k:{"name":"x"}'), False),
        (PERSISTENT_VOLUME_CLAIM, ("f:spec", "f:resources", "f:requests", "f:storage"), True),
        (PERSISTENT_VOLUME_CLAIM, ("f:spec", "f:volumeName"), False),
        (VM_CLUSTER, ("f:spec", "f:vminsert", "."), True),
        (POD_DISRUPTION_BUDGET, ("f:spec", "f:minAvailable"), True),
    ],
)
def test_the_table_of_kinds(resource: Resource, path: FieldPath, ours: bool) -> None:
    assert claimed_fields(claims_of(resource), DESIRED)(path) is ours


def test_nothing_is_claimed_but_own_keys_of_the_metadata() -> None:
    claimed = claimed_fields(NOTHING, DESIRED)
    assert [claimed(path) for path in (("f:spec",), ("f:metadata", "f:labels", "f:ours"))] == [False, True]


def test_a_path_can_be_left_to_others_and_wildcards_match_any_item() -> None:
    claimed = claimed_fields(without(Claims(), ("spec", "ports", "*", "nodePort")), DESIRED)
    ports: FieldPath = ("f:spec", "f:ports", 'k:{"port":80}')
    assert [claimed(path) for path in ((*ports, "f:nodePort"), (*ports, "f:port"))] == [False, True]


def test_further_paths_can_be_claimed() -> None:
    assert claimed_fields(NOTHING, DESIRED, (("metadata", "labels", "old"),))(("f:metadata", "f:labels", "f:old"))


def test_agents_are_scaled_by_shards() -> None:
    assert [scaled_field(r) for r in (VM_AGENT, DEPLOYMENT)] == [("spec", "shardCount"), ("spec", "replicas")]


@pytest.mark.parametrize(
    ("path", "value", "result"),
    [
        (("a", "b"), 2, {"a": {"b": 2}}),
        (("a", "b"), None, {"a": {}}),
        (("x", "y"), 1, {"a": {"b": 1}, "x": {"y": 1}}),
        (("x", "y"), None, {"a": {"b": 1}}),
    ],
)
def test_a_path_is_set_or_removed(path: Path, value: object, result: dict[str, Any]) -> None:
    manifest = copy.deepcopy({"a": {"b": 1}})
    set_path(manifest, path, value)
    assert manifest == result


def test_what_is_missing_on_the_way_is_none() -> None:
    assert [get_path({"a": {"b": 1}}, path) for path in (("a", "b"), ("a", "x"), ("a", "b", "c"))] == [1, None, None]
