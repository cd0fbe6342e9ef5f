"""Schemas of built-in kinds, from the package data that hack/builtin_schemas.py writes."""

import gzip
import json
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from vmop.devcluster.schema.types import Manifest, Type

_DATA: Final = files("vmop.devcluster.schema") / "data" / "builtin.json.gz"


class Definitions:
    """All types of the API server by OpenAPI name, and the kinds among them."""

    def __init__(self, schemas: dict[str, Manifest]) -> None:
        self.schemas = MappingProxyType(schemas)
        self._types: dict[str, Type] = {}
        self._kinds = {
            (kind["group"], kind["version"], kind["kind"]): name
            for name, schema in schemas.items()
            for kind in schema.get("x-kubernetes-group-version-kind", ())
        }

    def type(self, name: str) -> Type:
        """The type of an OpenAPI name; one object a name. KeyError if there is none."""
        if name not in self._types:
            self._types[name] = Type(self.schemas[name], self.type, name=name)
        return self._types[name]

    def name(self, group: str, version: str, kind: str) -> str | None:
        return self._kinds.get((group, version, kind))


@cache
def definitions() -> Definitions:
    """The package data, read once: it never changes."""
    return Definitions(json.loads(gzip.decompress(_DATA.read_bytes())))


def builtin_type(group: str, version: str, kind: str) -> Type | None:
    """Type of a built-in kind (``""`` is the core group), None if the dev cluster does not know it."""
    name = definitions().name(group, version, kind)
    return None if name is None else definitions().type(name)
