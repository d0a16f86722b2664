"""The limiter's tokens as the coalescer takes them: some for whoever is first, settled when it is known what leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .._clock import Clock, TimerHandle
from ..errors import InvalidInputError
from ..ratelimit import RateLimiter
from .fare import Fare, difference

__all__ = ["TokenDesk"]


class TokenDesk:
    """Takes tokens at once, or waits for them in one task while calls gather.

    Attributes:
        waiting_for: what is waited for; ``None`` while nothing is.

    Args:
        limiter: whose tokens.
        clock: for patience and for :attr:`limited`.
        granted: called with the fare when a wait ends well.
        failed: called with the error when the limiter ends the wait otherwise.
        impatient: called each time that a wait has tried the patience it was given; the wait goes on.
    """

    def __init__(
        self,
        limiter: RateLimiter,
        clock: Clock,
        *,
        granted: Callable[[Fare], None],
        failed: Callable[[Exception], None],
        impatient: Callable[[], None],
    ) -> None:
        self._limiter = limiter
        self._clock = clock
        self._granted = granted
        self._failed = failed
        self._impatient = impatient
        self._task: asyncio.Task[None] | None = None
        self._timer: TimerHandle | None = None
        self.waiting_for: Fare | None = None
        self._since = 0.0
        self._limited = 0.0

    def limited(self, now: float) -> float:
        """Seconds spent waiting so far."""
        return self._limited + (now - self._since if self.waiting_for is not None else 0.0)

    def take(self, fare: Fare) -> bool:
        """Take tokens if they are there. A fare above a limit never is; waiting for it raises."""
        try:
            return self._limiter.try_acquire(fare.kinds, fare.cost)
        except InvalidInputError:
            return False

    def ready_in(self, fare: Fare) -> float:
        """Seconds until the windows could give the fare: what a wait takes at least."""
        return self._limiter.ready_in(fare.kinds, fare.cost)

    def refund(self, fare: Fare, *, age: float = 0.0) -> None:
        """Give back what was not used; ``age``: seconds since it was taken."""
        self._limiter.refund(fare.kinds, fare.cost, age=age)

    def exchange(self, have: Fare, need: Fare) -> bool:
        """Turn tokens of one fare into those of another, if what is missing is there. Otherwise nothing changes."""
        taken: list[Fare] = []
        for missing in difference(need, have):
            if not self.take(missing):
                for fare in taken:
                    self.refund(fare)
                return False
            taken.append(missing)
        for surplus in difference(have, need):
            self.refund(surplus)
        return True

    def wait(self, fare: Fare, patience: float | None, longest_gate: float) -> None:
        """Wait for tokens in a task.

        Args:
            fare: how many.
            patience: seconds after which ``impatient`` is called, again and again.
            longest_gate: the longest ``Retry-After`` to wait for, in seconds.
        """
        self.waiting_for, self._since = fare, self._clock.monotonic()
        task = asyncio.get_running_loop().create_task(self._acquire(fare, longest_gate), name="plangrep_async tokens")
        if task.done():  # an eager task, which got them at once
            return
        self._task = task
        if patience is not None:
            self._timer = self._clock.call_later(patience, lambda: self._try(patience))

    def stop(self) -> asyncio.Task[None] | None:
        """Stop waiting. Gives the task that waited, which ends soon."""
        task = self._task
        if task is not None:
            self._end()
            task.cancel()
        return task

    def _try(self, patience: float) -> None:
        self._timer = self._clock.call_later(patience, lambda: self._try(patience))
        self._impatient()

    def _end(self) -> None:
        self._limited = self.limited(self._clock.monotonic())
        self.waiting_for = self._task = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _acquire(self, fare: Fare, longest_gate: float) -> None:
        try:
            await self._limiter.acquire(fare.kinds, fare.cost, longest_gate=longest_gate)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._end()
            self._failed(error)
        else:
            self._end()
            self._granted(fare)
