from __future__ import annotations

import asyncio
from typing import Any

import pytest

from plangrep_async.plangrid._codec import nothing
from plangrep_async.plangrid.uploads.together import Together
from plangrep_async.session import Call, CallOptions
from plangrep_async.testing import ManualClock
from plangrep_async.testing.clock import settle


class Turns:
    """A sender that notes in which turn of the event loop a call came."""

    def __init__(self) -> None:
        self.turn = 0
        self.calls: list[tuple[str, int]] = []

    async def send(self, call: Call[Any], options: CallOptions | None = None) -> Any:
        self.calls.append((call.path, self.turn))
        return call.path

    async def count(self) -> None:
        while True:
            self.turn += 1
            await asyncio.sleep(0)


def call(number: int) -> Call[Any]:
    return Call("GET", f"/{number}", nothing)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def turns() -> Turns:
    return Turns()


async def test_calls_wait_for_others_and_go_on_in_one_turn(clock: ManualClock, turns: Turns) -> None:
    together = Together(turns, clock, 0.1, size=3)
    sending = [asyncio.ensure_future(together.send(call(0)))]
    await clock.advance(0.05)
    sending.append(asyncio.ensure_future(together.send(call(1))))
    await clock.advance(0.04)
    assert turns.calls == []

    await clock.advance(0.02)

    assert [path for path, _ in turns.calls] == ["/0", "/1"]
    assert await asyncio.gather(*sending) == ["/0", "/1"]


async def test_a_full_batch_waits_for_nobody_and_leaves_in_one_turn(clock: ManualClock, turns: Turns) -> None:
    counter = asyncio.ensure_future(turns.count())
    together = Together(turns, clock, 0.1, size=3)

    await asyncio.gather(*[together.send(call(number)) for number in range(6)])

    assert len(turns.calls) == 6
    assert len({turn for _, turn in turns.calls[:3]}) == 1
    assert len({turn for _, turn in turns.calls[3:]}) == 1
    assert clock.next_timer() is None
    counter.cancel()


async def test_a_cancelled_call_never_leaves_and_holds_nobody_up(clock: ManualClock, turns: Turns) -> None:
    together = Together(turns, clock, 0.1, size=3)
    first, second = (asyncio.ensure_future(together.send(call(number))) for number in range(2))
    await settle()

    first.cancel()
    await settle()
    third = asyncio.ensure_future(together.send(call(2)))
    await clock.advance(0.2)

    assert first.cancelled()
    assert [await second, await third] == ["/1", "/2"]
    assert [path for path, _ in turns.calls] == ["/1", "/2"]


async def test_when_all_are_cancelled_no_timer_is_left(clock: ManualClock, turns: Turns) -> None:
    together = Together(turns, clock, 0.1)
    only = asyncio.ensure_future(together.send(call(0)))
    await settle()

    only.cancel()
    await settle()

    assert clock.next_timer() is None
    assert turns.calls == []


async def test_without_a_wait_it_is_not_there(clock: ManualClock, turns: Turns) -> None:
    assert await Together(turns, clock, 0.0).send(call(0)) == "/0"
    assert clock.next_timer() is None
