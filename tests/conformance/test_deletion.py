"""How things go: finalizers, garbage collection in its three ways, namespaces, definitions, claims in use."""

import asyncio
from collections.abc import Iterable
from typing import Any

from tests.conformance.conftest import install
from tests.support.clusters import Http, Manifest

CLAIM: Manifest = {
    "metadata": {"name": "c"},
    "spec": {
        "storageClassName": "none",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    },
}


def definition(plural: str, kind: str) -> Manifest:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.deletion.example.com"},
        "spec": {
            "group": "deletion.example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


async def add(http: Http, name: str, *owners: Manifest, finalizers: Iterable[str] = ()) -> Manifest:
    """A secret with owners."""
    metadata = {"name": name, "ownerReferences": [reference(one) for one in owners], "finalizers": list(finalizers)}
    made = await http.ok("POST", "secrets", {"metadata": metadata})
    return made | {"apiVersion": "v1", "kind": "Secret"}


def reference(owner: Manifest) -> Manifest:
    metadata = owner["metadata"]
    named = {"name": metadata["name"], "uid": metadata["uid"], "blockOwnerDeletion": True}
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **named}


async def names(http: Http, path: str = "secrets") -> list[str]:
    return [item["metadata"]["name"] for item in (await http.ok("GET", path))["items"]]


async def become(http: Http, wanted: list[str], path: str = "secrets") -> None:
    """Wait until these objects are left."""
    async with asyncio.timeout(30):
        while await names(http, path) != wanted:
            await asyncio.sleep(0.05)


async def gone(http: Http, path: str) -> None:
    async with asyncio.timeout(30):
        while (await http("GET", path)).status != 404:
            await asyncio.sleep(0.05)


async def until(http: Http, path: str, field: str, wanted: Any) -> Manifest:
    """Wait until a field of metadata has a value."""
    async with asyncio.timeout(30):
        while True:
            found = await http.ok("GET", path)
            if found["metadata"].get(field) == wanted:
                return found
            await asyncio.sleep(0.05)


async def release(http: Http, path: str) -> None:
    await http.ok("PATCH", path, {"metadata": {"finalizers": None}}, kind="merge")


async def test_background_takes_dependents_afterwards(http: Http) -> None:
    owner = await add(http, "owner")
    child = await add(http, "child", owner)
    await add(http, "grandchild", child)
    await add(http, "other")
    answer = await http("DELETE", "secrets/owner", {"propagationPolicy": "Background"})
    assert (answer.status, answer.body["status"]) == (200, "Success")
    await become(http, ["other"])


async def test_background_is_the_default(http: Http) -> None:
    owner = await add(http, "owner")
    await add(http, "child", owner)
    await http.ok("DELETE", "secrets/owner")
    await become(http, [])


async def test_foreground_waits_for_dependents(http: Http) -> None:
    owner = await add(http, "owner")
    await add(http, "child", owner, finalizers=["x.y/z"])
    marked = await http.ok("DELETE", "secrets/owner", {"propagationPolicy": "Foreground"})
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    async with asyncio.timeout(30):
        while "deletionTimestamp" not in (await http.ok("GET", "secrets/child"))["metadata"]:
            await asyncio.sleep(0.05)
    assert await names(http) == ["child", "owner"]
    await release(http, "secrets/child")
    await become(http, [])


async def test_foreground_goes_through_all_generations(http: Http) -> None:
    owner = await add(http, "owner")
    child = await add(http, "child", owner)
    await add(http, "grandchild", child)
    await http.ok("DELETE", "secrets/owner", {"propagationPolicy": "Foreground"})
    await become(http, [])


async def test_orphans_stay_without_their_owner(http: Http) -> None:
    owner = await add(http, "owner")
    await add(http, "child", owner)
    marked = await http.ok("DELETE", "secrets/owner", {"propagationPolicy": "Orphan"})
    assert marked["metadata"]["finalizers"] == ["orphan"]
    await gone(http, "secrets/owner")
    assert "ownerReferences" not in (await http.ok("GET", "secrets/child"))["metadata"]


