"""When calls leave: slots, tokens, patience."""

import asyncio
import math

import pytest

from plangrep_async.config import Timeouts
from plangrep_async.errors import InvalidInputError
from plangrep_async.ratelimit import RateLimit
from plangrep_async.session import CallOptions

ONE_A_SECOND = (RateLimit(1, 1.0),)


def start(coalescer, calls, options=None):
    return [asyncio.ensure_future(coalescer.send(call, options)) for call in calls]


async def drain(world, tasks):
    await world.clock.run_until_idle()
    return [task.result() for task in tasks]


# Slots


async def test_calls_gather_while_all_slots_are_taken(world):
    world.service.latency = 1.0
    coalescer = world.coalescer(concurrency=2)
    tasks = []
    for number in range(6):
        tasks += start(coalescer, [world.get(f"/{number}")])
        await world.clock.advance(0.1)
    assert world.service.requests == ["/0", "/1"]
    assert coalescer.statistics().waiting == 4
    assert await drain(world, tasks) == [f"/{n}" for n in range(6)]
    assert world.service.requests == ["/0", "/1", ["/2", "/3", "/4", "/5"]]


async def test_what_finished_batches_wake_may_join_the_next(world):
    world.service.latency = 1.0
    coalescer = world.coalescer(concurrency=1)

    async def program(name):
        await coalescer.send(world.get(f"/{name}/1"))
        return await coalescer.send(world.get(f"/{name}/2"))

    tasks = [asyncio.ensure_future(program(name)) for name in "abc"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks += start(coalescer, [world.get("/late")])
    await drain(world, tasks)
    assert world.service.requests == [["/a/1", "/b/1", "/c/1"], ["/late", "/a/2", "/b/2", "/c/2"]]


# Tokens


async def test_calls_gather_while_the_limiter_makes_them_wait(world):
    coalescer = world.coalescer(world.session(limits=ONE_A_SECOND))
    tasks = []
    for number in range(30):
        tasks += start(coalescer, [world.get(f"/{number}")])
        await world.clock.advance(0.1)
    await drain(world, tasks)
    assert [len(request) for request in world.service.requests[1:]] == [10, 10, 9]
    assert world.service.requests[0] == "/0"


async def test_the_harder_the_limit_the_fuller_the_batches(world):
    sizes = []
    for interval in (0.5, 2.0, 8.0):
        coalescer = world.coalescer(world.session(limits=[RateLimit(1, interval)]))
        tasks = []
        for number in range(100):
            tasks += start(coalescer, [world.get(f"/{number}")])
            await world.clock.advance(0.1)
        await drain(world, tasks)
        sizes.append(coalescer.statistics().mean_size)
    assert sizes == sorted(sizes)
    assert sizes[0] < 6 < 18 < sizes[1] < 40 < sizes[2]


async def test_a_lone_call_costs_its_own_and_a_batch_what_it_is_said_to(world):
    session = world.session(limits=[RateLimit(100, 3600.0), RateLimit(50, 3600.0, "write")])
    coalescer = world.coalescer(session, batch_cost=3)

    def left():
        return session.limiter.available(("all",)), session.limiter.available(("write",))

    await drain(world, start(coalescer, [world.get("/0")]))
    assert left() == (99, 50)
    await drain(world, start(coalescer, [world.post("/1")]))
    assert left() == (98, 49)
    await drain(world, start(coalescer, [world.get("/2"), world.get("/3")]))
    assert left() == (95, 46)


async def test_tokens_that_were_waited_for_are_settled_by_what_leaves(world):
    """A batch waits, and but one of its calls is left when the tokens come: the rest is given back."""
    session = world.session(limits=[RateLimit(2, 10.0), RateLimit(5, 3600.0, "write")])
    coalescer = world.coalescer(session, patience=math.inf)
    await drain(world, start(coalescer, [world.get("/0"), world.get("/1")]))
    await drain(world, start(coalescer, [world.get("/2")]))
    assert session.limiter.available(("write",)) == 4
    stays, goes = start(coalescer, [world.get("/3"), world.get("/4")])
    await world.clock.advance(1.0)
    goes.cancel()
    await drain(world, [stays])
    assert world.service.requests[-1] == "/3"
    assert session.limiter.available(("write",)) == 4


async def test_a_lone_call_that_waited_is_upgraded_when_others_joined(world):
    session = world.session(limits=[RateLimit(1, 10.0), RateLimit(5, 3600.0, "write")])
    coalescer = world.coalescer(session)
    await drain(world, start(coalescer, [world.get("/0")]))
    tasks = start(coalescer, [world.get("/1")])
    await world.clock.advance(1.0)
    tasks += start(coalescer, [world.get("/2"), world.post("/3")])
    await drain(world, tasks)
    assert world.service.requests == ["/0", ["/1", "/2", "/3"]]
    assert session.limiter.available(("write",)) == 4


async def test_a_batch_never_sent_gives_back_all_it_cost(world):
    session = world.session(limits=[RateLimit(10, 3600.0)])
    coalescer = world.coalescer(session, batch_cost=4, concurrency=1)
    world.service.wholes = ["never"]
    tasks = start(coalescer, [world.get("/0"), world.get("/1")], CallOptions(max_attempts=1))
    await world.clock.run_until_idle()
    assert all(task.exception() for task in tasks)
    assert session.limiter.available() == 10


async def test_calls_leave_alone_where_a_batch_can_never_be_paid(world):
    coalescer = world.coalescer(world.session(limits=ONE_A_SECOND), batch_cost=2)
    await drain(world, start(coalescer, [world.get("/0"), world.get("/1")]))
    assert world.service.requests == ["/0", "/1"]


async def test_who_insists_on_such_a_batch_gets_an_error_and_no_hang(world):
    coalescer = world.coalescer(world.session(limits=ONE_A_SECOND), batch_cost=2, patience=math.inf)
    tasks = start(coalescer, [world.get("/0"), world.get("/1")])
    await world.clock.run_until_idle()
    errors = [task.exception() for task in tasks]
    assert [type(error) for error in errors] == [InvalidInputError] * 2
    assert errors[0] is not errors[1]


async def test_a_closed_limiter_fails_what_waits(world):
    session = world.session(limits=ONE_A_SECOND)
    coalescer = world.coalescer(session)
    await drain(world, start(coalescer, [world.get("/0")]))
    tasks = start(coalescer, [world.get("/1"), world.get("/2")])
    await world.clock.advance(0.1)
    session.limiter.close(RuntimeError("over"))
    await world.clock.run_until_idle()
    assert all(isinstance(task.exception().__cause__, RuntimeError) for task in tasks)


# Patience

WRITES_USED_UP = (RateLimit(10, 1.0), RateLimit(1, 360.0, "write"))


async def test_reads_do_not_wait_for_a_window_of_writes(world):
    coalescer = world.coalescer(world.session(limits=WRITES_USED_UP))
    await drain(world, start(coalescer, [world.post("/w")]))
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(30)])
    await world.clock.advance(4.0)
    assert all(task.done() for task in tasks)
    assert not world.service.batches
    # A little later, with writes again, the same is one request.
    await world.clock.advance(400.0)
    await drain(world, start(coalescer, [world.get(f"/{n}") for n in range(30)]))
    assert [len(batch) for batch in world.service.batches] == [30]


