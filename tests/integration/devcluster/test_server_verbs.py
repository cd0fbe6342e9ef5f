"""Create, read, update, patch and delete over HTTP."""

from typing import Any

from vmop.devcluster.server import ApiServer

MAPS = "/api/v1/namespaces/default/configmaps"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


def config_map(name: str = "a", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def test_a_created_object_has_uid_version_and_owner(http: Any) -> None:
    created = await http.ok("POST", MAPS, config_map(k="v"))
    metadata = created["metadata"]
    (entry,) = metadata.pop("managedFields")
    assert created == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a",
            "namespace": "default",
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "data": {"k": "v"},
    }
    assert (entry["manager"], entry["operation"], entry["fieldsV1"]) == (
        "tester",
        "Update",
        {"f:data": {".": {}, "f:k": {}}},
    )


async def test_a_second_create_already_exists(http: Any) -> None:
    await http.ok("POST", MAPS, config_map())
    answer = await http("POST", MAPS, config_map())
    assert (answer.status, answer.body) == (
        409,
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": 'configmaps "a" already exists',
            "reason": "AlreadyExists",
            "details": {"name": "a", "kind": "configmaps"},
            "code": 409,
        },
    )


async def test_a_generated_name_keeps_its_prefix(http: Any) -> None:
    body = {"metadata": {"generateName": "gen-"}}
    names = {(await http.ok("POST", MAPS, body))["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("gen-") and len(name) == 9 for name in names)


async def test_dry_run_stores_nothing(http: Any, server: ApiServer) -> None:
    version = server.storage.version
    answer = await http("POST", f"{MAPS}?dryRun=All", config_map())
    assert answer.status == 201
    assert "resourceVersion" not in answer.body["metadata"]
    assert server.storage.version == version


async def test_an_update_of_an_old_version_conflicts(http: Any) -> None:
    created = await http.ok("POST", MAPS, config_map(k="1"))
    await http.ok("PUT", f"{MAPS}/a", created | {"data": {"k": "2"}})
    answer = await http("PUT", f"{MAPS}/a", created | {"data": {"k": "3"}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")


async def test_an_update_that_changes_nothing_keeps_the_version(http: Any) -> None:
    created = await http.ok("POST", MAPS, config_map(k="1"))
    assert await http.ok("PUT", f"{MAPS}/a", created) == created


async def test_a_failed_test_of_a_json_patch_is_invalid(http: Any) -> None:
    await http.ok("POST", MAPS, config_map())
    patch = [{"op": "test", "path": "/metadata/uid", "value": "other"}]
    answer = await http("PATCH", f"{MAPS}/a", patch, media=JSON_PATCH)
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")


async def test_a_json_patch_of_a_missing_object_is_not_found(http: Any) -> None:
    answer = await http("PATCH", f"{MAPS}/a", [], media=JSON_PATCH)
    assert (answer.status, answer.body["reason"]) == (404, "NotFound")


async def test_apply_creates_when_absent_whatever_version_it_names(http: Any) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "resourceVersion": "1"}}
    first = await http("PATCH", f"{MAPS}/a?fieldManager=vmop", body, media=APPLY)
    second = await http("PATCH", f"{MAPS}/a?fieldManager=vmop", body, media=APPLY)
    assert (first.status, second.status, second.body["reason"]) == (201, 409, "Conflict")


async def test_apply_with_the_uid_of_a_missing_object_conflicts(http: Any) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "uid": "gone"}}
    answer = await http("PATCH", f"{MAPS}/a?fieldManager=vmop", body, media=APPLY)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")


async def test_apply_without_force_names_the_conflict(http: Any) -> None:
    await http.ok("POST", MAPS, config_map(k="v"))
    answer = await http("PATCH", f"{MAPS}/a?fieldManager=vmop", config_map(k="other"), media=APPLY)
    assert answer.status == 409
    assert answer.body["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "tester" using v1', "field": ".data.k"}
    ]


async def test_an_applied_field_that_is_left_out_later_goes(http: Any) -> None:
    await http.ok("PATCH", f"{MAPS}/a?fieldManager=vmop", config_map(k="1", z="2"), media=APPLY)
    applied = await http.ok("PATCH", f"{MAPS}/a?fieldManager=vmop", config_map(k="1"), media=APPLY)
    assert applied["data"] == {"k": "1"}


async def test_apply_of_repeated_list_keys_is_a_500(http: Any) -> None:
    container = {"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [container]},
    }
    answer = await http("PATCH", "/api/v1/namespaces/default/pods/p?fieldManager=vmop", body, media=APPLY)
    assert answer.status == 500
    assert "duplicate entries for key" in answer.body["message"]


