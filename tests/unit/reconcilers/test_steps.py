"""The step in which a reconcile failed is told; what passes by itself is not made a failure of the object."""

from __future__ import annotations

import pytest

from vmop.builders.base import BuildError
from vmop.builders.references import MissingReference
from vmop.kube import AlreadyExists, ApiError, Conflict, Forbidden, Timeout, TooManyRequests, Unavailable
from vmop.reconcilers.progress import Delay, Failure
from vmop.reconcilers.steps import step


def api_error(cls: type[ApiError]) -> ApiError:
    return cls(500, cls.__name__, "no", verb="update", target="Service obs/a")


@pytest.mark.parametrize("cls", [Conflict, AlreadyExists, TooManyRequests, Timeout, Unavailable])
def test_trouble_of_the_api_server_passes_as_it_is(cls: type[ApiError]) -> None:
    error = api_error(cls)
    with pytest.raises(cls) as caught, step("cannot write: "):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (api_error(Forbidden), Failure(f"cannot write: {api_error(Forbidden)}")),
        (Failure("broken", terminal=True), Failure("cannot write: broken", terminal=True)),
        (MissingReference("spec.a", "no secret"), Failure("cannot write: no secret")),
    ],
)
def test_failures_get_the_words_of_their_step(error: Exception, expected: Failure) -> None:
    with pytest.raises(Failure) as caught, step("cannot write: "):
        raise error
    assert (str(caught.value), caught.value.terminal) == (str(expected), expected.terminal)


def test_a_delay_stays_one_with_its_time() -> None:
    with pytest.raises(Delay) as caught, step("cannot write: "):
        raise Delay("slow", after=3.0, quiet=True)
    assert (str(caught.value), caught.value.after, caught.value.quiet) == ("cannot write: slow", 3.0, True)


def test_what_cannot_be_built_keeps_its_field() -> None:
    with pytest.raises(BuildError) as caught, step("cannot write: "):
        raise BuildError("spec.port", "bad port")
    assert (str(caught.value), caught.value.path) == ("cannot write: bad port", "spec.port")
