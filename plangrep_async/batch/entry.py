"""One call on its way through the coalescer."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, field

from ..errors import DeadlineExceededError
from ..session import Answer, Call, CallOptions, redact_url
from .fare import Fare

if TYPE_CHECKING:
    from .._clock import TimerHandle
    from .flight import Flight
    from .resting import Rest

__all__ = ["Entry", "Place"]


class Place(Enum):
    """Where an entry is. It moves from left to right, and back to the queue to be sent again."""

    QUEUE = "queue"
    FLIGHT = "request"
    REST = "backoff"
    ALONE = "alone"
    OUT = "out"


@define(eq=False)
class Entry:
    """A call, who waits for it, and what has become of it so far.

    Attributes:
        target: path and query, relative to the base URL.
        future: resolved once: with its answer, with ``None`` when the call is to leave alone, or with its own error.
        arrived: when it was handed in; ``since``: when it came to where it is.
        largest: calls that may leave together with it, itself included.
        fare: what was paid for it when it leaves alone.
        packed: its part of a batch's body, made once.
        attempts: how often it was sent; ``throttled`` of these were answered with 429.
        reason: why its answer, an error, was not followed by another attempt.
        spent: seconds by phase.
    """

    call: Call[Any] = field(repr=False)
    options: CallOptions
    target: str = field(repr=False)
    future: asyncio.Future[Answer | None] = field(repr=False)
    arrived: float
    largest: int
    place: Place = Place.QUEUE
    since: float = field(default=Factory(lambda self: self.arrived, takes_self=True))
    limited: float = 0.0
    deadline: TimerHandle | None = field(default=None, repr=False)
    fare: Fare | None = None
    flight: Flight | None = field(default=None, repr=False)
    rest: Rest | None = field(default=None, repr=False)
    packed: bytes | None = field(default=None, repr=False)
    attempts: int = 0
    throttled: int = 0
    reason: str = ""
    spent: dict[str, float] = field(default=Factory(dict))

    def move(self, place: Place, now: float, limited: float) -> None:
        """Go to ``place``, and account for the time where it was.

        ``limited`` is the coalescer's total of seconds spent waiting for tokens: of the time in the queue, the part in
        which that total grew is the rate limit's.
        """
        seconds = now - self.since
        if self.place is Place.QUEUE:
            waited = min(seconds, limited - self.limited)
            self._spend("rate limit", waited)
            seconds -= waited
        self._spend(self.place.value, seconds)
        self.place, self.since, self.limited = place, now, limited

    def _spend(self, phase: str, seconds: float) -> None:
        if seconds > 0:
            self.spent[phase] = self.spent.get(phase, 0.0) + seconds

    def remaining(self, now: float) -> float | None:
        """Seconds of its deadline that are left; ``None`` without one."""
        return None if self.options.deadline is None else self.options.deadline - (now - self.arrived)

    def finish(self, result: Answer | BaseException | None) -> None:
        """Tell who waits, unless nobody does."""
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        if self.future.done():
            return
        if isinstance(result, BaseException):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)

    def overdue(self, url: str, now: float, more: dict[str, float] | None = None) -> DeadlineExceededError:
        """The error that says where the time went; ``more`` is time that was spent elsewhere."""
        spent = dict(self.spent)
        for phase, seconds in (more or {}).items():
            spent[phase] = spent.get(phase, 0.0) + seconds
        account = ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in spent.items() if seconds >= 0.005)
        url = redact_url(url)
        return DeadlineExceededError(
            f"{self.call.method} {url} did not end within its deadline of {self.options.deadline:g} s"
            + (f"; the time went to: {account}" if account else ""),
            deadline=self.options.deadline,
            spent=spent,
            method=self.call.method,
            url=url,
            attempts=self.attempts,
            elapsed=now - self.arrived,
        )
