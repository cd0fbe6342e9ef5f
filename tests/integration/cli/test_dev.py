"""``vmop dev`` as a user meets it."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.commands import command
from vmop.kube import Client, load_kubeconfig
from vmop.kube.resources import CUSTOM_RESOURCE_DEFINITION

pytestmark = pytest.mark.timeout(90)


async def test_it_tells_how_to_reach_the_cluster_and_leaves_nothing_behind(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "folder" / "kubeconfig"
    async with command("dev", "--no-operator", "--kubeconfig", str(kubeconfig)) as dev:
        assert await dev.line_with("export KUBECONFIG") == f"  export KUBECONFIG={kubeconfig}"
        assert await dev.line_with("No operator") == (
            "No operator runs in it. Yours would be: python -m vmop.cli operator --kubeconfig $KUBECONFIG"
        )
        async with Client(await load_kubeconfig(kubeconfig)) as client:
            crds = (await client.list(CUSTOM_RESOURCE_DEFINITION)).items
        assert "vmdistributed.operator.victoriametrics.com" in {crd["metadata"]["name"] for crd in crds}
        dev.process.send_signal(signal.SIGINT)
        assert await dev.end() == (0, ["", "stopping"])
    assert list(kubeconfig.parent.iterdir()) == []


async def test_the_operator_in_it_stops_with_it(tmp_path: Path) -> None:
    async with command("dev", cwd=tmp_path) as dev:
        line = await dev.line_with("The operator runs as process ")
        operator = int(line.split(",")[0].removeprefix("The operator runs as process "))
        assert _runs(operator)
        dev.process.send_signal(signal.SIGINT)
        code, _ = await dev.end()
        assert code == 0
    assert not _runs(operator)


async def test_the_operator_in_it_ends_also_when_it_is_killed(tmp_path: Path) -> None:
    async with command("dev", cwd=tmp_path) as dev:
        line = await dev.line_with("The operator runs as process ")
        operator = int(line.split(",")[0].removeprefix("The operator runs as process "))
        dev.process.kill()
        await dev.end()
        async with asyncio.timeout(60.0):
            while _runs(operator):
                await asyncio.sleep(0.05)


def _runs(pid: int) -> bool:
    """A process of that number exists and is more than its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_an_operator_that_dies_ends_it(tmp_path: Path) -> None:
    async with command("dev", cwd=tmp_path) as dev:
        line = await dev.line_with("The operator runs as process ")
        os.kill(int(line.split(",")[0].removeprefix("The operator runs as process ")), signal.SIGKILL)
        await dev.line_with("the operator ended with exit code -9: stopping")
        assert await dev.end() == (1, [])


async def test_a_flag_that_the_operator_does_not_know_is_told(tmp_path: Path) -> None:
    async with command("dev", "--", "-nonsense", cwd=tmp_path) as dev:
        await dev.line_with("flag provided but not defined: -nonsense")
        await dev.line_with("the operator ended with exit code 2: its log is above")
        assert await dev.end() == (1, [])


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
async def test_kubectl_sees_our_kinds(tmp_path: Path) -> None:
    async with command("dev", "--no-operator", cwd=tmp_path) as dev:
        await dev.line_with("No operator")
        kubectl = await asyncio.create_subprocess_exec(
            *("kubectl", "--kubeconfig", ".vmop/kubeconfig", "get", "vmdistributed,vmclusters"),
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await kubectl.communicate()
        assert (kubectl.returncode, output.decode()) == (0, "No resources found in default namespace.\n")
