"""Rollouts on a dev cluster with the operator as a process; every test ends with the checker having seen no fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.stage import Stage
from tests.support.stage import stage as open_stage


@pytest.fixture
def pause() -> str:
    """``updatePause``: the operator is another process, so it is real time that passes."""
    return "1s"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A dev cluster without an operator yet."""
    async with open_stage(tmp_path) as made:
        yield made
    faults = "\n".join(str(violation) for violation in made.checker.violations)
    assert not faults, faults
