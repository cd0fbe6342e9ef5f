"""OpenAPI v3 documents, as far as kubectl reads them.

``kubectl explain`` finds a kind through the paths of its resource, ``kubectl apply`` asks whether PATCH of a kind takes
``fieldValidation``. So a document has the schemas, and for each resource its paths with kinds and that parameter.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import attrs

from vmop.devcluster.schema.builtin import definitions
from vmop.devcluster.schema.types import Manifest

_PREFIX: Final = "#/components/schemas/"
_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_WRITE_PARAMETERS: Final = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


@attrs.frozen
class DocumentedKind:
    """A resource to document. ``schema`` is the ``openAPIV3Schema`` of a custom resource, None for a built-in kind."""

    kind: str
    plural: str
    namespaced: bool
    schema: Manifest | None = None


def openapi_v3(group: str, version: str, kinds: Sequence[DocumentedKind]) -> Manifest | None:
    """The document of a group and version with these resources; None if the schema of none is known."""
    schemas: dict[str, Manifest] = {}
    paths: Manifest = {}
    for documented in kinds:
        name = _schema_of(group, version, documented, schemas)
        if name:
            paths |= _paths(group, version, documented, name)
    if not schemas:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.3"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _schema_of(group: str, version: str, documented: DocumentedKind, schemas: dict[str, Manifest]) -> str:
    """Add the schema of a kind and all that it refers to; its name, "" if there is none."""
    if documented.schema is None:
        found = definitions().name(group, version, documented.kind)
        if found is not None:
            _add(found, schemas)
        return found or ""
    name = ".".join([*reversed(group.split(".")), version, documented.kind])
    _add(_META, schemas)
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        **documented.schema.get("properties", {}),
        "metadata": {"allOf": [{"$ref": _PREFIX + _META}]},
    }
    kind = {"group": group, "version": version, "kind": documented.kind}
    schemas[name] = {**documented.schema, "properties": properties, "x-kubernetes-group-version-kind": [kind]}
    return name


def _add(name: str, schemas: dict[str, Manifest]) -> None:
    if name in schemas:
        return
    schemas[name] = {}
    references: list[str] = []
    schemas[name] = _published(definitions().schemas[name], references)
    for reference in references:
        _add(reference, schemas)


def _published(node: Any, references: list[str]) -> Any:
    """A stored schema with full references and without our own extension."""
    match node:
        case {"$ref": str() as name}:
            references.append(name)
            return {"$ref": _PREFIX + name}
        case dict():
            return {key: _published(value, references) for key, value in node.items() if key != "x-go"}
        case list():
            return [_published(item, references) for item in node]
    return node


def _paths(group: str, version: str, documented: DocumentedKind, name: str) -> Manifest:
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    scope = "/namespaces/{namespace}" if documented.namespaced else ""
    kind = {"group": group, "version": version, "kind": documented.kind}
    content = {"content": {"application/json": {"schema": {"$ref": _PREFIX + name}}}}

    def operation(action: str, *, writes: bool) -> Manifest:
        made: Manifest = {
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": kind,
            "responses": {"200": {"description": "OK", **content}},
        }
        if writes:
            made |= {"parameters": json.loads(json.dumps(_WRITE_PARAMETERS)), "requestBody": content}
        return made

    collection = f"{root}{scope}/{documented.plural}"
    return {
        collection: {"get": operation("list", writes=False), "post": operation("post", writes=True)},
        collection + "/{name}": {
            "get": operation("get", writes=False),
            "put": operation("put", writes=True),
            "patch": operation("patch", writes=True),
            "delete": operation("delete", writes=False),
        },
    }
