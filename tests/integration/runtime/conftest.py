from collections.abc import AsyncIterator

import pytest

from vmop.devcluster.controlplane import ControlPlane
from vmop.kube import Client, ClientConfig


@pytest.fixture
async def client(real_cluster: ControlPlane) -> AsyncIterator[Client]:
    config = ClientConfig.with_token(real_cluster.url, real_cluster.token, insecure=True)
    async with Client(config, qps=1000, burst=1000) as client:
        yield client
