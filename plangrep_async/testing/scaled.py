"""A clock that runs fast."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["ScaledClock"]


class ScaledClock:
    """A :class:`~plangrep_async.Clock` on which ``speed`` seconds pass in each real one.

    For programs that are tested against an emulator of the same speed: what the client waits for then takes as much of
    its time as of the service's. The silence of the wire (``timeout=``) stays real.

    Args:
        speed: more than 0.
    """

    def __init__(self, speed: float) -> None:
        if not speed > 0:
            raise ValueError("speed must be more than 0")
        self.speed = speed
        self._epoch = time.time()
        self._start = time.monotonic()

    def monotonic(self) -> float:
        return (time.monotonic() - self._start) * self.speed

    def time(self) -> float:
        return self._epoch + self.monotonic()

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(max(0.0, delay) / self.speed, callback)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self.speed)
