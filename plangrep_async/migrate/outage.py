"""Tells a document's failure from the network's, and waits while the network is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from .._clock import Clock
from ..errors import APIConnectionError, DeadlineExceededError, RateLimitError, ServerError
from .events import Event, Resumed, Waiting
from .failure import Judgement

__all__ = ["OUTAGES", "Outage"]

OUTAGES = (APIConnectionError, ServerError, DeadlineExceededError, RateLimitError)
"""What tells that a service is away for a while."""

_FIRST, _LONGEST = 1.0, 60.0


class Outage:
    """Asks the service for a sign of life after failures, and holds the run back until there is one.

    Args:
        probe: one small call; raises what it raises.
        emit: told when the wait begins, at each further question, and at its end.
        pause: waits so many seconds, or less when the run is to stop.
        stopping: whether the run is to stop.
        patience: seconds without any success for which broken connections are nobody's fault.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        emit: Callable[[Event], None],
        pause: Callable[[float], Awaitable[None]],
        stopping: Callable[[], bool],
        clock: Clock,
        patience: float,
    ) -> None:
        self._probe = probe
        self._emit = emit
        self._pause = pause
        self._stopping = stopping
        self._clock = clock
        self._patience = patience
        self._checking: asyncio.Task[bool] | None = None
        self._open = asyncio.Event()
        self._open.set()
        self._broken_since: float | None = None
        self._streak = 0

    def succeeded(self) -> None:
        """Something arrived: whatever fails now does so by itself."""
        self._broken_since = None
        self._streak = 0

    async def gate(self) -> None:
        """Wait while the service is away."""
        await self._open.wait()

    async def blame(self, judgement: Judgement) -> bool:
        """Whether a failure was the network's and does not count against its document.

        Returns once it is worth trying again. Raises what the probe raises beside the failures of a network, for
        example that the key is not accepted.
        """
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check(judgement.network))
        return await asyncio.shield(self._checking)

    async def _check(self, network: bool) -> bool:
        began = self._clock.monotonic()
        away = there = False
        wait = _FIRST
        try:
            while not self._stopping():
                try:
                    await self._probe()
                    there = True
                    break
                except OUTAGES as error:
                    away = True
                    self._open.clear()
                    self._emit(Waiting(f"{_words(error)} ({error}); waiting for it, nothing is lost", wait))
                    await self._pause(wait)
                    wait = min(_LONGEST, wait * 2)
            if away:
                if there:  # and not stopped while it was away
                    self._emit(Resumed(self._clock.monotonic() - began))
                return True
            return network and await self._nothing_gets_through()
        finally:
            self._open.set()

    async def _nothing_gets_through(self) -> bool:
        """The service answers; but does anything arrive anywhere? If not, that is no document's fault either."""
        now = self._clock.monotonic()
        if self._broken_since is None:
            self._broken_since = now
            return False
        if now - self._broken_since > self._patience:
            return False
        self._streak += 1
        if self._streak < 3:
            return False
        wait = min(_LONGEST, _FIRST * 2 ** (self._streak - 3))
        self._open.clear()
        self._emit(
            Waiting(
                "the service answers, but nothing gets through, as if its storage were away; waiting, nothing is lost",
                wait,
            )
        )
        await self._pause(wait)
        return True


def _words(error: Exception) -> str:
    waited = isinstance(error, DeadlineExceededError) and 2 * error.spent.get("rate limit", 0.0) > sum(
        error.spent.values()
    )
    if isinstance(error, RateLimitError) or waited:
        return "the allowance of calls is used up"
    return "the service is out of reach"
