"""CustomResourceDefinitions from the declared fields.

A class becomes a structural schema: types from its annotations, rules and descriptions from the metadata of its
fields. Schemas of embedded Kubernetes structures are data (`kubernetes.json`), named by the `kube` of a field. Where
the Go operator's CRDs leave a place open that its types close (`overlays`), ours do too.
"""

import copy
import types
from typing import Any, Union, get_args, get_origin

import attrs

from vmop.api import kubernetes
from vmop.api.fields import SERVICE_SCRAPE_SPEC, Field, IntOrString, Manifest, fields_of
from vmop.api.kinds import CustomResource
from vmop.api.overlays import OVERLAYS, Change
from vmop.api.v1beta1.vmservicescrape import VMServiceScrapeSpec

OPEN = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING: Manifest = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
_PLAIN: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def crd(cls: type[CustomResource]) -> Manifest:
    """The CustomResourceDefinition of a kind: one served and stored version with a structural schema."""
    columns = [
        {"name": c.name, "type": c.type, "jsonPath": c.path} | ({"description": c.description} if c.description else {})
        for c in cls.columns
    ]
    names: Manifest = {
        "kind": cls.kind,
        "listKind": f"{cls.kind}List",
        "plural": cls.plural,
        "singular": cls.kind.lower(),
    }
    if cls.short_names:
        names["shortNames"] = list(cls.short_names)
    subresources: Manifest = {"status": {}}
    if cls.scale:
        keys = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
        subresources["scale"] = dict(zip(keys, cls.scale, strict=True))
    version = {
        "name": cls.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": object_schema(cls)},
        "additionalPrinterColumns": columns,
        "subresources": subresources,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{cls.plural}.{cls.group}"},
        "spec": {"group": cls.group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def object_schema(cls: type[CustomResource]) -> Manifest:
    """The OpenAPI v3 schema of a kind, its overlay applied."""
    schema: Manifest = {
        "type": "object",
        "description": cls.__doc__,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": class_schema(cls.spec_type()),
            "status": class_schema(cls.status_type),
        },
    }
    if cls.spec_required:
        schema["required"] = ["spec"]
    for path, change in OVERLAYS.get(cls.kind, ()):
        _change(schema, path.split("."), change)
    return schema


def class_schema(cls: type) -> Manifest:
    """The structural schema of a class of this package."""
    properties: Manifest = {}
    for declared in fields_of(cls):
        own = field_schema(declared)
        properties[declared.spec.json] = own
        for alias in declared.spec.aliases:
            properties[alias] = {**own, "description": f"Another spelling of `{declared.spec.json}`."}
    schema: Manifest = {"type": "object", "description": _first_paragraph(cls.__doc__), "properties": properties}
    if required := sorted(f.spec.json for f in fields_of(cls) if f.spec.required):
        schema["required"] = required
    return schema


def field_schema(declared: Field) -> Manifest:
    """The schema of one field, with its rules laid over what its type says."""
    spec = declared.spec
    schema: Manifest = {OPEN: True} if spec.raw else _type_schema(declared.type, spec.kube)
    schema = _merge(schema, spec.schema)
    schema["description"] = spec.doc
    if spec.default is not None:
        schema["default"] = spec.default
    return schema


def _type_schema(cl: Any, kube: str) -> Manifest:
    if get_origin(cl) in (Union, types.UnionType):
        members = tuple(arg for arg in get_args(cl) if arg is not types.NoneType)
        cl = Union[members]  # noqa: UP007 (made at run time)
    if cl is Any:
        return {OPEN: True}
    if cl in _PLAIN:
        return kubernetes_schema(kube) if kube else {"type": _PLAIN[cl]}
    if cl == IntOrString:
        return copy.deepcopy(INT_OR_STRING)
    if get_origin(cl) is list:
        return {"type": "array", "items": _type_schema(get_args(cl)[0], kube)}
    if cl == Manifest and kube:
        return kubernetes_schema(kube)
    if get_origin(cl) is dict:
        return {"type": "object", "additionalProperties": _type_schema(get_args(cl)[1], kube)}
    if attrs.has(cl):
        return {k: v for k, v in class_schema(cl).items() if k != "description"}
    raise TypeError(f"no schema for {cl}")


def kubernetes_schema(name: str) -> Manifest:
    """A fresh schema of an embedded structure; KeyError if there is none of that name."""
    if name == SERVICE_SCRAPE_SPEC:
        return {k: v for k, v in class_schema(VMServiceScrapeSpec).items() if k != "description"}
    return kubernetes.schema(name)


def _merge(schema: Manifest, over: Any) -> Manifest:
    merged = dict(schema)
    for key, value in over.items():
        merged[key] = _merge(merged[key], value) if isinstance(merged.get(key), dict) else copy.deepcopy(value)
    return merged


def _change(schema: Manifest, path: list[str], change: Change) -> None:
    """Apply a change at a path: names of properties, several with `|`, the items of a list with `[]`."""
    head, *rest = path
    for step in head.split("|"):
        name = step.removesuffix("[]")
        if name not in schema["properties"]:
            continue
        place, key = (schema["properties"][name], "items") if step.endswith("[]") else (schema["properties"], name)
        if rest:
            _change(place[key], rest, change)
        elif (changed := change(place[key])) is None:
            del place[key]
        else:
            place[key] = changed


def _first_paragraph(doc: str | None) -> str:
    return " ".join((doc or "").split("\n\n")[0].split())
