"""OpenAPI v3: the index, a document a group and version. Documents of built-in kinds come from the schema library."""

import hashlib

from vmop.devcluster.registry import Registry, Served
from vmop.devcluster.schema import DocumentedKind, openapi_v3
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
    kinds = [
        DocumentedKind(served.kind, served.plural, served.namespaced, _custom_schema(served))
        for served in registry
        if (served.group, served.version) == (group, version)
    ]
    return openapi_v3(group, version, kinds) or {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.3"},
        "paths": {},
    }


def _custom_schema(served: Served) -> Manifest | None:
    if served.crd is None:
        return None
    declared: Manifest | None = (served.crd.get("schema") or {}).get("openAPIV3Schema")
    return declared or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
