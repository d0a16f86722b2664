"""Lets the limits of busy lanes learn, every half second."""

from __future__ import annotations

from collections.abc import Callable

from .._clock import Clock, TimerHandle
from .lane import Lane

__all__ = ["Rounds"]

_SECONDS = 0.5


class Rounds:
    """Measures lanes that have more jobs than they may send (see :mod:`plangrep_async.upload.adaptive`).

    Args:
        clock: time.
        changed: called with a lane whose limit may have changed.
    """

    def __init__(self, clock: Clock, changed: Callable[[Lane], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._began: dict[Lane, tuple[float, int, int]] = {}
        self._timer: TimerHandle | None = None

    def begin(self, lane: Lane) -> None:
        """The lane has jobs waiting: measure it from now on, unless that is so already."""
        if lane in self._began or lane.limit.low >= lane.limit.high:
            return
        self._began[lane] = (self._clock.monotonic(), lane.moved(), lane.requests)
        if self._timer is None:
            self._timer = self._clock.call_later(_SECONDS, self._end)

    def drop(self, lane: Lane) -> None:
        """What was measured of the lane tells nothing any more."""
        self._began.pop(lane, None)

    def stop(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        began, self._began = self._began, {}
        for lane, (since, moved, requests) in began.items():
            if not len(lane.ready) or lane.closed:
                continue
            if now - since < 0.9 * _SECONDS:  # it began after the others
                self._began[lane] = (since, moved, requests)
            else:
                lane.limit.round(sent=lane.moved() - moved, requests=lane.requests - requests, seconds=now - since)
                self.begin(lane)
                self._changed(lane)
        if self._began and self._timer is None:
            self._timer = self._clock.call_later(_SECONDS, self._end)
