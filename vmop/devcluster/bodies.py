"""Bodies of requests: objects in JSON or YAML, and the four kinds of patches."""

import json
from typing import Any

import attrs
import jsonpatch
import jsonpointer
import msgspec
import yaml
from aiohttp import web

from vmop.devcluster import protobuf
from vmop.devcluster.requests import Call
from vmop.devcluster.rest import Rest
from vmop.devcluster.status import (
    Cause,
    Manifest,
    StatusError,
    bad_request,
    conflict,
    invalid,
    not_found,
    rejected_patch,
    unsupported_media_type,
)
from vmop.devcluster.storage import StoredKey

_YAML_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"


_OBJECT_MEDIA = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_CUSTOM_PATCH_MEDIA = ("application/json-patch+json", _MERGE_PATCH, _APPLY)


async def read_body(request: web.Request, kind: str, *, optional: bool = False) -> Manifest:
    """The object that was sent; 400 when it is none, 415 when it is in no form that is understood."""
    raw = await request.read()
    if not raw:
        if optional:
            return {}
        raise bad_request("the object provided is unrecognized: EOF")
    media = request.content_type
    try:
        if media == "application/yaml":
            body = _parse_yaml(raw)
        elif media == "application/vnd.kubernetes.protobuf":
            body = protobuf.decode(raw)
        elif media in ("application/json", "application/octet-stream", "application/x-www-form-urlencoded"):
            body = msgspec.json.decode(raw)
        else:
            raise unsupported_media_type(_OBJECT_MEDIA)
    except (msgspec.DecodeError, yaml.YAMLError) as error:
        raise _unrecognized(kind, str(error)) from None
    if not isinstance(body, dict):
        raise _unrecognized(kind, "json: cannot unmarshal into an object")
    return body


def _unrecognized(kind: str, why: str) -> StatusError:
    told = f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
    return bad_request(f"{told}json parse error: {why}")


def _parse_yaml(raw: bytes) -> Any:
    return yaml.load(raw, Loader=_YAML_LOADER)  # noqa: S506 - a safe loader


@attrs.frozen
class Patch:
    """A patch as it came: its media type and its content."""

    media: str
    content: Any

    async def run(self, rest: Rest, call: Call) -> tuple[Manifest, bool]:
        """Patch the object; also whether that created it."""
        if self.media == _APPLY:
            return await self._apply(rest, call)
        return await rest.mutate(call, lambda live: (self.on(rest, call, live), False)), False

    def on(self, rest: Rest, call: Call, live: Manifest) -> Manifest:
        """The patched object; `live` belongs to this call."""
        match self.media:
            case "application/json-patch+json":
                return _json_patch(live, self.content)
            case "application/merge-patch+json":
                return rest.schemas.merge_patch(live, self.content)
            case "application/strategic-merge-patch+json":
                if call.served.is_custom:
                    raise unsupported_media_type(_CUSTOM_PATCH_MEDIA)
                return rest.schemas.strategic_merge(call.served, live, self.content)
            case _:
                raise unsupported_media_type()

    async def _apply(self, rest: Rest, call: Call) -> tuple[Manifest, bool]:
        applied, served, options = self.content, call.served, call.options
        self._check_applied(call)
        manager = options.field_manager

        def merged(live: Manifest | None) -> Manifest:
            return rest.schemas.apply(
                served, live, applied, manager, force=options.force, now=rest.now(), subresource=call.subresource
            )

        if rest.storage.get(served.storage, StoredKey(call.namespace, call.name)) is not None:
            return await rest.mutate(call, lambda live: (merged(live), True)), False
        metadata = applied.get("metadata") or {}
        if call.subresource:
            raise not_found(served.group, served.plural, call.name)
        if metadata.get("uid"):
            why = f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object was found"
            raise conflict(served.group, served.plural, call.name, why)
        applied.setdefault("metadata", {}).setdefault("name", call.name)
        obj = merged(None)
        obj["metadata"].pop("resourceVersion", None)  # an upsert: any version creates what is absent
        return await rest.create(call, obj, tracked=True), True

    def _check_applied(self, call: Call) -> None:
        applied = self.content
        if not isinstance(applied, dict):
            why = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type "
            raise bad_request(f"error decoding YAML: {why}map[string]interface {{}}")
        api_version, kind = applied.get("apiVersion", ""), applied.get("kind", "")
        if (api_version, kind) != (call.served.api_version, call.served.kind):
            qualified = api_version if "/" in api_version else f"/{api_version}"
            raise bad_request(f"invalid object type: {qualified}, Kind={kind}")
        metadata = applied.get("metadata") or {}
        if metadata.get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        name = metadata.get("name", call.name)
        if name != call.name:
            raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.name})")


def _json_patch(live: Manifest, operations: Any) -> Manifest:
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        )
    try:
        for operation in operations:
            live = jsonpatch.apply_patch(live, _lenient(live, operation), in_place=True)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, AttributeError):
        raise rejected_patch() from None
    return live


def _lenient(live: Manifest, operation: Any) -> list[Any]:
    """A key that is missing in an object may be replaced, and equals null, for the API server's library."""
    if operation.get("op") in ("replace", "test") and operation.get("path"):
        parent, key = jsonpointer.JsonPointer(operation["path"]).to_last(live)
        if isinstance(parent, dict) and key not in parent:
            if operation["op"] == "replace":
                return [operation | {"op": "add"}]
            return [] if operation.get("value") is None else [operation]
    return [operation]


async def read_patch(request: web.Request) -> Patch:
    """The patch that was sent; 415 for other media types, 422 for an apply without a manager."""
    raw = await request.read()
    media = request.content_type
    try:
        match media:
            case "application/apply-patch+yaml":
                content = _parse_yaml(raw)
            case (
                "application/json-patch+json"
                | "application/merge-patch+json"
                | "application/strategic-merge-patch+json"
            ):
                content = json.loads(raw)
            case _:
                raise unsupported_media_type()
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if media == _APPLY and not request.query.get("fieldManager"):
        cause = Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")
        raise invalid("meta.k8s.io", "PatchOptions", "", (cause,))
    if media != _APPLY and "force" in request.query:
        cause = Cause("FieldValueForbidden", "Forbidden: may not be specified for non-apply patch", "force")
        raise invalid("meta.k8s.io", "PatchOptions", "", (cause,))
    if media in (_MERGE_PATCH, _STRATEGIC_PATCH) and not isinstance(content, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        )
    return Patch(media, content)
