"""The same random requests on the real server and through the library give the same objects, owners and refusals."""

import asyncio
import copy
import http.client
import json
import os
import random
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from vmop.devcluster import schema
from vmop.devcluster.controlplane import ControlPlane, ControlPlaneMissing, find_assets
from vmop.devcluster.schema import FieldSet, Manifest

pytestmark = pytest.mark.real

ASSETS: Final = Path(__file__).parents[4] / "hack" / "bin"
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
STATUS: Final = FieldSet([("f:status",)])
ALL_BUT_STATUS: Final = FieldSet([("f:spec",), ("f:metadata",)])
SERVER_METADATA: Final = ("uid", "resourceVersion", "creationTimestamp", "generation", "namespace")
ALLOCATED: Final = ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"

STRING: Final[Manifest] = {"type": "string"}
STRINGS: Final[Manifest] = {"type": "object", "additionalProperties": STRING}
PORT: Final[Manifest] = {
    "type": "object",
    "required": ["port"],
    "properties": {
        "port": {"type": "integer"},
        "protocol": {"type": "string", "default": "TCP"},
        "name": STRING,
        "labels": STRINGS,
    },
}
CONDITION: Final[Manifest] = {"type": "object", "required": ["type"], "properties": {"type": STRING, "status": STRING}}
THING: Final[Manifest] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "replicas": {"type": "integer", "default": 1},
                "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port", "protocol"],
                    "items": PORT,
                },
                "zones": {"type": "array", "x-kubernetes-list-type": "set", "items": STRING},
                "args": {"type": "array", "items": STRING},
                "selector": {
                    "type": "object",
                    "x-kubernetes-map-type": "atomic",
                    "properties": {"matchLabels": STRINGS},
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "insert": {
                    "type": "object",
                    "properties": {
                        "replicaCount": {"type": "integer"},
                        "extra": STRINGS,
                        "cpu": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, STRING]},
                    },
                },
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "replicas": {"type": "integer"},
                "conditions": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                    "items": CONDITION,
                },
            },
        },
    },
}
CRD: Final[Manifest] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.schema.example.com"},
    "spec": {
        "group": "schema.example.com",
        "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": THING},
            }
        ],
    },
}


def builtin(group: str, version: str, kind: str) -> schema.Type:
    found = schema.builtin_type(group, version, kind)
    assert found is not None
    return found


KINDS: Final[dict[str, tuple[str, str, schema.Type]]] = {
    "Deployment": ("apps/v1", "apis/apps/v1", builtin("apps", "v1", "Deployment")),
    "StatefulSet": ("apps/v1", "apis/apps/v1", builtin("apps", "v1", "StatefulSet")),
    "Service": ("v1", "api/v1", builtin("", "v1", "Service")),
    "ConfigMap": ("v1", "api/v1", builtin("", "v1", "ConfigMap")),
    "Thing": ("schema.example.com/v1", "apis/schema.example.com/v1", schema.crd_type(THING)),
}


