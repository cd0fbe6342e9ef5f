"""``vmop rollout`` on a server."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.support.commands import command
from vmop.cli.demo import example
from vmop.cli.dev import DevEnvironment, dev_environment
from vmop.cli.rollout import follow
from vmop.kube import Client, Manifest, MergePatch, ObjectKey
from vmop.kube.resources import VM_DISTRIBUTED

KEY = ObjectKey("default", "my-distributed-cluster")
IDLE: Manifest = {"state": "Idle", "revision": "1", "completionTime": "2030-01-01T10:00:00Z"}


def status(update_status: str, rollout: Manifest, phase: str) -> Manifest:
    zone = {"name": "zone-a", "phase": phase, "inRead": phase == "Ready", "inWrite": phase == "Ready"}
    return {"updateStatus": update_status, "observedGeneration": 1, "rollout": rollout, "zones": [zone]}


async def set_status(client: Client, status: Manifest) -> None:
    await client.patch(VM_DISTRIBUTED, KEY, MergePatch({"status": status}), subresource="status")


@pytest.fixture
async def client(environment: DevEnvironment) -> Client:
    """Of a cluster with a VMDistributed that nobody reconciles."""
    manifest = example()
    manifest["metadata"]["namespace"] = KEY.namespace
    await environment.client.create(VM_DISTRIBUTED, manifest)
    return environment.client


async def test_it_prints_where_the_rollout_stands(client: Client, environment: DevEnvironment) -> None:
    await set_status(client, status("operational", IDLE, "Ready"))
    async with command("rollout", KEY.name, "--kubeconfig", str(environment.kubeconfig)) as rollout:
        code, lines = await rollout.end()
    assert (code, [line.rstrip() for line in lines]) == (
        0,
        [
            "VMDistributed default/my-distributed-cluster",
            "operational, 1 of 1 zones ready",
            "",
            " zone     phase   traffic      queued   backend   agent",
            " ──────────────────────────────────────────────────────",
            " zone-a   Ready   read+write            -",
            "",
        ],
    )


async def test_watching_ends_when_the_rollout_is_through(client: Client, environment: DevEnvironment) -> None:
    await set_status(client, status("expanding", {"state": "Progressing", "currentZone": "zone-a"}, "Draining"))
    async with command("rollout", KEY.name, "-w", "--kubeconfig", str(environment.kubeconfig)) as rollout:
        await rollout.line_with("progressing, 0 of 1 zones ready, zone-a has its turn")
        await rollout.line_with("zone zone-a")
        await set_status(client, status("operational", IDLE, "Ready"))
        assert await rollout.end() == (
            0,
            [
                "operational, 1 of 1 zones ready",
                "  zone zone-a       Ready            traffic: read+write",
            ],
        )


async def test_watching_ends_badly_when_the_rollout_fails(client: Client, environment: DevEnvironment) -> None:
    await set_status(client, {"updateStatus": "failed", "observedGeneration": 1, "reason": "zone=1/2: no"})
    async with command("rollout", KEY.name, "-w", "--kubeconfig", str(environment.kubeconfig)) as rollout:
        assert await rollout.end() == (1, ["failed: zone=1/2: no"])


async def test_watching_ends_when_the_object_is_deleted(client: Client, environment: DevEnvironment) -> None:
    async with command("rollout", KEY.name, "-w", "--kubeconfig", str(environment.kubeconfig)) as rollout:
        await rollout.line_with("waiting for the operator to look at it")
        await client.delete(VM_DISTRIBUTED, KEY)
        assert await rollout.end() == (1, [f"no VMDistributed {KEY}"])


async def test_one_that_does_not_exist_is_told(environment: DevEnvironment) -> None:
    async with command("rollout", "nobody", "-n", "obs", "--kubeconfig", str(environment.kubeconfig)) as rollout:
        assert await rollout.end() == (1, ["no VMDistributed obs/nobody"])


async def test_a_missing_kubeconfig_is_told_in_one_line(tmp_path: Path) -> None:
    async with command("rollout", "any", "--kubeconfig", str(tmp_path / "missing")) as rollout:
        code, lines = await rollout.end()
    assert (code, len(lines)) == (1, 1)
    assert lines[0].startswith("error: ")
    assert str(tmp_path / "missing") in lines[0]


async def test_a_server_that_is_gone_is_told_in_one_line(tmp_path: Path) -> None:
    async with dev_environment(tmp_path / "kubeconfig"):
        text = (tmp_path / "kubeconfig").read_text()
    (tmp_path / "kubeconfig").write_text(text)
    async with command("rollout", "any", "--kubeconfig", str(tmp_path / "kubeconfig")) as rollout:
        code, lines = await rollout.end()
    assert (code, len(lines)) == (1, 1)
    assert lines[0].startswith("error: get VMDistributed default/any: ")


async def test_following_tells_of_the_end_of_the_object(client: Client) -> None:
    async with contextlib.aclosing(follow(client, KEY)) as views:
        seen = [await anext(views)]
        await client.delete(VM_DISTRIBUTED, KEY)
        async with asyncio.timeout(10.0):
            seen.append(await anext(views))
    assert [view is not None for view in seen] == [True, False]
