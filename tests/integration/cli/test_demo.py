"""``vmop demo`` as CI runs it: the exit code is its verdict, the lines tell the story."""

import asyncio
import contextlib
import io
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.support.commands import command
from vmop.cli.demo import Demo, DemoFailed
from vmop.cli.dev import DevEnvironment
from vmop.kube import MergePatch, ObjectKey
from vmop.kube.resources import VM_CLUSTER, VM_DISTRIBUTED

pytestmark = pytest.mark.timeout(150)

KEY = ObjectKey("default", "my-distributed-cluster")
THROUGH = {"state": "Idle", "completionTime": "2030-01-01T10:00:00Z"}
STEP = re.compile(r" *[0-9.]+s   zone (zone-[ab]) +(\w+) +traffic: (\S+)")


def steps(lines: list[str]) -> list[tuple[str, str, str]]:
    """Zone, phase and traffic of each line that tells of a zone, repetitions left out."""
    found = [match.groups() for line in lines if (match := STEP.match(line))]
    return [(a, b, c) for i, (a, b, c) in enumerate(found) if i == 0 or found[i - 1] != (a, b, c)]


async def test_it_rolls_a_change_over_one_zone_at_a_time(tmp_path: Path) -> None:
    # twice the time that it promises: other tests share this machine
    async with command("demo", "--time-limit", "120", cwd=tmp_path) as demo:
        code, lines = await demo.end()
    assert code == 0, "\n".join(lines)
    assert lines[lines.index("3. The result") + 1 : -3] == [
        "  VMDistributed  my-distributed-cluster           operational",
        "  VMCluster      my-distributed-cluster-zone-a    operational",
        "  VMCluster      my-distributed-cluster-zone-b    operational",
        "  VMAgent        my-distributed-cluster-zone-a    operational",
        "  VMAgent        my-distributed-cluster-zone-b    operational",
        "  VMAuth         my-distributed-vmauth            operational",
    ]
    second = steps(lines[lines.index("2. Changing it: the change reaches one zone at a time") :])
    out = [zone for zone, _, traffic in second if traffic == "out"]
    assert sorted(set(out)) == ["zone-a", "zone-b"]
    assert out == sorted(out), "the zones were out of traffic one after the other"
    assert list((tmp_path / ".vmop").iterdir()) == [tmp_path / ".vmop" / "demo-operator.log"]


async def test_it_can_be_interrupted(tmp_path: Path) -> None:
    async with command("demo", cwd=tmp_path) as demo:
        await demo.line_with("1. Applying examples/vmdistributed.yaml")
        demo.process.send_signal(signal.SIGINT)
        code, lines = await demo.end()
    assert (code, lines[-1]) == (130, "stopped")


@contextlib.asynccontextmanager
async def played(environment: DevEnvironment) -> AsyncIterator[asyncio.Task[None]]:
    """The demo with the test in the role of the operator, from the moment when the example is applied."""
    started = asyncio.get_running_loop().time()
    demo = asyncio.create_task(Demo(Console(file=io.StringIO()), environment, started).run())
    async with asyncio.timeout(30.0):
        while not (await environment.client.list(VM_DISTRIBUTED)).items:
            await asyncio.sleep(0.05)
        yield demo


async def set_status(environment: DevEnvironment, generation: int, *traffic: bool, **more: Any) -> None:
    zones = [{"name": str(number), "inRead": each, "inWrite": each} for number, each in enumerate(traffic)]
    status = {"observedGeneration": generation, "updateStatus": "operational", "zones": zones, **more}
    await environment.client.patch(VM_DISTRIBUTED, KEY, MergePatch({"status": status}), subresource="status")


async def until_changed(environment: DevEnvironment) -> None:
    while (await environment.client.get(VM_DISTRIBUTED, KEY))["metadata"]["generation"] < 2:
        await asyncio.sleep(0.05)


async def test_it_fails_where_the_rollout_fails(environment: DevEnvironment) -> None:
    async with played(environment) as demo:
        await set_status(environment, 1, updateStatus="failed", reason="zone=1/2: no")
        with pytest.raises(DemoFailed, match=r"^VMDistributed default/my-distributed-cluster failed: zone=1/2: no$"):
            await demo


async def test_it_fails_where_two_zones_were_out_of_traffic(environment: DevEnvironment) -> None:
    async with played(environment) as demo:
        await set_status(environment, 1, True, True, rollout=THROUGH)
        await until_changed(environment)
        await set_status(environment, 2, False, False, rollout=THROUGH)
        with pytest.raises(DemoFailed, match=r"^2 zones were out of traffic at once during the second rollout$"):
            await demo


async def test_it_fails_where_something_is_not_operational(environment: DevEnvironment) -> None:
    cluster = {"apiVersion": VM_CLUSTER.api_version, "kind": VM_CLUSTER.kind, "spec": {}}
    await environment.client.create(VM_CLUSTER, cluster | {"metadata": {"name": "lost", "namespace": "default"}})
    async with played(environment) as demo:
        await set_status(environment, 1, True, True, rollout=THROUGH)
        await until_changed(environment)
        await set_status(environment, 2, True, True, rollout=THROUGH)
        with pytest.raises(DemoFailed, match=r"^not operational: VMCluster lost$"):
            await demo


async def test_it_fails_with_a_reason_where_it_takes_too_long(tmp_path: Path) -> None:
    async with command("demo", "--time-limit", "0.1", cwd=tmp_path) as demo:
        code, lines = await demo.end()
    assert (code, lines[-1]) == (1, "The demo failed: not through after 0.1 s")
    assert list((tmp_path / ".vmop").iterdir()) == []