async def test_a_finalizer_holds_what_is_deleted(http: Http) -> None:
    await add(http, "a", finalizers=["x.y/z", "x.y/w"])
    marked = await http.ok("DELETE", "secrets/a")
    assert sorted(marked["metadata"]) == [
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "uid",
    ]
    again = await http.ok("DELETE", "secrets/a")
    assert again == marked
    await http.ok("PATCH", "secrets/a", {"metadata": {"finalizers": ["x.y/w"]}}, kind="merge")
    assert await names(http) == ["a"]
    await release(http, "secrets/a")
    assert await names(http) == []


async def test_what_is_being_deleted_can_still_be_changed(http: Http) -> None:
    await add(http, "a", finalizers=["x.y/z"])
    await http.ok("DELETE", "secrets/a")
    changed = await http.ok("PATCH", "secrets/a", {"data": {"k": "dg=="}}, kind="merge")
    assert changed["data"] == {"k": "dg=="}
    answer = await http("POST", "secrets", {"metadata": {"name": "a"}})
    assert (answer.status, answer.body["message"]) == (409, 'object is being deleted: secrets "a" already exists')


async def test_a_dependent_of_two_stays_until_both_are_gone(http: Http) -> None:
    one, two = await add(http, "one"), await add(http, "two")
    await add(http, "child", one, two)
    await http.ok("DELETE", "secrets/one")
    await until(http, "secrets/child", "ownerReferences", [reference(two)])
    await http.ok("DELETE", "secrets/two")
    await become(http, [])


async def test_an_owner_that_never_was_takes_its_dependent_along(http: Http) -> None:
    owner = await add(http, "owner")
    await http.ok("DELETE", "secrets/owner")
    await add(http, "child", owner)
    await become(http, [])


async def test_an_owner_of_a_kind_that_is_not_served_may_be_there(http: Http) -> None:
    made = await http.ok("POST", "secrets", {"metadata": {"name": "owner"}})
    await add(http, "child", made | {"apiVersion": "unknown.example.com/v1", "kind": "Unknown"})
    await http.ok("DELETE", "secrets/owner")
    await asyncio.sleep(1)
    assert await names(http) == ["child"]


async def test_an_owner_of_another_uid_is_none(http: Http) -> None:
    owner = await add(http, "owner")
    await http.ok("DELETE", "secrets/owner")
    await add(http, "owner")
    await add(http, "child", owner)
    await become(http, ["owner"])


async def test_a_dependent_that_was_adopted_goes_with_its_owner(http: Http) -> None:
    owner = await add(http, "owner")
    await add(http, "child")
    await http.ok("PATCH", "secrets/child", {"metadata": {"ownerReferences": [reference(owner)]}}, kind="merge")
    await http.ok("DELETE", "secrets/owner")
    await become(http, [])


async def test_a_dependent_that_was_released_stays(http: Http) -> None:
    owner = await add(http, "owner")
    await add(http, "child", owner)
    await http.ok("PATCH", "secrets/child", {"metadata": {"ownerReferences": None}}, kind="merge")
    await http.ok("DELETE", "secrets/owner", {"propagationPolicy": "Foreground"})
    await gone(http, "secrets/owner")
    assert await names(http) == ["child"]


async def test_dependents_are_of_any_kind(http: Http) -> None:
    owner = await add(http, "owner")
    metadata = {"name": "child", "ownerReferences": [reference(owner)]}
    await http.ok("POST", "services", {"metadata": metadata, "spec": {"ports": [{"port": 80}]}})
    await http.ok("POST", "serviceaccounts", {"metadata": metadata})
    await http.ok("POST", "rbac.authorization.k8s.io/v1/roles", {"metadata": metadata, "rules": []})
    await http.ok("DELETE", "secrets/owner")
    for path in ("services", "serviceaccounts", "rbac.authorization.k8s.io/v1/roles"):
        await gone(http, f"{path}/child")


async def test_cluster_scoped_owners_take_namespaced_dependents_along(http: Http) -> None:
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    owner = await http.ok("POST", path, {"metadata": {"name": http.namespace}, "rules": []})
    await add(http, "child", owner)
    await http.ok("DELETE", f"{path}/{http.namespace}")
    await become(http, [])


