"""A token bucket, so that one process cannot flood the API server."""

import asyncio


class TokenBucket:
    """Lets ``qps`` calls a second pass on average, and ``burst`` at once after a pause. First come, first served.

    ``qps`` of 0 or less means no limit. Time is the running loop's.
    """

    def __init__(self, qps: float, burst: int) -> None:
        if qps > 0 and burst < 1:
            raise ValueError("a burst below 1 lets nothing pass")
        self._qps = qps
        self._burst = float(burst)
        self._tokens = float(burst)
        self._updated: float | None = None

    async def wait(self) -> float:
        """Take a token, sleeping until it is there; returns the seconds that took. A cancelled wait gives its token
        back.
        """
        if self._qps <= 0:
            return 0.0
        delay = self._take(asyncio.get_running_loop().time())
        if delay > 0:
            try:
                await asyncio.sleep(delay)
            except asyncio.CancelledError:
                self._tokens += 1
                raise
        return delay

    def _take(self, now: float) -> float:
        if self._updated is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._qps)
        self._updated = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._qps)
