"""The operator's rights: those that its code uses, and those that it hands on."""

from pathlib import Path

import pytest

from hack.generators.output import ROOT
from hack.generators.rbac import USES, leader_rules, rules, touched
from vmop.kube import Resource, resources


def test_a_resource_that_the_code_imports_is_granted_with_what_belongs_to_it() -> None:
    granted = rules([resources.POD, resources.DEPLOYMENT])
    assert [rule for rule in granted if "apps" in rule.get("apiGroups", ())] == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
        },
        {"apiGroups": ["apps"], "resources": ["deployments/status"], "verbs": ["patch"]},
    ]
    assert granted[:3] == [
        {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "delete"]},
    ]


def test_what_an_agent_gets_is_held_by_the_operator() -> None:
    read = ["get", "list", "watch"]
    assert rules([resources.ENDPOINT_SLICE, resources.SECRET])[2:] == [
        {
            "apiGroups": [""],
            "resources": ["nodes", "nodes/metrics", "services", "endpoints", "pods", "namespaces"],
            "verbs": read,
        },
        {"apiGroups": ["networking.k8s.io", "extensions"], "resources": ["ingresses"], "verbs": read},
        {"nonResourceURLs": ["/metrics", "/metrics/resources", "/metrics/slis"], "verbs": ["get"]},
        {
            "apiGroups": ["route.openshift.io", "image.openshift.io"],
            "resources": ["routers/metrics", "registry/metrics"],
            "verbs": ["get"],
        },
    ]


def test_the_lease_is_granted_in_the_operators_namespace_only() -> None:
    assert leader_rules() == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    ]
    assert rules([resources.LEASE]) == rules([])


def test_nothing_is_granted_with_a_star() -> None:
    granted = rules(USES)
    assert [rule for rule in granted if "*" in str(rule)] == []


def test_all_that_the_operator_imports_has_verbs() -> None:
    used = touched(ROOT)
    assert {resources.STATEFUL_SET, resources.VM_DISTRIBUTED, resources.LEASE, resources.EVENT} <= used
    assert used - set(USES) == {resources.LEASE}


@pytest.mark.parametrize(
    "source",
    [
        "from vmop.kube.resources import NODE, key_of",
        "from vmop.kube import resources\nwatched = resources.NODE",
    ],
)
def test_imports_are_found_in_both_spellings(source: str, tmp_path: Path) -> None:
    module = tmp_path / "vmop" / "reconcilers" / "deep" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text(source)
    assert touched(tmp_path) == {resources.NODE}


def test_a_resource_without_verbs_is_refused() -> None:
    with pytest.raises(KeyError):
        rules([Resource("example.com", "v1", "Other", "others")])
