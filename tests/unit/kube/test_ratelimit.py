import asyncio

import pytest

from vmop.kube.ratelimit import TokenBucket


@pytest.mark.looptime
async def test_a_burst_passes_at_once_then_the_rate_rules() -> None:
    bucket = TokenBucket(qps=10, burst=3)
    started = asyncio.get_running_loop().time()
    times = []
    for _ in range(5):
        await bucket.wait()
        times.append(round(asyncio.get_running_loop().time() - started, 3))
    assert times == [0, 0, 0, 0.1, 0.2]


@pytest.mark.looptime
async def test_a_pause_fills_the_bucket_no_further_than_its_burst() -> None:
    bucket = TokenBucket(qps=10, burst=2)
    await bucket.wait()
    await asyncio.sleep(60)
    assert [await bucket.wait() for _ in range(3)] == pytest.approx([0, 0, 0.1])


@pytest.mark.looptime
async def test_waiters_pass_in_the_order_in_which_they_came() -> None:
    bucket = TokenBucket(qps=10, burst=1)
    passed = []

    async def wait(number: int) -> None:
        await bucket.wait()
        passed.append(number)

    await asyncio.gather(*(wait(number) for number in range(5)))
    assert passed == [0, 1, 2, 3, 4]


@pytest.mark.looptime
async def test_a_cancelled_wait_gives_its_token_back() -> None:
    bucket = TokenBucket(qps=1, burst=1)
    await bucket.wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bucket.wait(), 0.5)
    assert await bucket.wait() == pytest.approx(0.5)


async def test_no_rate_means_no_limit() -> None:
    bucket = TokenBucket(qps=0, burst=0)
    assert [await bucket.wait() for _ in range(1000)] == [0.0] * 1000


def test_a_burst_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a burst below 1 lets nothing pass"):
        TokenBucket(qps=1, burst=0)
