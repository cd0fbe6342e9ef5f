"""The custom resources: what a manifest may say, as attrs classes.

A kind (`v1beta1.VMCluster`, `v1alpha1.VMDistributed`) is an attrs class around a spec; each field is declared once by
`field()` (`vmop.api.fields`), whose metadata is the single source of the strict parser, the CRD schema, the reference
documentation and the merge rules. From there:

- `parse(cls, manifest)` makes an object, strict about types and tolerant of unknown fields; `to_json` is the way back;
- `validate(obj)` gives the problems that types cannot express;
- `crd(cls)` gives the CustomResourceDefinition.

Kubernetes' own structures inside a spec (affinity, containers, volumes…) stay plain JSON, `Manifest`.
"""

from vmop.api.fields import (
    Field,
    FieldSpec,
    IntOrString,
    Manifest,
    StringOrList,
    camel_case,
    field,
    fields_of,
    snake_case,
)
from vmop.api.kinds import CustomResource
from vmop.api.problems import Problem
from vmop.api.registry import KINDS, kind_of
from vmop.api.schema import crd
from vmop.api.structure import Parsed, SpecError, parse, parse_spec, to_json
from vmop.api.validation import validate

__all__ = [
    "KINDS",
    "CustomResource",
    "Field",
    "FieldSpec",
    "IntOrString",
    "Manifest",
    "Parsed",
    "Problem",
    "SpecError",
    "StringOrList",
    "camel_case",
    "crd",
    "field",
    "fields_of",
    "kind_of",
    "parse",
    "parse_spec",
    "snake_case",
    "to_json",
    "validate",
]
