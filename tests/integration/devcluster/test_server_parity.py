"""The same requests to the dev cluster and to a real API server: the same answers.

What differs by nature (uids, versions, times, addresses, wording of parsers) is blanked; everything else must be equal.
"""

import re
import secrets
import ssl
from typing import Any

import aiohttp
import pytest

from vmop.devcluster.controlplane import ControlPlane
from vmop.devcluster.server import ApiServer

JSON = "application/json"
MERGE = "application/merge-patch+json"
PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
MAP: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap"}
TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "d"},
    "spec": {"paused": True, "replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
}
SCRIPTS: dict[str, list[tuple[Any, ...]]] = {
    "creates": [
        ("POST", "configmaps", {"metadata": {"name": "a"}, "data": {"k": "v"}}),
        ("POST", "configmaps", {"metadata": {"name": "a"}}),
        ("POST", "configmaps", {"metadata": {"name": "A_b"}}),
        ("POST", "configmaps", {"metadata": {}}),
        ("POST", "configmaps", {"metadata": {"namespace": "x", "name": "b"}}),
        ("POST", "configmaps", {"metadata": {"name": "rv", "resourceVersion": "5"}}),
        ("POST", "configmaps?dryRun=Foo", {"metadata": {"name": "b"}}),
        ("POST", "configmaps?fieldValidation=Strict", {"metadata": {"name": "b", "foo": 1}, "dat": {}}),
        ("POST", "configmaps/a", {}),
        ("POST", "secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}}),
        ("POST", "services", {"metadata": {"name": "h"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}),
        ("POST", "pods", {"metadata": {"name": "p"}, "spec": TEMPLATE["spec"]}),
        ("POST", "pods", {"metadata": {"name": "q"}, "spec": {"containers": []}}),
        (
            "POST",
            "persistentvolumeclaims",
            {
                "metadata": {"name": "c"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            },
        ),
    ],
    "updates": [
        ("PUT", "configmaps/z", {"metadata": {"name": "z"}}),
        ("POST", "configmaps", {"metadata": {"name": "a"}, "data": {"k": "v"}}),
        ("PUT", "configmaps/a", {"metadata": {"name": "b"}}),
        ("PUT", "configmaps/a", {"metadata": {"name": "a", "resourceVersion": "1"}}),
        ("PUT", "configmaps/a", {"metadata": {"name": "a", "uid": "xx"}}),
        ("PUT", "configmaps/a", {"metadata": {}}),
        ("PUT", "configmaps/a", {"metadata": {"name": "a"}, "data": {"k": "v", "z": "y"}}),
        ("PUT", "configmaps/a", {"metadata": {"name": "a", "managedFields": []}, "data": {"k": "v"}}),
        ("POST", "services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}),
        ("PATCH", "services/s", {"spec": {"clusterIP": "10.0.0.250"}}, MERGE),
        ("DELETE", "services/s", {}),
    ],
    "patches": [
        ("POST", "configmaps", {"metadata": {"name": "a"}, "data": {"k": "v"}}),
        ("PATCH", "configmaps/a", [{"op": "test", "path": "/metadata/uid", "value": "x"}], PATCH),
        ("PATCH", "configmaps/a", [{"op": "remove", "path": "/data/nope"}], PATCH),
        ("PATCH", "configmaps/a", [{"op": "foo", "path": "/x"}], PATCH),
        ("PATCH", "configmaps/a", {"op": "x"}, PATCH),
        ("PATCH", "configmaps/a", [{"op": "add", "path": "/data/n", "value": "1"}], PATCH),
        ("PATCH", "configmaps/a", {"metadata": {"resourceVersion": "1"}}, MERGE),
        ("PATCH", "configmaps/a", {"metadata": {"name": "other"}}, MERGE),
        ("PATCH", "configmaps/a", {"data": {"q": "r"}}, STRATEGIC),
        ("PATCH", "configmaps/a", {}, "text/plain"),
        ("PATCH", "configmaps/a", {}, APPLY),
    ],
    "applies": [
        ("POST", "configmaps", {"metadata": {"name": "a"}, "data": {"k": "v"}}),
        ("PATCH", "configmaps/a?fieldManager=m", MAP | {"metadata": {"name": "a"}, "data": {"k": "w"}}, APPLY),
        ("PATCH", "configmaps/a?fieldManager=m&force=1", MAP | {"metadata": {"name": "a"}, "data": {"k": "w"}}, APPLY),
        ("PATCH", "configmaps/a?fieldManager=m", MAP | {"metadata": {"name": "a"}, "data": {"l": "x"}}, APPLY),
        ("PATCH", "configmaps/a?fieldManager=m", MAP | {"metadata": {"name": "b"}}, APPLY),
        ("PATCH", "configmaps/a?fieldManager=m", MAP | {"metadata": {"name": "a", "managedFields": []}}, APPLY),
        ("PATCH", "configmaps/n?fieldManager=m", MAP | {"metadata": {"name": "n", "resourceVersion": "1"}}, APPLY),
        ("PATCH", "configmaps/n?fieldManager=m", MAP | {"metadata": {"name": "n", "resourceVersion": "1"}}, APPLY),
        ("PATCH", "configmaps/o?fieldManager=m", MAP | {"metadata": {"name": "o", "uid": "abc"}}, APPLY),
        ("PATCH", "configmaps/o?fieldManager=m", {"apiVersion": "v2", "kind": "ConfigMap"}, APPLY),
    ],
    "deletes": [
        ("DELETE", "configmaps/a", {}),
        ("POST", "configmaps", {"metadata": {"name": "a", "finalizers": ["x.y/z"], "generation": 7}}),
        ("DELETE", "configmaps/a", {"preconditions": {"uid": "x"}}),
        ("DELETE", "configmaps/a", {"preconditions": {"resourceVersion": "1"}}),
        ("DELETE", "configmaps/a", {"propagationPolicy": "Foo"}),
        ("DELETE", "configmaps/a", {"dryRun": ["All"]}),
        ("DELETE", "configmaps/a", {}),
        ("POST", "configmaps", {"metadata": {"name": "a"}}),
        ("PATCH", "configmaps/a", {"metadata": {"finalizers": []}}, MERGE),
        ("GET", "configmaps/a", None),
        ("POST", "pods", {"metadata": {"name": "p"}, "spec": {"nodeName": "n", **TEMPLATE["spec"]}}),
        ("PATCH", "pods/p/status", {"status": {"phase": "Running", "podIP": "1.2.3.4"}}, MERGE),
        ("DELETE", "pods/p", {"gracePeriodSeconds": 7}),
        ("DELETE", "pods/p", {"gracePeriodSeconds": 9}),
        ("DELETE", "pods/p", {"gracePeriodSeconds": 0}),
        ("POST", "pods/p/eviction", {"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p"}}),
    ],
    "workloads": [
        ("POST", "apps/v1/deployments?dryRun=All", DEPLOYMENT),
        ("POST", "apps/v1/deployments", {"metadata": {"name": "x"}, "spec": {}}),
        ("POST", "apps/v1/deployments", DEPLOYMENT),
        (
            "PATCH",
            "apps/v1/deployments/d",
            [
                {"op": "replace", "path": "/spec/selector/matchLabels/a", "value": "c"},
                {"op": "replace", "path": "/spec/template/metadata/labels/a", "value": "c"},
            ],
            PATCH,
        ),
        ("GET", "apps/v1/deployments/d/scale", None),
        ("PATCH", "apps/v1/deployments/d/scale", {"spec": {"replicas": -1}}, MERGE),
        ("PUT", "apps/v1/deployments/d/scale", {"metadata": {"name": "d", "resourceVersion": "1"}, "spec": {}}),
        ("GET", "apps/v1/deployments/d/nope", None),
        ("PUT", "coordination.k8s.io/v1/leases/l", {"metadata": {"name": "l"}, "spec": {}}),
    ],
}


def normal(value: Any) -> Any:
    match value:
        case dict():
            return {key: normal(one) for key, one in value.items() if key != "description"}
        case list():
            kept: list[Any] = []
            for one in map(normal, value):
                if one not in kept:  # the real server says a few things twice
                    kept.append(one)
            return kept
        case str():
            value = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", value)
            value = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", value)
            return re.sub(r"10\.\d+\.\d+\.\d+", "ADDRESS", value)
        case _:
            return value


async def run(url: str, token: str, script: list[tuple[Any, ...]], namespace: str) -> list[tuple[str, int, Any]]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "tester/1"}
    answers = []
    async with aiohttp.ClientSession(
        headers=headers, connector=aiohttp.TCPConnector(ssl=context, force_close=True)
    ) as session:
        await session.post(f"{url}/api/v1/namespaces", json={"metadata": {"name": namespace}})
        for method, path, body, *media in script:
            prefix = "/api/v1"
            tail = path
            if ".k8s.io/" in path or path.startswith("apps/"):
                group, version, tail = path.split("/", 2)
                prefix = f"/apis/{group}/{version}"
            async with session.request(
                method,
                f"{url}{prefix}/namespaces/{namespace}/{tail}",
                json=body,
                headers={"Content-Type": media[0] if media else JSON},
            ) as answer:
                found = normal(await answer.json(content_type=None))
            found.get("metadata", {}).pop("resourceVersion", None)
            found["message"] = re.sub(r"in record \(\d+\)|in scheme .*", "", found.get("message", ""))
            answers.append((f"{method} {path}", answer.status, found))
        await session.delete(f"{url}/api/v1/namespaces/{namespace}")
    return answers


@pytest.mark.real
@pytest.mark.parametrize("name", sorted(SCRIPTS))
async def test_answers_are_those_of_the_real_server(real_cluster: ControlPlane, server: ApiServer, name: str) -> None:
    namespace = f"parity-{secrets.token_hex(4)}"
    real = await run(real_cluster.url, real_cluster.token, SCRIPTS[name], namespace)
    ours = await run(server.url, server.token, SCRIPTS[name], namespace)
    assert ours == real
