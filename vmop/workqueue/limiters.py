"""How long an item that failed has to wait: per item, overall, or the longer of both."""

import asyncio
from collections.abc import Hashable
from typing import Protocol


class RateLimiter(Protocol):
    """Decides when an item may be tried again. Times are seconds."""

    def when(self, item: Hashable) -> float:
        """The seconds to wait before ``item`` is tried again. Each call counts as one more try."""
        ...

    def forget(self, item: Hashable) -> None:
        """``item`` succeeded, or is given up: its next failure counts as the first."""
        ...

    def retries(self, item: Hashable) -> int:
        """How often ``when`` was asked for ``item`` since it was last forgotten."""
        ...


class ExponentialFailureRateLimiter:
    """Each failure of an item doubles its wait: ``base``, twice that, … up to ``maximum`` seconds."""

    def __init__(self, base: float, maximum: float) -> None:
        if not 0 < base <= maximum:
            raise ValueError(f"base must be above 0 and not above maximum, got base={base} maximum={maximum}")
        self._base = base
        self._maximum = maximum
        self._failures: dict[Hashable, int] = {}

    def when(self, item: Hashable) -> float:
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        # 2.0**1024 overflows, and any wait has long reached its maximum by the 64th failure.
        return min(self._base * 2.0 ** min(failures, 64), self._maximum)

    def forget(self, item: Hashable) -> None:
        self._failures.pop(item, None)

    def retries(self, item: Hashable) -> int:
        return self._failures.get(item, 0)


class BucketRateLimiter:
    """A token bucket over all items: ``burst`` at once, then ``qps`` a second; who finds it empty waits in line.

    Time is the running loop's. Asked outside a loop, it raises ``RuntimeError``.
    """

    def __init__(self, qps: float, burst: int) -> None:
        if qps <= 0 or burst < 1:
            raise ValueError(f"qps must be above 0 and burst at least 1, got qps={qps} burst={burst}")
        self._qps = qps
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at: float | None = None

    def when(self, item: Hashable) -> float:
        now = asyncio.get_running_loop().time()
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._qps)
        self._at = now
        self._tokens -= 1.0  # below 0: tokens of the future that are promised already
        return max(0.0, -self._tokens / self._qps)

    def forget(self, item: Hashable) -> None:
        """The bucket knows no items: nothing to forget."""

    def retries(self, item: Hashable) -> int:
        return 0


class MaxOfRateLimiter:
    """Asks all its limiters and takes the longest wait."""

    def __init__(self, *limiters: RateLimiter) -> None:
        if not limiters:
            raise ValueError("at least one limiter is needed")
        self._limiters = limiters

    def when(self, item: Hashable) -> float:
        return max([limiter.when(item) for limiter in self._limiters])

    def forget(self, item: Hashable) -> None:
        for limiter in self._limiters:
            limiter.forget(item)

    def retries(self, item: Hashable) -> int:
        return max(limiter.retries(item) for limiter in self._limiters)


def default_rate_limiter() -> RateLimiter:
    """What client-go's controllers use: 5 ms doubling up to 1000 s per item, and 10 a second (100 at once) overall."""
    return MaxOfRateLimiter(ExponentialFailureRateLimiter(0.005, 1000.0), BucketRateLimiter(10.0, 100))
