import asyncio
import os
import signal
import subprocess
import sys

import pytest

from vmop.runtime import stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_asks_to_stop(number: signal.Signals) -> None:
    stop = asyncio.Event()
    with stop_on_signals(stop):
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5.0):
            await stop.wait()


async def test_after_the_block_signals_are_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals(asyncio.Event()):
        pass
    assert signal.getsignal(signal.SIGTERM) == before


PROGRAM = """
import asyncio, os, signal
from vmop.runtime import stop_on_signals

async def main():
    stop = asyncio.Event()
    with stop_on_signals(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_second_signal_ends_the_process_with_code_1() -> None:
    assert subprocess.run([sys.executable, "-c", PROGRAM], timeout=30).returncode == 1
