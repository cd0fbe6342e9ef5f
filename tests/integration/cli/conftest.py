"""Commands as processes, and a dev cluster in this one."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeAlias

import attrs
import pytest

from vmop.cli.dev import DevEnvironment, dev_environment

VMOP = (sys.executable, "-m", "vmop.cli")


@attrs.frozen
class Command:
    """A running command whose output is read line by line."""

    process: asyncio.subprocess.Process

    async def line_with(self, text: str) -> str:
        """The next line that contains `text`; fails with all other lines where none comes."""
        assert self.process.stdout is not None
        seen = []
        async for raw in self.process.stdout:
            line = raw.decode().rstrip("\n")
            if text in line:
                return line
            seen.append(line)
        raise AssertionError(f"no line with {text!r} in:\n" + "\n".join(seen))

    async def end(self) -> tuple[int, list[str]]:
        """The exit code, and the lines that were not read yet."""
        output, _ = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, output.decode().splitlines()


@contextlib.asynccontextmanager
async def command(*words: str, cwd: Path | None = None) -> AsyncIterator[Command]:
    """``vmop`` with these words, its standard error in its output; killed at the end, if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *VMOP, *words, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield Command(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


Run: TypeAlias = Callable[..., contextlib.AbstractAsyncContextManager[Command]]


@pytest.fixture
def run() -> Run:
    return command


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[DevEnvironment]:
    """A dev cluster with our CRDs, and no operator."""
    async with dev_environment(tmp_path / "kubeconfig") as environment:
        yield environment
