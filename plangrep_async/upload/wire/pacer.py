"""A shared allowance of bytes a second."""

from __future__ import annotations

import math
import threading
from bisect import insort
from typing import NamedTuple

from ...errors import ConfigurationError

__all__ = ["Pacer", "Turn"]

_BURST = 0.1  # seconds' worth of bytes that may leave at once after a quiet time
_SMALLEST = 1 << 14


class Turn(NamedTuple):
    """A stretch of time (monotonic seconds) that belongs to one taker: its bytes may leave when it begins."""

    begins: float
    ends: float


class Pacer:
    """Holds the transfers that share it to ``rate`` bytes a second in all. Thread safe.

    A token bucket that allows bursts of a tenth of a second; who asks first goes first. It hands out turns that do not
    overlap, so what is given back of one serves the next taker whom it suffices.
    """

    __slots__ = ("_free", "_lock", "_rate")

    def __init__(self, rate: float) -> None:
        self._lock = threading.Lock()
        self._free = [Turn(-math.inf, math.inf)]  # in order, not touching each other; the last one never ends
        self.rate = rate

    @property
    def rate(self) -> float:
        """Bytes a second. May be set at any time; it applies to what is sent from then on."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        if not rate > 0:
            raise ConfigurationError("max_bandwidth must be above 0 bytes a second; leave it out for no limit")
        self._rate = float(rate)

    @property
    def piece(self) -> int:
        """How many bytes to ask for at a time: a tenth of a second's worth, so that a slow rate flows evenly."""
        return max(_SMALLEST, int(self._rate * _BURST))

    def take(self, count: int, now: float) -> Turn:
        """Reserve ``count`` bytes, ``now`` being the monotonic time. What does not leave is to be given back."""
        seconds = count / self._rate
        with self._lock:
            while self._free[0].ends <= now - _BURST:
                del self._free[0]
            for place, free in enumerate(self._free):
                begins = max(free.begins, now - _BURST)
                turn = Turn(begins, begins + seconds)
                if turn.ends <= free.ends:
                    self._free[place : place + 1] = [Turn(turn.ends, free.ends)] if turn.ends < free.ends else []
                    return turn
        raise AssertionError("the last stretch never ends")

    def give_back(self, turn: Turn, share: float) -> None:
        """The last part of ``turn`` was not used: ``share`` of it, from 0 to 1."""
        with self._lock:
            insort(self._free, Turn(turn.ends - share * (turn.ends - turn.begins), turn.ends))
            joined = self._free[:1]
            for free in self._free[1:]:
                if free.begins <= joined[-1].ends:
                    joined[-1] = Turn(joined[-1].begins, free.ends)
                else:
                    joined.append(free)
            self._free = joined
