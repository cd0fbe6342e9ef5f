"""Commands of ours as processes."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

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
