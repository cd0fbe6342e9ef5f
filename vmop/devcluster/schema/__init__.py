"""What the dev cluster's API server knows of kinds, fields and their owners: a pure library.

A :class:`Type` is one place of a schema, of a built-in kind (``builtin_type``) or a custom one (``crd_type``). With
it an object is brought to the form that the real server stores (``apply_defaults``, ``prune``), is checked
(``validate``) and patched (``strategic_merge``, ``merge_patch``); ``apply`` is server-side apply, ``track_update``
the ownership after every other write. The standard of truth is a real API server: tests run the same requests on
both.
"""

from vmop.devcluster.schema.builtin import builtin_type
from vmop.devcluster.schema.causes import Cause
from vmop.devcluster.schema.crd import crd_type
from vmop.devcluster.schema.decoding import Undecodable, check_decodable
from vmop.devcluster.schema.defaults import apply_defaults
from vmop.devcluster.schema.fields import FieldSet
from vmop.devcluster.schema.managed import (
    ApplyConflict,
    DuplicateKeys,
    FieldNotDeclared,
    InvalidApply,
    UntypedApply,
    apply,
    track_update,
)
from vmop.devcluster.schema.metadata import validate_metadata
from vmop.devcluster.schema.openapi import DocumentedKind, openapi_v3
from vmop.devcluster.schema.patches import InvalidPatch, merge_patch, strategic_merge
from vmop.devcluster.schema.pruning import prune, unknown_fields
from vmop.devcluster.schema.types import Manifest, Type
from vmop.devcluster.schema.validation import validate

__all__ = [
    "ApplyConflict",
    "Cause",
    "DocumentedKind",
    "DuplicateKeys",
    "FieldNotDeclared",
    "FieldSet",
    "InvalidApply",
    "InvalidPatch",
    "Manifest",
    "Type",
    "Undecodable",
    "UntypedApply",
    "apply",
    "apply_defaults",
    "builtin_type",
    "check_decodable",
    "crd_type",
    "merge_patch",
    "openapi_v3",
    "prune",
    "strategic_merge",
    "track_update",
    "unknown_fields",
    "validate",
    "validate_metadata",
]