async def test_without_end_to_patience_they_do(world):
    coalescer = world.coalescer(world.session(limits=WRITES_USED_UP), patience=math.inf)
    await drain(world, start(coalescer, [world.post("/w")]))
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(30)])
    await world.clock.advance(300.0)
    assert not any(task.done() for task in tasks)
    await drain(world, tasks)
    assert [len(batch) for batch in world.service.batches] == [30]


async def test_a_short_wait_for_a_batch_is_worth_it(world):
    coalescer = world.coalescer(world.session(limits=[RateLimit(10, 1.0), RateLimit(1, 0.9, "write")]))
    await drain(world, start(coalescer, [world.post("/w")]))
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(30)])
    await world.clock.advance(0.5)
    assert len(world.service.requests) == 1
    await drain(world, tasks)
    assert [len(request) for request in world.service.batches] == [30]


async def test_patience_ends_when_a_wait_becomes_longer_than_it_looked(world):
    """Others keep taking the tokens of writes: reads leave alone after all."""
    session = world.session(limits=[RateLimit(100, 1.0), RateLimit(1, 0.9, "write")])
    coalescer = world.coalescer(session)
    rivals = [asyncio.ensure_future(session.limiter.acquire(("all", "write"))) for _ in range(50)]
    await asyncio.sleep(0)
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(5)])
    await world.clock.advance(0.95)
    assert not any(task.done() for task in tasks)
    await world.clock.advance(0.2)
    assert all(task.done() for task in tasks)
    assert len(world.service.singles) == 5
    await world.clock.run_until_idle()
    await asyncio.gather(*rivals)


# The batch as a call


async def test_a_batch_is_as_patient_as_its_most_patient_call(world):
    coalescer = world.coalescer(world.session(timeouts=Timeouts(connect=1, read=2, write=3)))
    seen = []

    async def note():
        (flight,) = coalescer._dispatcher._batches._flights
        seen.append(flight.options)

    world.service.before = note
    options = [CallOptions(timeout=2.5, deadline=20), CallOptions(deadline=10)]
    await asyncio.gather(*(coalescer.send(world.get(f"/{n}"), each) for n, each in enumerate(options)))
    assert seen[0].timeout == Timeouts(connect=2.5, read=2.5, write=3)
    assert seen[0].deadline > 20
    assert seen[0].max_attempts == 1


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_every_slot_comes_back(world, concurrency):
    world.service.latency = 0.1
    coalescer = world.coalescer(concurrency=concurrency)
    world.service.wholes = ["lost", 400, "never", 503, None, 413]
    tasks = start(coalescer, [world.get(f"/{n}") for n in range(400)])
    await drain(world, tasks)
    statistics = coalescer.statistics()
    assert (statistics.waiting, statistics.resting, statistics.under_way) == (0, 0, 0)
