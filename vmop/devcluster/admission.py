"""Validating webhooks: before a write is stored, the webhooks that were configured for it are asked."""

import base64
import ssl
import uuid
from types import TracebackType

import aiohttp
import msgspec

from vmop.devcluster.registry import Registry, Served
from vmop.devcluster.requests import Call
from vmop.devcluster.selectors import selector_of
from vmop.devcluster.status import Manifest, StatusError, bad_request, internal
from vmop.devcluster.storage import GroupResource, Storage, StoredKey

_CONFIGURATIONS = GroupResource("admissionregistration.k8s.io", "validatingwebhookconfigurations")
_NAMESPACES = GroupResource("", "namespaces")


def _covers(rule: Manifest, call: Call, operation: str) -> bool:
    served = call.served
    resource = f"{served.plural}/{call.subresource}" if call.subresource else served.plural
    wanted = rule.get("resources") or ()
    if not any(one in (resource, "*/*") or (one == "*" and not call.subresource) for one in wanted):
        return False
    scope = rule.get("scope", "*")
    if scope != "*" and (scope == "Namespaced") is not served.namespaced:
        return False
    pairs = (("operations", operation), ("apiGroups", served.group), ("apiVersions", served.version))
    return all("*" in (rule.get(field) or ()) or value in (rule.get(field) or ()) for field, value in pairs)


class WebhookAdmission:
    """Asks the webhooks of every `ValidatingWebhookConfiguration`, in order of their names. Services are not resolved:
    a webhook is reached by `clientConfig.url`."""

    def __init__(self, storage: Storage, registry: Registry) -> None:
        self._storage = storage
        self._registry = registry
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "WebhookAdmission":
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def review(self, call: Call, operation: str, new: Manifest | None, old: Manifest | None) -> None:
        """Refuse the write as the first webhook that denies it says; 500 when one fails whose policy is Fail."""
        if self._storage.count(_CONFIGURATIONS) == 0 or call.served.group == _CONFIGURATIONS.group:
            return
        for stored in self._storage.objects(_CONFIGURATIONS):
            for webhook in stored.object.get("webhooks") or ():
                if any(self._applies(webhook, call, operation, one) for one in (new, old) if one):
                    await self._ask(webhook, call, operation, new, old)

    def _applies(self, webhook: Manifest, call: Call, operation: str, obj: Manifest) -> bool:
        if not any(_covers(rule, call, operation) for rule in webhook.get("rules") or ()):
            return False
        if not selector_of(webhook.get("objectSelector") or {})(obj["metadata"].get("labels") or {}):
            return False
        if not call.namespace:
            return True
        namespace = self._storage.get(_NAMESPACES, StoredKey("", call.namespace))
        labels = namespace.metadata.get("labels") or {} if namespace else {}
        return selector_of(webhook.get("namespaceSelector") or {})(labels)

    async def _ask(
        self, webhook: Manifest, call: Call, operation: str, new: Manifest | None, old: Manifest | None
    ) -> None:
        name = webhook["name"]
        try:
            response = await self._send(webhook, _review(call, operation, new, old))
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, KeyError) as error:
            if webhook.get("failurePolicy", "Fail") == "Ignore":
                return
            raise internal(f'failed calling webhook "{name}": failed to call webhook: {error}') from None
        if response.get("allowed"):
            return
        status = response.get("status") or {}
        message = status.get("message") or status.get("reason") or ""
        told = f"denied the request: {message}" if message else "denied the request without explanation"
        raise StatusError(
            status.get("code") or 400,
            status.get("reason") or "",
            f'admission webhook "{name}" {told}',
            details=status.get("details"),
        )

    async def _send(self, webhook: Manifest, review: Manifest) -> Manifest:
        if self._session is None:
            raise internal("the server is not running")
        config = webhook["clientConfig"]
        url = config.get("url")
        if not url:
            raise aiohttp.InvalidURL("services are not resolved")
        context: ssl.SSLContext | bool = True
        if config.get("caBundle"):
            context = ssl.create_default_context(cadata=base64.b64decode(config["caBundle"]).decode())
        timeout = aiohttp.ClientTimeout(total=webhook.get("timeoutSeconds", 10))
        async with self._session.post(url, json=review, ssl=context, timeout=timeout) as answer:
            if answer.status != 200:
                raise aiohttp.ClientError(f"status {answer.status}")
            decoded: Manifest = msgspec.json.decode(await answer.read())
        response: Manifest = decoded["response"]
        return response


def _kind(served: Served) -> Manifest:
    return {"group": served.group, "version": served.version, "kind": served.kind}


def _options(call: Call, operation: str) -> Manifest:
    options: Manifest = {"kind": f"{operation.capitalize()}Options", "apiVersion": "meta.k8s.io/v1"}
    if operation != "DELETE" and call.options.names_manager:
        options["fieldManager"] = call.options.field_manager
    if call.options.dry_run:
        options["dryRun"] = ["All"]
    return options


def _review(call: Call, operation: str, new: Manifest | None, old: Manifest | None) -> Manifest:
    served = call.served
    obj = new or old
    if obj is None:
        raise bad_request("nothing to review")
    resource = {"group": served.group, "version": served.version, "resource": served.plural}
    request: Manifest = {
        "uid": str(uuid.uuid4()),
        "kind": _kind(served),
        "resource": resource,
        "requestKind": _kind(served),
        "requestResource": resource,
        "name": obj["metadata"].get("name", ""),
        "operation": operation,
        "userInfo": {"username": call.options.user, "groups": ["system:masters"]},
        "object": new,
        "oldObject": old,
        "dryRun": call.options.dry_run,
        "options": _options(call, operation),
    }
    if call.namespace:
        request["namespace"] = call.namespace
    if call.subresource:
        request["subResource"] = request["requestSubResource"] = call.subresource
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
