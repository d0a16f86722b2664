"""Who gives up, when, and what that stops."""

import asyncio
import logging
import math

import pytest

from plangrep_async.config import RetryPolicy
from plangrep_async.errors import APIConnectionError, ClientClosedError, DeadlineExceededError, RateLimitError
from plangrep_async.ratelimit import RateLimit, WindowSnapshot
from plangrep_async.session import CallOptions

ONE_IN_TEN = (RateLimit(1, 10.0),)


def start(coalescer, calls, options=None):
    return [asyncio.ensure_future(coalescer.send(call, options)) for call in calls]


async def ended(*tasks):
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_cancelled_before_it_leaves_it_never_does(world):
    coalescer = world.coalescer(world.session(limits=ONE_IN_TEN))
    await coalescer.send(world.get("/0"))
    tasks = start(coalescer, [world.post(f"/{n}") for n in range(1, 5)])
    await world.clock.advance(1.0)
    tasks[1].cancel()
    tasks[2].cancel()
    await world.clock.run_until_idle()
    assert world.service.requests == ["/0", ["/1", "/4"]]
    assert coalescer.statistics().cancelled == 2


async def test_cancelled_in_the_moment_of_the_dispatch_it_does_not_leave(world):
    """The task is cancelled and has not run yet when the batch is made."""
    coalescer = world.coalescer()
    tasks = start(coalescer, [world.post(f"/{n}") for n in range(3)])
    await asyncio.sleep(0)  # all have joined; the dispatch is next
    tasks[0].cancel()
    results = await ended(*tasks)
    assert isinstance(results[0], asyncio.CancelledError)
    assert world.service.requests == [["/1", "/2"]]


async def test_a_lone_call_cancelled_as_it_may_leave_gives_everything_back(world):
    session = world.session(limits=[RateLimit(2, 3600.0)])
    coalescer = world.coalescer(session, concurrency=1)
    world.service.latency = 1.0
    (first,) = start(coalescer, [world.post("/0")])
    await world.clock.advance(0.5)
    (second,) = start(coalescer, [world.post("/1")])
    await world.clock.advance(0.4)
    world.clock.tick(0.1)
    for _ in range(20):
        if not session.limiter.available():
            break
        await asyncio.sleep(0)
    assert coalescer.statistics().alone == 2, "the second may leave, and its task has not run yet"
    second.cancel()
    await ended(first, second)
    assert second.cancelled()
    assert session.limiter.available() == 1
    assert coalescer.statistics().under_way == 0
    assert world.service.requests == ["/0"]


async def test_the_first_of_a_turn_may_give_up_and_the_others_leave(world):
    """It would have dispatched for all of them."""
    coalescer = world.coalescer()
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(3)])
    await asyncio.sleep(0)
    tasks[0].cancel()
    assert [type(result) for result in await ended(*tasks)] == [asyncio.CancelledError, str, str]
    assert world.service.requests == [["/1", "/2"]]
    assert coalescer.statistics().waiting == 0


async def test_a_turn_that_took_long_counts_against_the_deadline(world):
    world.service.latency = 1.0
    coalescer = world.coalescer()
    (task,) = start(coalescer, [world.get("/0")], CallOptions(deadline=2.5))
    await asyncio.sleep(0)
    world.clock.tick(2.0)  # what else ran in this turn
    await world.clock.run_until_idle()
    error = task.exception()
    assert type(error) is DeadlineExceededError
    assert error.spent == pytest.approx({"queue": 2.0, "request": 0.5})


async def test_the_request_goes_on_while_anybody_waits(world):
    world.service.latency = 5.0
    coalescer = world.coalescer()
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(3)])
    await world.clock.advance(1.0)
    tasks[0].cancel()
    tasks[2].cancel()
    await world.clock.advance(10.0)
    assert [type(result) for result in await ended(*tasks)] == [asyncio.CancelledError, str, asyncio.CancelledError]
    assert world.service.aborted == 0


async def test_the_request_is_aborted_when_nobody_does(world):
    world.service.latency = 5.0
    coalescer = world.coalescer()
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(3)])
    await world.clock.advance(1.0)
    for task in tasks:
        task.cancel()
    await world.clock.advance(0.0)
    assert world.service.aborted == 1
    assert coalescer.statistics().under_way == 0
    await ended(*tasks)


