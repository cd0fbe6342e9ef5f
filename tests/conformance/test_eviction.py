"""Eviction: a pod goes only if its disruption budget can spare it."""

import asyncio
from typing import Any

from tests.support.clusters import Answer, Http, Manifest


async def pod(http: Http, name: str, *, ready: bool = True, **labels: str) -> Manifest:
    """A running pod on a node that is not there."""
    spec = {"nodeName": "nowhere", "containers": [{"name": "c", "image": "i"}]}
    made = await http.ok("POST", "pods", {"metadata": {"name": name, "labels": labels}, "spec": spec})
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {"phase": "Running", "conditions": [condition]}
    await http.ok("PATCH", f"pods/{name}/status", {"status": status}, kind="merge")
    return made


async def budget(http: Http, name: str, allowed: int, **spec: Any) -> None:
    """A budget for pods of app x, once the controller allows that many disruptions."""
    body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": "x"}}, **spec}}
    await http.ok("POST", "policy/v1/poddisruptionbudgets", body)
    await settled(http, name, allowed)


async def settled(http: Http, name: str, allowed: int) -> Manifest:
    async with asyncio.timeout(30):
        while True:
            found = await http.ok("GET", f"policy/v1/poddisruptionbudgets/{name}")
            status = found["status"]
            if status.get("observedGeneration") == 1 and status["disruptionsAllowed"] == allowed:
                return found
            await asyncio.sleep(0.05)


async def evict(http: Http, name: str, **options: Any) -> Answer:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}, **options}
    return await http("POST", f"pods/{name}/eviction", body)


async def test_a_pod_without_a_budget_is_deleted(http: Http) -> None:
    await pod(http, "p", app="x")
    answer = await evict(http, "p")
    assert (answer.status, answer.body) == (
        201,
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201},
    )
    assert "deletionTimestamp" in (await http.ok("GET", "pods/p"))["metadata"]


async def test_a_budget_allows_one_and_refuses_the_next(http: Http) -> None:
    for name in "pq":
        await pod(http, name, app="x")
    await budget(http, "b", 1, minAvailable=1)
    assert (await evict(http, "p")).status == 201
    refused = await evict(http, "q")
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    assert (refused.status, refused.body["reason"], refused.body["message"]) == (429, "TooManyRequests", message)
    assert [cause["reason"] for cause in refused.body["details"]["causes"]] == ["DisruptionBudget"]
    assert "deletionTimestamp" not in (await http.ok("GET", "pods/q"))["metadata"]


async def test_a_budget_that_needs_all_refuses_and_says_why(http: Http) -> None:
    await pod(http, "p", app="x")
    await budget(http, "b", 0, minAvailable=1)
    refused = await evict(http, "p")
    assert (refused.status, refused.body["details"]) == (
        429,
        {
            "causes": [
                {
                    "reason": "DisruptionBudget",
                    "message": "The disruption budget b needs 1 healthy pods and has 1 currently",
                }
            ]
        },
    )


async def test_pods_of_other_labels_are_free(http: Http) -> None:
    await pod(http, "p", app="x")
    await pod(http, "q", app="y")
    await budget(http, "b", 0, minAvailable=1)
    assert (await evict(http, "q")).status == 201


async def test_two_budgets_for_a_pod_are_an_error(http: Http) -> None:
    for name in "pq":
        await pod(http, name, app="x")
    await budget(http, "b", 1, minAvailable=1)
    await budget(http, "c", 1, minAvailable=1)
    answer = await evict(http, "p")
    assert (answer.status, answer.body["message"]) == (
        500,
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    )


async def test_a_pod_that_is_not_ready_may_go_when_enough_are(http: Http) -> None:
    await pod(http, "p", app="x")
    await pod(http, "q", app="x", ready=False)
    await budget(http, "b", 0, minAvailable=1)
    assert (await evict(http, "q")).status == 201
    assert (await evict(http, "p")).status == 429


async def test_a_pod_that_is_not_ready_may_always_go_where_the_budget_says_so(http: Http) -> None:
    await pod(http, "p", app="x", ready=False)
    await budget(http, "b", 0, minAvailable=1, unhealthyPodEvictionPolicy="AlwaysAllow")
    assert (await evict(http, "p")).status == 201


async def test_a_pending_pod_needs_no_budget(http: Http) -> None:
    spec = {"containers": [{"name": "c", "image": "i"}]}
    await http.ok("POST", "pods", {"metadata": {"name": "p", "labels": {"app": "x"}}, "spec": spec})
    await budget(http, "b", 0, minAvailable=1)
    assert (await evict(http, "p")).status == 201
    assert (await http("GET", "pods/p")).status == 404


async def test_a_dry_run_evicts_nobody(http: Http) -> None:
    await pod(http, "p", app="x")
    assert (await evict(http, "p", deleteOptions={"dryRun": ["All"]})).status == 201
    assert "deletionTimestamp" not in (await http.ok("GET", "pods/p"))["metadata"]


async def test_an_eviction_of_another_uid_is_a_conflict(http: Http) -> None:
    await pod(http, "p", app="x")
    answer = await evict(http, "p", deleteOptions={"preconditions": {"uid": "another"}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")


async def test_an_eviction_of_a_missing_pod(http: Http) -> None:
    answer = await evict(http, "p")
    assert (answer.status, answer.body["reason"]) == (404, "NotFound")
