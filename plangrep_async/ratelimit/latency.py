"""Which calls arrived late, as far as their answers tell."""

from __future__ import annotations

import math

__all__ = ["LatencyFloor"]

_PERIOD = 10.0  # seconds after which a floor that was not reached again is forgotten
_WARM_UP = 1.0  # seconds in which nothing is known of how fast an answer can come


class LatencyFloor:
    """The shortest time from leaving to answer that was seen lately.

    A call that takes ``m`` seconds longer than the floor has arrived at most ``m`` seconds later than the fastest do.
    At first, when connections are made and no floor is known, all of an answer's time may be lateness.
    """

    __slots__ = ("_current", "_previous", "_turn", "_warm_at")

    def __init__(self) -> None:
        self._previous = math.inf
        self._current = math.inf
        self._turn = -math.inf
        self._warm_at = math.inf

    def lateness(self, now: float, age: float) -> float:
        """Seconds by which the call that was answered now may have arrived late; it left ``age`` seconds ago."""
        if now >= self._turn:
            if now >= self._turn + _PERIOD:
                self._previous = math.inf
                self._warm_at = now + _WARM_UP
            else:
                self._previous = self._current
            self._current = math.inf
            self._turn = now + _PERIOD
        if age < self._current:
            self._current = age
        if now < self._warm_at:
            return age
        return age - min(self._previous, self._current)