async def test_a_batch_that_nobody_waits_for_before_it_begins_costs_nothing(world):
    session = world.session(limits=[RateLimit(1, 3600.0)])
    coalescer = world.coalescer(session)
    tasks = start(coalescer, [world.post(f"/{n}") for n in range(3)])
    await asyncio.sleep(0)
    for task in tasks:
        asyncio.get_running_loop().call_soon(task.cancel)
    await ended(*tasks)
    await world.clock.advance(0.0)
    assert not world.service.requests
    assert session.limiter.available() == 1


async def test_closed_before_it_begins_a_batch_costs_nothing(world):
    session = world.session(limits=[RateLimit(1, 3600.0)])
    coalescer = world.coalescer(session)
    tasks = start(coalescer, [world.post(f"/{n}") for n in range(3)])
    while not coalescer.statistics().batches:
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(coalescer.aclose())
    assert [type(error) for error in await ended(closing, *tasks)][1:] == [ClientClosedError] * 3
    assert session.limiter.available() == 1 - len(world.service.requests)


async def test_cancelled_while_it_rests_it_is_not_sent_again(world):
    world.service.replies = {path: [(503, {})] for path in ("/1", "/2")}
    coalescer = world.coalescer()
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(3)])
    await world.clock.advance(0.1)
    assert coalescer.statistics().resting == 2
    tasks[1].cancel()
    await world.clock.advance(0.0)
    assert coalescer.statistics().resting == 1
    tasks[2].cancel()
    await ended(*tasks)
    await world.clock.run_until_idle()
    assert world.service.requests == [["/0", "/1", "/2"]]


async def test_when_all_give_up_nothing_waits_for_tokens_any_more(world):
    session = world.session(limits=ONE_IN_TEN)
    coalescer = world.coalescer(session)
    await coalescer.send(world.get("/0"))
    tasks = start(coalescer, [world.get("/1"), world.get("/2")])
    await world.clock.advance(1.0)
    assert session.limiter.statistics().waiters == 1
    for task in tasks:
        task.cancel()
    await ended(*tasks)
    await world.clock.advance(0.0)
    assert session.limiter.statistics().waiters == 0
    assert world.clock.next_timer() is None


async def test_tokens_that_come_for_nobody_are_given_back(world):
    """All give up in the turn in which the tokens for their batch are there."""
    session = world.session(limits=ONE_IN_TEN)
    coalescer = world.coalescer(session)
    await coalescer.send(world.get("/0"))
    tasks = start(coalescer, [world.get("/1"), world.get("/2")])
    await world.clock.advance(1.0)
    while session.limiter.statistics().waiters:
        world.clock.tick(world.clock.next_timer())
    assert session.limiter.available() == 0
    for task in tasks:
        task.cancel()
    await ended(*tasks)
    await world.clock.advance(0.0)
    assert session.limiter.available() == 1
    assert world.service.requests == ["/0"]


async def test_what_came_too_much_is_given_back(world):
    """All but one give up in the turn in which the tokens for their batch are there: it leaves for its own."""
    session = world.session(limits=[*ONE_IN_TEN, RateLimit(5, 3600.0, "write")])
    coalescer = world.coalescer(session)
    await coalescer.send(world.get("/0"))
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(1, 4)])
    await world.clock.advance(1.0)
    while session.limiter.statistics().waiters:
        world.clock.tick(world.clock.next_timer())
    assert session.limiter.available(("write",)) == 4
    for task in tasks[1:]:
        task.cancel()
    assert (await ended(*tasks))[0] == "/1"
    assert world.service.requests == ["/0", "/1"]
    assert session.limiter.available(("write",)) == 5


async def test_the_last_one_left_does_not_wait_for_a_batchs_tokens(world):
    session = world.session(limits=[RateLimit(10, 1.0), RateLimit(1, 0.9, "write")])
    coalescer = world.coalescer(session)
    await coalescer.send(world.post("/w"))
    stays, goes = start(coalescer, [world.get("/1"), world.get("/2")])
    await world.clock.advance(0.1)
    goes.cancel()
    await world.clock.advance(0.0)
    assert stays.done()
    assert world.service.requests == ["/w", "/1"]


# Deadlines


