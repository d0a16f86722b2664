"""Callers with little time, closing gates and cancellations: whatever comes together, each ends, and rightly so."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from plangrep_async.errors import DeadlineExceededError, RateLimitError
from plangrep_async.ratelimit import RateLimit, RateLimiter, WindowSnapshot
from plangrep_async.testing import ManualClock

WRITE = frozenset({"all", "write"})
KINDS = st.sampled_from([("all",), WRITE])
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("call"), KINDS, st.sampled_from([None, 0.0, 0.5, 5.0, 100.0]), st.sampled_from([None, 3.0, 50.0])
        ),
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.3, 2.0])),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("429"), st.sampled_from([None, 1.0, 20.0, 200.0]), st.booleans()),
    ),
    max_size=40,
)


@given(limit=st.integers(1, 4), writes=st.integers(1, 3), steps=STEPS)
@settings(max_examples=200, deadline=None)
def test_every_caller_ends_and_who_is_refused_could_not_have_left(limit: int, writes: int, steps: list[Any]) -> None:
    asyncio.run(scenario(limit, writes, steps))


async def scenario(limit: int, writes: int, steps: list[Any]) -> None:
    clock = ManualClock()
    limiter = RateLimiter([RateLimit(limit, 10.0), RateLimit(writes, 60.0, "write")], clock=clock, random=lambda: 0.5)

    async def call(kinds: Any, within: float | None, longest: float | None) -> None:
        began = clock.monotonic()
        try:
            await limiter.acquire(kinds, within=within, longest_gate=longest)
        except DeadlineExceededError:
            assert within is not None
            assert clock.monotonic() + limiter.ready_in(kinds) > began + within
        except RateLimitError as error:
            left = error.retry_after
            assert longest is not None
            assert left is not None
            assert left > longest

    tasks: list[asyncio.Task[None]] = []
    for what, *how in steps:
        if what == "call":
            tasks.append(asyncio.ensure_future(call(*how)))
        elif what == "wait":
            await clock.advance(how[0])
        elif what == "cancel" and how[0] < len(tasks):
            tasks[how[0]].cancel()
        elif what == "429":
            named = [WindowSnapshot("write", 60.0, writes, 0)] if how[1] else []
            limiter.throttled(retry_after=how[0], snapshots=named)
    await clock.run_until_idle(100_000.0)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [end for end in ends if isinstance(end, Exception)] == []
    assert limiter.statistics().waiters == 0
    assert clock.next_timer() is None
