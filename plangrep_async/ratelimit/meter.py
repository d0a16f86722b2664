"""What a call has to pass before it may leave."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Meter"]


class Meter(Protocol):
    """One thing that holds calls back: a window's bucket, or the throttle that a 429 has put on.

    Pure arithmetic: ``now`` comes from outside, in seconds of a monotonic clock that is the same for all methods, and
    never goes back.
    """

    @property
    def limit(self) -> float:
        """The largest cost that can ever fit."""
        ...

    def fits(self, now: float, cost: int) -> bool:
        """Whether a call of this cost may leave now."""
        ...

    def take(self, now: float, cost: int) -> None:
        """A call leaves; :meth:`fits` said that it may."""
        ...

    def give_back(self, now: float, cost: int, taken_at: float) -> None:
        """The call that was taken at ``taken_at`` has provably not been sent."""
        ...

    def postpone(self, now: float, cost: int, taken_at: float) -> None:
        """The call that was let go at ``taken_at`` leaves only now, because the event loop was busy meanwhile."""
        ...

    def room(self, now: float) -> float:
        """The total cost of calls that may leave now; infinite where nothing holds them."""
        ...

    def ready_at(self, now: float, cost: int) -> float:
        """When a call of this cost may leave if no other does; infinite where it never may."""
        ...

    def spare(self, now: float, cost: int, at: float) -> float:
        """The total cost of calls that may leave now without keeping a call of ``cost`` from leaving ``at``."""
        ...
