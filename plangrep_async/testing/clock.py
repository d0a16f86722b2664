"""A clock that moves only when told to."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

__all__ = ["ManualClock"]


class _Timer:
    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """A :class:`~plangrep_async.Clock` for tests: time stands still until :meth:`advance`.

    Args:
        start: the first value of :meth:`monotonic`, in seconds.
        epoch: the first value of :meth:`time`, in seconds since 1970.
    """

    def __init__(self, start: float = 1_000.0, epoch: float = 1_700_000_000.0) -> None:
        self._now = start
        self._offset = epoch - start
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _Timer]] = []

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return self._now + self._offset

    def set_time(self, epoch: float) -> None:
        """Set the wall clock alone, as an administrator would; monotonic time does not move."""
        self._offset = epoch - self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(callback)
        heapq.heappush(self._timers, (self._now + max(0.0, delay), next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = self.call_later(seconds, wake)
        try:
            await woken
        finally:
            timer.cancel()

    def next_timer(self) -> float | None:
        """Seconds until the next timer, or ``None`` when nothing waits."""
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] - self._now if self._timers else None

    def tick(self, seconds: float) -> None:
        """Move time and call what is due, in order, without letting tasks run in between."""
        target = self._now + seconds
        while self._timers and self._timers[0][0] <= target:
            due, _, timer = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            self._now = max(self._now, due)
            timer.callback()
        self._now = target

    async def advance(self, seconds: float) -> None:
        """Move time in the order of the timers; after each one, tasks run until they wait again."""
        await settle()
        target = self._now + seconds
        while (wait := self.next_timer()) is not None and self._now + wait <= target:
            self.tick(max(0.0, wait))
            await settle()
        self._now = max(self._now, target)
        await settle()

    async def run_until_idle(self, limit: float = 1e9) -> None:
        """Jump from timer to timer until nothing waits, or ``limit`` seconds have passed."""
        end = self._now + limit
        await settle()
        while (wait := self.next_timer()) is not None and self._now + wait <= end:
            self.tick(max(0.0, wait))
            await settle()


async def settle(rounds: int = 20) -> None:
    """Let every task that can run, run."""
    for _ in range(rounds):
        await asyncio.sleep(0)
