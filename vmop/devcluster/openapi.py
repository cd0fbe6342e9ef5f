"""OpenAPI v3: the index, a document a group and version. Documents of built-in kinds come from the schema library."""

import hashlib
from typing import Any

import msgspec

from vmop.devcluster.registry import Registry, Served
from vmop.devcluster.status import Manifest, no_such_resource


def _paths(registry: Registry) -> dict[str, tuple[str, str]]:
    paths = {}
    for served in registry:
        prefix = f"apis/{served.group}" if served.group else "api"
        paths[f"{prefix}/{served.version}"] = (served.group, served.version)
    return paths


def document(registry: Registry, path: str) -> Manifest:
    """The index (`path` empty) or the document of `api/v1`, `apis/<group>/<version>`."""
    paths = _paths(registry)
    if path:
        if path not in paths:
            raise no_such_resource()
        return _document(registry, *paths[path])
    index = {}
    for one, (group, version) in paths.items():
        names = sorted(served.plural for served in registry if (served.group, served.version) == (group, version))
        digest = hashlib.sha256(f"{one} {registry.revision} {names}".encode()).hexdigest().upper()
        index[one] = {"serverRelativeURL": f"/openapi/v3/{one}?hash={digest}"}
    return {"paths": index}


def _document(registry: Registry, group: str, version: str) -> Manifest:
    custom = [served for served in registry if (served.group, served.version) == (group, version) and served.is_custom]
    result: Manifest = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.3"},
        "paths": {},
        "components": {"schemas": {}},
    }
    for served in custom:
        result["components"]["schemas"][_schema_name(served)] = _schema(served)
        result["paths"] |= _operations(served)
    return result


def _schema_name(served: Served) -> str:
    reversed_group = ".".join(reversed(served.group.split(".")))
    return f"{reversed_group}.{served.version}.{served.kind}"


def _kind_of(served: Served) -> Manifest:
    return {"group": served.group, "version": served.version, "kind": served.kind}


def _schema(served: Served) -> Manifest:
    schema: Any = ((served.crd or {}).get("schema") or {}).get("openAPIV3Schema") or {"type": "object"}
    copy: Manifest = msgspec.json.decode(msgspec.json.encode(schema))
    properties = copy.setdefault("properties", {})
    properties.setdefault("apiVersion", {"type": "string"})
    properties.setdefault("kind", {"type": "string"})
    properties["metadata"] = {"type": "object", "description": "Standard object's metadata."}
    return copy | {"x-kubernetes-group-version-kind": [_kind_of(served)]}


def _operations(served: Served) -> Manifest:
    scope = "/namespaces/{namespace}" if served.namespaced else ""
    base = f"/apis/{served.group}/{served.version}{scope}/{served.plural}"
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{_schema_name(served)}"}}}
    get = {
        "x-kubernetes-action": "get",
        "x-kubernetes-group-version-kind": _kind_of(served),
        "responses": {"200": {"description": "OK", "content": content}},
    }
    listed = get | {"x-kubernetes-action": "list"}
    return {base: {"get": listed}, f"{base}/{{name}}": {"get": get}}
