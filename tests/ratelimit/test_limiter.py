from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from plangrep_async import errors
from plangrep_async.ratelimit import LimiterSettings, RateLimit, RateLimiter, WindowSnapshot
from plangrep_async.testing import ManualClock, settle

EXACT = LimiterSettings(margin=0.0)
WRITE = frozenset({"all", "write"})


def limiter_of(clock: ManualClock, *limits: RateLimit, **options: Any) -> RateLimiter:
    options.setdefault("settings", EXACT)
    return RateLimiter(limits, clock=clock, random=lambda: 0.0, **options)


async def waiting(limiter: RateLimiter, *calls: Any) -> list[asyncio.Task[float]]:
    tasks = [asyncio.create_task(limiter.acquire(*call)) for call in calls]
    await settle()
    return tasks


async def test_without_limits_everything_leaves_at_once(clock: ManualClock) -> None:
    limiter = limiter_of(clock)
    assert [await limiter.acquire() for _ in range(1000)] == [0.0] * 1000
    assert limiter.available() == math.inf
    assert clock.next_timer() is None


async def test_a_free_acquire_does_not_yield(clock: ManualClock) -> None:
    with pytest.raises(StopIteration) as stopped:
        limiter_of(clock, RateLimit(1, 1.0)).acquire().send(None)
    assert stopped.value.value == 0.0


async def test_a_call_takes_from_all_windows_or_from_none(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(5, 1.0), RateLimit(2, 10.0, "write"))
    assert [limiter.try_acquire(WRITE) for _ in range(3)] == [True, True, False]
    assert limiter.available() == 3
    assert limiter.available(WRITE) == 0
    assert limiter.ready_in(WRITE) == 10.0
    assert limiter.ready_in() == 0.0


async def test_a_large_daily_limit_does_not_slow_a_short_burst(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(40, 1.0), RateLimit(10_000, 86_400.0))
    assert [limiter.try_acquire() for _ in range(41)] == [True] * 40 + [False]


async def test_waiters_leave_in_order_with_one_timer(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(1, 1.0))
    left: list[int] = []

    async def call(number: int) -> float:
        wait = await limiter.acquire()
        left.append(number)
        return wait

    tasks = [asyncio.create_task(call(number)) for number in range(5)]
    await settle()
    assert limiter.statistics().waiters == 4
    assert not limiter.try_acquire()
    assert limiter.available() == 0
    await clock.advance(2.01)
    assert left == [0, 1, 2]
    await clock.run_until_idle()
    assert left == [0, 1, 2, 3, 4]
    assert [await task for task in tasks] == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0], abs=1e-4)
    assert clock.next_timer() is None


async def test_reads_do_not_wait_behind_writes_that_cannot_leave(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(10, 1.0), RateLimit(1, 360.0, "write"))
    assert limiter.try_acquire(WRITE)
    (write,) = await waiting(limiter, (WRITE,))
    assert limiter.available() == 9
    assert limiter.available(WRITE) == 0
    assert [limiter.try_acquire() for _ in range(10)] == [True] * 9 + [False]
    reads = await waiting(limiter, *[()] * 20)
    await clock.advance(3.0)
    assert all(read.done() for read in reads)
    assert not write.done()
    await clock.advance(357.1)
    assert write.done()


async def test_a_call_that_costs_more_than_a_limit_is_refused_with_the_rule(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(40, 1.0), RateLimit(5, 360.0, "write"))
    with pytest.raises(errors.InvalidInputError, match="costs 6 can never leave: the limit is 5 of kind 'write'"):
        limiter.try_acquire(WRITE, 6)
    with pytest.raises(errors.InvalidInputError, match="costs 6 can never leave: the limit is 5 of kind 'write'"):
        await limiter.acquire(WRITE, 6)
    with pytest.raises(errors.InvalidInputError, match="at least 1, not 0"):
        limiter.try_acquire(cost=0)
    with pytest.raises(errors.InvalidInputError, match="collection of names"):
        limiter.try_acquire("all")
    assert limiter.available() == 40


