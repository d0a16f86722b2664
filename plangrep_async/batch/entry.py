"""One call on its way through the coalescer."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..errors import DeadlineExceededError
from ..session import Answer, Call, CallOptions, redact_url
from .fare import Fare

if TYPE_CHECKING:
    from .deadlines import Watch
    from .flight import Flight
    from .resting import Rest

__all__ = ["Entry", "Place"]


class Place(Enum):
    """Where an entry is; the value names the time that it spends there."""

    QUEUE = "queue"
    FLIGHT = "request"
    REST = "backoff"
    ALONE = "alone"
    OUT = "out"


@define(eq=False, init=False)
class Entry:
    """A call, who waits for it, and what has become of it so far.

    Attributes:
        target: path and query, relative to the base URL.
        future: resolved once: with its answer, with ``None`` when the call is to leave alone, or with its own error.
        arrived: when it was handed in.
        largest: calls that may leave together with it, itself included.
        fare: what was paid for it when it leaves alone.
        packed: its part of a batch's body, made once.
        attempts: how often it was sent; ``throttled`` of these were answered with 429.
        reason: why its answer, an error, was not followed by another attempt.
    """

    call: Call[Any] = field(repr=False)
    options: CallOptions
    target: str = field(repr=False)
    future: asyncio.Future[Answer | None] = field(repr=False)
    arrived: float
    largest: int
    place: Place
    packed: bytes | None = field(repr=False)
    fare: Fare | None
    flight: Flight | None = field(repr=False)
    rest: Rest | None = field(repr=False)
    watch: Watch | None = field(repr=False)
    attempts: int
    throttled: int
    reason: str
    _way: list[tuple[Place, float, float]] = field(repr=False)

    # By hand, since this is made for every call: half the time of a generated one with as many defaults.
    def __init__(
        self,
        call: Call[Any],
        options: CallOptions,
        target: str,
        future: asyncio.Future[Answer | None],
        arrived: float,
        largest: int,
        limited: float = 0.0,
    ) -> None:
        self.call = call
        self.options = options
        self.target = target
        self.future = future
        self.arrived = arrived
        self.largest = largest
        self.place = Place.QUEUE
        self.packed = self.fare = self.flight = self.rest = self.watch = None
        self.attempts = self.throttled = 0
        self.reason = ""
        self._way = [(Place.QUEUE, arrived, limited)]

    @property
    def since(self) -> float:
        """When it came to where it is."""
        return self._way[-1][1]

    @property
    def due(self) -> float | None:
        """When its deadline runs out; ``None`` without one."""
        return None if self.options.deadline is None else self.arrived + self.options.deadline

    def move(self, place: Place, now: float, limited: float) -> None:
        """Go to ``place``. ``limited``: the seconds that the coalescer has waited for tokens so far, in all."""
        self.place = place
        self._way.append((place, now, limited))

    def spent(self) -> dict[str, float]:
        """Seconds by phase. Of the time in the queue, what went by waiting for tokens is the rate limit's."""
        spent: dict[str, float] = {}
        for (place, start, before), (_, end, after) in zip(self._way, self._way[1:], strict=False):
            waited = min(end - start, after - before) if place is Place.QUEUE else 0.0
            for phase, seconds in (("rate limit", waited), (place.value, end - start - waited)):
                if seconds > 0:
                    spent[phase] = spent.get(phase, 0.0) + seconds
        return spent

    def unwatch(self) -> None:
        """Its deadline is of no concern any more."""
        watch, self.watch = self.watch, None
        if watch is not None:
            watch.discard(self)

    def end(self, result: Answer | Exception) -> None:
        """It is over."""
        self.place = Place.OUT
        self.finish(result)

    def finish(self, result: Answer | Exception | None) -> None:
        """Tell who waits, unless nobody does."""
        self.unwatch()
        if self.future.done():
            return
        if isinstance(result, Exception):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)

    def overdue(
        self, url: str, now: float, more: dict[str, float] | None = None, *, reason: str = ""
    ) -> DeadlineExceededError:
        """The error that says where the time went, or for what ``reason`` the time that is left cannot be enough.

        ``more`` is time that was spent elsewhere.
        """
        spent = self.spent()
        for phase, seconds in (more or {}).items():
            if seconds > 0:
                spent[phase] = spent.get(phase, 0.0) + seconds
        account = ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in spent.items() if seconds >= 0.005)
        url = redact_url(url)
        verb, reason = ("cannot", f": {reason}") if reason else ("did not", "")
        return DeadlineExceededError(
            f"{self.call.method} {url} {verb} end within its deadline of {self.options.deadline:g} s{reason}"
            + (f"; the time went to: {account}" if account else ""),
            deadline=self.options.deadline,
            spent=spent,
            method=self.call.method,
            url=url,
            attempts=self.attempts,
            elapsed=now - self.arrived,
        )
