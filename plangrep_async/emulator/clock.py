"""The emulator's own time: real, scaled, or driven by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

__all__ = ["EmulatorClock", "EmulatorTimer"]

SETTLE_ROUNDS = 5


class EmulatorTimer:
    """A callback that waits for emulator time; see :meth:`EmulatorClock.call_later`."""

    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Do not call; harmless when it was called already."""
        self.cancelled = True


class EmulatorClock:
    """Seconds as the emulated services see them. Every state machine and every expiry uses this clock.

    Args:
        speed: emulator seconds per real second. ``60`` makes a minute of provisioning last a second; ``0`` stops time,
            which then moves only by :meth:`advance`.
        epoch: the first value of :meth:`time`, seconds since 1970; now, when not given.

    ``time``, ``speed`` and ``advance`` may be called from any thread; ``call_later`` and ``sleep`` belong to the
    emulator's event loop.
    """

    def __init__(self, *, speed: float = 1.0, epoch: float | None = None) -> None:
        if speed < 0:
            raise ValueError("speed: must be 0 or more")
        # One tuple, replaced whole, so that other threads never see half of a change: emulator time, real time, speed.
        self._base = (time.time() if epoch is None else epoch, time.monotonic(), speed)
        self._order = itertools.count()
        self._timers: list[tuple[float, int, EmulatorTimer]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wakeup: asyncio.TimerHandle | None = None

    def time(self) -> float:
        """Seconds since 1970."""
        emulated, real, speed = self._base
        return emulated + (time.monotonic() - real) * speed if speed else emulated

    @property
    def speed(self) -> float:
        """Emulator seconds per real second; 0 when time stands still."""
        return self._base[2]

    def set_speed(self, speed: float) -> None:
        """Change how fast time runs, from now on."""
        if speed < 0:
            raise ValueError("speed: must be 0 or more")
        self._base = (self.time(), time.monotonic(), speed)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._arm)

    def advance(self, seconds: float) -> None:
        """Move time forward at once. What falls due on the way happens in order, before this returns.

        Blocks the calling thread for as long as that takes; in async code use :meth:`advance_async`.
        """
        if self._loop is None:
            self._jump(self.time() + seconds)
            return
        asyncio.run_coroutine_threadsafe(self._advance(seconds), self._loop).result()

    async def advance_async(self, seconds: float) -> None:
        """:meth:`advance` for callers on an event loop, their own or the emulator's."""
        if self._loop is None or self._loop is asyncio.get_running_loop():
            await self._advance(seconds)
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._advance(seconds), self._loop))

    def call_later(self, delay: float, callback: Callable[[], None]) -> EmulatorTimer:
        """Call ``callback`` on the emulator's loop after ``delay`` emulator seconds."""
        timer = EmulatorTimer(callback)
        heapq.heappush(self._timers, (self.time() + max(0.0, delay), next(self._order), timer))
        self._arm()
        return timer

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` emulator seconds."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run timers on ``loop``, which is the running one."""
        self._loop = loop
        self._arm()

    def detach(self) -> None:
        """Leave the loop. Time goes on; timers wait for the next :meth:`attach`."""
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        self._loop = None

    def clear(self) -> None:
        """Forget all timers."""
        self._timers.clear()
        self._arm()

    def _jump(self, moment: float) -> None:
        self._base = (max(moment, self.time()), time.monotonic(), self._base[2])

    def _due(self) -> float | None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _arm(self) -> None:
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        due = self._due()
        if due is None or self._loop is None:
            return
        wait = due - self.time()
        if wait <= 0:
            self._wakeup = self._loop.call_later(0, self._fire)
        elif self.speed:
            self._wakeup = self._loop.call_later(wait / self.speed, self._fire)

    def _fire(self) -> None:
        now = self.time()
        while (due := self._due()) is not None and due <= now:
            heapq.heappop(self._timers)[2].callback()
        self._arm()

    async def _advance(self, seconds: float) -> None:
        target = self.time() + seconds
        while (due := self._due()) is not None and due <= target:
            self._jump(due)
            heapq.heappop(self._timers)[2].callback()
            await _settle()
        self._jump(target)
        self._arm()
        await _settle()


async def _settle() -> None:
    for _ in range(SETTLE_ROUNDS):
        await asyncio.sleep(0)
