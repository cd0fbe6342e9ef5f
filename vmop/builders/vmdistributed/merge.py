"""How a zone's spec is laid over the common one (spec 02 §5).

Both are what their user wrote: a field that was not set is absent, not zero. Objects are merged key by key, lists and
scalars are replaced. A value that the Go types cannot tell from "not set" is ignored: null, an empty list, and the
zero of a scalar whose field is not a pointer; :class:`~vmop.api.fields.FieldSpec` knows which those are.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

import attrs

from vmop.api.fields import Field, Manifest, fields_of
from vmop.builders.base import BuildError

ZONE = "%ZONE%"


def expand(common: Manifest, zone: str) -> Manifest:
    """`common` with every ``%ZONE%`` replaced by the zone's name, in values and in keys of maps.

    It is a replacement in the JSON text (spec 02 §2), so names with ``"`` or ``\\`` are refused by validation before;
    where that is skipped, BuildError is raised.
    """
    try:
        expanded: Manifest = json.loads(json.dumps(common).replace(ZONE, zone))
    except ValueError as error:
        message = f"zoneCommon with {ZONE} replaced by the name of zone {zone!r} is not valid JSON"
        raise BuildError("spec.zones", message) from error
    return expanded


def merge(cls: type | None, common: Manifest, zone: Manifest) -> Manifest:
    """`zone` over `common`, both JSON of the class `cls` (None: plain JSON whose types are not known here)."""
    known = _known(cls)
    merged = written(cls, common)
    for key, value in zone.items():
        field = known.get(key)
        if _means_absent(value, field):
            continue
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = merge(_class_of(field), below, value)
        else:
            merged[key] = _written_value(value, field)
    return merged


def written(cls: type | None, spec: Manifest) -> Manifest:
    """`spec` without what the Go types cannot tell from "not set", so that it compares equal to what they store."""
    known = _known(cls)
    return {
        key: _written_value(value, known.get(key))
        for key, value in spec.items()
        if not _means_absent(value, known.get(key))
    }


def _written_value(value: Any, field: Field | None) -> Any:
    match value:
        case dict():
            return written(_class_of(field), value)
        case list() if field is not None and (cls := _class_of(field)) is not None:
            return [written(cls, item) if isinstance(item, dict) else item for item in value]
    return value


def _known(cls: type | None) -> dict[str, Field]:
    return {field.spec.json: field for field in fields_of(cls)} if cls is not None else {}


def _means_absent(value: Any, field: Field | None) -> bool:
    match value:
        case None:
            return True
        case list():
            return not value
        case dict():
            return False
    # a value of a map, such as extraArgs, or of an embedded Kubernetes object stands for itself; so does a required
    # one, which the Go types always write
    return field is not None and not field.spec.pointer and not field.spec.required and not value


def _class_of(field: Field | None) -> type | None:
    """The class of the objects in a field, or in the list that it is; None for maps and plain JSON."""
    if field is None:
        return None
    candidates = get_args(field.type) if get_origin(field.type) in (Union, types.UnionType) else (field.type,)
    items = [get_args(each)[0] if get_origin(each) is list else each for each in candidates]
    return next((each for each in items if isinstance(each, type) and attrs.has(each)), None)


def is_empty(spec: Mapping[str, Any] | None) -> bool:
    """Nothing is set in `spec`. An empty object in it, such as ``vmselect: {}``, is something: it adds a component."""
    return not spec or all(value is None or value == [] for value in spec.values())
