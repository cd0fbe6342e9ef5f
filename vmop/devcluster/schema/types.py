"""What a schema says of one place in an object, as the API server's merge code sees it.

A :class:`Type` wraps one OpenAPI schema. It answers what server-side apply asks: is this a scalar, a list (and which
kind), a map (and which of its keys are fields)? References between types are resolved when somebody asks, since
schemas are recursive (``JSONSchemaProps``).
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

Manifest: TypeAlias = dict[str, Any]
Scalar: TypeAlias = Literal["numeric", "string", "boolean", "untyped"]

# Types that the server's converter treats as scalars or blobs, whatever OpenAPI says of them.
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_RAW_EXTENSION: Final = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_SCALARS: Final[Mapping[str, Scalar]] = {"integer": "numeric", "number": "numeric", "boolean": "boolean"}
# Keywords that may stand beside a reference and speak of the field, not of the type.
_BESIDE: Final = ("default", "x-go", "x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key")


class ListShape:
    """How a list merges: ``keys`` for a list map, no keys for a set, atomic otherwise."""

    def __init__(self, items: "Type", *, associative: bool, keys: tuple[str, ...]) -> None:
        self.items = items
        self.associative = associative
        self.keys = keys

    def key_default(self, key: str) -> Any:
        """The default of a key field that an item leaves out (``protocol`` of a port), None if it has none."""
        field = self.items.map.fields.get(key) if self.items.map is not None else None
        return None if field is None else field.default


class MapShape:
    """A struct (``fields``), a map (``element``: the type of every other key), or both."""

    def __init__(self, fields: Mapping[str, "Type"], element: "Type | None", *, atomic: bool) -> None:
        self.fields = fields
        self.element = element
        self.atomic = atomic

    def at(self, key: str) -> "Type | None":
        """Type of a key; None when the schema does not declare it."""
        return self.fields.get(key, self.element)


class Type:
    """One place of a schema. Immutable; parts are computed on first use.

    ``schema`` is the OpenAPI schema with references followed, ``builtin`` tells Go types from custom resources,
    ``name`` is the OpenAPI name of a referenced type ("" for an inline one).
    """

    def __init__(
        self,
        schema: Manifest,
        resolve: Callable[[str], "Type"] | None = None,
        *,
        name: str = "",
        preserve: bool = False,
    ) -> None:
        self.schema = schema
        self.name = name
        self.builtin = resolve is not None
        self._resolve = resolve
        self._preserve = preserve or schema.get("x-kubernetes-preserve-unknown-fields") is True

    def __repr__(self) -> str:
        return f"Type({self.name or self.schema.get('type', 'any')})"

    def _child(self, schema: Manifest) -> "Type":
        reference = _reference(schema)
        if reference and self._resolve is not None:
            target = self._resolve(reference)
            beside: Manifest = {key: schema[key] for key in _BESIDE if key in schema}
            relation = schema.get("x-kubernetes-map-type")
            if relation:
                beside["x-kubernetes-map-type"] = relation
            if not beside:
                return target
            return Type({**target.schema, **beside}, self._resolve, name=target.name)
        return Type(schema, self._resolve, preserve=self._preserve)

    @property
    def default(self) -> Any:
        return self.schema.get("default")

    @property
    def type(self) -> str:
        """``object``, ``array``, ``string``, … or "" for anything."""
        declared: str = self.schema.get("type", "")
        return declared

    @property
    def go(self) -> str:
        """How the Go field encodes emptiness (letters of hack/builtin_schemas.py), "" outside built-in structs."""
        found: str = self.schema.get("x-go", "")
        return found

    @cached_property
    def scalar(self) -> Scalar | None:
        match self.type:
            case "" | None:
                return "untyped"
            case "string":
                return "string" if self.schema.get("format", "") in ("", "byte") else "untyped"
            case declared:
                return _SCALARS.get(declared)

    @cached_property
    def list(self) -> ListShape | None:
        if self.name == _QUANTITY or self.type not in ("array", ""):
            return None
        if self is UNTYPED or self is DEDUCED:
            return ListShape(UNTYPED, associative=False, keys=())
        items = self._child(self.schema["items"]) if isinstance(self.schema.get("items"), dict) else UNTYPED
        list_type = self.schema.get("x-kubernetes-list-type")
        if list_type is None:
            strategy = self.schema.get("x-kubernetes-patch-strategy", "")
            key = self.schema.get("x-kubernetes-patch-merge-key")
            return ListShape(items, associative="merge" in strategy, keys=(key,) if key else ())
        keys = tuple(self.schema.get("x-kubernetes-list-map-keys", ())) if list_type == "map" else ()
        return ListShape(items, associative=list_type in ("map", "set"), keys=keys)

    @cached_property
    def map(self) -> MapShape | None:
        if self.name == _QUANTITY or self.type not in ("object", ""):
            return None
        if self is UNTYPED or self.name == _RAW_EXTENSION:
            return MapShape({}, UNTYPED, atomic=True)
        if self is DEDUCED:
            return MapShape({}, DEDUCED, atomic=False)
        properties: Manifest = self.schema.get("properties", {})
        return MapShape(
            {key: self._child(schema) for key, schema in properties.items()},
            self._element(bool(properties)),
            atomic=self.schema.get("x-kubernetes-map-type") == "atomic",
        )

    def _element(self, has_fields: bool) -> "Type | None":
        match self.schema.get("additionalProperties"):
            case None:
                return DEDUCED if self._preserve or not has_fields else None
            case dict() as schema:
                return self._child(schema)
            case allowed:
                return DEDUCED if allowed else None

    def field(self, *path: str) -> "Type":
        """Type of a nested field; KeyError if there is none."""
        place = self
        for key in path:
            inner = place.map.at(key) if place.map is not None else None
            if inner is None:
                raise KeyError(key)
            place = inner
        return place


# Anything, replaced as a whole; and anything, merged map by map: the two types of what no schema describes.
UNTYPED: Final = Type({})
DEDUCED: Final = Type({})


def _reference(schema: Manifest) -> str:
    match schema:
        case {"$ref": str() as name}:
            return name
        case {"allOf": [{"$ref": str() as name}]}:
            return name
    return ""