async def test_a_waiter_that_a_lower_limit_makes_impossible_is_told_so(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(10, 1.0))
    assert limiter.try_acquire(cost=10)
    large, small = await waiting(limiter, (("all",), 8), (("all",), 3))
    limiter.observe([WindowSnapshot("all", 1.0, 5, 5, None)])
    with pytest.raises(errors.InvalidInputError, match="limit is 5"):
        await large
    await clock.run_until_idle()
    assert await small == pytest.approx(1.0, abs=1e-4)


async def test_a_full_queue_is_an_error_of_its_own(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(1, 1.0), max_waiters=2)
    await limiter.acquire()
    tasks = await waiting(limiter, (), ())
    with pytest.raises(errors.QueueFullError, match="2 calls wait"):
        await limiter.acquire()
    await clock.run_until_idle()
    assert all(task.done() for task in tasks)


async def test_closing_fails_those_who_wait_and_those_who_come(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(1, 1.0))
    await limiter.acquire()
    tasks = await waiting(limiter, (), (WRITE,))
    limiter.close(errors.ClientClosedError("closed"))
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [repr(end) for end in ends] == ["ClientClosedError('closed')"] * 2
    with pytest.raises(errors.ClientClosedError):
        await limiter.acquire()
    assert not limiter.try_acquire()
    assert limiter.available() == 0
    assert clock.next_timer() is None


async def test_a_refund_lets_the_next_leave(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(1, 60.0))
    await limiter.acquire()
    (task,) = await waiting(limiter, ())
    limiter.refund()
    await settle()
    assert task.done()
    assert limiter.statistics().calls == 1


def test_calls_on_another_event_loop_are_refused_while_some_wait() -> None:
    clock = ManualClock()
    limiter = limiter_of(clock, RateLimit(1, 1.0))
    first = asyncio.new_event_loop()
    try:
        first.run_until_complete(limiter.acquire())
        task = first.create_task(limiter.acquire())
        first.run_until_complete(settle())

        async def other() -> None:
            with pytest.raises(errors.WrongEventLoopError):
                await limiter.acquire()

        asyncio.run(other())
        task.cancel()
        first.run_until_complete(asyncio.gather(task, return_exceptions=True))
    finally:
        first.close()

    async def later() -> float:
        task = asyncio.create_task(limiter.acquire())
        await clock.run_until_idle()
        return await task

    assert asyncio.run(later()) == pytest.approx(1.0, abs=1e-4)


def test_settings_that_cannot_work_are_refused(clock: ManualClock) -> None:
    for broken in (
        lambda: RateLimit(0, 1.0),
        lambda: RateLimit(1.5, 1.0),  # type: ignore[arg-type]
        lambda: RateLimit(True, 1.0),
        lambda: RateLimit(1, 0.0),
        lambda: RateLimit(1, math.inf),
        lambda: RateLimit(1, 1.0, ""),
        lambda: RateLimiter(max_waiters=0),
        lambda: RateLimiter([RateLimit(1, 1.0), RateLimit(2, 1.0)]),
        lambda: LimiterSettings(margin=0.9),
    ):
        with pytest.raises(ValueError):
            broken()
    assert "40 calls of kind 'all' in 1 s" in str(RateLimit(40, 1))
    assert repr(limiter_of(clock, RateLimit(40, 1))) == "<RateLimiter [all 40/1s], 0 waiting>"


# What the server says


async def test_a_429_closes_the_gate_for_all_and_then_they_leave_one_by_one(clock: ManualClock) -> None:
    limiter = limiter_of(clock)
    for _ in range(10):
        await limiter.acquire()
    limiter.throttled(retry_after=5.0)
    tasks = await waiting(limiter, *[()] * 10)
    assert limiter.available() == 0
    assert limiter.statistics().closed_for == {"*": 5.0}
    await clock.advance(4.9)
    assert not any(task.done() for task in tasks)
    await clock.advance(0.15)
    assert sum(task.done() for task in tasks) == 1
    await clock.advance(1.0)
    assert 2 <= sum(task.done() for task in tasks) <= 6
    assert limiter.statistics().pace["*"] > 0
    await clock.advance(4.0)
    assert all(task.done() for task in tasks)