class Server:
    """The real API server over plain HTTP: no client of ours stands between the test and its answers."""

    def __init__(self, plane: ControlPlane) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._connection = http.client.HTTPSConnection(urlsplit(plane.url).netloc, context=context)
        self._token = plane.token

    def call(
        self, method: str, path: str, body: Manifest | None = None, kind: str = "application/json"
    ) -> tuple[int, Manifest]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind, "Accept": "application/json"}
        self._connection.request(method, "/" + path, body=json.dumps(body), headers=headers)
        response = self._connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text.startswith(b"{") else {"message": text.decode()}

    def close(self) -> None:
        self._connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A control plane of its own, in which no controller touches the objects of the test."""
    try:
        assets = find_assets(os.environ, ASSETS)
    except ControlPlaneMissing as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("control-plane")
    async with ControlPlane.start(folder, assets=assets, controllers=("bootstrap-signer-controller",)) as plane:
        made = Server(plane)
        made.call("POST", "apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)
        while made.call("GET", "apis/schema.example.com/v1/namespaces/default/things")[0] != 200:
            await asyncio.sleep(0.05)
        yield made
        made.close()


# Objects


class Some:
    """Random parts of manifests from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def maybe(self, chance: float, **fields: Callable[[], Any]) -> Manifest:
        return {name: make() for name, make in fields.items() if self.random.random() < chance}

    def of(self, *options: Any) -> Any:
        return copy.deepcopy(self.random.choice(options))

    def few(self, *options: Any, least: int = 0) -> list[Any]:
        return self.random.sample(options, self.random.randint(least, len(options)))

    def labels(self) -> Manifest:
        return {key: self.of("x", "y") for key in self.few("a", "b", "c")}

    def container(self, name: str) -> Manifest:
        return {"name": name, "image": self.of("i:1", "i", "j:latest")} | self.maybe(
            0.4,
            args=lambda: self.few("-a", "-b"),
            env=lambda: [{"name": name, "value": self.of("1", "")} for name in self.few("A", "B", "C")],
            ports=lambda: [
                {"containerPort": port} | self.maybe(0.4, protocol=lambda: self.of("TCP", "UDP"))
                for port in self.few(80, 81)
            ],
            resources=lambda: self.of({}, {"limits": {"cpu": self.of("1000m", "0.5"), "memory": "1024Mi"}}),
            securityContext=lambda: self.of({}, {"runAsUser": 0}, {"readOnlyRootFilesystem": False}),
            readinessProbe=lambda: {"httpGet": {"port": 80}} | self.maybe(0.5, periodSeconds=lambda: 3),
        )

    def template(self) -> Manifest:
        spec = {"containers": [self.container(name) for name in self.few("main", "side", "third", least=1)]}
        spec |= self.maybe(
            0.3,
            volumes=lambda: [{"name": "v"} | self.of({"emptyDir": {}}, {"secret": {"secretName": "s"}}, {})],
            nodeSelector=self.labels,
            serviceAccountName=lambda: "sa",
            imagePullSecrets=lambda: [{"name": name} for name in self.few("p", "q")],
            tolerations=lambda: [{"key": "k", "operator": "Exists"}],
            terminationGracePeriodSeconds=lambda: self.of(0, 5),
            hostNetwork=lambda: False,
        )
        return {"metadata": {"labels": {"app": "x"} | self.labels()}, "spec": spec}

    def workload(self, kind: str) -> Manifest:
        spec = {"selector": {"matchLabels": {"app": "x"}}, "template": self.template()}
        spec |= self.maybe(0.5, replicas=lambda: self.of(0, 1, 2), minReadySeconds=lambda: self.of(0, 3))
        if kind == "Deployment":
            return spec | self.maybe(0.3, strategy=lambda: self.of({}, {"rollingUpdate": {"maxSurge": 1}}))
        strategies: tuple[Manifest, ...] = (
            {},
            {"type": "OnDelete"},
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
        )
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        return spec | {
            "serviceName": "svc",
            "updateStrategy": self.of(*strategies),
            "volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": claim}],
        }

    def service(self) -> Manifest:
        ports = [
            {"port": port, "name": f"p{port}"} | self.maybe(0.5, targetPort=lambda: self.of(9, "http"))
            for port in self.few(80, 81, 82, least=1)
        ]
        spec = {"clusterIP": "None", "ports": ports}
        return spec | self.maybe(0.5, selector=self.labels, publishNotReadyAddresses=lambda: self.of(True, False))

    def thing(self) -> Manifest:
        return self.maybe(
            0.5,
            replicas=lambda: self.of(0, 1, 2),
            mode=lambda: self.of("a", "b"),
            ports=lambda: [
                {"port": port}
                | self.maybe(0.4, protocol=lambda: "UDP", name=lambda: self.of("x", "y"), labels=self.labels)
                for port in self.few(1, 2, 3)
            ],
            zones=lambda: self.few("a", "b", "c"),
            args=lambda: self.few("a", "b"),
            selector=lambda: self.of({"matchLabels": self.labels()}, {}),
            free=lambda: {"a": self.of(1, "x", None, {"b": {"c": 1}}, [1, 2], {})},
            insert=lambda: self.maybe(
                0.5, replicaCount=lambda: self.of(0, 1), extra=self.labels, cpu=lambda: self.of(1, "1")
            ),
        )

    def content(self, kind: str) -> Manifest:
        match kind:
            case "ConfigMap":
                return self.maybe(0.6, data=self.labels, binaryData=lambda: {"bin": "AAEC"}, immutable=lambda: False)
            case "Service":
                return {"spec": self.service()}
            case "Thing":
                return {"spec": self.thing()}
        return {"spec": self.workload(kind)}

    def object(self, kind: str, name: str) -> Manifest:
        owners = [{"apiVersion": "a/v1", "kind": "Owner", "name": name, "uid": name} for name in self.few("o", "p")]
        metadata = self.maybe(0.5, labels=self.labels, annotations=self.labels, ownerReferences=lambda: owners)
        return {"apiVersion": KINDS[kind][0], "kind": kind, "metadata": {"name": name} | metadata} | self.content(kind)


# The comparison


