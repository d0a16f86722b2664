"""Time as a parameter.

Whatever waits, measures or compares times takes a :class:`Clock`. The real one is :class:`SystemClock`; tests use
:class:`plangrep_async.testing.ManualClock`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

__all__ = ["Clock", "SystemClock", "TimerHandle"]


class TimerHandle(Protocol):
    """What :meth:`Clock.call_later` returns."""

    def cancel(self) -> None:
        """Do not call; harmless when it was called already."""
        ...


@runtime_checkable
class Clock(Protocol):
    """Monotonic seconds, wall-clock seconds, and waiting."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences have a meaning."""
        ...

    def time(self) -> float:
        """Seconds since the Unix epoch, as this machine believes."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        """Call ``callback`` from the running event loop after ``delay`` seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait. Cancellation ends the wait at once."""
        ...


class SystemClock:
    """The clock of the machine and of the running event loop."""

    __slots__ = ()

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        return asyncio.get_running_loop().call_later(delay, callback)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
