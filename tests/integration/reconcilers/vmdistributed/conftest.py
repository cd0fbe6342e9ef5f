from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.reconcilers.vmdistributed.play import Play, playing


@pytest.fixture
async def play() -> AsyncIterator[Play]:
    async with playing() as made:
        yield made
