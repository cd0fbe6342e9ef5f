"""How a field of a custom resource is declared: `field()`, whose metadata is the single source of everything else.

The strict parser, the CRD schema, the reference documentation, the merge of VMDistributed zones: all of them read
`FieldSpec` of an attrs class and none keeps a second list. The Python name of a field is the snake case of its JSON
name; a field that was not set is None, which is not the same as its zero value.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import attrs

Manifest = dict[str, Any]  # a Kubernetes object, or a part of one, as plain JSON
IntOrString = int | str  # a number, or a string such as "25%"
StringOrList = str | list[str]  # one string, or several

# Kubernetes marks references as atomic: server-side apply replaces them whole.
ATOMIC: Mapping[str, Any] = {"x-kubernetes-map-type": "atomic"}
NULLABLE: Mapping[str, Any] = {**ATOMIC, "nullable": True}
ATOMIC_ITEMS: Mapping[str, Any] = {"items": ATOMIC}
INT32_ITEMS: Mapping[str, Any] = {"items": {"format": "int32"}}
ATOMIC_LISTS: Mapping[str, Any] = {"additionalProperties": ATOMIC_ITEMS}

# The one `kube` name that is no Kubernetes structure but a spec of our own, embedded as plain JSON.
SERVICE_SCRAPE_SPEC = "ServiceScrapeSpec"

_METADATA_KEY = "vmop"


@attrs.frozen(kw_only=True)
class FieldSpec:
    """What is known about one field beside its Python type.

    `pointer` tells the merge of VMDistributed (02-vmdistributed.md 5) that "", false and 0 are values of their own;
    in the others they mean "absent". `kube` names the embedded Kubernetes schema of a field (or of its items, or of
    its map values) that is kept as plain JSON. `duration`: the string must be a Go duration, else the object does not
    parse. `raw` keeps the Python type for the parser, while the CRD schema only says "anything". `schema` is laid
    over the derived schema.
    """

    json: str
    doc: str
    snake: bool = False
    aliases: tuple[str, ...] = ()
    required: bool = False
    pointer: bool = False
    raw: bool = False
    kube: str = ""
    duration: bool = False
    default: Any = None
    schema: Mapping[str, Any] = attrs.field(factory=dict)


def camel_case(attribute: str) -> str:
    """The usual JSON spelling of a Python name: `replica_count` → `replicaCount`."""
    head, *tail = attribute.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


def snake_case(json_name: str) -> str:
    """The Python name of a JSON name: `maxDiskUsagePerURL` → `max_disk_usage_per_url`, `nodeIDs` → `node_ids`."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", json_name)
    return re.sub(r"([A-Z])([A-Z](?!s(?:[A-Z_]|$))[a-z])", r"\1_\2", name).lower()


def field(
    doc: str,
    *,
    name: str = "",
    snake: bool = False,
    aliases: tuple[str, ...] = (),
    required: bool = False,
    pointer: bool = False,
    raw: bool = False,
    kube: str = "",
    duration: bool = False,
    default: Any = None,
    format: str = "",  # noqa: A002 (the keyword of OpenAPI)
    enum: tuple[str, ...] = (),
    pattern: str = "",
    schema: Mapping[str, Any] | None = None,
) -> Any:
    """Declare a field of a custom resource; its value is None until the manifest sets it.

    `name` is the JSON name where it is not the camel case of the attribute, `snake` says that it is the attribute
    itself; `aliases` are further accepted spellings,
    used where the proper one is absent or empty. `default` is what the API server stores when the field is absent.
    `required` only constrains the schema: a manifest that lacks the field still parses, as with the Go decoder.
    """
    rules: dict[str, Any] = dict(schema or {})
    if format:
        rules["format"] = format
    if enum:
        rules["enum"] = list(enum)
    if pattern:
        rules["pattern"] = pattern
    spec = FieldSpec(
        json=name,
        snake=snake,
        doc=doc,
        aliases=aliases,
        required=required,
        pointer=pointer,
        raw=raw,
        kube=kube,
        duration=duration,
        default=default,
        schema=rules,
    )
    return attrs.field(default=None, metadata={_METADATA_KEY: spec})


class Field(NamedTuple):
    """A declared field with its Python name and type."""

    attribute: str
    type: Any
    spec: FieldSpec


@cache
def fields_of(cls: type) -> tuple[Field, ...]:
    """The declared fields of a class, inherited ones first, in the order of declaration."""
    return tuple(
        Field(a.name, a.type, attrs.evolve(spec, json=spec.json or (a.name if spec.snake else camel_case(a.name))))
        for a in attrs.fields(cls)
        if (spec := a.metadata.get(_METADATA_KEY)) is not None
    )
