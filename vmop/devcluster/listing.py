"""Lists: at which version, which page. The later pages of a list show the version of the first."""

import base64
import binascii
from collections.abc import Mapping

import attrs
import msgspec

from vmop.devcluster.requests import number, version_of
from vmop.devcluster.status import Cause, Manifest, bad_request, expired, invalid, too_large_version
from vmop.devcluster.storage import GroupResource, Storage, Stored, StoredKey, VersionExpired
from vmop.devcluster.watching import Selection

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter."
)


class _Token(msgspec.Struct):
    version: int
    namespace: str
    name: str


@attrs.frozen
class ListPage:
    items: list[Stored]
    metadata: Manifest


def _encode(token: _Token) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def _decode(text: str) -> _Token:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(raw, type=_Token)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from None


def _check_options(params: Mapping[str, str]) -> None:
    match, version = params.get("resourceVersionMatch", ""), params.get("resourceVersion", "")
    if match not in ("", "Exact", "NotOlderThan"):
        message = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        cause = Cause("FieldValueNotSupported", message, "resourceVersionMatch")
    elif match and not version:
        message = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        cause = Cause("FieldValueForbidden", message, "resourceVersionMatch")
    elif match == "Exact" and version == "0":
        message = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        cause = Cause("FieldValueForbidden", message, "resourceVersionMatch")
    elif params.get("continue") and version not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    else:
        return
    raise invalid("meta.k8s.io", "ListOptions", "", (cause,))


def list_page(
    storage: Storage,
    resource: GroupResource,
    selection: Selection,
    params: Mapping[str, str],
    frozen: int | None,
) -> ListPage:
    """One page of a list. `frozen` shows an earlier version in place of the present (a fault)."""
    _check_options(params)
    limit = max(0, number(params, "limit"))
    token = _decode(params["continue"]) if params.get("continue") else None
    version = _version(storage, params, token, frozen)
    try:
        if version == storage.version:
            objects = storage.objects(resource, selection.namespace)
        else:
            objects = storage.list_at(resource, version, selection.namespace)
    except VersionExpired as error:
        raise expired(_TOO_OLD if token else str(error)) from None
    if token is not None:
        after = StoredKey(token.namespace, token.name)
        objects = [stored for stored in objects if stored.key > after]
    return _cut(objects, selection, version, limit)


def _cut(objects: list[Stored], selection: Selection, version: int, limit: int) -> ListPage:
    selected = [stored for stored in objects if selection.matches(stored)]
    metadata: Manifest = {"resourceVersion": str(version)}
    if limit and len(selected) > limit:
        last = selected[limit - 1].key
        metadata["continue"] = _encode(_Token(version, last.namespace, last.name))
        if selection.labels is None and selection.fields is None:
            metadata["remainingItemCount"] = len(selected) - limit
        selected = selected[:limit]
    return ListPage(selected, metadata)


def _version(storage: Storage, params: Mapping[str, str], token: _Token | None, frozen: int | None) -> int:
    if token is not None:
        return token.version
    asked = version_of(params)
    if asked > storage.version:
        raise too_large_version(asked, storage.version)
    if asked and params.get("resourceVersionMatch") == "Exact":
        return asked
    return storage.version if frozen is None else frozen
