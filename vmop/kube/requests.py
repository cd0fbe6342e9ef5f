"""What to ask: pure functions from a verb and its arguments to a :class:`Request`. Nothing here is sent.

The sending (:mod:`vmop.kube.transport`) needs to know of a request only what stands in the value: whether it may be
repeated, whether it writes and so needs the lease, how long it may take, what to call it in an error.
"""

from typing import Any, Literal, TypeAlias

import attrs

from vmop.kube.patches import ApplyPatch, Patch
from vmop.kube.resources import LEASE, POD, SECRET, Manifest, ObjectKey, Resource, key_of
from vmop.kube.wire import encode

Propagation: TypeAlias = Literal["Background", "Foreground", "Orphan"]

JSON = "application/json"
_PARTIAL = "application/json;as={};g=meta.k8s.io;v=v1,application/json"
PARTIAL_OBJECT = _PARTIAL.format("PartialObjectMetadata")
PARTIAL_LIST = _PARTIAL.format("PartialObjectMetadataList")


@attrs.frozen(kw_only=True)
class Request:
    """One call of the API server.

    ``idempotent``: may be sent again when it is not known whether it took effect. ``write``: changes objects, so the
    fence is asked first. ``urgent``: passes the rate limit and the fence, as renewing the lease must. ``conceal``:
    the content is secret, errors must not quote it. ``relayed``: somebody else answers through the server, and
    whatever status is an answer. ``timeout`` in seconds until the whole answer is there; ``None``: the client's.
    """

    verb: str
    method: str
    path: str
    target: str
    params: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    accept: str = JSON
    content_type: str = ""
    body: bytes | None = attrs.field(default=None, repr=False)
    idempotent: bool = True
    write: bool = False
    urgent: bool = False
    conceal: bool = False
    relayed: bool = False
    timeout: float | None = None


def _target(resource: Resource, key: ObjectKey, subresource: str = "") -> str:
    name = f"{resource.kind}/{subresource}" if subresource else resource.kind
    return f"{name} {key}" if key.name else name


def _collection(resource: Resource, namespace: str) -> str:
    return f"{resource.plural} in {namespace}" if namespace else resource.plural


def _params(**values: str | int | bool | None) -> tuple[tuple[str, str], ...]:
    """Query parameters under their names, without what is empty, false or zero."""
    return tuple((name, "true" if value is True else str(value)) for name, value in values.items() if value)


def _write_params(*, dry_run: bool, field_manager: str, force: bool = False) -> tuple[tuple[str, str], ...]:
    return _params(dryRun="All" if dry_run else "", fieldManager=field_manager, force=force)


def get(resource: Resource, key: ObjectKey, *, subresource: str = "", metadata_only: bool = False) -> Request:
    return Request(
        verb="get",
        method="GET",
        path=resource.path(key.namespace, key.name, subresource),
        target=_target(resource, key, subresource),
        accept=PARTIAL_OBJECT if metadata_only else JSON,
        urgent=resource == LEASE,
    )


def list_page(
    resource: Resource,
    namespace: str = "",
    *,
    label_selector: str = "",
    field_selector: str = "",
    metadata_only: bool = False,
    limit: int = 0,
    continue_token: str = "",
    resource_version: str = "",
    resource_version_match: str = "",
) -> Request:
    """One page of a list. The resource version belongs to the first page: a continue token carries its own."""
    return Request(
        verb="list",
        method="GET",
        path=resource.path(namespace),
        target=_collection(resource, namespace),
        params=_params(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            limit=limit,
            **{"continue": continue_token},
            resourceVersion="" if continue_token else resource_version,
            resourceVersionMatch="" if continue_token else resource_version_match,
        ),
        accept=PARTIAL_LIST if metadata_only else JSON,
    )


def watch(
    resource: Resource,
    namespace: str = "",
    *,
    resource_version: str = "",
    label_selector: str = "",
    field_selector: str = "",
    metadata_only: bool = False,
    timeout_seconds: int = 0,
    send_initial_events: bool = False,
    allow_bookmarks: bool = True,
) -> Request:
    """A watch. With ``send_initial_events`` the server first sends what there is, then a bookmark that marks the end
    of it.
    """
    return Request(
        verb="watch",
        method="GET",
        path=resource.path(namespace),
        target=_collection(resource, namespace),
        params=_params(
            watch=True,
            allowWatchBookmarks=allow_bookmarks or send_initial_events,
            resourceVersion=resource_version,
            labelSelector=label_selector,
            fieldSelector=field_selector,
            timeoutSeconds=timeout_seconds,
            sendInitialEvents=send_initial_events,
            resourceVersionMatch="NotOlderThan" if send_initial_events else "",
        ),
        accept=PARTIAL_OBJECT if metadata_only else JSON,
    )


def create(resource: Resource, manifest: Manifest, *, dry_run: bool = False, field_manager: str = "") -> Request:
    key = key_of(manifest)
    return Request(
        verb="create",
        method="POST",
        path=resource.path(key.namespace),
        target=_target(resource, key),
        params=_write_params(dry_run=dry_run, field_manager=field_manager),
        content_type=JSON,
        body=encode(manifest),
        idempotent=False,
        write=True,
        urgent=resource == LEASE,
        conceal=resource == SECRET,
    )


