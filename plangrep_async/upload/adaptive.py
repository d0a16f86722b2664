"""How many transfers one host gets at once. Arithmetic on counters; no I/O, no clock of its own.

The number climbs while climbing pays and is cut when the host complains (additive increase, multiplicative decrease):

1. A *round* is a stretch of time in which more transfers waited than were allowed. Rounds without demand teach nothing.
2. At the end of a round its rate is compared with that of the round before the last change. At least 5 % more: the
   number rises again (it doubles until the first round without a gain, then rises by an eighth, at least one).
   Otherwise it goes back to what it was and rests; the rests grow longer, so that a settled host is seldom probed.
3. A complaint (429, 503, SlowDown, a timeout) halves it, once for all transfers that were under way at that moment,
   and rests.
"""

from __future__ import annotations

__all__ = ["AdaptiveLimit"]

_GAIN = 1.05
_REQUEST_WORTH = 32 << 10  # bytes: what a request costs beside its body, so that many small files count as work, too
_FIRST_REST = 4
_LONGEST_REST = 64


class AdaptiveLimit:
    """The number for one host, between ``low`` and ``high``.

    Attributes:
        limit: transfers allowed at once.
        epoch: grows with each decrease; a transfer remembers the epoch in which it started, and complains with it.
    """

    def __init__(self, *, low: int, start: int, high: int) -> None:
        self.low = min(low, high)
        self.high = high
        self.limit = min(max(start, self.low), high)
        self.epoch = 0
        self._doubling = True
        self._before: tuple[int, float] | None = None  # the number before the last rise, and its rate
        self._rest = 0
        self._next_rest = _FIRST_REST

    def round(self, *, sent: int, requests: int, seconds: float) -> None:
        """A round with demand is over: what was moved in it, in bytes and in requests, and how long it took."""
        if seconds <= 0:
            return
        rate = (sent + requests * _REQUEST_WORTH) / seconds
        if self._rest > 0:
            self._rest -= 1
            return
        if self._before is not None and rate < self._before[1] * _GAIN:
            self.limit = max(self.low, self._before[0])
            self._before = None
            self._doubling = False
            self._rest = self._next_rest
            self._next_rest = min(_LONGEST_REST, self._next_rest * 2)
            return
        if self._before is not None:
            self._next_rest = _FIRST_REST
        if self.limit < self.high:
            self._before = (self.limit, rate)
            self.limit = min(self.high, self.limit * 2 if self._doubling else self.limit + max(1, self.limit // 8))
        else:
            self._before = None

    def complain(self, epoch: int) -> bool:
        """The host asked to slow down, in answer to a transfer of ``epoch``. Gives whether that cut the number."""
        if epoch != self.epoch:
            return False
        self.epoch += 1
        self.limit = max(self.low, self.limit // 2)
        self._before = None
        self._doubling = False
        self._rest = _FIRST_REST
        self._next_rest = _FIRST_REST
        return True