async def test_custom_owners_take_dependents_along(http: Http) -> None:
    await install(http, definition("owners", "Owner"))
    path = "deletion.example.com/v1/owners"
    body = {"apiVersion": "deletion.example.com/v1", "kind": "Owner", "metadata": {"name": "owner"}}
    owner = await http.ok("POST", path, body)
    child = await add(http, "child", owner)
    await http.ok("POST", path, body | {"metadata": {"name": "below", "ownerReferences": [reference(child)]}})
    await http.ok("DELETE", f"{path}/owner", {"propagationPolicy": "Foreground"})
    await become(http, [])
    await become(http, [], path)


async def test_a_namespace_goes_with_what_is_in_it(http: Http) -> None:
    await add(http, "a", finalizers=["x.y/z"])
    await add(http, "b")
    answer = await http("DELETE", f"/api/v1/namespaces/{http.namespace}")
    assert (answer.status, answer.body["status"]["phase"]) == (200, "Terminating")
    await become(http, ["a"])
    refused = await http("POST", "secrets", {"metadata": {"name": "c"}})
    assert (refused.status, refused.body["details"]["causes"]) == (
        403,
        [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {http.namespace} is being terminated",
                "field": "metadata.namespace",
            }
        ],
    )
    await release(http, "secrets/a")
    await gone(http, f"/api/v1/namespaces/{http.namespace}")


async def test_a_definition_goes_with_its_objects(http: Http) -> None:
    unique = "d" + http.namespace.replace("-", "")
    made = definition(unique, unique.capitalize())
    await install(http, made)
    path = f"deletion.example.com/v1/{unique}"
    body = {"apiVersion": "deletion.example.com/v1", "kind": unique.capitalize(), "metadata": {"name": "a"}}
    await http.ok("POST", path, body)
    crd = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{unique}.deletion.example.com"
    await http.ok("DELETE", crd)
    await gone(http, crd)
    await gone(http, path)
    await install(http, made)
    assert await names(http, path) == []


async def test_a_claim_in_use_stays_until_its_pod_is_gone(http: Http) -> None:
    made = await http.ok("POST", "persistentvolumeclaims", CLAIM)
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    spec = {"nodeName": "nowhere", "containers": [{"name": "c", "image": "i"}], "volumes": volumes}
    await http.ok("POST", "pods", {"metadata": {"name": "p"}, "spec": spec})
    marked = await http.ok("DELETE", "persistentvolumeclaims/c")
    assert marked["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    await asyncio.sleep(0.5)
    assert await names(http, "persistentvolumeclaims") == ["c"]
    await http.ok("DELETE", "pods/p", {"gracePeriodSeconds": 0})
    await become(http, [], "persistentvolumeclaims")


async def test_a_claim_that_nobody_uses_goes_at_once(http: Http) -> None:
    await http.ok("POST", "persistentvolumeclaims", CLAIM)
    await http.ok("DELETE", "persistentvolumeclaims/c")
    await become(http, [], "persistentvolumeclaims")


async def test_a_running_pod_has_time_to_end(http: Http) -> None:
    spec = {"nodeName": "nowhere", "terminationGracePeriodSeconds": 20, "containers": [{"name": "c", "image": "i"}]}
    await http.ok("POST", "pods", {"metadata": {"name": "p"}, "spec": spec})
    marked = await http.ok("DELETE", "pods/p")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 20
    shorter = await http.ok("DELETE", "pods/p", {"gracePeriodSeconds": 5})
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
    longer = await http.ok("DELETE", "pods/p", {"gracePeriodSeconds": 9})
    assert longer["metadata"]["deletionGracePeriodSeconds"] == 5
    await http.ok("DELETE", "pods/p", {"gracePeriodSeconds": 0})
    assert await names(http, "pods") == []


async def test_a_pod_without_a_node_goes_at_once(http: Http) -> None:
    await http.ok("POST", "pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    await http.ok("DELETE", "pods/p")
    assert await names(http, "pods") == []
