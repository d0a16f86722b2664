from __future__ import annotations

import asyncio

import pytest

from plangrep_async import testing
from plangrep_async.errors import DeadlineExceededError
from plangrep_async.session import Deadline


async def test_it_ends_whatever_the_block_waits_for_and_says_where_the_time_went() -> None:
    clock = testing.ManualClock()

    async def work() -> None:
        with Deadline(clock, 10.0, "GET", "https://h/x") as deadline:
            with deadline.phase("rate limit"):
                await clock.sleep(4.0)
            with deadline.phase("request"):
                await clock.sleep(1.0)
                with deadline.phase("connection"):
                    await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(work())
    await clock.advance(9.9)
    assert not task.done()
    await clock.advance(0.2)
    with pytest.raises(DeadlineExceededError, match=r"GET https://h/x .* 10 s.*rate limit 4.00 s") as caught:
        await task
    assert caught.value.spent == pytest.approx({"rate limit": 4.0, "request": 1.0, "connection": 5.0})
    assert caught.value.elapsed == pytest.approx(10.0)
    assert isinstance(caught.value, TimeoutError)


async def test_a_cancellation_from_outside_stays_one() -> None:
    clock = testing.ManualClock()

    async def work() -> None:
        with Deadline(clock, 10.0, "GET", "u"):
            await clock.sleep(100)

    task = asyncio.create_task(work())
    await testing.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.next_timer() is None


async def test_when_both_happen_at_once_the_cancellation_wins() -> None:
    clock = testing.ManualClock()

    async def work() -> None:
        with Deadline(clock, 10.0, "GET", "u"):
            await clock.sleep(100)

    task = asyncio.create_task(work())
    await testing.settle()
    clock.tick(10.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_task_goes_on_unharmed_after_a_deadline() -> None:
    clock = testing.ManualClock()

    async def work() -> str:
        with pytest.raises(DeadlineExceededError), Deadline(clock, 1.0, "GET", "u"):
            await clock.sleep(100)
        await asyncio.sleep(0)
        current = asyncio.current_task()
        assert current is not None
        return f"cancelling {current.cancelling()}"

    task = asyncio.create_task(work())
    await clock.advance(2.0)
    assert await task == "cancelling 0"


async def test_an_error_of_the_block_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), Deadline(testing.ManualClock(), 1.0, "GET", "u"):
        _ = 1 / 0


async def test_no_time_at_all() -> None:
    with pytest.raises(DeadlineExceededError), Deadline(testing.ManualClock(), 0.0, "GET", "u"):
        pytest.fail("the block must not run")
