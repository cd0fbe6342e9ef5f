from datetime import UTC, datetime

import pytest

from tests.unit.devcluster.workloads.objects import deployment, pod, stored, template
from vmop.devcluster.workloads.daemonsets import target_node
from vmop.devcluster.workloads.objects import (
    is_active,
    next_available,
    pod_from,
    scaled,
    template_hash,
    unavailable_for,
    without_zeros,
)
from vmop.devcluster.workloads.replicasets import deletion_rank
from vmop.devcluster.workloads.stateful_pods import claim_owners, parent_and_ordinal
from vmop.devcluster.workloads.writer import merge_difference
from vmop.informers import StoredObject
from vmop.kube import Manifest
from vmop.kube.resources import PERSISTENT_VOLUME_CLAIM, STATEFUL_SET

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
READY = "2026-03-01T11:59:50Z"
LONG_READY = "2026-03-01T11:00:00Z"


@pytest.mark.parametrize(
    ("live", "desired", "patch"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": None}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "z": 3}}, {"a": {"y": None, "z": 3}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({}, {"a": {}}, {"a": {}}),
    ],
)
def test_a_merge_patch_is_made_of_what_differs(live: Manifest, desired: Manifest, patch: Manifest) -> None:
    assert merge_difference(live, desired) == patch


def test_a_pod_is_available_some_seconds_after_it_became_ready() -> None:
    waits = [unavailable_for(pod("p", ready_since=since), 15, NOW) for since in (READY, LONG_READY, None)]
    assert waits == [5, 0, None]


def test_the_next_look_is_when_the_next_pod_becomes_available() -> None:
    pods = [pod("a", ready_since=READY), pod("b", ready_since=LONG_READY), pod("c")]
    assert (next_available(pods, 15, NOW), next_available(pods, 0, NOW)) == (5, None)


def test_pods_that_are_worth_least_go_first() -> None:
    pods = [
        pod("old", ready_since=LONG_READY),
        pod("unbound", phase="Pending", spec={"nodeName": ""}),
        pod("pending", phase="Pending"),
        pod("unready"),
        pod("ready-a-moment", ready_since=READY),
        pod("restarted", ready_since=LONG_READY, status={"containerStatuses": [{"restartCount": 3}]}),
        pod("young", ready_since=LONG_READY, metadata={"creationTimestamp": "2026-03-01T10:30:00Z"}),
    ]
    names = [one.name for one in sorted(pods, key=lambda one: deletion_rank(one, NOW))]
    assert names == ["unbound", "pending", "unready", "ready-a-moment", "restarted", "young", "old"]


@pytest.mark.parametrize(("phase", "active"), [("Running", True), ("Succeeded", False), ("Failed", False)])
def test_ended_pods_do_not_count(phase: str, active: bool) -> None:
    assert is_active(pod("p", phase=phase)) is active


@pytest.mark.parametrize(
    ("value", "up", "expected"), [(2, True, 2), ("25%", True, 2), ("25%", False, 1), (None, True, 0)]
)
def test_percentages_are_rounded_as_asked(value: int | str | None, up: bool, expected: int) -> None:
    assert scaled(value, 5, up=up) == expected


def test_a_hash_follows_from_content_not_order_and_changes_after_a_collision() -> None:
    hashes = {template_hash({"a": 1, "b": 2}), template_hash({"b": 2, "a": 1}), template_hash({"a": 1, "b": 2}, 1)}
    assert len(hashes) == 2


def test_a_pod_is_made_of_its_template() -> None:
    owner = deployment("image", 1)
    assert pod_from(owner, template("image", more="x")) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "labels": {"app": "a", "more": "x"},
            "generateName": "app-",
            "namespace": "obs",
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": "app",
                    "uid": owner.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {"containers": [{"name": "main", "image": "image"}]},
    }


def test_zeros_are_left_out_but_those_that_are_always_shown() -> None:
    assert without_zeros({"a": 0, "b": 0, "c": 1, "d": None}, "b") == {"b": 0, "c": 1}


@pytest.mark.parametrize(("name", "parts"), [("a-b-10", ("a-b", 10)), ("plain", ("", -1))])
def test_the_name_of_a_pod_tells_its_set_and_number(name: str, parts: tuple[str, int]) -> None:
    assert parent_and_ordinal(name) == parts


def _stateful_set(**policy: str) -> StoredObject:
    return stored(STATEFUL_SET, "s", spec={"persistentVolumeClaimRetentionPolicy": policy})


@pytest.mark.parametrize(
    ("owner", "condemned", "kinds"),
    [
        (_stateful_set(), True, []),
        (_stateful_set(whenDeleted="Delete"), False, ["StatefulSet"]),
        (_stateful_set(whenScaled="Delete"), False, []),
        (_stateful_set(whenScaled="Delete"), True, ["Pod"]),
        (_stateful_set(whenScaled="Delete", whenDeleted="Delete"), True, ["Pod"]),
    ],
)
def test_the_retention_policy_says_whom_a_claim_belongs_to(
    owner: StoredObject, condemned: bool, kinds: list[str]
) -> None:
    claim = stored(PERSISTENT_VOLUME_CLAIM, "data-s-0")
    owners = claim_owners(owner, pod("s-0"), claim, condemned=condemned)
    assert [one["kind"] for one in owners] == kinds


def test_a_pod_of_a_daemon_set_names_its_node() -> None:
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    assert (target_node({"affinity": {"nodeAffinity": required}}), target_node({})) == ("node-1", None)
