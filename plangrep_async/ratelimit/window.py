"""Windows that the server resets at a moment that it names: whether to believe it, and what follows."""

from __future__ import annotations

import math

from attrs import frozen

from .bucket import Bucket
from .limit import RateLimit, WindowSnapshot
from .settings import LimiterSettings

__all__ = ["Correction", "ServerWindow"]

_TOLERANCE = 2.5
"""Seconds by which two statements of one reset may differ: each is in whole seconds, by a clock that is known to whole
seconds, and was under way for a while."""

_PASSED = 3.5
"""Seconds after which a reset has surely passed, and a statement of the next one can be told from one of this one."""

_ANSWER = 15.0
"""Seconds that calls wait for the server's answer to whether it has."""


@frozen
class Correction:
    """What an account of the server changes.

    Attributes:
        limit: the server's.
        remaining: calls that are left at most; ``None`` to leave our count alone.
        settling: seconds that our calls may have taken to arrive; infinite to count no call as forgotten.
        back_in: seconds until what is missing comes back; ``None`` for a whole interval.
        follow: whether the window starts anew after ``back_in`` seconds.
    """

    limit: int
    remaining: int | None
    settling: float
    back_in: float | None
    follow: bool


class ServerWindow:
    """A bucket, and what the server has said of its window.

    A fixed window's reset stays where it is until it has passed, and then moves by at least the interval. What a server
    with a sliding window names (the moment at which the oldest call leaves it, say) does not keep to that. Once it was
    seen, this window's resets are not followed any more, and its calls count for a whole interval each.

    Which of the two it is shows in what the server says after the first reset that it named. Where it can be asked,
    that reset frees nothing before it has answered.
    """

    __slots__ = ("_named", "_settings", "_stated", "bucket", "is_fixed", "slides")

    def __init__(self, rate: RateLimit, settings: LimiterSettings, *, own: bool) -> None:
        self.bucket = Bucket(rate, settings, own=own)
        self.slides = False
        self.is_fixed = False
        self._settings = settings
        self._stated: float | None = None  # a reset, which will not move
        self._named: float | None = None  # one, of whatever kind

    def learn(
        self, now: float, snapshot: WindowSnapshot, *, refused: bool = False, can_ask: bool = False
    ) -> Correction:
        """Take in the server's account.

        Args:
            refused: it came with a 429, which means that nothing is left.
            can_ask: whether the server will be asked at the bucket's ``doubt_at``.
        """
        correction = self._judge(now, snapshot, refused)
        bucket = self.bucket
        bucket.resize(correction.limit)
        if self.slides:
            bucket.stop_following(now)
        if correction.remaining is not None:
            bucket.correct(now, correction.remaining, correction.settling, correction.back_in)
        if correction.follow and correction.back_in is not None:
            sure, resets_at, doubt_at = self.is_fixed or not can_ask, now + correction.back_in, math.inf
            if not sure:
                doubt_at = resets_at - self._settings.reset_slack + _PASSED
                resets_at = doubt_at + _ANSWER
            bucket.follow(now, resets_at, self._settings.guard, sure=sure, doubt_at=doubt_at)
        return correction

    def _judge(self, now: float, snapshot: WindowSnapshot, refused: bool) -> Correction:
        settings, interval = self._settings, self.bucket.interval
        limit = int(min(snapshot.limit, self.bucket.cap))
        resets_in = snapshot.resets_in
        if resets_in is not None and not 0 < resets_in < math.inf:
            resets_in = None
        if resets_in is not None:
            resets_in = min(resets_in, interval)
            self.slides = self.slides or self._contradicts(now, now + resets_in)
            self.is_fixed = self.is_fixed or self._confirms(now + resets_in)
            self._named = now + resets_in
            # The reset of a window that nothing was counted in may begin to run with the next call.
            touched = snapshot.remaining is not None and snapshot.remaining < snapshot.limit
            self._stated = now + resets_in if touched or refused else None
        long_enough = interval >= settings.follow_from
        back_in = None if resets_in is None or not long_enough else resets_in + settings.reset_slack
        remaining = snapshot.remaining
        if refused:
            # Without a moment to wait for, the throttle finds out when calls are let through again.
            remaining = None if back_in is None else 0
        # The server may forget our calls earlier than the user's own, lower limit does.
        whole = limit == snapshot.limit
        return Correction(
            limit=limit,
            remaining=None if remaining is None else max(0, min(remaining, limit)),
            settling=settings.settling if whole else math.inf,
            back_in=back_in,
            follow=back_in is not None and whole and not self.slides,
        )

    def _contradicts(self, now: float, resets_at: float) -> bool:
        stated = self._stated
        if stated is None or abs(resets_at - stated) <= _TOLERANCE:
            return False
        if now < stated - _TOLERANCE:
            return True
        return resets_at < stated + self.bucket.interval - _TOLERANCE

    def _confirms(self, resets_at: float) -> bool:
        """Whether it is whole intervals after the one before; or later by what passes until the next call begins it."""
        if self._named is None:
            return False
        moved, interval = resets_at - self._named, self.bucket.interval
        intervals = round(moved / interval)
        return intervals >= 1 and -_TOLERANCE <= moved - intervals * interval <= _PASSED + _TOLERANCE
