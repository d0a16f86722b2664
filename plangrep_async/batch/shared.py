"""Identical calls that share one request while it is under way."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from attrs import Factory, define, field

from ..errors import ClientClosedError
from ..session import Answer, Call, CallOptions, Deadline, Session, redact_url
from .policy import copy_of
from .statistics import Tally

__all__ = ["SharedCalls"]

T = TypeVar("T")


@define(eq=False)
class _Shared:
    task: asyncio.Task[Answer]
    waiters: set[asyncio.Future[Answer]] = field(default=Factory(set))


class SharedCalls:
    """Sends one call for all that are equal in target, headers and wire options, and decodes the answer for each.

    Failures and answers are not kept: whoever comes after the answer makes a request of its own. The request is
    cancelled when the last who waits for it gives up.
    """

    def __init__(
        self, session: Session, send: Callable[[Call[Answer], CallOptions, str], Awaitable[Answer]], tally: Tally
    ) -> None:
        self._session = session
        self._send = send
        self._tally = tally
        self._under_way: dict[Hashable, _Shared] = {}

    @staticmethod
    def takes(call: Call[Any]) -> bool:
        """Whether two such calls may be one."""
        return call.method == "GET" and call.may_repeat and call.content() is None

    async def send(self, call: Call[T], options: CallOptions, target: str) -> T:
        """Send, or join the request of an equal call. Deadline and cancellation are each caller's own."""
        url = self._session.url_of(call)
        with Deadline(self._session.clock, options.deadline, call.method, redact_url(url)) as deadline:
            key = (target, call.headers, options.timeout, options.max_attempts)
            shared = self._under_way.get(key)
            if shared is None:
                shared = self._start(key, call, options, target)
            else:
                self._tally.shared += 1
            with deadline.phase("request"):
                answer = await self._join(key, shared)
        return self._session.interpret(call, answer, elapsed=deadline.elapsed)

    async def drain(self) -> None:
        """Wait until no request is under way."""
        while self._under_way:
            await asyncio.wait([shared.task for shared in self._under_way.values()])

    def _start(self, key: Hashable, call: Call[Any], options: CallOptions, target: str) -> _Shared:
        raw: Call[Answer] = call.replace(decode=lambda answer: answer)
        one = self._run(raw, CallOptions(options.timeout, math.inf, options.max_attempts), target)
        shared = _Shared(asyncio.get_running_loop().create_task(one, name="plangrep_async shared call"))
        self._under_way[key] = shared
        shared.task.add_done_callback(lambda task: self._end(key, shared, task))
        return shared

    async def _run(self, call: Call[Answer], options: CallOptions, target: str) -> Answer:
        return await self._send(call, options, target)

    async def _join(self, key: Hashable, shared: _Shared) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        shared.waiters.add(future)
        try:
            return await future
        except BaseException:
            shared.waiters.discard(future)
            if future.done() and not future.cancelled():
                future.exception()  # seen, though nobody is there to raise it to
            if not shared.waiters:
                self._forget(key, shared)
                shared.task.cancel()
            raise

    def _forget(self, key: Hashable, shared: _Shared) -> None:
        if self._under_way.get(key) is shared:
            del self._under_way[key]

    def _end(self, key: Hashable, shared: _Shared, task: asyncio.Task[Answer]) -> None:
        self._forget(key, shared)
        error = ClientClosedError("the request was aborted from outside") if task.cancelled() else task.exception()
        for future in shared.waiters:
            if future.done():
                continue
            if error is None:
                future.set_result(task.result())
            else:
                future.set_exception(copy_of(error) if isinstance(error, Exception) else error)
