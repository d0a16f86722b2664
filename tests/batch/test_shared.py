"""Identical reads that share one request."""

import asyncio

from plangrep_async.errors import DeadlineExceededError, NotFoundError
from plangrep_async.session import CallOptions


def start(coalescer, calls, options=None):
    return [asyncio.ensure_future(coalescer.send(call, options)) for call in calls]


async def ended(world, *tasks):
    await world.clock.run_until_idle()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_identical_reads_share_one_request_only_when_asked_to(world):
    for share, requests in ((False, [["/0", "/0", "/0"]]), (True, ["/0"])):
        world.service.requests.clear()
        coalescer = world.coalescer(share_identical=share)
        assert await ended(world, *start(coalescer, [world.get("/0") for _ in range(3)])) == ["/0"] * 3
        assert world.service.requests == requests
        assert coalescer.statistics().shared == (2 if share else 0)


async def test_who_comes_while_it_is_under_way_joins_and_who_comes_later_does_not(world):
    world.service.latency = 2.0
    coalescer = world.coalescer(share_identical=True)
    first = start(coalescer, [world.get("/0"), world.get("/1")])
    await world.clock.advance(1.0)
    second = start(coalescer, [world.get("/0")])
    assert await ended(world, *first, *second) == ["/0", "/1", "/0"]
    assert world.service.requests == [["/0", "/1"]]
    await ended(world, *start(coalescer, [world.get("/0")]))
    assert world.service.requests == [["/0", "/1"], "/0"]


async def test_what_differs_is_not_shared(world):
    coalescer = world.coalescer(share_identical=True)
    calls = [
        world.get("/0"),
        world.get("/0?page=2"),
        world.get("/0", headers=(("X-Version", "2"),)),
        world.post("/0"),
        world.post("/0"),
        world.get("/0", repeatable=False),
    ]
    await ended(world, *start(coalescer, calls))
    assert [len(request) for request in world.service.requests] == [6]


async def test_each_decodes_the_answer_for_itself(world):
    coalescer = world.coalescer(share_identical=True)
    raw = world.get("/0").replace(decode=lambda answer: answer.content)
    broken = world.get("/0").replace(decode=lambda answer: answer.json()["nowhere"])
    first, second, third = await ended(world, *start(coalescer, [world.get("/0"), raw, broken]))
    assert (first, second) == ("/0", b'{"path":"/0"}')
    assert type(third).__name__ == "DecodeError"
    assert world.service.requests == ["/0"]


async def test_a_failure_reaches_each_as_an_error_of_its_own_and_is_not_kept(world):
    world.service.replies = {"/0": [(404, {"message": "gone"})]}
    coalescer = world.coalescer(share_identical=True)
    first, second = await ended(world, *start(coalescer, [world.get("/0"), world.get("/0")]))
    assert (type(first), type(second)) == (NotFoundError, NotFoundError)
    assert first is not second
    assert first.__traceback__ is not second.__traceback__
    assert await coalescer.send(world.get("/0")) == "/0"


async def test_it_is_aborted_only_when_the_last_gives_up(world):
    world.service.latency = 5.0
    coalescer = world.coalescer(share_identical=True)
    first, second = start(coalescer, [world.get("/0"), world.get("/0")])
    await world.clock.advance(1.0)
    first.cancel()
    await world.clock.advance(1.0)
    assert world.service.aborted == 0
    second.cancel()
    await world.clock.advance(0.0)
    assert world.service.aborted == 1
    # Who comes now does not join a request that is being aborted.
    assert await ended(world, *start(coalescer, [world.get("/0")])) == ["/0"]


async def test_deadlines_stay_each_callers_own(world):
    world.service.latency = 5.0
    coalescer = world.coalescer(share_identical=True)
    hasty = start(coalescer, [world.get("/0")], CallOptions(deadline=2.0))
    patient = start(coalescer, [world.get("/0")], CallOptions(deadline=20.0))
    error, result = await ended(world, *hasty, *patient)
    assert type(error) is DeadlineExceededError
    assert error.spent == {"request": 2.0}
    assert result == "/0"
    assert world.service.requests == ["/0"]


async def test_closing_ends_it_for_all(world):
    world.service.latency = 5.0
    coalescer = world.coalescer(share_identical=True)
    tasks = start(coalescer, [world.get("/0"), world.get("/0"), world.get("/1")])
    await world.clock.advance(1.0)
    await coalescer.aclose()
    errors = await ended(world, *tasks)
    assert [type(error).__name__ for error in errors] == ["ClientClosedError"] * 3