class Both:
    """One object on the server, and what the library says it should be after each request."""

    def __init__(self, server: Server, kind: str, seed: int) -> None:
        self.server, self.kind, self.some = server, kind, Some(seed)
        self.place = KINDS[kind][2]
        self.name = f"{kind.lower()}-{seed}"
        self.collection = f"{KINDS[kind][1]}/namespaces/default/{kind.lower()}s"
        self.live: Manifest | None = None

    def step(self) -> None:
        manager = self.some.of("m1", "m2", "m3")
        operations = ["apply", "apply", "force", "put", "merge", "status" if self.kind == "Thing" else "strategic"]
        operation = self.some.of(*operations) if self.live is not None else self.some.of("apply", "put")
        match operation:
            case "apply" | "force":
                self.apply(manager, force=operation == "force")
            case "put":
                self.put(manager)
            case "status":
                self.status(manager)
            case _:
                self.patch(manager, MERGE if operation == "merge" else STRATEGIC)

    def apply(self, manager: str, *, force: bool) -> None:
        body = self.some.object(self.kind, self.name)
        query = f"fieldManager={manager}&force={str(force).lower()}"
        status, answer = self.server.call("PATCH", f"{self.collection}/{self.name}?{query}", body, APPLY)
        if status == 409:
            with pytest.raises(schema.ApplyConflict) as conflict:
                schema.apply(self.place, self.live, body, manager, force=force, now=NOW, ignored=STATUS)
            assert answer["message"] == str(conflict.value)
            # The server lists managers in no order.
            assert sorted(answer["details"]["causes"], key=causes_key) == sorted(conflict.value.causes, key=causes_key)
            return
        expected = schema.apply(self.place, self.live, body, manager, force=force, now=NOW, ignored=STATUS)
        self.compare(status, answer, schema.apply_defaults(self.place, expected))

    def put(self, manager: str) -> None:
        body = self.some.object(self.kind, self.name)
        if self.live is None:
            status, answer = self.server.call("POST", f"{self.collection}?fieldManager={manager}", body)
        else:
            body["metadata"]["resourceVersion"] = self.live["metadata"]["resourceVersion"]
            path = f"{self.collection}/{self.name}?fieldManager={manager}"
            status, answer = self.server.call("PUT", path, body)
        self.compare(status, answer, self.tracked(body, manager))

    def patch(self, manager: str, kind: str) -> None:
        assert self.live is not None
        body = self.some.object(self.kind, self.name)
        del body["apiVersion"], body["kind"]
        body["metadata"] |= self.some.maybe(0.2, labels=lambda: None, annotations=lambda: None)
        path = f"{self.collection}/{self.name}?fieldManager={manager}"
        status, answer = self.server.call("PATCH", path, body, kind)
        merged = (
            schema.merge_patch(self.live, body)
            if kind == MERGE
            else schema.strategic_merge(self.place, self.live, body)
        )
        self.compare(status, answer, self.tracked(merged, manager))

    def status(self, manager: str) -> None:
        """The status subresource: its own entries, and nothing else of the body counts."""
        assert self.live is not None
        conditions = [{"type": name, "status": self.some.of("True", "False")} for name in self.some.few("A", "B")]
        body = {"status": {"conditions": conditions} | self.some.maybe(0.5, replicas=lambda: 1)}
        path = f"{self.collection}/{self.name}/status?fieldManager={manager}"
        status, answer = self.server.call("PATCH", path, body, MERGE)
        merged = schema.apply_defaults(self.place, schema.merge_patch(self.live, body))
        tracked = schema.track_update(
            self.place, self.live, merged, manager, "Update", "status", NOW, ignored=ALL_BUT_STATUS
        )
        self.compare(status, answer, tracked)

    def tracked(self, body: Manifest, manager: str) -> Manifest:
        stored = schema.apply_defaults(self.place, schema.prune(self.place, body))
        if self.live is not None:
            kept = {key: self.live["metadata"][key] for key in SERVER_METADATA if key in self.live["metadata"]}
            stored["metadata"] |= kept
            stored |= {"status": self.live["status"]} if "status" in self.live else {}
        return schema.track_update(self.place, self.live, stored, manager, "Update", "", NOW, ignored=STATUS)

    def compare(self, status: int, answer: Manifest, expected: Manifest) -> None:
        if status == 422 and self.kind != "Thing":
            return  # what may not change on built-in kinds is checked by the server, not by the library
        if status == 422:
            found = schema.validate(self.place, expected, self.live)
            causes = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in found]
            assert sorted(answer["details"]["causes"], key=causes_key) == sorted(causes, key=causes_key)
            return
        assert status in (200, 201), answer
        assert comparable(answer) == comparable(expected)
        self.live = answer


def causes_key(cause: Manifest) -> tuple[str, str]:
    return cause["field"], cause["message"]


def comparable(manifest: Manifest) -> Manifest:
    """What both must agree on: without what the server counts, dates or allocates."""
    shown: Manifest = copy.deepcopy(manifest)
    for key in SERVER_METADATA:
        shown["metadata"].pop(key, None)
    for key in ALLOCATED:
        shown.get("spec", {}).pop(key, None)
    entries = shown["metadata"].pop("managedFields", [])
    for entry in entries:
        entry.pop("time", None)
        entry["fieldsV1"].get("f:spec", {}).pop("f:clusterIPs", None)
    shown["managers"] = sorted(entries, key=lambda entry: json.dumps(entry, sort_keys=True))
    return shown


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_random_requests_leave_the_same_object_and_the_same_owners(server: Server, kind: str, seed: int) -> None:
    both = Both(server, kind, seed)
    for _ in range(16):
        both.step()
