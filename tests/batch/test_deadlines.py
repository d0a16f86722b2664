import asyncio

import pytest

from plangrep_async.batch.deadlines import Deadlines
from plangrep_async.batch.entry import Entry, Place
from plangrep_async.session import Call, CallOptions
from plangrep_async.testing import ManualClock


@pytest.fixture
async def watched():
    """A clock, deadlines on it, and a list of what has expired: its path and when."""
    clock, expired = ManualClock(start=0.0), []

    def expire(entry):
        entry.end(TimeoutError())
        expired.append((entry.target, clock.monotonic()))

    yield clock, Deadlines(clock, expire), expired
    assert clock.next_timer() is None


def entry(path, arrived, deadline):
    call = Call("GET", path, lambda answer: answer)
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.exception())
    return Entry(call, CallOptions(deadline=deadline), path, future, arrived, 50)


async def test_each_ends_at_its_own_time_and_none_before(watched):
    clock, deadlines, expired = watched
    for path, arrived, deadline in [("/a", 0.0, 5.0), ("/b", 0.4, 5.0), ("/c", 0.4, 2.0), ("/d", 0.4, None)]:
        deadlines.add(entry(path, arrived, deadline))
    deadlines.arm()
    await clock.advance(10.0)
    assert expired == [("/c", 2.4), ("/a", 5.0), ("/b", 5.4)]


async def test_one_timer_serves_a_turn_and_is_gone_with_the_last(watched):
    clock, deadlines, expired = watched
    entries = [entry(f"/{n}", 0.0, 5.0) for n in range(3)]
    for each in entries:
        deadlines.add(each)
    assert clock.next_timer() is None
    deadlines.arm()
    assert clock.next_timer() == 5.0
    for each in entries:
        assert clock.next_timer() == 5.0
        each.end(TimeoutError())
    assert clock.next_timer() is None
    assert not expired


async def test_the_first_may_leave_before_the_others(watched):
    clock, deadlines, expired = watched
    first, second = entry("/0", 0.0, 5.0), entry("/1", 2.0, 5.0)
    deadlines.add(first)
    deadlines.add(second)
    deadlines.arm()
    first.end(TimeoutError())
    await clock.advance(10.0)
    assert expired == [("/1", 7.0)]


async def test_what_left_alone_or_ended_in_its_turn_needs_no_timer(watched):
    clock, deadlines, _ = watched
    alone, out = entry("/0", 0.0, 5.0), entry("/1", 0.0, 5.0)
    deadlines.add(alone)
    deadlines.add(out)
    alone.move(Place.ALONE, 0.0, 0.0)
    out.end(TimeoutError())
    deadlines.arm()
    assert clock.next_timer() is None