@pytest.mark.parametrize("retry_after", [0.0, -1.0, math.nan, None])
async def test_a_429_without_a_usable_time_waits_a_second(retry_after: float | None, clock: ManualClock) -> None:
    limiter = limiter_of(clock)
    limiter.throttled(retry_after=retry_after)
    assert limiter.ready_in() == 1.0


@pytest.mark.parametrize("retry_after", [86_401.0, 1e11, math.inf])
async def test_no_gate_closes_for_more_than_a_day(retry_after: float, clock: ManualClock) -> None:
    limiter = limiter_of(clock)
    limiter.throttled(retry_after=retry_after)
    assert limiter.ready_in() == 86_400.0
    with pytest.raises(errors.RateLimitError, match="86400 s more"):
        await limiter.acquire(longest_gate=400.0)


async def test_a_429_that_names_the_writes_holds_writes_alone(clock: ManualClock) -> None:
    limiter = limiter_of(clock)
    limiter.throttled(retry_after=None, snapshots=[WindowSnapshot("write", 360.0, 2_000, 0, 100.0)])
    assert limiter.try_acquire()
    assert not limiter.try_acquire(WRITE)
    assert limiter.ready_in(WRITE) == 101.0
    assert limiter.statistics().closed_for == {"write": 101.0}
    tasks = await waiting(limiter, *[(WRITE,)] * 30)
    await clock.advance(101.5)
    assert 0 < sum(task.done() for task in tasks) < 30


async def test_nonsense_about_windows_is_not_learned(clock: ManualClock) -> None:
    limiter = limiter_of(clock)
    limiter.observe(
        [
            WindowSnapshot("all", 0.0, 5, 1, 1.0),
            WindowSnapshot("all", 1.0, 0, 0, 1.0),
            WindowSnapshot("", 1.0, 5, 1, 1.0),
            WindowSnapshot("all", math.nan, 5, 1, 1.0),
            WindowSnapshot("all", 1.0, 5, 1, math.nan),
        ]
    )
    assert limiter.statistics().windows == ()
    limiter.throttled(retry_after=None, snapshots=[WindowSnapshot("all", 1.0, 0, 0, 1.0)])
    assert limiter.statistics().closed_for == {"*": 1.0}


async def test_learned_windows_hold_calls_of_routes_that_are_in_use(clock: ManualClock) -> None:
    limiter = limiter_of(clock)
    await limiter.acquire()
    limiter.observe([WindowSnapshot("all", 1.0, 3, 2, 1.0)])
    assert [limiter.try_acquire() for _ in range(3)] == [True, True, False]
    (window,) = limiter.statistics().windows
    assert (window.kind, window.interval, window.limit, window.available, window.learned) == ("all", 1.0, 3, 0, True)


async def test_an_account_that_is_better_than_ours_lets_waiters_go(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(10, 86_400.0))
    assert limiter.try_acquire(cost=10)
    (task,) = await waiting(limiter, ())
    await clock.advance(3600.0)
    assert not task.done()
    limiter.observe([WindowSnapshot("all", 86_400.0, 10, 4, 40_000.0)])
    await settle()
    assert task.done()
    assert limiter.available() == 3
    assert limiter.statistics().windows[0].resets_in == 40_001.0


async def test_a_whole_account_drops_what_it_does_not_name(clock: ManualClock) -> None:
    limiter = RateLimiter([RateLimit(3, 5.0)], clock=clock)
    limiter.observe([WindowSnapshot("all", 3600.0, 1), WindowSnapshot("write", 60.0, 2)])
    calls = [asyncio.create_task(limiter.acquire()) for _ in range(4)]
    await clock.advance(0.0)
    assert [call.done() for call in calls] == [True, False, False, False]
    limiter.observe([WindowSnapshot("write", 60.0, 20, 20)], complete=True)
    await clock.advance(0.0)
    assert [call.done() for call in calls] == [True, True, True, False], "the user's own limit stays"
    assert {(window.kind, window.limit) for window in limiter.statistics().windows} == {("all", 3), ("write", 20)}
    limiter.observe([WindowSnapshot("all", math.nan, 0)], complete=True)
    assert len(limiter.statistics().windows) == 2, "what makes no sense is no account"
    await clock.run_until_idle()
    await asyncio.gather(*calls)


