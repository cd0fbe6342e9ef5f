"""The user's containers over generated ones (01 §5.9)."""

import pytest

from vmop.api import Manifest
from vmop.builders.containers import merge_containers, merge_lists


def named(letters: str) -> list[Manifest]:
    return [{"name": letter} for letter in letters]


@pytest.mark.parametrize(
    ("generated", "patch", "woven"),
    [
        ("AB", "N", "NAB"),
        ("AB", "BN", "ABN"),
        ("PSC", "SN", "PSNC"),
        ("PSC", "NS", "NPSC"),
        ("AB", "", "AB"),
        ("", "XY", "XY"),
        ("ABC", "CA", "BCA"),
        ("ABC", "CBA", "CBA"),
    ],
)
def test_lists_are_woven(generated: str, patch: str, woven: str) -> None:
    merged = merge_lists(named(generated), named(patch), "name")
    assert "".join(item["name"] for item in merged) == woven


def test_entries_of_one_key_are_merged_and_the_first_match_counts() -> None:
    generated: list[Manifest] = [
        {"containerPort": 1, "name": "tcp"},
        {"containerPort": 1, "name": "udp", "protocol": "UDP"},
    ]
    patch: list[Manifest] = [{"containerPort": 1, "hostPort": 2}, {"containerPort": 1, "hostIP": "::1"}]
    assert merge_lists(generated, patch, "containerPort") == [
        {"containerPort": 1, "name": "tcp", "hostPort": 2, "hostIP": "::1"},
        {"containerPort": 1, "name": "udp", "protocol": "UDP"},
    ]


def test_a_patch_of_the_same_name_and_others_behind() -> None:
    generated: list[Manifest] = [
        {
            "name": "app",
            "args": ["-a"],
            "env": [{"name": "A", "value": "1"}],
            "envFrom": [{"secretRef": {"name": "s"}}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}},
            "lifecycle": {"preStop": {"sleep": {"seconds": 15}}},
        },
        {"name": "reloader"},
    ]
    user: list[Manifest] = [
        {"name": "sidecar", "image": "busybox"},
        {
            "name": "app",
            "args": ["-b"],
            "command": None,
            "env": [{"name": "A", "value": "2"}],
            "envFrom": [],
            "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
            "resources": {"limits": {"memory": "1Gi"}},
            "lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
        },
    ]
    assert merge_containers(generated, user) == [
        {
            "name": "app",
            "args": ["-b"],
            "env": [{"name": "A", "value": "2"}],
            "envFrom": [],
            "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1"}},
            "lifecycle": {"preStop": {"sleep": {"seconds": 15}, "exec": {"command": ["true"]}}},
        },
        {"name": "reloader"},
        {"name": "sidecar", "image": "busybox"},
    ]


def test_generated_containers_are_not_changed_in_place() -> None:
    generated: list[Manifest] = [{"name": "app", "env": [{"name": "A"}]}]
    merge_containers(generated, [{"name": "app", "env": [{"name": "A", "value": "1"}]}])
    assert generated == [{"name": "app", "env": [{"name": "A"}]}]
