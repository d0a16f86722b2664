"""Batches on purpose."""

import asyncio

import pytest

from plangrep_async.errors import InvalidInputError, NotFoundError
from plangrep_async.session import CallOptions


async def test_results_and_errors_come_in_order(world):
    world.service.replies = {"/1": [(404, {"message": "gone"})]}
    first, second, third = await world.coalescer().batch([world.get("/0"), world.get("/1"), world.post("/2")])
    assert (first, third) == ("/0", "/2")
    assert type(second) is NotFoundError
    assert world.service.requests == [["/0", "/1", "/2"]]


async def test_more_than_a_batch_holds_is_split(world):
    paths = [f"/{n}" for n in range(120)]
    assert await world.coalescer().batch([world.get(path) for path in paths]) == paths
    assert [len(batch) for batch in world.service.batches] == [50, 50, 20]


async def test_methods_that_are_not_awaited_yet_are_taken_too(world):
    coalescer = world.coalescer()

    async def get_twice(path):
        await coalescer.send(world.get(path))
        return await coalescer.send(world.get(path + "/again"))

    assert await coalescer.batch([get_twice("/0"), get_twice("/1"), world.get("/2")]) == ["/0/again", "/1/again", "/2"]
    assert world.service.requests == [["/0", "/1", "/2"], ["/0/again", "/1/again"]]


async def test_what_is_no_list_of_calls_is_refused(world):
    for wrong in (5, "/things"):
        with pytest.raises(InvalidInputError, match="calls"):
            await world.coalescer().batch(wrong)
    assert world.service.requests == []


async def test_it_merges_where_merging_is_off(world):
    coalescer = world.coalescer(enabled=False)

    async def get(path):
        return await coalescer.send(world.get(path))

    await coalescer.batch([get("/0"), world.get("/1")])
    await asyncio.gather(get("/2"), get("/3"))
    assert world.service.requests == [["/0", "/1"], "/2", "/3"]


async def test_a_call_that_says_otherwise_is_respected(world):
    await world.coalescer().batch([world.get("/0"), world.get("/1")], CallOptions(coalesce=False))
    assert world.service.requests == ["/0", "/1"]


async def test_options_reach_the_calls(world):
    world.service.replies = {"/0": [(503, {})]}
    error, _ = await world.coalescer().batch([world.get("/0"), world.get("/1")], CallOptions(max_attempts=1))
    assert error.attempts == 1


async def test_nothing_is_sent_when_one_is_neither(world):
    coalescer = world.coalescer()
    coroutine = coalescer.send(world.get("/0"))
    with pytest.raises(InvalidInputError, match=r"calls\[1\] is a str"):
        await coalescer.batch([coroutine, "/1"])
    await world.clock.run_until_idle()
    assert not world.service.requests


async def test_none_is_an_empty_list(world):
    assert await world.coalescer().batch([]) == []


async def test_cancelling_it_cancels_all(world):
    world.service.latency = 5.0
    coalescer = world.coalescer()
    task = asyncio.ensure_future(coalescer.batch([world.get("/0"), world.get("/1")]))
    await world.clock.advance(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.clock.advance(0.0)
    assert world.service.aborted == 1
    assert coalescer.statistics().under_way == 0
