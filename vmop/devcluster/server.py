"""The API server: HTTP on loopback in front of `rest`, `watching`, `tables` and `discovery`.

    async with ApiServer.start() as server:
        server.write_kubeconfig(path)

A request is taken apart (`requests`), the hooks of `faults` are asked, the verb runs, and what it returns is put
into the form that the client accepts. Everything the server runs beside requests (garbage collection, namespaces,
CRDs) lives in one TaskGroup; leaving the context ends watches and tasks and closes the socket.
"""

import asyncio
import itertools
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml
from aiohttp import web

from vmop.devcluster import discovery, openapi, subresources, tables
from vmop.devcluster.admission import WebhookAdmission
from vmop.devcluster.bodies import read_body, read_patch
from vmop.devcluster.controllers import run_controllers
from vmop.devcluster.faults import Dropped, Faults
from vmop.devcluster.listing import ListPage, list_page
from vmop.devcluster.negotiation import Accepted, Form, parse_accept
from vmop.devcluster.podproxy import PodProxy
from vmop.devcluster.registry import Registry, Served
from vmop.devcluster.requests import ApiPath, Call, Verb, flag, number, parse_path, version_of, write_options
from vmop.devcluster.rest import DeleteOptions, Rest
from vmop.devcluster.selectors import field_selector, label_selector
from vmop.devcluster.status import (
    Cause,
    Manifest,
    StatusError,
    internal,
    invalid,
    method_not_allowed,
    no_such_resource,
    not_found,
    unauthorized,
)
from vmop.devcluster.storage import Storage, Stored
from vmop.devcluster.types import Schemas
from vmop.devcluster.watching import Selection, Watch, WatchOptions

logger = logging.getLogger(__name__)

_MAX_BODY = 3 * 1024 * 1024  # bytes; kube-apiserver's limit
_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_PARTIAL: Manifest = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}


def utc_now() -> datetime:
    return datetime.now(UTC)


