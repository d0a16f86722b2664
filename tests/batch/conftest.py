"""A service with a batch endpoint, in process, whose every answer can be scripted."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import httpx
import pytest
from attrs import Factory, define, field

from plangrep_async.batch import Coalescer
from plangrep_async.config import RetryPolicy
from plangrep_async.ratelimit import RateLimit, RateLimiter
from plangrep_async.session import Answer, Call, Session
from plangrep_async.testing import ManualClock

Reply = tuple[int, Any]
Whole = Callable[[list[dict[str, Any]], list[dict[str, Any]]], httpx.Response]


def reply_to(path: str) -> dict[str, str]:
    """What the service knows of a path."""
    return {"path": path}


@define(eq=False)
class Service(httpx.AsyncBaseTransport):
    """Answers ``{"path": …}`` to everything, alone or in a batch, and keeps account.

    Attributes:
        requests: the batches (lists of paths) and single calls (one path) that came.
        carried_out: how often each path was carried out.
        replies: scripted answers by path, used up in order.
        wholes: scripted ends of batches, used up in order: an exception before (``"never"``) or after (``"lost"``) the
            batch was carried out, a status that refuses it, or a function from entries and answers to a response.
        latency: seconds of the manual clock until an answer is there.
    """

    clock: ManualClock
    latency: float = 0.0
    requests: list[str | list[str]] = Factory(list)
    bodies: list[bytes] = Factory(list)
    headers: list[httpx.Headers] = Factory(list)
    carried_out: Counter[str] = Factory(Counter)
    replies: dict[str, list[Reply]] = Factory(dict)
    wholes: list[str | int | Whole | None] = Factory(list)
    aborted: int = 0
    before: Callable[[], Awaitable[None]] | None = field(default=None)

    @property
    def batches(self) -> list[list[str]]:
        return [request for request in self.requests if isinstance(request, list)]

    @property
    def singles(self) -> list[str]:
        return [request for request in self.requests if isinstance(request, str)]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        target = request.url.raw_path.decode()
        self.headers.append(request.headers)
        self.bodies.append(content)
        if target != "/batch":
            self.requests.append(target)
            await self._pause()
            status, body = self.carry_out(target)
            return httpx.Response(status, json=body)
        entries = json.loads(content)
        self.requests.append([entry["path"] for entry in entries])
        whole = self.wholes.pop(0) if self.wholes else None
        if whole == "never":
            raise httpx.ConnectError("refused", request=request)
        if isinstance(whole, int) and whole < 500:
            await self._pause()
            return httpx.Response(whole, json={"message": "There must be at least one batch request."})
        answers = []
        for entry in entries:
            status, body = self.carry_out(entry["path"])
            headers = [{"name": "content-type", "value": "application/json"}]
            answers.append({"status_code": status, "headers": headers, "body": json.dumps(body)})
        await self._pause()
        if whole == "lost":
            raise httpx.ReadError("reset", request=request)
        if isinstance(whole, int):
            return httpx.Response(whole, text="<html><title>Bad Gateway</title></html>")
        if callable(whole):
            return whole(entries, answers)
        return httpx.Response(200, json={"data": answers})

    def carry_out(self, path: str) -> Reply:
        scripted = self.replies.get(path)
        if scripted:
            status, body = scripted.pop(0)
            if status not in (429, 401):
                self.carried_out[path] += 1
            return status, body
        self.carried_out[path] += 1
        return 200, reply_to(path)

    async def _pause(self) -> None:
        try:
            if self.before is not None:
                await self.before()
            await self.clock.sleep(self.latency)
        except asyncio.CancelledError:
            self.aborted += 1
            raise


def decode_path(answer: Answer) -> str:
    return answer.json()["path"]


def get(path: str, **changes: Any) -> Call[str]:
    return Call("GET", path, decode_path, **changes)


def post(path: str, **changes: Any) -> Call[str]:
    return Call("POST", path, decode_path, **{"json": {"name": path}, **changes})


@define(eq=False)
class World:
    """A session before the service, under a manual clock, and what is made of it."""

    clock: ManualClock
    service: Service
    _open: list[Any] = Factory(list)

    get = staticmethod(get)
    post = staticmethod(post)

    def session(self, *, limits: Sequence[RateLimit] = (), retry: RetryPolicy | None = None, **options: Any) -> Session:
        session = Session(
            base_url="http://localhost",
            limiter=RateLimiter(limits, clock=self.clock, random=lambda: 0.5),
            retry=retry or RetryPolicy(base=1.0),
            transport=self.service,
            clock=self.clock,
            random=lambda: 0.5,
            **options,
        )
        self._open.append(session)
        return session

    def coalescer(self, session: Session | None = None, **options: Any) -> Coalescer:
        coalescer = Coalescer(session or self.session(), random=lambda: 0.5, **options)
        self._open.append(coalescer)
        return coalescer

    async def close(self) -> None:
        for one in reversed(self._open):
            await one.aclose()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """What a test of the coalescer needs; afterwards no task may be left."""
    clock = ManualClock()
    world = World(clock, Service(clock))
    yield world
    await world.close()
    await clock.run_until_idle()
    assert asyncio.all_tasks() == {asyncio.current_task()}, "a task was left behind"
    assert clock.next_timer() is None, "a timer was left behind"