async def test_deadlines_are_each_calls_own_and_say_where_the_time_went(world):
    session = world.session(limits=ONE_IN_TEN)
    coalescer = world.coalescer(session)
    await coalescer.send(world.get("/0"))
    (patient,) = start(coalescer, [world.get("/2")], CallOptions(deadline=60.0))
    (hasty,) = start(coalescer, [world.get("/1?token=secret")], CallOptions(deadline=12.0))
    await world.clock.advance(1.0)
    session.limiter.throttled(retry_after=30.0)
    await world.clock.advance(11.0)
    error = hasty.exception()
    assert type(error) is DeadlineExceededError
    assert error.deadline == 12.0
    assert error.spent == {"rate limit": pytest.approx(12.0)}
    assert "rate limit 12.00 s" in str(error)
    assert "secret" not in f"{error} {error.url}"
    await world.clock.run_until_idle()
    assert patient.result() == "/2"
    assert world.service.requests == ["/0", "/2"]


async def test_who_cannot_leave_within_the_deadline_is_told_at_once(world):
    coalescer = world.coalescer(world.session(limits=ONE_IN_TEN))
    await coalescer.send(world.get("/0"))
    tasks = start(coalescer, [world.get("/1"), world.post("/2")], CallOptions(deadline=3.0))
    (patient,) = start(coalescer, [world.get("/3")], CallOptions(deadline=60.0))
    await asyncio.sleep(0.0)
    tasks += start(coalescer, [world.get("/4")], CallOptions(deadline=9.0))
    await world.clock.advance(0.0)
    for task in tasks:
        error = task.exception()
        assert type(error) is DeadlineExceededError
        assert "cannot end within its deadline of" in str(error)
        assert "10.1 s at the earliest" in str(error)
        assert (error.elapsed, error.attempts) == (0.0, 0)
    await world.clock.run_until_idle()
    assert patient.result() == "/3"
    assert world.service.requests == ["/0", "/3"]


@pytest.mark.parametrize("patience", [1.0, math.inf])
async def test_after_a_retry_after_past_the_cap_all_that_wait_and_all_that_come_are_told(world, patience):
    session = world.session(limits=ONE_IN_TEN)
    coalescer = world.coalescer(session, patience=patience)
    await coalescer.send(world.post("/0"))
    tasks = start(coalescer, [world.post("/1"), world.post("/2")])
    await world.clock.advance(5.0)
    session.limiter.throttled(retry_after=80_000.0)
    await world.clock.advance(0.0)
    tasks += start(coalescer, [world.post("/3"), world.get("/4")])
    await world.clock.advance(0.0)
    for task in tasks:
        error = task.exception()
        assert type(error) is RateLimitError
        assert error.retry_after == pytest.approx(80_000.0)
        assert (error.status, error.attempts, error.method in ("GET", "POST")) == (429, 0, True)
        assert "was not sent: after a 429" in str(error)
        assert "max_retry_after" in str(error)
    assert len({id(task.exception()) for task in tasks}) == 4
    await world.clock.advance(79_800.0)
    late = start(coalescer, [world.get("/5"), world.get("/6")])
    await world.clock.run_until_idle()
    assert [task.result() for task in late] == ["/5", "/6"]


async def test_a_closed_gate_for_writes_does_not_end_reads(world):
    session = world.session(limits=[RateLimit(2, 10.0)])
    coalescer = world.coalescer(session)
    await ended(*start(coalescer, [world.get("/0")]))
    await ended(*start(coalescer, [world.get("/0")]))
    tasks = start(coalescer, [world.get("/1"), world.get("/2"), world.post("/3")])
    await world.clock.advance(1.0)
    session.limiter.throttled(retry_after=1_000.0, snapshots=[WindowSnapshot("write", 360.0, 2_000, 0)])
    await world.clock.advance(60.0)
    assert [type(each) for each in await ended(*tasks)] == [str, str, RateLimitError]
    assert world.service.requests == ["/0", "/0", "/1", "/2"]


async def test_what_would_be_sent_again_only_after_its_deadline_is_not_waited_for(world):
    world.service.replies = {path: [(503, {})] * 9 for path in ("/1", "/2")}
    coalescer = world.coalescer(world.session(retry=RetryPolicy(base=20.0)))
    tasks = start(coalescer, [world.get("/1")], CallOptions(deadline=5.0))
    tasks += start(coalescer, [world.get("/2")], CallOptions(deadline=5.0))
    await world.clock.advance(0.0)
    for task in tasks:
        error = task.exception()
        assert type(error) is DeadlineExceededError
        assert "it would be sent again in 10.0 s" in str(error)
    assert coalescer.statistics().resting == 0


