"""Deciding that a transfer has stalled: arithmetic over times that are passed in."""

from __future__ import annotations

from collections import deque

__all__ = ["Watchdog"]

_SAMPLES = 8


class Watchdog:
    """Watches a count that only grows. It has stalled when the count stands still for ``period`` seconds, or grows by
    less than ``min_rate`` a second over the last ``period``.

    Attributes:
        look_at: the monotonic time of the next :meth:`stalled` that makes sense: an eighth of the period apart, so
            that a stall is seen after 1 to 1.125 periods.
    """

    __slots__ = ("_count", "_min_rate", "_moved_at", "_period", "_samples", "look_at")

    def __init__(self, now: float, period: float, min_rate: float = 0.0) -> None:
        self._period = period
        self._min_rate = min_rate
        self._count = 0
        self._moved_at = now
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])
        self.look_at = now + period / _SAMPLES

    def stalled(self, now: float, count: int) -> bool:
        """Take note of the count, and judge."""
        if count > self._count:
            self._count = count
            self._moved_at = now
        self.look_at = now + self._period / _SAMPLES
        if now - self._moved_at >= self._period:
            return True
        if not self._min_rate:
            return False
        samples = self._samples
        while len(samples) > 1 and samples[1][0] <= now - self._period:
            samples.popleft()
        since, then = samples[0]
        samples.append((now, self._count))
        return now - since >= self._period and self._count - then < self._min_rate * (now - since)

    def excuse(self, seconds: float) -> None:
        """Time that passed on our own account (waiting for the allowance of bytes, reading the disk)."""
        if seconds < self._period / 100:
            return
        self._moved_at += seconds
        self.look_at += seconds
        self._samples = deque((time + seconds, count) for time, count in self._samples)
