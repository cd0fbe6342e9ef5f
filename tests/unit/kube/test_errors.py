from typing import Any

import pytest

from vmop.kube import errors
from vmop.kube.errors import ApiError, Cause, error_from_status


def status(code: int, reason: str, message: str = "text", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", errors.BadRequest),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (405, "MethodNotAllowed", errors.MethodNotAllowed),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Expired", errors.Expired),
        (410, "Gone", errors.Expired),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.TooManyRequests),
        (500, "InternalError", errors.Unavailable),
        (500, "ServerTimeout", errors.Timeout),
        (503, "ServiceUnavailable", errors.Unavailable),
        (504, "Timeout", errors.Timeout),
        (418, "", ApiError),
    ],
)
def test_each_status_has_its_type(code: int, reason: str, kind: type[ApiError]) -> None:
    error = error_from_status(code, status(code, reason))
    assert (type(error), error.status, error.reason) == (kind, code, reason or "Unknown")


def test_an_apply_that_cannot_be_typed_is_invalid_though_the_server_says_500() -> None:
    text = 'failed to create typed patch object (a/b; apps/v1, Kind=Deployment): duplicate entries for key [name="X"]'
    assert type(error_from_status(500, status(500, "InternalError", text))) is errors.Invalid


def test_the_text_says_what_was_tried_on_which_object() -> None:
    error = error_from_status(
        409, status(409, "Conflict", "the object has been modified"), verb="update", target="Deployment obs/vmagent-x"
    )
    assert str(error) == "update Deployment obs/vmagent-x: Conflict (409): the object has been modified"


def test_an_error_without_an_answer_has_no_status_in_its_text() -> None:
    assert str(errors.Unavailable(0, "", "refused")) == "ServiceUnavailable: refused"


def test_causes_and_retry_after_come_from_the_details() -> None:
    body = status(
        422,
        "Invalid",
        causes=[{"field": "spec.replicas", "reason": "FieldValueInvalid", "message": "must be positive"}],
        retryAfterSeconds=3,
    )
    error = error_from_status(422, body)
    assert error.causes == (Cause("spec.replicas", "FieldValueInvalid", "must be positive"),)
    assert error.has_cause("FieldValueInvalid")
    assert not error.has_cause("DisruptionBudget")
    assert error.retry_after == 3.0


def test_the_header_is_believed_before_the_details() -> None:
    assert (
        error_from_status(429, status(429, "TooManyRequests", retryAfterSeconds=3), retry_after=7.0).retry_after == 7.0
    )


@pytest.mark.parametrize("body", [None, "<html>gateway</html>", [], {"kind": "Pod"}])
def test_a_body_that_is_no_status_is_not_quoted(body: Any) -> None:
    assert str(error_from_status(502, body)) == "ServiceUnavailable (502): the server gave no reason"


@pytest.mark.parametrize(("code", "reason"), [(400, "BadRequest"), (422, "Invalid"), (500, "InternalError")])
def test_what_may_quote_a_secret_is_withheld(code: int, reason: str) -> None:
    body = status(
        code, reason, "hunter2", causes=[{"field": "data", "reason": "FieldValueInvalid", "message": "hunter2"}]
    )
    error = error_from_status(code, body, conceal=True)
    assert "hunter2" not in f"{error} {error!r} {error.causes}"
    assert error.causes[0].field == "data"


def test_a_conflict_on_a_secret_keeps_its_text() -> None:
    assert error_from_status(409, status(409, "Conflict", "modified"), conceal=True).message == "modified"
