"""A shared allowance of bytes a second."""

from __future__ import annotations

import threading

from ...errors import ConfigurationError

__all__ = ["Pacer"]

_BURST = 0.1  # seconds' worth of bytes that may leave at once after a quiet time
_SMALLEST = 1 << 14


class Pacer:
    """Holds the transfers that share it to ``rate`` bytes a second in all. Thread safe.

    A token bucket that allows bursts of a tenth of a second; who asks first goes first.
    """

    __slots__ = ("_free_at", "_lock", "_rate")

    def __init__(self, rate: float) -> None:
        self._lock = threading.Lock()
        self._free_at = float("-inf")
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

    def take(self, count: int, now: float) -> float:
        """Reserve ``count`` bytes. Gives the seconds to wait, from ``now`` (monotonic), before they are sent."""
        with self._lock:
            start = max(self._free_at, now - _BURST)
            self._free_at = start + count / self._rate
            return max(0.0, start - now)
