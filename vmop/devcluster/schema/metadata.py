"""Validation of metadata, the same for every kind but for the form of names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from vmop.devcluster.schema.causes import Cause, invalid, required
from vmop.devcluster.schema.types import Manifest

_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_MESSAGE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_NAME: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_NAME_MESSAGE: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE: Final = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_VALUE_MESSAGE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_STANDARD_FINALIZERS: Final = ("kubernetes", "orphan", "foregroundDeletion")
_MAX_ANNOTATIONS: Final = 256 * 1024  # bytes, keys and values together
_REFERENCE_FIELDS: Final = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
_UNDOTTED: Final = (("v1", "Service"), ("v1", "Namespace"))
_RBAC: Final = "rbac.authorization.k8s.io/"


def validate_metadata(obj: Manifest, old: Manifest | None, *, custom: bool) -> Iterator[Cause]:
    """Causes in the server's words; `old` is what the object replaces."""
    metadata = obj["metadata"]
    yield from _name(obj, metadata.get("name", ""))
    for key, value in (metadata.get("labels") or {}).items():
        yield from _qualified(key, key, "metadata.labels")
        if len(value) > 63:
            yield invalid("metadata.labels", value, "must be no more than 63 bytes")
        if _VALUE.fullmatch(value) is None:
            yield invalid("metadata.labels", value, _VALUE_MESSAGE)
    yield from _annotations(metadata.get("annotations") or {})
    yield from _owners(metadata.get("ownerReferences") or [])
    finalizers = metadata.get("finalizers") or []
    for finalizer in finalizers:
        yield from _qualified(finalizer, finalizer, "metadata.finalizers")
    if not custom:
        for index, finalizer in enumerate(finalizers):
            if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
                message = "name is neither a standard finalizer name nor is it fully qualified"
                yield invalid(f"metadata.finalizers[{index}]", finalizer, message)
    if old is not None and old["metadata"].get("deletionTimestamp"):
        yield from _no_new_finalizers(finalizers, old["metadata"].get("finalizers") or ())


def _name(obj: Manifest, name: str) -> Iterator[Cause]:
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif obj["apiVersion"].startswith(_RBAC):
        return
    elif (obj["apiVersion"], obj["kind"]) in _UNDOTTED and "." in name:
        yield invalid("metadata.name", name, "must not contain dots")
    elif not (len(name) <= 253 and _SUBDOMAIN.fullmatch(name)):
        yield invalid("metadata.name", name, _SUBDOMAIN_MESSAGE)


def _qualified(text: str, shown: str, field: str) -> Iterator[Cause]:
    prefix, slash, name = text.rpartition("/")
    if slash and not prefix:
        yield invalid(field, shown, "prefix part must be non-empty")
    elif slash and _SUBDOMAIN.fullmatch(prefix) is None:
        yield invalid(field, shown, f"prefix part {_SUBDOMAIN_MESSAGE}")
    if not name:
        yield invalid(field, shown, "name part must be non-empty")
    elif len(name) > 63:
        yield invalid(field, shown, "name part must be no more than 63 bytes")
    if _NAME.fullmatch(name) is None:
        yield invalid(field, shown, f"name part {_NAME_MESSAGE}")


def _annotations(annotations: Mapping[str, str]) -> Iterator[Cause]:
    for key in annotations:
        yield from _qualified(key.lower(), key, "metadata.annotations")
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _MAX_ANNOTATIONS:
        message = f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes"
        yield Cause("FieldValueTooLong", message, "metadata.annotations")


def _owners(references: list[Manifest]) -> Iterator[Cause]:
    for reference in references:
        if not (reference.get("apiVersion") or "").rpartition("/")[2]:
            yield invalid("metadata.ownerReferences.apiVersion", "", "version must not be empty")
        for field in ("kind", "name", "uid"):
            if not reference.get(field):
                yield invalid(f"metadata.ownerReferences.{field}", "", "must not be empty")
    controllers = [one for one in references if one.get("controller")]
    for first, second in pairwise(controllers):
        shown: list[Any] = [{field: one[field] for field in _REFERENCE_FIELDS if field in one} for one in references]
        names = " and ".join(f"{one['kind']}/{one['name']}" for one in (first, second))
        message = f'Only one reference can have Controller set to true. Found "true" in references for {names}'
        yield invalid("metadata.ownerReferences", shown, message)


def _no_new_finalizers(finalizers: list[str], before: Sequence[str]) -> Iterator[Cause]:
    added = [one for one in finalizers if one not in before]
    if added:
        listed = ", ".join(f'"{one}"' for one in added)
        message = (
            "Forbidden: no new finalizers can be added if the object is being deleted, "
            f"found new finalizers []string{{{listed}}}"
        )
        yield Cause("FieldValueForbidden", message, "metadata.finalizers")
