"""Eviction, binding, proxy, reviews; discovery; webhooks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from vmop.devcluster.server import ApiServer

BASE = "/api/v1/namespaces/default"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
MERGE_PATCH = "application/merge-patch+json"
EVICTION = {"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p"}}


async def running_pod(http: Any, address: str = "127.0.0.1", port: int = 80) -> dict[str, Any]:
    container = {"name": "c", "image": "i", "ports": [{"containerPort": port}]}
    body = {"metadata": {"name": "p", "labels": {"app": "x"}}, "spec": {"nodeName": "n", "containers": [container]}}
    await http.ok("POST", f"{BASE}/pods", body)
    status = {"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}]}
    pod: dict[str, Any] = await http.ok("PATCH", f"{BASE}/pods/p/status", {"status": status}, media=MERGE_PATCH)
    return pod


async def budget(http: Any, allowed: int) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}
    await http.ok("POST", BUDGETS, {"metadata": {"name": "b"}, "spec": spec})
    status = {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 1}
    await http.ok("PATCH", f"{BUDGETS}/b/status", {"status": status | {"expectedPods": 1}}, media=MERGE_PATCH)


async def test_an_eviction_deletes_gracefully(http: Any) -> None:
    await running_pod(http)
    answer = await http("POST", f"{BASE}/pods/p/eviction", EVICTION)
    assert (answer.status, answer.body["status"]) == (201, "Success")
    assert "deletionTimestamp" in (await http.ok("GET", f"{BASE}/pods/p"))["metadata"]


async def test_an_exhausted_budget_forbids_an_eviction(http: Any) -> None:
    await running_pod(http)
    await budget(http, 0)
    answer = await http("POST", f"{BASE}/pods/p/eviction", EVICTION)
    assert (answer.status, answer.body["message"], answer.body["details"]) == (
        429,
        "Cannot evict pod as it would violate the pod's disruption budget.",
        {
            "causes": [
                {
                    "reason": "DisruptionBudget",
                    "message": "The disruption budget b needs 1 healthy pods and has 1 currently",
                }
            ]
        },
    )


async def test_an_eviction_uses_the_budget(http: Any) -> None:
    await running_pod(http)
    await budget(http, 1)
    assert (await http("POST", f"{BASE}/pods/p/eviction", EVICTION)).status == 201
    status = (await http.ok("GET", f"{BUDGETS}/b"))["status"]
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["p"])


async def test_an_eviction_of_another_uid_conflicts(http: Any) -> None:
    await running_pod(http)
    body = EVICTION | {"deleteOptions": {"preconditions": {"uid": "other"}}}
    assert (await http("POST", f"{BASE}/pods/p/eviction", body)).status == 409


async def test_a_binding_schedules_a_pod_once(http: Any) -> None:
    body = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await http.ok("POST", f"{BASE}/pods", body)
    binding = {"kind": "Binding", "apiVersion": "v1", "metadata": {"name": "p"}, "target": {"name": "n"}}
    first = await http("POST", f"{BASE}/pods/p/binding", binding)
    second = await http("POST", f"{BASE}/pods/p/binding", binding)
    pod = await http.ok("GET", f"{BASE}/pods/p")
    assert (first.status, second.status, pod["spec"]["nodeName"]) == (201, 409, "n")


@pytest.fixture
async def workload() -> AsyncIterator[int]:
    """The port of a program that answers with what it was asked."""

    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.method} {request.path_qs}", status=202)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_the_proxy_reaches_a_pod(http: Any, workload: int) -> None:
    await running_pod(http, port=workload)
    named = await http("GET", f"{BASE}/pods/p:{workload}/proxy/metrics?a=b")
    default = await http("POST", f"{BASE}/pods/p/proxy/-/reload")
    assert (named.status, named.body) == (202, "GET /metrics?a=b")
    assert (default.status, default.body) == (202, "POST /-/reload")


async def test_the_proxy_of_a_pod_that_does_not_answer_is_unavailable(http: Any) -> None:
    await running_pod(http, port=1)
    answer = await http("GET", f"{BASE}/pods/p/proxy/")
    assert (answer.status, answer.body["reason"]) == (503, "ServiceUnavailable")


async def test_an_access_review_allows(http: Any) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    spec = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    answer = await http("POST", path, {"spec": spec})
    assert (answer.status, answer.body["status"]) == (201, {"allowed": True})


async def test_both_forms_of_discovery_list_the_same_resources(http: Any) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    aggregated = {}
    for path in ("/api", "/apis"):
        for group in (await http("GET", path, accept=accept)).body["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                aggregated[name, version["version"]] = sorted(one["resource"] for one in version["resources"])
    plain = {("", "v1"): "/api/v1"}
    for group in (await http.ok("GET", "/apis"))["groups"]:
        for version in group["versions"]:
            plain[group["name"], version["version"]] = f"/apis/{version['groupVersion']}"
    listed = {}
    for key, path in plain.items():
        names = [one["name"] for one in (await http.ok("GET", path))["resources"]]
        listed[key] = sorted(name for name in names if "/" not in name)
    assert listed == aggregated


async def test_the_version_is_that_of_the_real_one(http: Any) -> None:
    version = await http.ok("GET", "/version")
    assert (version["gitVersion"], version["major"], version["minor"]) == ("v1.36.3", "1", "36")


@pytest.fixture
async def webhook(http: Any) -> AsyncIterator[list[dict[str, Any]]]:
    """A webhook that denies config maps with data `no`; what it was asked."""
    reviews: list[dict[str, Any]] = []

    async def review(request: web.Request) -> web.Response:
        asked = (await request.json())["request"]
        reviews.append(asked)
        allowed = "no" not in ((asked["object"] or {}).get("data") or {})
        response: dict[str, Any] = {"uid": asked["uid"], "allowed": allowed}
        if not allowed:
            response["status"] = {"code": 422, "reason": "Invalid", "message": "no is not allowed"}
        return web.json_response({"response": response})

    app = web.Application()
    app.router.add_post("/", review)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    rule = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    config = {
        "name": "deny.example.com",
        "rules": [rule],
        "clientConfig": {"url": f"http://127.0.0.1:{runner.addresses[0][1]}/"},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    await http.ok("POST", path, {"metadata": {"name": "deny"}, "webhooks": [config]})
    yield reviews
    await runner.cleanup()


async def test_a_webhook_refuses_a_write(http: Any, webhook: list[dict[str, Any]], server: ApiServer) -> None:
    version = server.storage.version
    answer = await http("POST", f"{BASE}/configmaps", {"metadata": {"name": "a"}, "data": {"no": ""}})
    assert (answer.status, answer.body["message"]) == (
        422,
        'admission webhook "deny.example.com" denied the request: no is not allowed',
    )
    assert [(one["operation"], one["name"], one["dryRun"]) for one in webhook] == [("CREATE", "a", False)]
    assert server.storage.version == version


async def test_a_webhook_sees_both_states_of_an_update(http: Any, webhook: list[dict[str, Any]]) -> None:
    await http.ok("POST", f"{BASE}/configmaps", {"metadata": {"name": "a"}, "data": {"k": "1"}})
    await http.ok("PATCH", f"{BASE}/configmaps/a", {"data": {"k": "2"}}, media=MERGE_PATCH)
    seen = [(one["operation"], (one["oldObject"] or {}).get("data"), one["object"]["data"]) for one in webhook]
    assert seen == [("CREATE", None, {"k": "1"}), ("UPDATE", {"k": "1"}, {"k": "2"})]
