"""How far a reconcile came: ready, waiting for something, or given up until something changes."""

from __future__ import annotations

import attrs


@attrs.frozen
class Progress:
    """What a kind says after it applied its objects.

    Neither ready nor waiting is an error: that is raised, as :class:`Failure` or :class:`Delay`.
    """

    #: what is waited for; empty when everything is ready
    waiting: str = ""
    #: seconds after which to look again even if no event comes
    after: float | None = None
    #: changed pod templates that wait for their zone's turn, for people (:mod:`vmop.reconcilers.hold`)
    held: str = ""

    @property
    def ready(self) -> bool:
        """Everything is applied and ready."""
        return not self.waiting


READY = Progress()


class Failure(Exception):
    """Reconciling failed: status ``failed`` with this text, a Warning event, retried with backoff and on events.

    `terminal` says that only a change of the object's own spec helps, so nothing is retried before.
    """

    def __init__(self, message: str, *, terminal: bool = False) -> None:
        super().__init__(message)
        self.terminal = terminal


class Delay(Exception):
    """Something took longer than it may, or is in the way for now: status ``expanding``, retried with backoff.

    `after` is when to look again, in seconds, where that is known better than by backoff; `quiet` suppresses the event.
    """

    def __init__(self, message: str, *, after: float | None = None, quiet: bool = False) -> None:
        super().__init__(message)
        self.after = after
        self.quiet = quiet
