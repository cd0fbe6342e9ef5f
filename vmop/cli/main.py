"""Which command: the operator is handed its words untouched, everything else is read by typer."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """The console script ``vmop``; returns the exit code."""
    words = sys.argv[1:]
    if words[:1] == ["operator"]:
        # Flags of the Go operator have one dash, which typer would take apart; and the daemon needs no typer in memory.
        from vmop.cli import operator  # noqa: PLC0415 - each command pays for its own imports

        return operator.main(words[1:], os.environ)
    from vmop.cli.commands import app  # noqa: PLC0415

    app()
    return 0
