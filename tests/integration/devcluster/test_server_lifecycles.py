"""Garbage collection, namespaces, claims and CRDs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from vmop.devcluster.server import ApiServer

MAPS = "/api/v1/namespaces/default/configmaps"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await check():
            await asyncio.sleep(0.01)


async def add(http: Any, name: str, owner: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} | more
    if owner is not None:
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
        reference |= {"uid": owner["metadata"]["uid"], "blockOwnerDeletion": True}
        metadata["ownerReferences"] = [reference]
    created: dict[str, Any] = await http.ok("POST", MAPS, {"metadata": metadata})
    return created


async def gone(http: Any, name: str) -> bool:
    return bool((await http("GET", f"{MAPS}/{name}")).status == 404)


async def test_dependents_go_after_their_owner(http: Any) -> None:
    await add(http, "child", await add(http, "owner"))
    await http.ok("DELETE", f"{MAPS}/owner", {"propagationPolicy": "Background"})
    assert await gone(http, "owner")
    await until(lambda: gone(http, "child"))


async def test_an_object_of_an_owner_that_never_was_is_collected(http: Any) -> None:
    await add(http, "child", {"metadata": {"name": "owner", "uid": "never"}})
    await until(lambda: gone(http, "child"))


async def test_foreground_deletion_waits_for_dependents(http: Any) -> None:
    await add(http, "child", await add(http, "owner"), finalizers=["example.com/hold"])
    marked = await http.ok("DELETE", f"{MAPS}/owner", {"propagationPolicy": "Foreground"})
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]

    async def child_marked() -> bool:
        return "deletionTimestamp" in (await http.ok("GET", f"{MAPS}/child"))["metadata"]

    await until(child_marked)
    assert not await gone(http, "owner")
    patch = {"metadata": {"finalizers": None}}
    await http.ok("PATCH", f"{MAPS}/child", patch, media="application/merge-patch+json")
    await until(lambda: gone(http, "owner"))


async def test_orphans_lose_their_reference_only(http: Any) -> None:
    await add(http, "child", await add(http, "owner"))
    await http.ok("DELETE", f"{MAPS}/owner", {"propagationPolicy": "Orphan"})
    await until(lambda: gone(http, "owner"))
    assert "ownerReferences" not in (await http.ok("GET", f"{MAPS}/child"))["metadata"]


async def test_a_namespace_takes_its_contents_along(http: Any) -> None:
    await http.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "n"}})
    await http.ok("POST", "/api/v1/namespaces/n/configmaps", {"metadata": {"name": "a", "finalizers": ["e.x/y"]}})
    ending = await http.ok("DELETE", "/api/v1/namespaces/n")
    assert ending["status"] == {"phase": "Terminating"}
    refused = await http("POST", "/api/v1/namespaces/n/configmaps", {"metadata": {"name": "b"}})
    assert refused.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    patch = {"metadata": {"finalizers": None}}

    async def content_marked() -> bool:
        return "deletionTimestamp" in (await http.ok("GET", "/api/v1/namespaces/n/configmaps/a"))["metadata"]

    await until(content_marked)
    await http.ok("PATCH", "/api/v1/namespaces/n/configmaps/a", patch, media="application/merge-patch+json")

    async def namespace_gone() -> bool:
        return bool((await http("GET", "/api/v1/namespaces/n")).status == 404)

    await until(namespace_gone)


async def test_a_claim_stays_while_a_pod_uses_it(http: Any) -> None:
    base = "/api/v1/namespaces/default"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    await http.ok("POST", f"{base}/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": spec})
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
    pod = {"containers": [{"name": "c", "image": "i"}], "volumes": [volume]}
    await http.ok("POST", f"{base}/pods", {"metadata": {"name": "p"}, "spec": pod})
    held = await http.ok("DELETE", f"{base}/persistentvolumeclaims/c")
    assert held["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    await http.ok("DELETE", f"{base}/pods/p")

    async def claim_gone() -> bool:
        return bool((await http("GET", f"{base}/persistentvolumeclaims/c")).status == 404)

    await until(claim_gone)


def crd(**version: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    first = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    first |= {"subresources": {"status": {}}} | version
    names = {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [first]},
    }


@pytest.fixture
async def widgets(http: Any) -> None:
    await http.ok("POST", CRDS, crd())

    async def established() -> bool:
        conditions = (await http.ok("GET", f"{CRDS}/widgets.example.com"))["status"]["conditions"]
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions or ())

    await until(established)


def widget(**more: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}} | more


@pytest.mark.usefixtures("widgets")
async def test_a_custom_resource_is_pruned_and_defaulted(http: Any) -> None:
    created = await http.ok("POST", WIDGETS, widget(spec={"zzz": 1}, status={"x": 1}))
    assert (created["spec"], created.get("status"), created["metadata"]["generation"]) == ({"size": 3}, None, 1)


@pytest.mark.usefixtures("widgets")
async def test_the_generation_follows_the_spec_only(http: Any) -> None:
    await http.ok("POST", WIDGETS, widget(spec={}))
    media = "application/merge-patch+json"
    labels = await http.ok("PATCH", f"{WIDGETS}/w", {"metadata": {"labels": {"a": "b"}}}, media=media)
    status = await http.ok("PATCH", f"{WIDGETS}/w/status", {"status": {"x": 1}, "spec": {"size": 9}}, media=media)
    spec = await http.ok("PATCH", f"{WIDGETS}/w", {"spec": {"size": 4}, "status": {"x": 2}}, media=media)
    assert [one["metadata"]["generation"] for one in (labels, status, spec)] == [1, 1, 2]
    assert (spec["spec"], spec["status"]) == ({"size": 4}, {"x": 1})


@pytest.mark.usefixtures("widgets")
async def test_an_update_of_a_custom_resource_must_name_its_version(http: Any) -> None:
    await http.ok("POST", WIDGETS, widget(spec={}))
    answer = await http("PUT", f"{WIDGETS}/w", widget(spec={}))
    assert answer.body["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: 0: must be specified for an update",
            "field": "metadata.resourceVersion",
        }
    ]


@pytest.mark.usefixtures("widgets")
async def test_a_strategic_merge_patch_is_not_for_custom_resources(http: Any) -> None:
    await http.ok("POST", WIDGETS, widget(spec={}))
    answer = await http("PATCH", f"{WIDGETS}/w", {}, media="application/strategic-merge-patch+json")
    assert answer.status == 415


@pytest.mark.usefixtures("widgets")
async def test_a_deleted_crd_takes_its_objects_along_and_is_served_no_more(http: Any) -> None:
    await http.ok("POST", WIDGETS, widget(spec={}))
    await http.ok("DELETE", f"{CRDS}/widgets.example.com")

    async def unserved() -> bool:
        return bool((await http("GET", WIDGETS)).status == 404)

    await until(unserved)
    assert (await http("GET", "/apis/example.com")).status == 404


@pytest.mark.usefixtures("widgets")
async def test_a_new_version_shows_the_same_objects(http: Any) -> None:
    await http.ok("POST", WIDGETS, widget(spec={}))
    live = await http.ok("GET", f"{CRDS}/widgets.example.com")
    live["spec"]["versions"].append(live["spec"]["versions"][0] | {"name": "v2", "storage": False})
    await http.ok("PUT", f"{CRDS}/widgets.example.com", live)
    path = "/apis/example.com/v2/namespaces/default/widgets"

    async def served() -> bool:
        return bool((await http("GET", path)).status == 200)

    await until(served)
    assert [item["apiVersion"] for item in (await http.ok("GET", path))["items"]] == ["example.com/v2"]


async def test_a_crd_that_cannot_be_served_is_refused(http: Any) -> None:
    body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x"}}
    answer = await http("POST", CRDS, body | {"spec": {}})
    assert (answer.status, [cause["field"] for cause in answer.body["details"]["causes"]]) == (
        422,
        [
            "spec.group",
            "spec.scope",
            "spec.names.plural",
            "spec.names.kind",
            "metadata.name",
            "spec.versions",
            "status.storedVersions",
        ],
    )


async def test_what_a_test_raises_is_not_wrapped() -> None:
    with pytest.raises(LookupError, match="mine"):
        async with ApiServer.start():
            raise LookupError("mine")
