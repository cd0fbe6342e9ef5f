"""Validating webhooks: a real HTTPS server that the cluster asks."""

import asyncio
import base64
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web

from tests.conformance.scripts import blanked
from tests.support.clusters import Http, Manifest

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@attrs.define
class Webhook:
    """The server: what it was asked, and what it says to a name."""

    url: str
    ca: bytes
    asked: list[Manifest] = attrs.field(factory=list)
    denied: dict[str, Manifest] = attrs.field(factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        review = await request.json()
        asked = review["request"]
        if request.path == "/broken":
            return web.Response(status=500)
        if asked["resource"]["resource"] != "configmaps":  # the probe, and what the cluster itself makes
            self.asked.append(asked)
        status = self.denied.get(asked["name"])
        response: Manifest = {"uid": asked["uid"], "allowed": status is None}
        if status is not None:
            response["status"] = status
        return web.json_response({"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": response})


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("webhook")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=webhook", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-keyout", str(folder / "key"), "-out", str(folder / "crt")),
        ],
        check=True,
        capture_output=True,
    )
    return folder / "crt", folder / "key"


@pytest.fixture
async def webhook(pair: tuple[Path, Path]) -> AsyncIterator[Webhook]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*pair)
    webhook = Webhook("", pair[0].read_bytes())
    application = web.Application()
    application.router.add_post("/{path:.*}", webhook.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    webhook.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield webhook
    await runner.cleanup()


async def configure(http: Http, webhook: Webhook, path: str = "/", **config: Any) -> None:
    """Have the cluster ask the webhook about secrets of this namespace; returns once it does."""
    scope = {"matchLabels": {"kubernetes.io/metadata.name": http.namespace}}
    ca = base64.b64encode(webhook.ca).decode()
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["secrets"]}
    hook = {
        "name": "check.example.com",
        "clientConfig": {"url": webhook.url + path, "caBundle": ca},
        "rules": [rule],
        "namespaceSelector": scope,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 5,
        **config,
    }
    probe = {**hook, "name": "probe.example.com", "clientConfig": {**hook["clientConfig"], "url": webhook.url + "/"}}
    probe |= {"failurePolicy": "Fail", "rules": [{**rule, "resources": ["configmaps"]}], "objectSelector": {}}
    webhook.denied["probe"] = {"message": "seen"}
    body = {"metadata": {"name": http.namespace}, "webhooks": [hook, probe]}
    await http.ok("POST", CONFIGURATIONS, body)
    async with asyncio.timeout(20):
        while (await http("POST", "configmaps?dryRun=All", {"metadata": {"name": "probe"}})).status != 400:
            await asyncio.sleep(0.05)


async def test_a_denied_write_is_refused_as_the_webhook_says(http: Http, webhook: Webhook) -> None:
    webhook.denied["a"] = {"code": 422, "reason": "Invalid", "message": "not a"}
    webhook.denied["b"] = {"message": "not b"}
    webhook.denied["c"] = {"reason": "why"}
    webhook.denied["d"] = {}
    await configure(http, webhook)
    answers = [await http("POST", "secrets", {"metadata": {"name": name}}) for name in "abcde"]
    prefix = 'admission webhook "check.example.com" denied the request'
    found = [(answer.status, answer.body.get("reason"), answer.body.get("message")) for answer in answers]
    assert found == [
        (422, "Invalid", f"{prefix}: not a"),
        (400, None, f"{prefix}: not b"),
        (400, "why", f"{prefix}: why"),
        (400, None, f"{prefix} without explanation"),
        (201, None, None),
    ]


async def test_a_webhook_is_told_what_is_asked(http: Http, webhook: Webhook) -> None:
    await configure(http, webhook)
    await http.ok("POST", "secrets?fieldManager=m", {"metadata": {"name": "a"}})
    (asked,) = webhook.asked
    obj = asked.pop("object")
    assert (obj["kind"], obj["apiVersion"], obj["metadata"]["name"], obj["type"]) == ("Secret", "v1", "a", "Opaque")
    asked["userInfo"] = asked["userInfo"]["username"]
    secret = {"group": "", "version": "v1"}
    assert blanked(asked, http.namespace) == {
        "uid": "UID",
        "kind": {**secret, "kind": "Secret"},
        "resource": {**secret, "resource": "secrets"},
        "requestKind": {**secret, "kind": "Secret"},
        "requestResource": {**secret, "resource": "secrets"},
        "name": "a",
        "namespace": "NAMESPACE",
        "operation": "CREATE",
        "userInfo": "admin",
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "m"},
    }