class ApiServer:
    """A Kubernetes API server in this process; made by `start`.

    `url` and `token` are what a client needs (a request without any token is let in too, as kubectl sends none over
    plain HTTP; an unknown token is refused). `faults` breaks things, `storage` and `rest` look and write past HTTP.
    """

    def __init__(self, *, now: Callable[[], datetime], bookmark_interval: float, window: int) -> None:
        self.storage = Storage(window=window)
        self.registry = Registry()
        self.faults = Faults(self.storage)
        self.token = secrets.token_urlsafe(16)
        self.users: dict[str, str] = {self.token: "admin"}
        self.url = ""
        self.schemas = Schemas()
        self._admission = WebhookAdmission(self.storage, self.registry)
        self.rest = Rest(self.storage, self.registry, self.schemas, self._admission, now=now)
        self._now = now
        self._bookmark_interval = bookmark_interval
        self._pods = PodProxy()

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], datetime] = utc_now,
        bookmark_interval: float = 60.0,
        window: int = 10_000,
    ) -> AsyncIterator["ApiServer"]:
        """Serve until the context is left. `port` 0 takes a free one. `bookmark_interval` is in seconds."""
        server = cls(now=now, bookmark_interval=bookmark_interval, window=window)
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", server._handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            bound = runner.addresses[0]
            server.url = f"http://{bound[0]}:{bound[1]}"
            await server._bootstrap()
            failure: Exception | None = None
            async with server._admission, server._pods, asyncio.TaskGroup() as tasks:
                running = tasks.create_task(run_controllers(server.rest), name="devcluster-controllers")
                try:
                    yield server
                except Exception as error:  # noqa: BLE001 - raised below, not wrapped in the group's
                    failure = error
                finally:
                    running.cancel()
                    server.storage.close()
            if failure is not None:
                raise failure
        finally:
            await runner.cleanup()

    def add_user(self, name: str) -> str:
        """A bearer token for a user of this name."""
        token = secrets.token_urlsafe(16)
        self.users[token] = name
        return token

    def kubeconfig(self, *, namespace: str = "default") -> Manifest:
        """A kubeconfig for this server."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "dev", "cluster": {"server": self.url}}],
            "users": [{"name": "dev", "user": {"token": self.token}}],
            "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "dev", "namespace": namespace}}],
            "current-context": "dev",
        }

    def write_kubeconfig(self, path: Path) -> Path:
        """Write it, readable by its owner only; returns `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(self.kubeconfig(), sort_keys=False))
        return path

    async def _bootstrap(self) -> None:
        namespaces = self._served("", "v1", "namespaces")
        for name in _NAMESPACES:
            options = write_options("create", {}, "kube-apiserver", "system:apiserver")
            call = Call("create", namespaces, "", name, "", options)
            await self.rest.create(call, {"metadata": {"name": name}})

    def _served(self, group: str, version: str, plural: str) -> Served:
        served = self.registry.find(group, version, plural)
        if served is None:
            raise no_such_resource()
        return served

    # From request to answer

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            user = self._authenticate(request)
            accepted = parse_accept(request.headers.get("Accept", ""))
            if accepted is None:
                if not request.path.startswith("/openapi"):
                    raise _not_acceptable()
                accepted = Accepted()
            return await self._route(request, accepted, user)
        except StatusError as error:
            return _failure(error)
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {_MAX_BODY}"
            return _failure(StatusError(413, "RequestEntityTooLarge", message, details={}))
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError from None
        except (ConnectionError, web.HTTPException, asyncio.CancelledError):
            raise
        except Exception as error:
            logger.exception("request failed", extra={"method": request.method, "path": request.path})
            return _failure(internal(f"{type(error).__name__}: {error}"))

    def _authenticate(self, request: web.Request) -> str:
        header = request.headers.get("Authorization", "")
        if not header:
            return "system:anonymous"
        user = self.users.get(header.removeprefix("Bearer ").strip())
        if user is None:
            raise unauthorized()
        return request.headers.get("Impersonate-User", user)

    async def _route(self, request: web.Request, accepted: Accepted, user: str) -> web.StreamResponse:
        path = request.path.rstrip("/")
        match path:
            case "/healthz" | "/readyz" | "/livez":
                return web.Response(text="ok")
            case "/version":
                return _json(discovery.VERSION)
            case "/api" | "/apis" if accepted.aggregated:
                document = discovery.aggregated(self.registry, core=path == "/api")
                media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
                return _json(document, media=media)
            case "/api":
                return _json(discovery.api_versions(request.host))
            case "/apis":
                return _json(discovery.api_group_list(self.registry))
            case "":
                groups = sorted({f"/apis/{served.api_version}" for served in self.registry if served.group})
                return _json({"paths": ["/api", "/api/v1", "/apis", *groups, "/openapi/v3", "/version"]})
        if path.startswith("/openapi/v3"):
            return _json(openapi.document(self.registry, path.removeprefix("/openapi/v3").strip("/")))
        target = parse_path(request.path)
        if target is None:
            raise _no_such_path()
        if not target.plural:
            return self._discover(target)
        return await self._resource(request, target, accepted, user)

    def _discover(self, target: ApiPath) -> web.Response:
        if not target.version:
            document = discovery.api_group(self.registry, target.group)
        else:
            document = discovery.api_resource_list(self.registry, target.group, target.version)
        if document is None:
            raise _no_such_path()
        return _json(document)

    async def _resource(
        self, request: web.Request, target: ApiPath, accepted: Accepted, user: str
    ) -> web.StreamResponse:
        if not self.registry.has_group(target.group):
            raise _no_such_path()
        served = self._served(target.group, target.version, target.plural)
        if target.namespace and not served.namespaced:
            raise _no_such_path() if served.is_custom else no_such_resource()
        if target.subresource and target.subresource not in served.subresources:
            raise not_found(served.group, served.plural, target.name) if served.is_custom else no_such_resource()
        verb = _verb(request, target, served)
        agent = request.headers.get("User-Agent", "")
        options = write_options(verb, request.query, agent, user)
        call = Call(verb, served, target.namespace, target.name, target.subresource, options, agent)
        for hook in tuple(self.faults.before):
            await hook(call)
        response = await self._serve(request, call, target, accepted)
        for hook in tuple(self.faults.after):
            await hook(call)
        return response

    async def _serve(self, request: web.Request, call: Call, target: ApiPath, accepted: Accepted) -> web.StreamResponse:
        match call.verb:
            case "connect":
                return await self._pods.forward(self.rest, call, request, target.rest)
            case "get" if call.subresource == "log":
                self.rest.get(call.served, call.namespace, call.name)
                return web.Response(text="")
            case "get":
                return self._get(request, call, accepted)
            case "list":
                return self._list(request, call, accepted)
            case "watch":
                return await self._watch(request, call, accepted)
            case "create":
                return await self._create(request, call, accepted)
            case "update" | "patch":
                return await self._change(request, call, accepted)
            case "delete":
                options = DeleteOptions.parse(await read_body(request, "DeleteOptions", optional=True), request.query)
                return self._answer(request, call.served, await self.rest.delete(call, options), accepted)
            case "deletecollection":
                return await self._delete_collection(request, call, accepted)

    # Reading

    def _get(self, request: web.Request, call: Call, accepted: Accepted) -> web.Response:
        stored = self.rest.get(call.served, call.namespace, call.name)
        if call.subresource == "scale":
            return _json(subresources.scale_of(call.served, stored.object))
        return self._answer(request, call.served, stored.object, accepted, stored=stored)

    def _selection(self, request: web.Request, call: Call) -> Selection:
        query = request.query
        selectable = [one["jsonPath"].lstrip(".") for one in (call.served.crd or {}).get("selectableFields") or ()]
        return Selection(
            call.namespace,
            label_selector(query.get("labelSelector", "")),
            field_selector(
                query.get("fieldSelector", ""), call.served.plural, selectable, custom=call.served.is_custom
            ),
        )

    def _list(self, request: web.Request, call: Call, accepted: Accepted) -> web.Response:
        served = call.served
        frozen = self.faults.frozen_at(served.storage)
        page = list_page(self.storage, served.storage, self._selection(request, call), request.query, frozen)
        return self._render_page(request, served, page, accepted)

    def _render_page(self, request: web.Request, served: Served, page: ListPage, accepted: Accepted) -> web.Response:
        if served.is_custom and accepted.form == "object":
            page.metadata.setdefault("continue", "")
        if accepted.form == "table":
            objects = [self.rest.at_version(served, stored.object) for stored in page.items]
            include = request.query.get("includeObject", "Metadata")
            return _json(tables.table(served, objects, self._now(), metadata=page.metadata, include=include))
        if accepted.form == "metadata":
            kind, api_version = "PartialObjectMetadataList", "meta.k8s.io/v1"
            items = [msgspec.json.encode(_PARTIAL | {"metadata": one.metadata}) for one in page.items]
        else:
            kind, api_version = served.kind_of_list, served.api_version
            items = [self._item(served, stored) for stored in page.items]
        head = msgspec.json.encode({"kind": kind, "apiVersion": api_version, "metadata": page.metadata})
        body = b"".join((head[:-1], b',"items":[', b",".join(items), b"]}"))
        if accepted.yaml:
            return _json(msgspec.json.decode(body), as_yaml=True)
        return web.Response(body=body, content_type="application/json")

    async def _watch(self, request: web.Request, call: Call, accepted: Accepted) -> web.StreamResponse:
        options = self._watch_options(request)
        selection = self._selection(request, call)
        served, form = call.served, accepted.form
        cached_as = None if form == "table" else (form, served.version)
        render = self._renderer(served, form, request.query.get("includeObject", "Metadata"))
        watch = Watch(self.storage, self.faults, served, selection, options, render, form, cached_as)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            async for chunk in watch.lines():
                await response.write(chunk)
        except ConnectionError:
            return response
        await response.write_eof()
        return response

    def _watch_options(self, request: web.Request) -> WatchOptions:
        query = request.query
        initial = flag(query, "sendInitialEvents")
        if initial and query.get("resourceVersionMatch") != "NotOlderThan":
            message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            cause = Cause("FieldValueForbidden", message, "resourceVersionMatch")
            raise invalid("meta.k8s.io", "ListOptions", "", (cause,))
        if not initial and query.get("resourceVersionMatch"):
            message = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            cause = Cause("FieldValueForbidden", message, "resourceVersionMatch")
            raise invalid("meta.k8s.io", "ListOptions", "", (cause,))
        return WatchOptions(
            since=version_of(query) or None,
            send_initial_events=initial,
            bookmarks=flag(query, "allowWatchBookmarks"),
            timeout=float(number(query, "timeoutSeconds") or 1800 + secrets.randbelow(1800)),
            bookmark_interval=self._bookmark_interval,
        )

    def _renderer(self, served: Served, form: Form, include: str) -> Callable[[Stored], bytes]:
        match form:
            case "object":
                return lambda stored: self._raw(served, stored)
            case "metadata":
                return lambda stored: msgspec.json.encode(_PARTIAL | {"metadata": stored.metadata})
            case "table":
                return self._table_renderer(served, include)

    def _table_renderer(self, served: Served, include: str) -> Callable[[Stored], bytes]:
        headers = itertools.chain((True,), itertools.repeat(False))

        def render(stored: Stored) -> bytes:
            objects, header = (self.rest.at_version(served, stored.object),), next(headers)
            rows = tables.table(served, objects, self._now(), metadata={}, include=include, header=header)
            return msgspec.json.encode(rows)

        return render

    # Writing

    async def _create(self, request: web.Request, call: Call, accepted: Accepted) -> web.Response:
        body = await read_body(request, call.served.kind)
        if call.subresource or call.served.verbs == ("create",):
            return _json(await subresources.create(self.rest, call, body), status=201)
        created = await self.rest.create(call, body)
        return self._answer(request, call.served, created, accepted, status=201)

    async def _change(self, request: web.Request, call: Call, accepted: Accepted) -> web.Response:
        status = 200
        if call.verb == "patch":
            patch = await read_patch(request)
            if call.subresource == "scale":
                return _json(await subresources.patch_scale(self.rest, call, patch))
            changed, was_created = await patch.run(self.rest, call)
            status = 201 if was_created else 200
        else:
            body = await read_body(request, call.served.kind)
            if call.subresource == "scale":
                return _json(await subresources.replace_scale(self.rest, call, body))
            changed, was_created = await self.rest.update(call, body)
            status = 201 if was_created else 200
        return self._answer(request, call.served, changed, accepted, status=status)

    async def _delete_collection(self, request: web.Request, call: Call, accepted: Accepted) -> web.Response:
        options = DeleteOptions.parse(await read_body(request, "DeleteOptions", optional=True), request.query)
        page = list_page(self.storage, call.served.storage, self._selection(request, call), request.query, None)
        for stored in page.items:
            one = Call("delete", call.served, stored.key.namespace, stored.key.name, "", call.options)
            if self.storage.get(call.served.storage, stored.key) is not None:
                await self.rest.delete(one, options)
        return self._render_page(request, call.served, page, accepted)

    def _answer(
        self,
        request: web.Request,
        served: Served,
        obj: Manifest,
        accepted: Accepted,
        *,
        status: int = 200,
        stored: Stored | None = None,
    ) -> web.Response:
        if obj.get("kind") == "Status":
            return _json(obj, status=status, as_yaml=accepted.yaml)
        match accepted.form:
            case "table":
                include = request.query.get("includeObject", "Metadata")
                metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
                shown = [self.rest.at_version(served, obj)]
                return _json(
                    tables.table(served, shown, self._now(), metadata=metadata, include=include), status=status
                )
            case "metadata":
                return _json(_PARTIAL | {"metadata": obj["metadata"]}, status=status)
            case "object" if stored is not None and not accepted.yaml:
                return web.Response(body=self._raw(served, stored), content_type="application/json", status=status)
            case "object":
                return _json(self.rest.at_version(served, obj), status=status, as_yaml=accepted.yaml)

    def _raw(self, served: Served, stored: Stored) -> bytes:
        if stored.object["apiVersion"] == served.api_version:
            return stored.raw
        return msgspec.json.encode(self.rest.at_version(served, stored.object))

    def _item(self, served: Served, stored: Stored) -> bytes:
        """As lists have it: kind and version of built-in objects are said once, for the whole list."""
        return self._raw(served, stored) if served.is_custom else stored.raw_item


def _verb(request: web.Request, target: ApiPath, served: Served) -> Verb:
    if target.subresource == "proxy":
        return "connect"
    if served.namespaced and not target.namespace and (target.name or request.method != "GET"):
        raise method_not_allowed() if not target.name else no_such_resource()
    verb: Verb
    match request.method, bool(target.name):
        case "GET", True:
            verb = "get"
        case "GET", False:
            verb = "watch" if flag(request.query, "watch") else "list"
        case "POST", named if bool(target.subresource) is named:
            verb = "create"
        case "PUT", True:
            verb = "update"
        case "PATCH", True:
            verb = "patch"
        case "DELETE", True:
            verb = "delete"
        case "DELETE", False:
            verb = "deletecollection"
        case _:
            raise method_not_allowed()
    if target.subresource:
        allowed: Iterable[str] = discovery.subresource_verbs(target.subresource)
    else:
        allowed = served.verbs
    if verb not in allowed:
        raise method_not_allowed()
    return verb


def _no_such_path() -> web.HTTPNotFound:
    return web.HTTPNotFound(text="404 page not found\n")


def _not_acceptable() -> StatusError:
    message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml"
    return StatusError(406, "NotAcceptable", message, details={})


def _failure(error: StatusError) -> web.Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    body = msgspec.json.encode(error.to_json())
    return web.Response(body=body, status=error.code, content_type="application/json", headers=headers)


def _json(document: Any, *, status: int = 200, media: str = "application/json", as_yaml: bool = False) -> web.Response:
    if as_yaml:
        text = yaml.safe_dump(document, sort_keys=False)
        return web.Response(text=text, status=status, content_type="application/yaml")
    return web.Response(body=msgspec.json.encode(document), status=status, headers={"Content-Type": media})


__all__ = ["ApiServer"]
