"""Lets the small calls of many uploads go on together, so that they leave in fuller batches.

A single call never waits here. Where thousands of files are on their way, the tenth of a second that a slot or a
completion waits for others costs nothing, and the key's daily allowance goes three times as far.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from ..._clock import Clock, TimerHandle
from ...session import Call, CallOptions, Sender
from .._rules import BATCH_SIZE

__all__ = ["Together"]

T = TypeVar("T")


class Together:
    """A sender that holds calls back until a batch is full or ``seconds`` have passed since the first of them.

    Cancelled while a call is held back: it never leaves.
    """

    def __init__(self, sender: Sender, clock: Clock, seconds: float, size: int = BATCH_SIZE) -> None:
        self._sender = sender
        self._clock = clock
        self._seconds = seconds
        self._size = size
        self._held: list[asyncio.Future[None]] = []
        self._timer: TimerHandle | None = None

    async def send(self, call: Call[T], options: CallOptions | None = None) -> T:
        """As :meth:`Sender.send`, a little later."""
        if self._seconds > 0:
            await self._wait()
        return await self._sender.send(call, options)

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._held.append(turn)
        if len(self._held) >= self._size:
            # Not at once: the call that fills the batch must go on in the same turn as the others.
            loop.call_soon(_release, self._take())
        elif self._timer is None:
            self._timer = self._clock.call_later(self._seconds, lambda: _release(self._take()))
        try:
            await turn
        finally:
            if turn in self._held:  # cancelled
                self._held.remove(turn)
                if not self._held:
                    self._take()

    def _take(self) -> list[asyncio.Future[None]]:
        held, self._held = self._held, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return held


def _release(held: list[asyncio.Future[None]]) -> None:
    for turn in held:
        if not turn.done():
            turn.set_result(None)
