"""Steps of a reconcile: what fails in one is told with the words by which statuses know the step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vmop.builders.base import BuildError
from vmop.builders.components import Component
from vmop.builders.references import MissingReference
from vmop.kube import AlreadyExists, ApiError, Conflict, Timeout, TooManyRequests, Unavailable
from vmop.reconcilers.progress import Delay, Failure


@contextmanager
def step(prefix: str) -> Iterator[None]:
    """Errors inside get `prefix` before their text, and stay what they are.

    What is missing may come, so it is a Failure that is retried; other BuildErrors are terminal. What only says that
    the API server is busy, or that somebody was faster, passes as it is.
    """
    try:
        yield
    except (Conflict, AlreadyExists, TooManyRequests, Timeout, Unavailable):
        raise
    except MissingReference as error:
        raise Failure(f"{prefix}{error}") from error
    except BuildError as error:
        raise BuildError(error.path, f"{prefix}{error}") from error
    except Failure as error:
        raise Failure(f"{prefix}{error}", terminal=error.terminal) from error
    except Delay as error:
        raise Delay(f"{prefix}{error}", after=error.after, quiet=error.quiet) from error
    except ApiError as error:
        raise Failure(f"{prefix}{error}") from error


def check(component: Component) -> None:
    """Raises what could not be built of a part, after what could be was written."""
    if component.error is not None:
        raise component.error
