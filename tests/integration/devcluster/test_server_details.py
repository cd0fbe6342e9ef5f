"""Smaller promises: rules of single kinds, forms of bodies and answers, webhooks that fail or do not apply."""

import io
from typing import Any

import pytest

BASE = "/api/v1/namespaces/default"
SETS = "/apis/apps/v1/namespaces/default/statefulsets"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
SET = {
    "metadata": {"name": "s"},
    "spec": {"serviceName": "s", "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
}


async def test_most_of_a_stateful_set_is_immutable(http: Any) -> None:
    await http.ok("POST", SETS, SET)
    refused = await http("PATCH", f"{SETS}/s", {"spec": {"serviceName": "other"}}, media=MERGE_PATCH)
    allowed = await http("PATCH", f"{SETS}/s", {"spec": {"replicas": 2}}, media=MERGE_PATCH)
    assert (refused.status, refused.body["details"]["causes"][0]["field"], allowed.status) == (422, "spec", 200)


async def test_an_immutable_secret_keeps_its_data(http: Any) -> None:
    secret = {"metadata": {"name": "s"}, "stringData": {"k": "v"}, "immutable": True}
    await http.ok("POST", f"{BASE}/secrets", secret)
    answer = await http("PATCH", f"{BASE}/secrets/s", {"stringData": {"k": "w"}}, media=MERGE_PATCH)
    assert answer.body["details"]["causes"][0]["message"] == ("Forbidden: field is immutable when `immutable` is set")


async def test_a_role_reference_is_immutable(http: Any) -> None:
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    await http.ok("POST", path, {"metadata": {"name": "b"}, "roleRef": role})
    answer = await http("PATCH", f"{path}/b", {"roleRef": role | {"name": "q"}}, media=MERGE_PATCH)
    assert (answer.status, answer.body["details"]["causes"][0]["field"]) == (422, "roleRef")


async def test_node_ports_survive_an_update_that_leaves_them_out(http: Any) -> None:
    body = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    created = await http.ok("POST", f"{BASE}/services", body)
    updated = await http.ok("PUT", f"{BASE}/services/s", body | {"metadata": {"name": "s", "labels": {"a": "b"}}})
    assert created["spec"]["ports"][0]["nodePort"] > 30000
    assert updated["spec"] == created["spec"]


async def test_a_claim_gets_the_default_class(http: Any) -> None:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    classes = "/apis/storage.k8s.io/v1/storageclasses"
    await http.ok("POST", classes, {"metadata": {"name": "std", "annotations": annotations}, "provisioner": "p"})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = await http.ok("POST", f"{BASE}/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": spec})
    assert claim["spec"]["storageClassName"] == "std"


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
    ],
)
async def test_the_quality_of_service_follows_resources(http: Any, resources: dict[str, Any], quality: str) -> None:
    spec = {"containers": [{"name": "c", "image": "i", "resources": resources}]}
    pod = await http.ok("POST", f"{BASE}/pods", {"metadata": {"name": "p"}, "spec": spec})
    assert pod["status"]["qosClass"] == quality


async def test_bodies_and_answers_in_yaml(http: Any) -> None:
    headers = {"Content-Type": "application/yaml", "Accept": "application/yaml"}
    data = "metadata: {name: a}\ndata: {k: v}\n"
    async with http.session.post(f"{BASE}/configmaps", data=data, headers=headers) as answer:
        created = await answer.text()
    async with http.session.get(f"{BASE}/configmaps", headers=headers) as answer:
        listed = await answer.text()
    assert "data:\n  k: v\n" in created
    assert "kind: ConfigMapList\n" in listed


@pytest.mark.parametrize(
    ("media", "data", "status"),
    [
        ("application/json", "", 400),
        ("application/json", "{", 400),
        ("application/json", "[]", 400),
        ("application/yaml", "{", 400),
        ("text/plain", "{}", 415),
        ("application/json", '{"metadata": 1}', 400),
        ("application/json", '{"metadata": null}', 422),
    ],
)
async def test_bodies_that_are_no_objects_are_refused(http: Any, media: str, data: str, status: int) -> None:
    headers = {"Content-Type": media}
    async with http.session.post(f"{BASE}/configmaps", data=data, headers=headers) as answer:
        assert answer.status == status


