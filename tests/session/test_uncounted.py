"""Calls that no limit of the service counts."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from plangrep_async.ratelimit import RateLimiter
from plangrep_async.session import Call, Session
from plangrep_async.testing import ManualClock


def call() -> Call[Any]:
    return Call("GET", "https://storage.test/file", lambda answer: answer.content, kinds=frozenset())


async def test_a_closed_gate_does_not_hold_them_back() -> None:
    limiter = RateLimiter()
    limiter.throttled(retry_after=3600.0)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"file"))

    async with Session(base_url="https://api.test", transport=transport, limiter=limiter) as session:
        assert await session.send(call()) == b"file"


async def test_their_429_is_waited_for_and_closes_no_gate() -> None:
    clock, limiter = ManualClock(), RateLimiter()
    answers = iter([httpx.Response(429, headers={"Retry-After": "5"}), httpx.Response(200, content=b"file")])
    transport = httpx.MockTransport(lambda _: next(answers))

    async with Session(
        base_url="https://api.test", transport=transport, limiter=limiter, clock=clock, random=lambda: 0.0
    ) as session:
        sending = asyncio.ensure_future(session.send(call()))
        await clock.advance(4.9)
        assert not sending.done()
        assert limiter.try_acquire()
        await clock.advance(0.2)

        assert await sending == b"file"
    assert limiter.statistics().refusals == 0


async def test_a_connection_that_fails_gives_nothing_back() -> None:
    clock = ManualClock()
    answers = iter([httpx.ConnectError("no"), httpx.Response(200, content=b"file")])

    def answer(_: httpx.Request) -> httpx.Response:
        given = next(answers)
        if isinstance(given, Exception):
            raise given
        return given

    async with Session(base_url="https://api.test", transport=httpx.MockTransport(answer), clock=clock) as session:
        sending = asyncio.ensure_future(session.send(call()))
        await clock.run_until_idle(60.0)

        assert await sending == b"file"
