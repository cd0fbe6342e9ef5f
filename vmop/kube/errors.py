"""Errors of the API server as types, made from the ``Status`` that it answers.

The class says what the caller does next, so nobody compares status codes; the text says what was tried on which
object, and never contains a request's body. All have :class:`ApiError` as their base, except :class:`Fenced`, which
no server said.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import attrs


@attrs.frozen
class Cause:
    """One detail of a refusal: the field as in the manifest (may be empty), a reason such as ``FieldValueInvalid``, a
    text.
    """

    field: str
    reason: str
    message: str


class ApiError(Exception):
    """A call that the API server refused, or that did not reach it.

    ``status`` is the HTTP status (0 when there was no answer), ``reason`` the machine-readable word of the server,
    ``target`` the object or collection, ``retry_after`` the seconds after which the server wants to be asked again,
    if it said. A status for which there is no class of its own is raised as this base: log it, retry with backoff.
    """

    default_reason: ClassVar[str] = "Unknown"

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        verb: str = "",
        target: str = "",
        causes: Iterable[Cause] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason or self.default_reason
        self.message = message
        self.verb = verb
        self.target = target
        self.causes = tuple(causes)
        self.retry_after = retry_after

    def __str__(self) -> str:
        what = f"{self.verb} {self.target}: " if self.verb else ""
        status = f" ({self.status})" if self.status else ""
        return f"{what}{self.reason}{status}: {self.message}"

    def has_cause(self, reason: str) -> bool:
        """Whether the server named ``reason`` among the causes, for example ``DisruptionBudget`` or
        ``NamespaceTerminating``.
        """
        return any(cause.reason == reason for cause in self.causes)


class BadRequest(ApiError):
    """400: the server cannot read the request. A bug of ours or a malformed manifest; the same call fails again."""

    default_reason = "BadRequest"


class Unauthorized(ApiError):
    """401: the credentials are not accepted, after they were read anew once. Retry with backoff; somebody must look."""

    default_reason = "Unauthorized"


class Forbidden(ApiError):
    """403: the role lacks a rule, or an admission plug-in refused. Degrade where the call is optional, else retry
    with backoff.
    """

    default_reason = "Forbidden"


class NotFound(ApiError):
    """404: no such object, or the server does not serve its kind. Often the wished state; otherwise decide again from
    the cache.
    """

    default_reason = "NotFound"


class MethodNotAllowed(ApiError):
    """405: the resource does not know this verb. A bug of ours, or a server that is too old."""

    default_reason = "MethodNotAllowed"


class Conflict(ApiError):
    """409: the object changed since it was read, or a precondition does not hold. Read again and decide again."""

    default_reason = "Conflict"


class AlreadyExists(ApiError):
    """409 on create: somebody made the object first. Read it and decide whether it is ours."""

    default_reason = "AlreadyExists"


class Expired(ApiError):
    """410: the resource version or the continue token is too old. List anew."""

    default_reason = "Expired"


class Invalid(ApiError):
    """422, and the 500 of a server-side apply that cannot be typed: the content is refused, ``causes`` name the fields.

    The same content fails again: report it, do not retry. A JSON patch whose ``test`` operation fails answers this too.
    """

    default_reason = "Invalid"


class TooManyRequests(ApiError):
    """429: the server is busy, or a disruption budget forbids an eviction (cause ``DisruptionBudget``). Later, at
    ``retry_after``.
    """

    default_reason = "TooManyRequests"


class Timeout(ApiError):
    """504, or no answer in time, or a watch that fell silent. The call may have taken effect: read before repeating a
    write.
    """

    default_reason = "Timeout"


class Unavailable(ApiError):
    """5xx, or a connection that failed. Retry with backoff; a write may have taken effect."""

    default_reason = "ServiceUnavailable"


class Fenced(Exception):
    """A write was held back because the lease is not surely ours any more (``00-writing.md`` §9).

    Nothing was sent. Stop working; the work goes on where the lease is held.
    """


_BY_REASON: dict[str, type[ApiError]] = {
    "AlreadyExists": AlreadyExists,
    "Expired": Expired,
    "Gone": Expired,
    "Timeout": Timeout,
    "ServerTimeout": Timeout,
}
_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    409: Conflict,
    410: Expired,
    422: Invalid,
    429: TooManyRequests,
    504: Timeout,
}
_UNTYPED_APPLY = "failed to create typed patch object"
_WITHHELD = "the server's message is withheld, it may quote the content of a Secret"


def error_class(status: int, reason: str, message: str = "") -> type[ApiError]:
    """The class for an answer. ``message`` matters once: an apply that cannot be typed answers 500 but is invalid."""
    if status == 500 and _UNTYPED_APPLY in message:
        return Invalid
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    return _BY_STATUS.get(status, Unavailable if status >= 500 else ApiError)


def error_from_status(
    status: int,
    body: Any,
    *,
    verb: str = "",
    target: str = "",
    retry_after: float | None = None,
    conceal: bool = False,
) -> ApiError:
    """The error for an HTTP ``status`` and the decoded ``body`` of its answer.

    A body that is no ``Status`` (a proxy's page) is not quoted. With ``conceal`` (Secrets) messages that could quote
    what was sent are left out; fields and reasons stay.
    """
    document = body if isinstance(body, dict) and body.get("kind") == "Status" else {}
    details = document.get("details")
    details = details if isinstance(details, dict) else {}
    code = document.get("code")
    status = code if isinstance(code, int) and code >= 400 else status
    reason = str(document.get("reason") or "")
    message = str(document.get("message") or "the server gave no reason")
    kind = error_class(status, reason, message)
    if retry_after is None and isinstance(details.get("retryAfterSeconds"), int):
        retry_after = float(details["retryAfterSeconds"]) or None
    hidden = conceal and (kind in (BadRequest, Invalid) or status >= 500)
    causes = [
        Cause(
            str(cause.get("field") or ""),
            str(cause.get("reason") or ""),
            _WITHHELD if hidden else str(cause.get("message") or ""),
        )
        for cause in details.get("causes") or ()
        if isinstance(cause, dict)
    ]
    return kind(
        status,
        reason,
        _WITHHELD if hidden else message,
        verb=verb,
        target=target,
        causes=causes,
        retry_after=retry_after,
    )
