"""For programs, never for a library: SIGINT and SIGTERM ask for an orderly stop."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """Within the block SIGINT and SIGTERM set ``stop``; a second one ends the process at once, with exit code 1.

    Called inside the running loop of the main thread, once, by an entry point.
    """
    loop = asyncio.get_running_loop()

    def stop_or_exit() -> None:
        if stop.is_set():
            raise SystemExit(1)
        stop.set()

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop_or_exit)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