async def test_every_write_is_asked_about(http: Http, webhook: Webhook) -> None:
    await configure(http, webhook)
    await http.ok("POST", "secrets", {"metadata": {"name": "a"}, "data": {"k": "dg=="}})
    await http.ok("PUT", "secrets/a", {"metadata": {"name": "a"}, "data": {"l": "dg=="}})
    await http.ok("PATCH", "secrets/a?dryRun=All", {"data": {"m": "dg=="}}, kind="merge")
    applied = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}, "data": {"n": "dg=="}}
    await http.ok("PATCH", "secrets/b?fieldManager=m", applied, kind="apply")
    await http.ok("GET", "secrets/a")
    await http.ok("DELETE", "secrets/a")
    seen = [
        (
            asked["operation"],
            asked["name"],
            sorted((asked["object"] or {}).get("data", ())),
            sorted((asked["oldObject"] or {}).get("data", ())),
            asked["dryRun"],
            asked["options"]["kind"],
        )
        for asked in webhook.asked
    ]
    assert seen == [
        ("CREATE", "a", ["k"], [], False, "CreateOptions"),
        ("UPDATE", "a", ["l"], ["k"], False, "UpdateOptions"),
        ("UPDATE", "a", ["l", "m"], ["l"], True, "UpdateOptions"),
        ("CREATE", "b", ["n"], [], False, "CreateOptions"),
        ("DELETE", "a", [], ["l"], False, "DeleteOptions"),
    ]


async def test_rules_and_selectors_limit_what_is_asked(http: Http, webhook: Webhook) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["secrets"]}
    await configure(http, webhook, rules=[rule], objectSelector={"matchLabels": {"app": "x"}})
    await http.ok("POST", "secrets", {"metadata": {"name": "a", "labels": {"app": "x"}}})
    await http.ok("POST", "secrets", {"metadata": {"name": "b"}})
    for name in "ab":
        await http.ok("PATCH", f"secrets/{name}", {"data": {"m": "dg=="}}, kind="merge")
    await http.ok("PATCH", "secrets/a", {"metadata": {"labels": None}}, kind="merge")
    await http.ok("DELETE", "secrets/a")
    assert [(asked["operation"], asked["name"]) for asked in webhook.asked] == [("UPDATE", "a"), ("UPDATE", "a")]


async def test_a_broken_webhook_refuses_every_write(http: Http, webhook: Webhook) -> None:
    await configure(http, webhook, "/broken")
    answer = await http("POST", "secrets", {"metadata": {"name": "a"}})
    assert (answer.status, answer.body["reason"]) == (500, "InternalError")
    assert answer.body["message"].startswith(
        'Internal error occurred: failed calling webhook "check.example.com": failed to call webhook: '
    )


async def test_a_broken_webhook_may_be_ignored(http: Http, webhook: Webhook) -> None:
    await configure(http, webhook, "/broken", failurePolicy="Ignore")
    assert (await http("POST", "secrets", {"metadata": {"name": "a"}})).status == 201


async def test_a_webhook_sees_a_status_only_if_it_asks_for_it(http: Http, webhook: Webhook) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["services/status"]}
    await configure(http, webhook, rules=[rule])
    await http.ok("POST", "services", {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}})
    await http.ok("PATCH", "services/a", {"metadata": {"labels": {"x": "y"}}}, kind="merge")
    assert webhook.asked == []
    await http.ok("PATCH", "services/a/status", {"metadata": {"labels": {"x": "z"}}}, kind="merge")
    assert [(asked["subResource"], asked["requestSubResource"]) for asked in webhook.asked] == [("status", "status")]