def replace(
    resource: Resource,
    manifest: Manifest,
    *,
    subresource: str = "",
    dry_run: bool = False,
    field_manager: str = "",
) -> Request:
    """PUT. Safe to repeat: with a resource version the second answers 409, without one it writes the same once more."""
    key = key_of(manifest)
    return Request(
        verb="update",
        method="PUT",
        path=resource.path(key.namespace, key.name, subresource),
        target=_target(resource, key, subresource),
        params=_write_params(dry_run=dry_run, field_manager=field_manager),
        content_type=JSON,
        body=encode(manifest),
        write=True,
        urgent=resource == LEASE,
        conceal=resource == SECRET,
    )


def patch(
    resource: Resource,
    key: ObjectKey,
    patch: Patch,
    *,
    subresource: str = "",
    field_manager: str = "",
    force: bool = False,
    dry_run: bool = False,
) -> Request:
    applying = isinstance(patch, ApplyPatch)
    if force and not applying:
        raise ValueError("only a server-side apply can be forced")
    return Request(
        verb="apply" if applying else "patch",
        method="PATCH",
        path=resource.path(key.namespace, key.name, subresource),
        target=_target(resource, key, subresource),
        params=_write_params(dry_run=dry_run, field_manager=field_manager, force=force),
        content_type=patch.content_type,
        body=encode(patch.body),
        idempotent=patch.idempotent,
        write=True,
        conceal=resource == SECRET,
    )


def _delete_options(
    *, propagation: Propagation | None, uid: str, resource_version: str, grace_seconds: int | None, dry_run: bool
) -> Manifest:
    options: Manifest = {"apiVersion": "v1", "kind": "DeleteOptions"}
    preconditions = {name: value for name, value in (("uid", uid), ("resourceVersion", resource_version)) if value}
    if preconditions:
        options["preconditions"] = preconditions
    if propagation is not None:
        options["propagationPolicy"] = propagation
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    if dry_run:
        options["dryRun"] = ["All"]
    return options


def delete(
    resource: Resource,
    key: ObjectKey,
    *,
    propagation: Propagation | None = None,
    uid: str = "",
    resource_version: str = "",
    grace_seconds: int | None = None,
    dry_run: bool = False,
) -> Request:
    """Safe to repeat only with a precondition: without one the second could meet a new object of the same name."""
    options = _delete_options(
        propagation=propagation,
        uid=uid,
        resource_version=resource_version,
        grace_seconds=grace_seconds,
        dry_run=dry_run,
    )
    return Request(
        verb="delete",
        method="DELETE",
        path=resource.path(key.namespace, key.name),
        target=_target(resource, key),
        content_type=JSON,
        body=encode(options),
        idempotent=bool(uid or resource_version),
        write=True,
    )


def delete_collection(
    resource: Resource, namespace: str, *, label_selector: str = "", field_selector: str = ""
) -> Request:
    return Request(
        verb="delete",
        method="DELETE",
        path=resource.path(namespace),
        target=_collection(resource, namespace),
        params=_params(labelSelector=label_selector, fieldSelector=field_selector),
        content_type=JSON,
        body=encode({"apiVersion": "v1", "kind": "DeleteOptions"}),
        write=True,
        idempotent=False,
    )


def evict(key: ObjectKey, *, uid: str = "", grace_seconds: int | None = None, dry_run: bool = False) -> Request:
    """Deletion of a pod that asks its disruption budget first; a refusal is 429 and must reach the caller, so no
    repetition.
    """
    options = _delete_options(
        propagation=None, uid=uid, resource_version="", grace_seconds=grace_seconds, dry_run=dry_run
    )
    eviction: dict[str, Any] = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": key.name, "namespace": key.namespace},
        "deleteOptions": options,
    }
    return Request(
        verb="evict",
        method="POST",
        path=POD.path(key.namespace, key.name, "eviction"),
        target=_target(POD, key),
        content_type=JSON,
        body=encode(eviction),
        idempotent=False,
        write=True,
    )


def raw(path: str, *, params: tuple[tuple[str, str], ...] = (), accept: str = "application/json, */*") -> Request:
    """GET of any path of the server."""
    return Request(verb="get", method="GET", path=path, target=path, params=params, accept=accept)


def pod_proxy(
    method: str,
    pod: ObjectKey,
    port: int,
    path: str,
    *,
    scheme: str = "http",
    params: tuple[tuple[str, str], ...] = (),
    body: bytes | None = None,
    timeout: float | None = None,
) -> Request:
    """A request to a port of a pod through the server. ``path`` is an encoded URL path that begins with a slash."""
    name = f"https:{pod.name}:{port}" if scheme == "https" else f"{pod.name}:{port}"
    return Request(
        verb=method.lower(),
        method=method,
        path=f"{POD.path(pod.namespace)}/{name}/proxy{path}",
        target=f"Pod {pod} port {port}",
        params=params,
        accept="*/*",
        body=body,
        idempotent=False,
        relayed=True,
        timeout=timeout,
    )