async def test_a_throttle_that_has_recovered_is_forgotten(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(40, 1.0))
    limiter.throttled(retry_after=1.0)
    assert limiter.statistics().closed_for
    await clock.advance(200.0)
    assert limiter.try_acquire()
    statistics = limiter.statistics()
    assert (statistics.closed_for, statistics.pace, statistics.refusals) == ({}, {}, 1)
    assert limiter.available() == 39


async def test_statistics(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(2, 1.0), RateLimit(1, 360.0, "write"))
    tasks = await waiting(limiter, *[()] * 6)
    before = limiter.statistics()
    assert (before.calls, before.waiters, before.waits, before.longest_wait) == (2, 4, 0, 0.0)
    await clock.run_until_idle()
    await asyncio.gather(*tasks)
    after = limiter.statistics()
    assert (after.calls, after.waiters, after.waits, after.refusals) == (6, 0, 4, 0)
    assert after.waited == pytest.approx(6.0, abs=1e-4)
    assert after.longest_wait == pytest.approx(2.0, abs=1e-4)
    assert [(w.kind, w.available, w.learned) for w in after.windows] == [("all", 0, False), ("write", 1, False)]


# Cancellation


async def test_a_cancelled_waiter_takes_nothing_and_delays_nobody(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(2, 1.0))
    assert limiter.try_acquire(cost=1)
    large, small = await waiting(limiter, (("all",), 2), ())
    assert not small.done()
    large.cancel()
    await settle()
    assert small.done()
    assert limiter.statistics().waiters == 0
    await clock.advance(1.0)
    assert limiter.available() == 2


async def test_a_waiter_that_is_cancelled_as_it_is_let_go_gives_its_token_to_the_next(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(1, 1.0))
    await limiter.acquire()
    first, second, third = await waiting(limiter, (), (), ())
    clock.tick(1.001)  # lets the first go; its task has not run
    first.cancel()
    await settle()
    assert first.cancelled()
    assert second.done()
    assert not third.done()
    assert limiter.statistics().calls == 2
    assert limiter.statistics().waits == 1


async def test_a_waiter_that_is_let_go_after_it_was_cancelled_takes_nothing(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(1, 1.0))
    await limiter.acquire()
    first, second = await waiting(limiter, (), ())
    first.cancel()
    clock.tick(1.001)  # the timer comes before the first's task hears of it
    await settle()
    assert first.cancelled()
    assert second.done()
    assert limiter.statistics().calls == 2


