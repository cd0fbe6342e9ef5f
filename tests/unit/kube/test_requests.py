import json
from typing import Any

import pytest

from vmop.kube import ApplyPatch, JsonPatch, MergePatch, ObjectKey, StrategicMergePatch, requests
from vmop.kube.patches import Patch
from vmop.kube.requests import PARTIAL_LIST, PARTIAL_OBJECT, Request
from vmop.kube.resources import CLUSTER_ROLE, CONFIG_MAP, DEPLOYMENT, LEASE, POD, SECRET

KEY = ObjectKey("obs", "a")
MANIFEST: dict[str, Any] = {"metadata": {"name": "a", "namespace": "obs"}}


def line(request: Request) -> str:
    """The request as one line: method, path and parameters."""
    query = "&".join(f"{name}={value}" for name, value in request.params)
    return f"{request.method} {request.path}" + (f"?{query}" if query else "")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (requests.get(DEPLOYMENT, KEY), "GET /apis/apps/v1/namespaces/obs/deployments/a"),
        (
            requests.get(DEPLOYMENT, KEY, subresource="scale"),
            "GET /apis/apps/v1/namespaces/obs/deployments/a/scale",
        ),
        (requests.list_page(POD), "GET /api/v1/pods"),
        (
            requests.list_page(
                POD,
                "obs",
                label_selector="a=b",
                field_selector="c!=d",
                limit=5,
                resource_version="0",
                resource_version_match="NotOlderThan",
            ),
            (
                "GET /api/v1/namespaces/obs/pods?labelSelector=a=b&fieldSelector=c!=d&limit=5&resourceVersion=0"
                "&resourceVersionMatch=NotOlderThan"
            ),
        ),
        (
            requests.list_page(POD, limit=5, continue_token="t", resource_version="7", resource_version_match="Exact"),
            "GET /api/v1/pods?limit=5&continue=t",
        ),
        (
            requests.watch(POD, resource_version="7", timeout_seconds=300),
            "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=300",
        ),
        (
            requests.watch(POD, "obs", send_initial_events=True, allow_bookmarks=False),
            (
                "GET /api/v1/namespaces/obs/pods?watch=true&allowWatchBookmarks=true"
                "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
            ),
        ),
        (requests.create(CONFIG_MAP, MANIFEST), "POST /api/v1/namespaces/obs/configmaps"),
        (
            requests.create(CONFIG_MAP, MANIFEST, dry_run=True, field_manager="m"),
            "POST /api/v1/namespaces/obs/configmaps?dryRun=All&fieldManager=m",
        ),
        (
            requests.replace(DEPLOYMENT, MANIFEST, subresource="status"),
            "PUT /apis/apps/v1/namespaces/obs/deployments/a/status",
        ),
        (
            requests.patch(CONFIG_MAP, KEY, ApplyPatch({}), field_manager="m", force=True),
            "PATCH /api/v1/namespaces/obs/configmaps/a?fieldManager=m&force=true",
        ),
        (requests.delete(POD, KEY), "DELETE /api/v1/namespaces/obs/pods/a"),
        (
            requests.delete_collection(POD, "obs", label_selector="a=b"),
            "DELETE /api/v1/namespaces/obs/pods?labelSelector=a=b",
        ),
        (requests.evict(KEY), "POST /api/v1/namespaces/obs/pods/a/eviction"),
        (
            requests.get(CLUSTER_ROLE, ObjectKey("", "r")),
            "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/r",
        ),
        (requests.raw("/version", params=(("timeout", "5s"),)), "GET /version?timeout=5s"),
        (
            requests.pod_proxy("GET", KEY, 8429, "/metrics", scheme="https"),
            "GET /api/v1/namespaces/obs/pods/https:a:8429/proxy/metrics",
        ),
        (
            requests.pod_proxy("POST", KEY, 8429, "/-/reload", params=(("x", "y"),)),
            "POST /api/v1/namespaces/obs/pods/a:8429/proxy/-/reload?x=y",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_verbs_become_requests(request_: Request, expected: str) -> None:
    assert line(request_) == expected


def test_partial_objects_are_asked_for_by_the_accept_header() -> None:
    assert requests.get(POD, KEY, metadata_only=True).accept == PARTIAL_OBJECT
    assert requests.watch(POD, metadata_only=True).accept == PARTIAL_OBJECT
    assert requests.list_page(POD, metadata_only=True).accept == PARTIAL_LIST


@pytest.mark.parametrize(
    ("patch", "content_type", "idempotent"),
    [
        (MergePatch({"a": None}), "application/merge-patch+json", True),
        (StrategicMergePatch({"a": None}), "application/strategic-merge-patch+json", True),
        (JsonPatch([{"op": "remove", "path": "/a"}]), "application/json-patch+json", False),
        (ApplyPatch({"a": 1}), "application/apply-patch+yaml", True),
    ],
)
def test_each_patch_has_its_content_type(patch: Patch, content_type: str, idempotent: bool) -> None:
    request = requests.patch(CONFIG_MAP, KEY, patch)
    assert (request.content_type, request.idempotent) == (content_type, idempotent)
    assert json.loads(request.body or b"") == patch.body


def test_only_an_apply_can_be_forced() -> None:
    with pytest.raises(ValueError, match="only a server-side apply can be forced"):
        requests.patch(CONFIG_MAP, KEY, MergePatch({}), force=True)


def test_delete_options() -> None:
    request = requests.delete(
        POD, KEY, propagation="Foreground", uid="u", resource_version="7", grace_seconds=0, dry_run=True
    )
    assert json.loads(request.body or b"") == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "u", "resourceVersion": "7"},
        "propagationPolicy": "Foreground",
        "gracePeriodSeconds": 0,
        "dryRun": ["All"],
    }


