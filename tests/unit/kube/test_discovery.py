from typing import Any

from tests.unit.kube.conftest import Script
from vmop.kube import Client, Discovery, Resource
from vmop.kube.resources import DEPLOYMENT, POD


def version(name: str, *resources: dict[str, Any], freshness: str = "Current") -> dict[str, Any]:
    return {"version": name, "freshness": freshness, "resources": list(resources)}


def served(plural: str, kind: str, scope: str = "Namespaced") -> dict[str, Any]:
    return {"resource": plural, "responseKind": {"kind": kind}, "scope": scope}


async def test_aggregated_discovery_takes_two_calls(script: Script) -> None:
    script.json(
        {
            "kind": "APIGroupDiscoveryList",
            "items": [{"metadata": {"creationTimestamp": None}, "versions": [version("v1", served("pods", "Pod"))]}],
        }
    )
    script.json(
        {
            "kind": "APIGroupDiscoveryList",
            "items": [
                {
                    "metadata": {"name": "apps"},
                    "versions": [version("v1", served("deployments", "Deployment"), {"resource": "odd"})],
                },
                {"metadata": {"name": "metrics.k8s.io"}, "versions": [version("v1beta1", freshness="Stale")]},
                {
                    "metadata": {"name": "security.openshift.io"},
                    "versions": [version("v1", served("things", "Thing", "Cluster"))],
                },
            ],
        }
    )
    async with Client(script.config) as client:
        found = await client.discover()
    thing = Resource("security.openshift.io", "v1", "Thing", "things", namespaced=False)
    assert found == Discovery(
        {("v1", "Pod"): POD, ("apps/v1", "Deployment"): DEPLOYMENT, ("security.openshift.io/v1", "Thing"): thing},
        frozenset({"v1", "apps/v1", "security.openshift.io/v1"}),
        frozenset({"metrics.k8s.io/v1beta1"}),
    )
    assert script.calls == [("GET", "/api"), ("GET", "/apis")]


async def test_without_it_each_version_is_asked_and_one_that_fails_is_named(script: Script) -> None:
    script.json({"kind": "APIVersions", "versions": ["v1"]})
    script.json(
        {
            "kind": "APIResourceList",
            "resources": [
                {"name": "pods", "kind": "Pod", "namespaced": True},
                {"name": "pods/status", "kind": "Pod", "namespaced": True},
            ],
        }
    )
    script.json(
        {
            "kind": "APIGroupList",
            "groups": [{"versions": [{"groupVersion": "apps/v1"}]}, {"versions": [{"groupVersion": "broken/v1"}]}],
        }
    )
    script.json(
        {"kind": "APIResourceList", "resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]}
    )
    script.status(500, "InternalError")
    async with Client(script.config) as client:
        found = await client.discover()
    assert found == Discovery(
        {("v1", "Pod"): POD, ("apps/v1", "Deployment"): DEPLOYMENT},
        frozenset({"v1", "apps/v1"}),
        frozenset({"broken/v1"}),
    )


def test_asking_a_discovery() -> None:
    found = Discovery({("v1", "Pod"): POD}, frozenset({"v1"}))
    assert found.resource("v1", "Pod") is POD
    assert found.resource("v2", "Pod") is None
    assert (found.has_group_version("v1"), found.has_group_version("security.openshift.io/v1")) == (True, False)