async def test_the_account_names_every_phase(world):
    world.service.latency = 2.0
    world.service.replies = {path: [(503, {})] * 9 for path in ("/1", "/2")}
    coalescer = world.coalescer(concurrency=1)
    (first,) = start(coalescer, [world.get("/0")])
    await world.clock.advance(1.0)
    tasks = start(coalescer, [world.get("/1"), world.get("/2")], CallOptions(deadline=5.0))
    await world.clock.run_until_idle()
    assert first.result() == "/0"
    for task in tasks:
        error = task.exception()
        assert error.spent == pytest.approx({"queue": 1.0, "request": 2.0 + 1.5, "backoff": 0.5})
        assert error.elapsed == pytest.approx(5.0)
        assert error.attempts == 2


async def test_what_a_lone_call_waited_for_before_counts_against_its_deadline(world):
    world.service.latency = 5.0
    coalescer = world.coalescer(world.session(limits=ONE_IN_TEN))
    (first,) = start(coalescer, [world.get("/0")])
    await world.clock.advance(8.0)
    (task,) = start(coalescer, [world.get("/1")], CallOptions(deadline=6.0))
    await world.clock.run_until_idle()
    assert first.result() == "/0"
    error = task.exception()
    assert type(error) is DeadlineExceededError
    assert error.deadline == 6.0
    assert error.elapsed == pytest.approx(6.0, abs=0.01)
    assert sum(error.spent.values()) == pytest.approx(6.0, abs=0.01)
    assert error.spent["rate limit"] > 2.0
    assert error.spent["request"] > 3.0
    assert "deadline of 6 s" in str(error)


async def test_a_deadline_in_flight_aborts_only_when_it_was_the_last(world):
    world.service.latency = 5.0
    coalescer = world.coalescer()
    tasks = [
        *start(coalescer, [world.get("/0")], CallOptions(deadline=1.0)),
        *start(coalescer, [world.get("/1")], CallOptions(deadline=2.0)),
    ]
    await world.clock.advance(1.5)
    assert world.service.aborted == 0
    await world.clock.advance(1.0)
    assert world.service.aborted == 1
    assert [type(error) for error in await ended(*tasks)] == [DeadlineExceededError] * 2


async def test_the_sessions_default_deadline_holds(world):
    world.service.latency = 1_000.0
    coalescer = world.coalescer(world.session(options=CallOptions(deadline=30.0)))
    tasks = start(coalescer, [world.get("/0"), world.get("/1")])
    await world.clock.run_until_idle()
    assert [error.deadline for error in await ended(*tasks)] == [30.0, 30.0]
    assert world.clock.monotonic() == pytest.approx(1_030.0)


@pytest.mark.parametrize("count", [1, 3])
async def test_a_deadline_that_has_run_out_sends_and_costs_nothing(world, count):
    session = world.session(limits=[RateLimit(1, 3600.0)])
    coalescer = world.coalescer(session)
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(count)], CallOptions(deadline=0.0))
    await world.clock.run_until_idle()
    assert [type(task.exception()) for task in tasks] == [DeadlineExceededError] * count
    assert not world.service.requests
    assert session.limiter.available() == 1


# Hanging the network at each await


@pytest.mark.parametrize("ticks", range(12))
async def test_whenever_it_is_cancelled_nothing_is_left(world, ticks, caplog):
    session = world.session(limits=[RateLimit(3, 3600.0)])
    coalescer = world.coalescer(session, concurrency=2)
    for count in (1, 3):
        tasks = start(coalescer, [world.get(f"/{count}/{n}") for n in range(count)])
        for _ in range(ticks):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await ended(*tasks)
        await world.clock.advance(0.0)
    statistics = coalescer.statistics()
    assert (statistics.waiting, statistics.resting, statistics.under_way) == (0, 0, 0)
    assert session.limiter.available() == 3 - len(world.service.requests)
    assert await coalescer.send(world.get("/after")) == "/after"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_an_error_that_nobody_waits_for_is_not_logged(world, caplog):
    """The awaiter is cancelled in the turn in which its error comes."""
    world.service.wholes = ["lost"]
    coalescer = world.coalescer()
    tasks = start(coalescer, [world.post("/0"), world.post("/1")])
    while not coalescer.statistics().batches:
        await asyncio.sleep(0)
    (flight,) = coalescer._dispatcher._batches._flights
    flight.task.add_done_callback(lambda _, first=tasks[0]: first.cancel())
    results = await ended(*tasks)
    assert isinstance(results[1], APIConnectionError)
    del results, tasks, flight
    assert not caplog.records


