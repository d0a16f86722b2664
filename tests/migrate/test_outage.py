"""What is said while a service cannot be had."""

from __future__ import annotations

import pytest

from plangrep_async.errors import APIConnectionError, DeadlineExceededError, RateLimitError
from plangrep_async.migrate.events import Resumed, Waiting
from plangrep_async.migrate.failure import Judgement, Verdict
from plangrep_async.migrate.outage import Outage
from plangrep_async.testing import ManualClock


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (APIConnectionError("no route"), "the service is out of reach"),
        (DeadlineExceededError("late", deadline=60.0, spent={"request": 50.0, "rate limit": 9.0}), "out of reach"),
        (DeadlineExceededError("late", deadline=60.0, spent={"request": 1.0, "rate limit": 59.0}), "the allowance"),
        (RateLimitError("too many", status=429), "the allowance of calls is used up"),
    ],
)
async def test_it_says_what_is_waited_for(error, words):
    failures = [error, error]
    seen = []
    clock = ManualClock()

    async def probe():
        if failures:
            raise failures.pop()

    async def pause(seconds):
        await clock.advance(seconds)

    outage = Outage(probe, seen.append, pause, lambda: False, clock, 600.0)
    assert await outage.blame(Judgement(Verdict.LATER, network=True))
    first, second, resumed = seen
    assert isinstance(first, Waiting)
    assert words in first.reason
    assert (first.seconds, second.seconds) == (1.0, 2.0)
    assert isinstance(resumed, Resumed)
    assert resumed.seconds == 3.0