async def test_cancelled_and_closed_at_once(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(1, 1.0))
    await limiter.acquire()
    (task,) = await waiting(limiter, ())
    limiter.close(errors.ClientClosedError("closed"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_last_waiter_leaves_no_timer_behind(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(1, 100.0))
    await limiter.acquire()
    tasks = await waiting(limiter, (), ())
    assert clock.next_timer() is not None
    for task in tasks:
        task.cancel()
    await settle()
    assert clock.next_timer() is None


async def test_ten_thousand_cancelled_waiters_cost_little(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(1, 100.0))
    await limiter.acquire()
    tasks = await waiting(limiter, *[()] * 10_000)
    for task in tasks[:-1]:
        task.cancel()
    await settle()
    assert limiter.statistics().waiters == 1
    await clock.advance(100.1)
    assert tasks[-1].done()


# The clock of the machine


async def test_with_the_real_clock() -> None:
    limiter = RateLimiter([RateLimit(10, 0.05)])
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(limiter.acquire() for _ in range(30)))
    assert 0.1 <= loop.time() - began < 1.0


def test_feedback_makes_late_calls_count_later(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(2, 1.0))
    clock.tick(0.02)
    assert limiter.try_acquire(cost=2)
    clock.tick(0.1)
    limiter.answered(age=0.1)  # nothing is known of how fast an answer can be: it may have arrived just now
    clock.tick(0.9)
    assert limiter.available() == 1
    clock.tick(0.1)
    assert limiter.available() == 2


async def test_who_is_failed_by_closing_has_an_error_of_its_own(clock: ManualClock) -> None:
    class Odd(Exception):
        def __init__(self, *, code: int) -> None:
            super().__init__(f"code {code}")

    for error, ends in ((errors.ClientClosedError("closed"), 4), (Odd(code=1), 1)):
        limiter = limiter_of(clock, RateLimit(1, 10.0))
        limiter.try_acquire()
        tasks = await waiting(limiter, (), (), ())
        limiter.close(error)
        found = await asyncio.gather(*tasks, limiter.acquire(), return_exceptions=True)
        assert {str(each) for each in found} == {str(error)}
        assert len({id(each) for each in found}) == ends


# What cannot come in time


async def test_who_cannot_leave_in_time_is_told_at_once_and_takes_nothing(clock: ManualClock) -> None:
    limiter = limiter_of(clock, RateLimit(2, 10.0))
    assert limiter.try_acquire(cost=2)
    with pytest.raises(errors.DeadlineExceededError, match=r"in 10.0 s at the earliest") as caught:
        await limiter.acquire(within=9.9)
    assert caught.value.deadline == pytest.approx(9.9)
    assert limiter.statistics().waiters == 0
    assert clock.next_timer() is None
    waiting = asyncio.ensure_future(limiter.acquire(within=10.1))
    await clock.run_until_idle()
    assert await waiting == pytest.approx(10.0)


async def test_within_is_no_timer(clock: ManualClock) -> None:
    """What may still come in time is waited for, also when it does not in the end: others were before it."""
    limiter = limiter_of(clock, RateLimit(1, 10.0))
    tasks = [asyncio.ensure_future(limiter.acquire(within=15.0)) for _ in range(3)]
    await settle()
    assert [task.done() for task in tasks] == [True, False, False]
    await clock.advance(10.01)
    assert await tasks[1] == pytest.approx(10.0)
    with pytest.raises(errors.DeadlineExceededError):  # known as soon as the one before it has left
        tasks[2].result()


async def test_a_gate_that_closes_for_too_long_fails_those_who_wait_and_frees_those_whom_they_held(
    clock: ManualClock,
) -> None:
    limiter = limiter_of(clock, RateLimit(2, 10.0), RateLimit(1, 60.0, "write"))
    limiter.try_acquire(WRITE)
    write = asyncio.ensure_future(limiter.acquire(WRITE, longest_gate=300.0))
    patient = asyncio.ensure_future(limiter.acquire(WRITE))
    await settle()
    limiter.throttled(retry_after=400.0, snapshots=[WindowSnapshot("write", 60.0, 1, 0)])
    await settle()
    with pytest.raises(errors.RateLimitError, match="400 s more") as caught:
        await write
    assert caught.value.retry_after == pytest.approx(400.0)
    assert not patient.done(), "without a bound it waits"
    assert await limiter.acquire(longest_gate=300.0) == 0.0, "reads pass"
    await clock.advance(101.0)
    late = asyncio.ensure_future(limiter.acquire(WRITE, longest_gate=300.0))
    await clock.run_until_idle()
    assert await patient == pytest.approx(400.0)
    assert await late == pytest.approx(400.0 + 60.0 - 101.0)


async def test_a_window_that_names_its_reset_is_no_retry_after(clock: ManualClock) -> None:
    """The write window of PlanGrid lasts six minutes: to wait for it is what a backlog does."""
    limiter = limiter_of(clock)
    limiter.throttled(retry_after=None, snapshots=[WindowSnapshot("write", 360.0, 2_000, 0, 350.0)])
    task = asyncio.ensure_future(limiter.acquire(WRITE, within=600.0, longest_gate=300.0))
    await clock.run_until_idle()
    assert await task > 350.0