# Closing


async def test_closing_fails_what_waits_and_what_is_under_way(world):
    world.service.latency = 5.0
    world.service.replies = {"/r/0": [(503, {})], "/r/1": [(503, {})]}
    session = world.session()
    coalescer = world.coalescer(session, concurrency=1)
    resting = start(coalescer, [world.get("/r/0"), world.get("/r/1")])
    await world.clock.advance(5.1)
    flying = start(coalescer, [world.post("/f/0"), world.post("/f/1")])
    await world.clock.advance(0.1)
    waiting = start(coalescer, [world.get("/w/0"), world.get("/w/1")])
    await world.clock.advance(0.1)
    statistics = coalescer.statistics()
    assert (statistics.resting, statistics.under_way, statistics.waiting) == (2, 1, 2)
    await coalescer.aclose()
    errors = await ended(*resting, *flying, *waiting)
    assert [type(error) for error in errors] == [ClientClosedError] * 6
    assert len({id(error) for error in errors}) == 6
    assert "unknown" in str(errors[2])
    assert world.service.aborted == 1
    with pytest.raises(ClientClosedError):
        await coalescer.send(world.get("/late"))
    assert coalescer.statistics().calls == 6


async def test_closing_may_drain(world):
    world.service.latency = 1.0
    world.service.replies = {path: [(503, {})] for path in ("/0", "/1")}
    coalescer = world.coalescer(world.session(limits=[RateLimit(1, 10.0)]))
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(60)])
    await world.clock.advance(0.1)
    closing = asyncio.ensure_future(coalescer.aclose(drain=True))
    await world.clock.advance(0.1)
    assert not closing.done()
    with pytest.raises(ClientClosedError):
        await coalescer.send(world.get("/late"))
    await world.clock.run_until_idle()
    assert closing.done()
    assert [task.result() for task in tasks] == [f"/{n}" for n in range(60)]


async def test_draining_waits_for_lone_calls_too(world):
    world.service.latency = 1.0
    coalescer = world.coalescer()
    (task,) = start(coalescer, [world.get("/0")])
    await world.clock.advance(0.1)
    closing = asyncio.ensure_future(coalescer.aclose(drain=True))
    await world.clock.advance(0.1)
    assert not closing.done()
    await world.clock.advance(1.0)
    assert closing.done()
    assert task.result() == "/0"


async def test_a_drain_that_is_cancelled_closes_at_once(world):
    world.service.latency = 100.0
    coalescer = world.coalescer()
    tasks = start(coalescer, [world.get("/0"), world.get("/1")])
    await world.clock.advance(0.1)
    closing = asyncio.ensure_future(coalescer.aclose(drain=True))
    await world.clock.advance(0.1)
    closing.cancel()
    results = await ended(closing, *tasks)
    assert [type(result) for result in results] == [asyncio.CancelledError, ClientClosedError, ClientClosedError]
    assert world.service.aborted == 1


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("share", [False, True])
async def test_calls_of_the_turn_in_which_it_is_closed_drain_too(world, count, share):
    coalescer = world.coalescer(share_identical=share)
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(count)])
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(coalescer.aclose(drain=True))
    await world.clock.run_until_idle()
    assert closing.done()
    assert [task.result() for task in tasks] == [f"/{n}" for n in range(count)]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("share", [False, True])
async def test_calls_of_the_turn_in_which_it_is_closed_at_once_fail(world, count, share):
    coalescer = world.coalescer(share_identical=share)
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(count)])
    await asyncio.sleep(0)
    closing = coalescer.aclose()
    with pytest.raises(StopIteration):
        closing.send(None)  # runs at once, before the turn is over
    assert [type(error) for error in await ended(*tasks)] == [ClientClosedError] * count
    assert not world.service.requests


async def test_closing_twice_and_idle_is_fine(world):
    coalescer = world.coalescer()
    await coalescer.aclose(drain=True)
    await coalescer.aclose()


async def test_a_batch_aborted_from_outside_leaves_nobody_hanging(world):
    world.service.latency = 5.0
    coalescer = world.coalescer()
    tasks = start(coalescer, [world.get("/0"), world.get("/1")])
    await world.clock.advance(1.0)
    (flight,) = coalescer._dispatcher._batches._flights
    flight.task.cancel()
    assert [type(error) for error in await ended(*tasks)] == [ClientClosedError] * 2
