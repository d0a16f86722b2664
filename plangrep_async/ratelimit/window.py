"""Windows that the server resets at a moment that it names: whether to believe it, and what follows."""

from __future__ import annotations

import math

from .bucket import Bucket
from .limit import RateLimit, WindowSnapshot
from .settings import LimiterSettings

__all__ = ["ServerWindow"]

_TOLERANCE = 2.5
"""Seconds by which two statements of one reset may differ: each is in whole seconds, by a clock that is known to whole
seconds, and was under way for a while."""


class ServerWindow:
    """A bucket, and what the server has said of its window.

    A fixed window's reset stays where it is until it has passed, and then moves by at least the interval. What a server
    with a sliding window names (the moment at which the oldest call leaves it, say) does not keep to that. Once it was
    seen, this window's resets are not followed any more, and its calls count for a whole interval each.
    """

    __slots__ = ("_settings", "_stated", "bucket", "slides")

    def __init__(self, rate: RateLimit, settings: LimiterSettings, *, own: bool) -> None:
        self.bucket = Bucket(rate, settings, own=own)
        self.slides = False
        self._settings = settings
        self._stated: float | None = None

    def learn(self, now: float, snapshot: WindowSnapshot, *, refused: bool = False) -> None:
        """Take in the server's account; ``refused`` when it came with a 429, which means that nothing is left."""
        bucket, settings = self.bucket, self._settings
        bucket.resize(snapshot.limit)
        resets_in = snapshot.resets_in
        if resets_in is not None and not 0 < resets_in < math.inf:
            resets_in = None
        if resets_in is not None:
            resets_in = min(resets_in, bucket.interval)
            if not self.slides and self._contradicts(now, now + resets_in):
                self.slides = True
                bucket.stop_following(now)
            # The reset of a window that nothing was counted in may begin to run with the next call.
            touched = snapshot.remaining is not None and snapshot.remaining < snapshot.limit
            self._stated = now + resets_in if touched or refused else None
        long_enough = bucket.interval >= settings.follow_from
        back_in = None if resets_in is None or not long_enough else resets_in + settings.reset_slack
        remaining = snapshot.remaining
        if refused:
            # Without a moment to wait for, the throttle finds out when calls are let through again.
            remaining = None if back_in is None else 0
        if remaining is not None:
            # The server may forget our calls earlier than the user's own, lower limit does.
            settling = settings.settling if bucket.limit == snapshot.limit else math.inf
            bucket.correct(now, min(remaining, bucket.limit), settling, back_in)
        if back_in is not None and not self.slides and bucket.limit == snapshot.limit:
            bucket.follow(now, now + back_in, settings.reset_slack * 2 + settings.max_margin)

    def _contradicts(self, now: float, resets_at: float) -> bool:
        stated = self._stated
        if stated is None or abs(resets_at - stated) <= _TOLERANCE:
            return False
        if now < stated - _TOLERANCE:
            return True
        return resets_at < stated + self.bucket.interval - _TOLERANCE
