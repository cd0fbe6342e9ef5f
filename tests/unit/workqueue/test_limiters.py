import asyncio

import pytest

from vmop.workqueue import (
    BucketRateLimiter,
    ExponentialFailureRateLimiter,
    MaxOfRateLimiter,
    default_rate_limiter,
)


def test_exponential_waits_double_per_item_up_to_the_maximum() -> None:
    limiter = ExponentialFailureRateLimiter(2.0, 30.0)
    assert [limiter.when("a") for _ in range(6)] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert limiter.when("b") == 2.0


def test_exponential_never_overflows() -> None:
    limiter = ExponentialFailureRateLimiter(2.0, 120.0)
    assert {limiter.when("a") for _ in range(5000)} == {2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 120.0}


def test_exponential_starts_anew_when_forgotten() -> None:
    limiter = ExponentialFailureRateLimiter(1.0, 100.0)
    limiter.when("a")
    limiter.when("a")
    assert limiter.retries("a") == 2
    limiter.forget("a")
    assert (limiter.retries("a"), limiter.when("a")) == (0, 1.0)


@pytest.mark.looptime
async def test_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    limiter = BucketRateLimiter(10.0, 3)
    assert [limiter.when("a") for _ in range(5)] == pytest.approx([0.0, 0.0, 0.0, 0.1, 0.2])


@pytest.mark.looptime
async def test_bucket_refills_with_time_up_to_its_burst() -> None:
    limiter = BucketRateLimiter(10.0, 2)
    for _ in range(2):
        limiter.when("a")
    await asyncio.sleep(60.0)
    assert [limiter.when("a") for _ in range(3)] == pytest.approx([0.0, 0.0, 0.1])


@pytest.mark.looptime
async def test_bucket_remembers_no_item() -> None:
    limiter = BucketRateLimiter(10.0, 1)
    limiter.when("a")
    limiter.forget("a")
    assert limiter.retries("a") == 0
    assert limiter.when("a") == pytest.approx(0.1)


def test_the_longest_wait_of_several_counts() -> None:
    limiter = MaxOfRateLimiter(ExponentialFailureRateLimiter(1.0, 100.0), ExponentialFailureRateLimiter(3.0, 5.0))
    assert [limiter.when("a") for _ in range(4)] == [3.0, 5.0, 5.0, 8.0]
    assert limiter.retries("a") == 4
    limiter.forget("a")
    assert limiter.retries("a") == 0


@pytest.mark.looptime
async def test_the_default_limits_items_and_the_whole() -> None:
    limiter = default_rate_limiter()
    assert [limiter.when("a"), limiter.when("a")] == [0.005, 0.01]
    assert max(limiter.when(item) for item in range(148)) == pytest.approx(5.0)


def test_impossible_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="base must be above 0 and not above maximum, got base=0 maximum=1"):
        ExponentialFailureRateLimiter(0, 1)
    with pytest.raises(ValueError, match="qps must be above 0 and burst at least 1, got qps=1 burst=0"):
        BucketRateLimiter(1, 0)
    with pytest.raises(ValueError, match="at least one limiter"):
        MaxOfRateLimiter()
