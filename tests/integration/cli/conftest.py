"""A dev cluster in this process, for commands in others."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vmop.cli.dev import DevEnvironment, dev_environment


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[DevEnvironment]:
    """A dev cluster with our CRDs, and no operator."""
    async with dev_environment(tmp_path / "kubeconfig") as environment:
        yield environment
