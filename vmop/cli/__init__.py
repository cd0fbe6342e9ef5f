"""What a person types: ``vmop operator``, ``vmop dev``, ``vmop demo`` and what shows a rollout.

Each command is a module of its own, imported when it is called: the operator must not pay for a progress bar.
"""

from vmop.cli.main import main

__all__ = ["main"]