async def test_a_finalizer_holds_a_deleted_object(http: Any) -> None:
    body = config_map()
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await http.ok("POST", MAPS, body)
    held = await http.ok("DELETE", f"{MAPS}/a")
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    again = await http("POST", MAPS, config_map())
    assert again.body["message"] == 'object is being deleted: configmaps "a" already exists'
    await http.ok("PATCH", f"{MAPS}/a", {"metadata": {"finalizers": None}}, media=MERGE_PATCH)
    assert (await http("GET", f"{MAPS}/a")).status == 404


async def test_no_finalizer_can_be_added_to_a_deleted_object(http: Any) -> None:
    body = config_map()
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await http.ok("POST", MAPS, body)
    await http.ok("DELETE", f"{MAPS}/a")
    patch = {"metadata": {"finalizers": ["example.com/hold", "example.com/new"]}}
    answer = await http("PATCH", f"{MAPS}/a", patch, media=MERGE_PATCH)
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")


async def test_a_delete_with_another_uid_conflicts(http: Any) -> None:
    await http.ok("POST", MAPS, config_map())
    answer = await http("DELETE", f"{MAPS}/a", {"preconditions": {"uid": "other"}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")


async def test_a_running_pod_is_deleted_gracefully(http: Any) -> None:
    pods = "/api/v1/namespaces/default/pods"
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
    await http.ok("POST", pods, {"metadata": {"name": "p"}, "spec": spec})
    marked = await http.ok("DELETE", f"{pods}/p")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    await http.ok("DELETE", f"{pods}/p", {"gracePeriodSeconds": 0})
    assert (await http("GET", f"{pods}/p")).status == 404


async def test_deleting_a_collection_spares_what_is_not_selected(http: Any) -> None:
    for name in ("a", "b"):
        body = config_map(name)
        body["metadata"]["labels"] = {"name": name}
        await http.ok("POST", MAPS, body)
    deleted = await http.ok("DELETE", f"{MAPS}?labelSelector=name%3Da")
    left = await http.ok("GET", MAPS)
    names = [[item["metadata"]["name"] for item in one["items"]] for one in (deleted, left)]
    assert names == [["a"], ["b"]]


async def test_the_namespace_must_exist(http: Any) -> None:
    answer = await http("POST", "/api/v1/namespaces/none/configmaps", config_map())
    assert answer.body["message"] == 'namespaces "none" not found'


async def test_strict_validation_names_unknown_fields(http: Any) -> None:
    answer = await http("POST", f"{MAPS}?fieldValidation=Strict", config_map() | {"dat": {}})
    assert answer.status == 400
    assert answer.body["message"].endswith('strict decoding error: unknown field "dat"')


async def test_scale_changes_replicas_and_generation(http: Any) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    await http.ok("POST", path, {"metadata": {"name": "d"}, "spec": spec})
    scale = await http.ok("PATCH", f"{path}/d/scale", {"spec": {"replicas": 4}}, media=MERGE_PATCH)
    assert (scale["spec"], scale["status"]) == ({"replicas": 4}, {"replicas": 0, "selector": "a=b"})
    live = await http.ok("GET", f"{path}/d")
    assert (live["spec"]["replicas"], live["metadata"]["generation"]) == (4, 2)


async def test_a_write_of_the_status_changes_nothing_else(http: Any) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    await http.ok("POST", path, {"metadata": {"name": "d"}, "spec": spec})
    patch = {"spec": {"replicas": 9}, "status": {"replicas": 5}}
    live = await http.ok("PATCH", f"{path}/d/status", patch, media=MERGE_PATCH)
    assert (live["spec"]["replicas"], live["status"], live["metadata"]["generation"]) == (1, {"replicas": 5}, 1)


async def test_an_unknown_token_is_unauthorized(http: Any, server: ApiServer) -> None:
    async with http.session.get(MAPS, headers={"Authorization": "Bearer wrong"}) as answer:
        assert answer.status == 401
    token = server.add_user("somebody")
    async with http.session.get(MAPS, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 200


async def test_unknown_resources_versions_and_methods_are_told_apart(http: Any) -> None:
    asked = [("GET", "/api/v1/foos"), ("GET", "/apis/none/v1/foos"), ("POST", f"{MAPS}/a"), ("GET", "/nothing")]
    answers = [await http(*one) for one in asked]
    assert [answer.status for answer in answers] == [404, 404, 405, 404]


async def test_the_answer_can_be_metadata_only(http: Any) -> None:
    await http.ok("POST", MAPS, config_map(k="secret"))
    one = await http("GET", f"{MAPS}/a", accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
    many = await http("GET", MAPS, accept="application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
    assert (one.body["kind"], sorted(one.body)) == ("PartialObjectMetadata", ["apiVersion", "kind", "metadata"])
    assert many.body["kind"] == "PartialObjectMetadataList"
    assert many.body["items"] == [one.body]
