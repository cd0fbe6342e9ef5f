"""Informers on a real API server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

import pytest

from vmop.devcluster.controlplane import ControlPlane
from vmop.informers import Handler, InformerFactory, StoredObject, identity_unless
from vmop.kube import Client, Manifest, ObjectKey, Resource, load_kubeconfig
from vmop.kube.resources import CONFIG_MAP, NAMESPACE, SECRET

pytestmark = pytest.mark.real


def config_map(name: str, namespace: str, labels: dict[str, str] | None = None, **data: str) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@asynccontextmanager
async def connected(cluster: ControlPlane, namespace: str) -> AsyncIterator[Client]:
    config = await load_kubeconfig(cluster.kubeconfig)
    async with Client(config) as client:
        await client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        yield client


def factory(client: Client, *namespaces: str) -> InformerFactory:
    return InformerFactory(client, namespaces=namespaces, now=lambda: datetime.now(UTC), random=Random(1))


@asynccontextmanager
async def running(informers: InformerFactory) -> AsyncIterator[None]:
    task = asyncio.create_task(informers.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(told: list[str], expected: list[str]) -> None:
    async with asyncio.timeout(20):
        while len(told) < len(expected):
            await asyncio.sleep(0.02)
    assert told == expected


async def test_follows_a_label_through_its_life(real_cluster: ControlPlane) -> None:
    async with connected(real_cluster, "informers-life") as client:
        await client.create(CONFIG_MAP, config_map("a", "informers-life", {"app": "x"}, v="1"))
        await client.create(CONFIG_MAP, config_map("other", "informers-life", v="1"))
        informers = factory(client, "informers-life")
        informer = informers.informer(CONFIG_MAP, label_selector="app=x")
        assert informers.informer(CONFIG_MAP, label_selector="app=x") is informer
        told: list[str] = []

        def updated(old: StoredObject, new: StoredObject) -> None:
            told.append(f"update {new.get('data')['v']}")

        informer.add_handler(
            Handler(
                lambda new, _: told.append(f"add {new.name}"), updated, lambda old: told.append(f"delete {old.name}")
            )
        )
        async with running(informers):
            await informers.wait_synced(20)
            live = await client.get(CONFIG_MAP, ObjectKey("informers-life", "a"))
            stored = informers.cached(CONFIG_MAP, ObjectKey("informers-life", "a"))
            assert stored is not None
            assert stored.get("data") == live["data"]
            live["data"]["v"] = "2"
            live = await client.replace(CONFIG_MAP, live)
            await until(told, ["add a", "update 2"])
            live["metadata"]["labels"] = {}
            live = await client.replace(CONFIG_MAP, live)
            await until(told, ["add a", "update 2", "delete a"])
            live["metadata"]["labels"] = {"app": "x"}
            live["data"]["v"] = "x" * 900_000
            await client.replace(CONFIG_MAP, live)
            await until(told, ["add a", "update 2", "delete a", "add a"])
            await client.delete(CONFIG_MAP, ObjectKey("informers-life", "a"))
            await until(told, ["add a", "update 2", "delete a", "add a", "delete a"])
            assert informer.lister.list() == []


async def test_shows_our_writes_at_once_and_settles(real_cluster: ControlPlane) -> None:
    namespace = "informers-writes"
    async with connected(real_cluster, namespace) as client:
        informers = factory(client)
        informer = informers.informer(CONFIG_MAP, namespace=namespace)
        key = ObjectKey(namespace, "a")
        async with running(informers):
            await informers.wait_synced(20)
            assert informers.is_cached(CONFIG_MAP, namespace)
            for number in range(30):
                make = client.replace if number else client.create
                live = await make(CONFIG_MAP, config_map("a", namespace, v=str(number)))
                informers.record_write(CONFIG_MAP, live)
                shown = informers.cached(CONFIG_MAP, key)
                assert shown is not None
                assert shown.get("data") == {"v": str(number)}
            await client.delete(CONFIG_MAP, key)
            informers.record_delete(CONFIG_MAP, key, live["metadata"]["uid"])
            assert informers.cached(CONFIG_MAP, key) is None
            await client.create(CONFIG_MAP, config_map("b", namespace))
            async with asyncio.timeout(20):
                while informer.lister.get(ObjectKey(namespace, "b")) is None:
                    await asyncio.sleep(0.02)
            assert informers.cached(CONFIG_MAP, key) is None


async def test_metadata_of_secrets_without_what_nobody_refers_to(real_cluster: ControlPlane) -> None:
    namespace = "informers-secrets"
    async with connected(real_cluster, namespace) as client:
        for name, kind in (("used", "Opaque"), ("unused", "Opaque"), ("release", "helm.sh/release.v1")):
            await client.create(
                SECRET,
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "type": kind,
                    "metadata": {"name": name, "namespace": namespace, "labels": {"a": "b"}},
                    "stringData": {"password": "hidden"},
                },
            )
        informers = factory(client, namespace)
        informer = informers.informer(
            SECRET,
            field_selector="type!=helm.sh/release.v1",
            metadata_only=True,
            keep=identity_unless({ObjectKey(namespace, "used")}),
        )
        async with running(informers):
            await informers.wait_synced(20)
            assert not informers.is_cached(SECRET)
            shown = {stored.name: (dict(stored.labels), stored.get("data")) for stored in informer.lister.list()}
            assert shown == {"used": ({"a": "b"}, None), "unused": ({}, None)}


async def test_says_what_is_missing_and_why(real_cluster: ControlPlane) -> None:
    async with connected(real_cluster, "informers-missing") as client:
        informers = factory(client)
        informers.informer(Resource("nobody.example.com", "v1", "Ghost", "ghosts"), label_selector="a=b")
        async with running(informers):
            with pytest.raises(TimeoutError, match=r"Ghost.* \(a=b\): .*NotFound"):
                await informers.wait_synced(1)
            late = informers.informer(NAMESPACE)
            await late.wait_synced(20)
            assert late.lister.get(ObjectKey("", "informers-missing")) is not None