def test_an_eviction_carries_its_precondition() -> None:
    assert json.loads(requests.evict(KEY, uid="u", grace_seconds=5).body or b"") == {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "a", "namespace": "obs"},
        "deleteOptions": {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": "u"},
            "gracePeriodSeconds": 5,
        },
    }


def test_only_what_can_do_no_harm_twice_is_idempotent() -> None:
    assert {
        "get": requests.get(POD, KEY).idempotent,
        "replace": requests.replace(POD, MANIFEST).idempotent,
        "create": requests.create(POD, MANIFEST).idempotent,
        "delete by name": requests.delete(POD, KEY).idempotent,
        "delete by uid": requests.delete(POD, KEY, uid="u").idempotent,
        "delete collection": requests.delete_collection(POD, "obs").idempotent,
        "evict": requests.evict(KEY, uid="u").idempotent,
        "pod proxy": requests.pod_proxy("GET", KEY, 1, "/").idempotent,
    } == {
        "get": True,
        "replace": True,
        "create": False,
        "delete by name": False,
        "delete by uid": True,
        "delete collection": False,
        "evict": False,
        "pod proxy": False,
    }


def test_leases_pass_limit_and_fence() -> None:
    key = ObjectKey("obs", "lock")
    lease = {"metadata": {"name": "lock", "namespace": "obs"}}
    of_leases = requests.get(LEASE, key), requests.create(LEASE, lease), requests.replace(LEASE, lease)
    assert [request.urgent for request in of_leases] == [True, True, True]
    assert [requests.get(POD, KEY).urgent, requests.create(POD, MANIFEST).urgent] == [False, False]


def test_a_request_shows_no_body() -> None:
    manifest = MANIFEST | {"data": {"password": "aHVudGVyMg=="}}
    request = requests.create(SECRET, manifest)
    assert "aHVudGVyMg" not in repr(request)
    assert request.conceal
    assert "hunter2" not in repr(MergePatch({"stringData": {"password": "hunter2"}}))


def test_a_request_shows_no_query() -> None:
    request = requests.pod_proxy("GET", KEY, 8429, "/metrics", params=(("authKey", "hunter2"),))
    assert "hunter2" not in repr(request)
