from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.devcluster.workloads.bench import Bench, on_dev, on_real
from vmop.devcluster.controlplane import ControlPlane


@pytest.fixture
async def dev(tmp_path: Path) -> AsyncIterator[Bench]:
    """A namespace of the dev cluster."""
    async with on_dev(tmp_path) as bench:
        yield bench


@pytest.fixture(params=["dev", pytest.param("real", marks=pytest.mark.real)])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """The same on either cluster."""
    if request.param == "dev":
        async with on_dev(tmp_path) as one:
            yield one
    else:
        plane: ControlPlane = request.getfixturevalue("real_cluster")
        async with on_real(plane) as one:
            yield one
