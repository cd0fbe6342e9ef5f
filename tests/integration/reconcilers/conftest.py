"""Stages for the reconcilers' tests: on a dev cluster of the test's own, or on both kinds of clusters."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.reconcilers.stage import NAMESPACE, Stage, crds, loose_crds, staged
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.controlplane import ControlPlane
from vmop.devcluster.nodes import simulate_nodes
from vmop.kube import AlreadyExists, Client, ClientConfig
from vmop.kube.resources import CUSTOM_RESOURCE_DEFINITION
from vmop.kube.resources import NAMESPACE as NAMESPACES


async def make_namespace(client: Client, name: str) -> None:
    await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


@pytest.fixture
async def dev(tmp_path: Path) -> AsyncIterator[DevCluster]:
    async with DevCluster.start(tmp_path, crds=loose_crds()) as cluster:
        async with Client(cluster.config, qps=0) as client:
            await make_namespace(client, NAMESPACE)
        yield cluster


@pytest.fixture
async def stage(dev: DevCluster) -> AsyncIterator[Stage]:
    async with staged(dev.config, dev.nodes) as stage:
        yield stage


@pytest.fixture
async def real_stage(real_cluster: ControlPlane) -> AsyncIterator[Stage]:
    """On the real control plane, in a namespace of this test alone."""
    config = ClientConfig.with_token(real_cluster.url, real_cluster.token, insecure=True)
    namespace = f"shop-{uuid.uuid4().hex[:8]}"
    async with Client(config, qps=0) as client:
        for manifest in crds():
            with contextlib.suppress(AlreadyExists):
                await client.create(CUSTOM_RESOURCE_DEFINITION, manifest)
        await make_namespace(client, namespace)
    async with simulate_nodes(config) as nodes, staged(config, nodes, namespace=namespace) as stage:
        yield stage
