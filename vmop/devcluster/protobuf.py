"""Protocol buffers, as far as kubectl sends them: it creates a few small kinds in this form and takes JSON for the
answer.

The tables give the field numbers of Kubernetes' `generated.proto` files for those kinds; another kind is a 415, as
the form is not offered for it.
"""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from vmop.devcluster.status import Manifest, bad_request, unsupported_media_type

MAGIC = b"k8s\x00"
Scalar: TypeAlias = Literal["string", "bytes", "int", "bool", "time"]
# number → (name, type); a type in brackets repeats, one in braces is the value of a map, a capital one is a message.
Message: TypeAlias = Mapping[int, tuple[str, str]]

_MESSAGES: Mapping[str, Message] = {
    "ObjectMeta": {
        1: ("name", "string"),
        2: ("generateName", "string"),
        3: ("namespace", "string"),
        5: ("uid", "string"),
        6: ("resourceVersion", "string"),
        7: ("generation", "int"),
        8: ("creationTimestamp", "time"),
        11: ("labels", "{string}"),
        12: ("annotations", "{string}"),
        13: ("ownerReferences", "[OwnerReference]"),
        14: ("finalizers", "[string]"),
    },
    "OwnerReference": {
        1: ("kind", "string"),
        3: ("name", "string"),
        4: ("uid", "string"),
        5: ("apiVersion", "string"),
        6: ("controller", "bool"),
        7: ("blockOwnerDeletion", "bool"),
    },
    "ConfigMap": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "{string}"),
        3: ("binaryData", "{bytes}"),
        4: ("immutable", "bool"),
    },
    "Secret": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "{bytes}"),
        3: ("type", "string"),
        4: ("stringData", "{string}"),
        5: ("immutable", "bool"),
    },
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "NamespaceSpec")},
    "NamespaceSpec": {1: ("finalizers", "[string]")},
    "ServiceAccount": {1: ("metadata", "ObjectMeta"), 4: ("automountServiceAccountToken", "bool")},
    "Eviction": {1: ("metadata", "ObjectMeta"), 2: ("deleteOptions", "DeleteOptions")},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", "int"),
        2: ("preconditions", "Preconditions"),
        3: ("orphanDependents", "bool"),
        4: ("propagationPolicy", "string"),
        5: ("dryRun", "[string]"),
    },
    "Preconditions": {1: ("uid", "string"), 2: ("resourceVersion", "string")},
    "SelfSubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "SelfSubjectAccessReviewSpec")},
    "SelfSubjectAccessReviewSpec": {1: ("resourceAttributes", "ResourceAttributes")},
    "ResourceAttributes": {
        1: ("namespace", "string"),
        2: ("verb", "string"),
        3: ("group", "string"),
        4: ("version", "string"),
        5: ("resource", "string"),
        6: ("subresource", "string"),
        7: ("name", "string"),
    },
    "SelfSubjectReview": {1: ("metadata", "ObjectMeta")},
    "Unknown": {1: ("typeMeta", "TypeMeta"), 2: ("raw", "raw")},
    "TypeMeta": {1: ("apiVersion", "string"), 2: ("kind", "string")},
    "Time": {1: ("seconds", "int"), 2: ("nanos", "int")},
}


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        match tag & 7:
            case 0:
                value, position = _varint(data, position)
                yield tag >> 3, value
            case 2:
                length, position = _varint(data, position)
                yield tag >> 3, data[position : position + length]
                position += length
            case _:
                raise bad_request("the protobuf body is malformed")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _scalar(type_: str, value: int | bytes) -> object:
    match type_, value:
        case "string", bytes():
            return value.decode()
        case "bytes", bytes():
            return base64.b64encode(value).decode()
        case "raw", bytes():
            return value
        case "int", int():
            return _signed(value)
        case "bool", int():
            return bool(value)
        case "time", bytes():
            seconds = _message("Time", value).get("seconds")
            return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
        case _, bytes() if type_ in _MESSAGES:
            return _message(type_, value)
        case _:
            raise bad_request("the protobuf body is malformed")


def _message(name: str, data: bytes) -> Manifest:
    table = _MESSAGES[name]
    result: Manifest = {}
    for number, value in _fields(data):
        field, type_ = table.get(number, ("", ""))
        if not field:
            continue
        if type_[0] == "[":
            result.setdefault(field, []).append(_scalar(type_[1:-1], value))
        elif type_[0] == "{" and isinstance(value, bytes):
            entry = dict(_fields(value))
            key = entry.get(1, b"")
            text = key.decode() if isinstance(key, bytes) else str(key)
            result.setdefault(field, {})[text] = _scalar(type_[1:-1], entry.get(2, b""))
        else:
            decoded = _scalar(type_, value)
            if decoded not in ("", None, 0) or decoded is False:
                result[field] = decoded
    return result


def decode(raw: bytes) -> Manifest:
    """The object of a body in `application/vnd.kubernetes.protobuf`; 415 for kinds that are not in the tables."""
    if not raw.startswith(MAGIC):
        raise bad_request("the protobuf body is malformed")
    try:
        envelope = _message("Unknown", raw[len(MAGIC) :])
        kind = envelope["typeMeta"]["kind"]
        if kind not in _MESSAGES:
            raise unsupported_media_type()
        head: Manifest = envelope["typeMeta"]
        return head | _message(kind, envelope.get("raw", b""))
    except (IndexError, KeyError, UnicodeDecodeError):
        raise bad_request("the protobuf body is malformed") from None
