"""``vmop operator`` as a process, and what it costs to import."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.support.commands import command
from vmop import __version__
from vmop.cli.dev import DevEnvironment
from vmop.cli.operatorprocess import OperatorFailed, OperatorProcess
from vmop.kube import ConfigError, load_kubeconfig

#: rich is not among them: structlog imports it by itself, where it is installed
HEAVY = ("kubernetes_asyncio", "typer", "click", "rich.live", "vmop.devcluster", "vmop.cli.commands")
#: runs the operator's manager as in a cluster (a server and a token, no kubeconfig) until it is ready
IN_CLUSTER = """
import asyncio, json, sys
import aiohttp
from prometheus_client import CollectorRegistry
from vmop.cli.main import main  # the console script's module
from vmop.cli.operator import assembled
from vmop.kube import ClientConfig
from vmop.settings import Settings, parse_flags

async def run(url, token):
    flags = parse_flags(["-health-probe-bind-address=127.0.0.1:0", "-metrics-bind-address=0"], {})
    async with assembled(ClientConfig.with_token(url, token), flags, Settings(), CollectorRegistry()) as manager:
        stop = asyncio.Event()
        running = asyncio.create_task(manager.run(stop))
        while manager.probe_url is None:
            await asyncio.sleep(0.01)
        async with aiohttp.ClientSession() as session, session.get(f"{manager.probe_url}/ready") as response:
            assert response.status == 200
        stop.set()
        await running
    print(json.dumps(sorted(sys.modules)))

asyncio.run(run(*sys.argv[1:]))
"""


async def test_in_a_cluster_it_imports_nothing_that_only_people_need(environment: DevEnvironment) -> None:
    server = environment.cluster.server
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", IN_CLUSTER, server.url, server.token), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert [name for name in json.loads(output.splitlines()[-1]) if name in HEAVY] == []


async def test_it_becomes_ready_and_stops_when_told(environment: DevEnvironment, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        async with environment.operator(log=log) as operator:
            await operator.stop()
            assert await operator.wait() == 0
    messages = [json.loads(line)["msg"] for line in (tmp_path / "log").read_text().splitlines()]
    assert messages[-2:] == ["gracefully stopped", "stopped"]


async def test_it_can_be_killed(environment: DevEnvironment, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        async with environment.operator(log=log) as operator:
            operator.kill()
            assert await operator.wait() == -9


async def test_what_runs_beside_it_ends_with_it(environment: DevEnvironment, tmp_path: Path) -> None:
    forever = asyncio.Event()
    with (tmp_path / "log").open("wb") as log:
        async with environment.operator(log=log) as operator:
            asyncio.get_running_loop().call_later(0.1, operator.kill)
            with pytest.raises(OperatorFailed, match="the operator ended with exit code -9"):
                await operator.during(_wait(forever))


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_one_that_cannot_start_says_so(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log, pytest.raises(OperatorFailed, match="ended with exit code 1"):
        async with OperatorProcess.start(tmp_path / "missing", log=log) as operator:
            await operator.wait_ready()
    with pytest.raises(ConfigError) as error:
        await load_kubeconfig(tmp_path / "missing")
    assert str(error.value) in (tmp_path / "log").read_text()


async def test_one_that_is_not_ready_in_time_is_given_up(environment: DevEnvironment, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        async with OperatorProcess.start(environment.kubeconfig, log=log) as operator:
            with pytest.raises(OperatorFailed, match="the operator is not ready after 0 s"):
                await operator.wait_ready(timeout=0.01)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("-version",), 0, "vmop-"),
        (("-h",), 0, "-leader-elect"),
        (("--nonsense",), 2, "flag provided but not defined: -nonsense"),
        (("-printDefaults",), 0, "VM_VMAGENTDEFAULT_VERSION"),
    ],
)
async def test_its_words_reach_it_untouched(words: tuple[str, ...], code: int, text: str) -> None:
    async with command("operator", *words) as operator:
        ended, lines = await operator.end()
    assert ended == code
    assert text in "\n".join(lines)


async def test_help_names_the_commands() -> None:
    async with command("--help") as help_:
        code, lines = await help_.end()
    assert code == 0
    assert [name for name in ("demo", "dev", "rollout", "operator") if f" {name} " in "\n".join(lines)] == [
        "demo",
        "dev",
        "rollout",
        "operator",
    ]


async def test_the_images_entry_point_is_the_same_program() -> None:
    script = Path(__file__).parents[3] / "cmd" / "operator" / "main.py"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(script), "-version"), stderr=asyncio.subprocess.PIPE
    )
    _, output = await process.communicate()
    assert (process.returncode, output[:5]) == (0, b"vmop-")


async def test_the_version_is_told() -> None:
    async with command("--version") as version:
        assert await version.end() == (0, [f"vmop {__version__}"])
