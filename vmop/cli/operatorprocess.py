"""The operator as a process of its own next to a dev cluster: started, asked whether it is ready, stopped or killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import IO, Any, Self

import aiohttp

READY_TIMEOUT = 30.0
STOP_TIMEOUT = 35.0  # seconds; the operator gives running reconciles 30
_POLL_INTERVAL = 0.05


class OperatorFailed(Exception):
    """The operator ended by itself or is not ready in time; its log says why."""


class OperatorProcess:
    """A running ``vmop operator``.

    It has a session of its own, so that Ctrl-C reaches only who started it, and that one stops it in order. Should that
    one be killed, it stops by itself.
    """

    def __init__(self, process: asyncio.subprocess.Process, probe_url: str, metrics_url: str) -> None:
        self._process = process
        self.probe_url = probe_url
        self.metrics_url = metrics_url

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls, kubeconfig: Path, words: Sequence[str] = (), *, log: IO[bytes] | None = None
    ) -> AsyncIterator[Self]:
        """Run the operator on a kubeconfig, with further flags, until the context is left.

        `log` gets what it writes; None leaves that on the standard error of this process.
        """
        probes, metrics = _free_addresses(2)
        listeners = [f"-health-probe-bind-address={probes}", f"-metrics-bind-address={metrics}", "-pprof-addr=0"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vmop.cli.child", f"-kubeconfig={kubeconfig}", *listeners, *words),
            stdin=asyncio.subprocess.PIPE,  # its end is ours: see vmop.cli.child
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if name != "KUBECONFIG"},
            start_new_session=True,
        )
        operator = cls(process, f"http://{probes}", f"http://{metrics}")
        try:
            yield operator
        finally:
            await asyncio.shield(operator.stop())

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait_ready(self, timeout: float = READY_TIMEOUT) -> None:
        """Until ``/ready`` says so. Raises OperatorFailed, at the latest after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout), aiohttp.ClientSession() as session:
                while not await self._is_ready(session):
                    if self._process.returncode is not None:
                        raise OperatorFailed(f"the operator ended with exit code {self._process.returncode}")
                    await asyncio.sleep(_POLL_INTERVAL)
        except TimeoutError:
            raise OperatorFailed(f"the operator is not ready after {timeout:.0f} s") from None

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.probe_url}/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def wait(self) -> int:
        """Until it ends, by itself or not; returns its exit code, negative for a signal."""
        return await self._process.wait()

    async def during(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` to its end. Raises OperatorFailed as soon as the operator ends before, and cancels `work`."""
        working, ended = asyncio.create_task(work), asyncio.create_task(self.wait())
        try:
            await asyncio.wait((working, ended), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise OperatorFailed(f"the operator ended with exit code {ended.result()}")
            working.result()
        finally:
            for task in (working, ended):
                task.cancel()
            await asyncio.gather(working, ended, return_exceptions=True)

    def kill(self) -> None:
        """SIGKILL: no goodbye, as a crash."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """SIGTERM, and after STOP_TIMEOUT seconds SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()


def _free_addresses(count: int) -> list[str]:
    """Addresses of loopback on which nobody listens at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
