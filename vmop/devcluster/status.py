"""Failures as the API server words them: a `Status` object with its code, reason, message and details.

Verbs raise `StatusError`; the HTTP layer turns it into the answer. The constructors below are the failures that clients
tell apart, worded as kube-apiserver words them (observed on 1.36.3).
"""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs

Manifest: TypeAlias = dict[str, Any]


@attrs.frozen
class Cause:
    """One reason of an *invalid* answer: `reason` such as `FieldValueInvalid`, a sentence, and the path of the
    field.
    """

    reason: str
    message: str
    field: str

    def to_json(self) -> Manifest:
        return {"reason": self.reason, "message": self.message, "field": self.field}


class StatusError(Exception):
    """The request fails with this `Status`. `retry_after` (seconds) becomes the header of that name."""

    def __init__(
        self, code: int, reason: str, message: str, *, details: Manifest | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after

    def to_json(self) -> Manifest:
        """The `Status` object."""
        status: Manifest = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        details = dict(self.details or {})
        if self.retry_after is not None:
            details["retryAfterSeconds"] = self.retry_after
        if self.details is not None or details:
            status["details"] = details
        return status | {"code": self.code}


def _details(name: str, group: str, kind: str, **more: Any) -> Manifest:
    details: Manifest = {"name": name, "group": group, "kind": kind} | more
    return {field: value for field, value in details.items() if value != ""}


def qualified(group: str, plural: str) -> str:
    """`deployments.apps`, `pods`."""
    return f"{plural}.{group}" if group else plural


def not_found(group: str, plural: str, name: str) -> StatusError:
    message = f'{qualified(group, plural)} "{name}" not found'
    return StatusError(404, "NotFound", message, details=_details(name, group, plural))


def no_such_resource() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource", details={})


def already_exists(group: str, plural: str, name: str, *, terminating: bool = False) -> StatusError:
    message = f'{qualified(group, plural)} "{name}" already exists'
    if terminating:
        message = f"object is being deleted: {message}"
    return StatusError(409, "AlreadyExists", message, details=_details(name, group, plural))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(group: str, plural: str, name: str, why: str = MODIFIED) -> StatusError:
    message = f'Operation cannot be fulfilled on {qualified(group, plural)} "{name}": {why}'
    return StatusError(409, "Conflict", message, details=_details(name, group, plural))


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> StatusError:
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f'{qualified(group, kind)} "{name}" is invalid: {listed}'
    details = _details(name, group, kind, causes=[cause.to_json() for cause in causes])
    return StatusError(422, "Invalid", message, details=details)


def undecodable_patch(patched: Manifest, why: str) -> StatusError:
    """What a patch made of the object is no object of its kind."""
    message = f"Invalid value: {json.dumps(json.dumps(patched, separators=(',', ':')))}: {why}"
    causes = [Cause("FieldValueInvalid", message, "patch").to_json()]
    return StatusError(422, "Invalid", f' "" is invalid: patch: {message}', details={"causes": causes})


def rejected_patch() -> StatusError:
    """A JSON patch that does not fit the object: a failed `test`, a path that is not there."""
    message = "the server rejected our request due to an error in our request"
    return StatusError(422, "Invalid", message, details={})


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def forbidden(group: str, plural: str, name: str, why: str, causes: Sequence[Cause] = ()) -> StatusError:
    message = f'{qualified(group, plural)} "{name}" is forbidden: {why}'
    details = _details(name, group, plural)
    if causes:
        details["causes"] = [cause.to_json() for cause in causes]
    return StatusError(403, "Forbidden", message, details=details)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> StatusError:
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, details={})


def unsupported_media_type(accepted: Sequence[str] = ()) -> StatusError:
    """`accepted`: what is, where the server says so."""
    if not accepted:
        return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})
    told = "the body of the request was in an unknown format - accepted media types include: "
    return StatusError(415, "UnsupportedMediaType", told + ", ".join(accepted))


def expired(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


def too_large_version(asked: int, current: int) -> StatusError:
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return StatusError(504, "Timeout", message, details={"causes": causes}, retry_after=1)


def too_many_requests(message: str, *, causes: Sequence[Cause] = (), retry_after: int | None = None) -> StatusError:
    details: Manifest = {}
    if causes:
        details["causes"] = [{"reason": cause.reason, "message": cause.message} for cause in causes]
    return StatusError(429, "TooManyRequests", message, details=details, retry_after=retry_after)


def internal(message: str) -> StatusError:
    causes = [{"message": message}]
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details={"causes": causes})