@pytest.mark.parametrize("data", ["{", "[]", "1"])
async def test_patches_that_are_no_objects_are_refused(http: Any, data: str) -> None:
    async with http.session.patch(f"{BASE}/configmaps/a", data=data, headers={"Content-Type": MERGE_PATCH}) as answer:
        assert answer.status == 400


async def test_a_body_beyond_the_limit_is_too_large(http: Any) -> None:
    body = io.BytesIO(b'{"data": {"k": "' + b"x" * 4_000_000 + b'"}}')
    headers = {"Content-Type": "application/json"}
    async with http.session.post(f"{BASE}/configmaps", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["reason"]) == (413, "RequestEntityTooLarge")


async def test_scale_by_put_and_json_patch(http: Any) -> None:
    await http.ok("POST", SETS, SET)
    put = await http.ok("PUT", f"{SETS}/s/scale", {"metadata": {"name": "s"}, "spec": {"replicas": 3}})
    patch = [{"op": "replace", "path": "/spec/replicas", "value": 4}]
    patched = await http.ok("PATCH", f"{SETS}/s/scale", patch, media=JSON_PATCH)
    assert (put["spec"], patched["spec"]) == ({"replicas": 3}, {"replicas": 4})


async def test_health_reviews_and_paths(http: Any) -> None:
    health = [(await http("GET", path)).body for path in ("/healthz", "/readyz", "/livez")]
    who = await http("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    token = await http("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "t"}})
    paths = (await http.ok("GET", "/"))["paths"]
    assert (health, "/apis/apps/v1" in paths) == (["ok"] * 3, True)
    assert (who.body["status"]["userInfo"]["username"], token.body["status"]["authenticated"]) == ("admin", True)


async def test_logs_are_empty_and_ports_must_be_known(http: Any) -> None:
    await http.ok("POST", f"{BASE}/pods", {"metadata": {"name": "p"}, "spec": TEMPLATE["spec"]})
    log = await http("GET", f"{BASE}/pods/p/log")
    unready = await http("GET", f"{BASE}/pods/p/proxy/")
    await http.ok("PATCH", f"{BASE}/pods/p/status", {"status": {"podIP": "127.0.0.1"}}, media=MERGE_PATCH)
    portless = await http("GET", f"{BASE}/pods/p/proxy/")
    wrong = await http("GET", f"{BASE}/pods/ftp:p:1/proxy/")
    assert (log.body, unready.status, portless.status, wrong.status) == ("", 503, 503, 400)


def hook(**more: Any) -> dict[str, Any]:
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    webhook = {
        "name": "w.example.com",
        "rules": [rule | more.pop("rule", {})],
        "clientConfig": {"url": "http://127.0.0.1:1/"},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {"metadata": {"name": "w"}, "webhooks": [webhook | more]}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 500),
        ({"failurePolicy": "Ignore"}, 201),
        ({"rule": {"resources": ["secrets"]}}, 201),
        ({"rule": {"resources": ["*"]}}, 500),
        ({"rule": {"scope": "Cluster"}}, 201),
        ({"rule": {"operations": ["UPDATE"]}}, 201),
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, 201),
        ({"namespaceSelector": {"matchLabels": {"a": "b"}}}, 201),
        ({"clientConfig": {"service": {"name": "s", "namespace": "n"}}}, 500),
    ],
)
async def test_webhooks_that_cannot_be_reached(http: Any, more: dict[str, Any], status: int) -> None:
    await http.ok("POST", HOOKS, hook(**more))
    answer = await http("POST", f"{BASE}/configmaps", {"metadata": {"name": "a"}})
    assert answer.status == status


async def test_a_table_is_watched_too(http: Any) -> None:
    accept = "application/json;as=Table;g=meta.k8s.io;v=v1"
    await http.ok("POST", f"{BASE}/configmaps", {"metadata": {"name": "a"}})
    one = await http("GET", f"{BASE}/configmaps/a", accept=accept)
    async with http.session.get(f"{BASE}/configmaps?watch=1&timeoutSeconds=1", headers={"Accept": accept}) as answer:
        lines = (await answer.text()).splitlines()
    assert (one.body["kind"], len(lines), '"kind":"Table"' in lines[0]) == ("Table", 1, True)
