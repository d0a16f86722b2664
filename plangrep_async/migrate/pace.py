"""Bytes a second for what is fetched or copied; what is sent is paced by the upload engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .._clock import Clock

__all__ = ["Pace"]


class Pace:
    """Lets a file begin when those before it have had their time.

    What a file takes is noted when it has come, so several that began at once may be ahead of the rate; those after
    them make up for it.

    Args:
        rate: bytes a second; ``None`` for no limit.
        pause: waits so many seconds, or less when the run is to stop.
    """

    def __init__(self, rate: float | None, clock: Clock, pause: Callable[[float], Awaitable[None]]) -> None:
        self._rate = rate
        self._clock = clock
        self._pause = pause
        self._free = clock.monotonic()

    async def turn(self) -> None:
        """Wait until the next file may begin."""
        if self._rate is not None and (wait := self._free - self._clock.monotonic()) > 0:
            await self._pause(wait)

    def took(self, size: int) -> None:
        """Note a file that has come."""
        if self._rate is not None:
            self._free = max(self._free, self._clock.monotonic()) + size / self._rate
