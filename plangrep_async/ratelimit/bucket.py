"""The tokens of one window: what is available, and when the next call is allowed. Arithmetic without I/O.

Theory of operation
-------------------

A classic token bucket that is as large as the limit lets nearly twice the limit through in one interval: a full bucket
at once, and what flows in afterwards. A server that counts exactly refuses the second half. So a token here comes back
one (slightly lengthened) interval after it was taken, not before. Then any stretch of time of the interval's length,
wherever it begins, holds at most ``limit`` calls, and that is so for windows of the server that slide, for fixed ones,
and for fixed ones that begin at an unknown moment. A backlog still gets ``limit`` calls an interval, and a burst is
never slowed before the limit is reached.

The log is two deques, when tokens come back and how many. Up to 1,024 tokens each has its own moment; above, those
taken within 1/1,024 of the interval share the last one's, which is on the safe side and bounds the memory of any limit.

When the server says when it will start its window anew (:meth:`Bucket.follow`), its own count holds until that moment,
and then all is free. The log goes on beside it, so that nothing is lost when the server turns out to be wrong. A reset
that nobody has seen to be one yet frees only what the log says is free.
"""

from __future__ import annotations

import math
from collections import deque

from .limit import RateLimit
from .settings import LimiterSettings

__all__ = ["Bucket"]

_GROUPS = 1024
_ROUNDING = 1e-6  # seconds
_LATE_AT_MOST = 0.5  # of the interval, for one call
_LATE_SHARE = 0.004  # of the allowance, for all of them in the long run
_EXACT_FOR = 300.0  # seconds after a 429 in which all lateness counts
_LATE_CREDIT = 0.4  # of the interval for each token: once, when connections are made, and when the network breaks down


class Bucket:
    """A window's tokens, as far as they are known here. Implements :class:`~.meter.Meter`.

    Args:
        rate: the window.
        settings: margins.
        own: whether the limit is the user's own wish; the server may then lower, but not raise it.

    Attributes:
        doubt_at: when to ask the server whether it has started anew, if somebody waits; infinite when there is no need.
    """

    __slots__ = (
        "_counts",
        "_exact_until",
        "_group_until",
        "_guard_at",
        "_late_credit",
        "_late_since",
        "_logged",
        "_next",
        "_padded",
        "_resets_at",
        "_resolution",
        "_since",
        "_slack",
        "_sure",
        "_times",
        "_used",
        "cap",
        "doubt_at",
        "interval",
        "kind",
        "learned",
        "limit",
    )

    def __init__(self, rate: RateLimit, settings: LimiterSettings, *, own: bool = True) -> None:
        self.kind = rate.kind
        self.interval = float(rate.interval)
        self.cap = rate.limit if own else math.inf
        self.learned = not own
        self._padded = settings.padded(self.interval)
        self._slack = (self._padded - self.interval) / 2  # one half for lateness, the other for what is not known of it
        self._times: deque[float] = deque()
        self._counts: deque[int] = deque()
        self._logged = 0  # tokens in the log
        self._used = 0  # tokens not available: the log's, or the server's count while it is followed
        self._next = math.inf  # no token comes back before
        self._group_until = -math.inf  # until then tokens join the log's last group
        self._resets_at = -math.inf  # the server's reset that is followed; in the past when none is
        self._guard_at = math.inf  # calls since then may belong to the server's next window
        self._sure = True  # that it is one
        self.doubt_at = math.inf
        self._since = -math.inf  # when the server's window began anew, as far as it was followed
        self._late_since = -math.inf
        self._late_credit = 0.0
        self._exact_until = -math.inf
        self.limit = 0
        self.resize(rate.limit)

    def __repr__(self) -> str:
        return f"<Bucket {self.kind!r}: {self._used} of {self.limit} used in {self.interval:g} s>"

    @property
    def used(self) -> int:
        """Tokens that are not available, by the last look."""
        return self._used

    @property
    def padded(self) -> float:
        """Seconds after which a token comes back."""
        return self._padded

    @property
    def resolution(self) -> float:
        """Seconds within which tokens share a moment."""
        return self._resolution

    @property
    def memory(self) -> int:
        """Entries of the log."""
        return len(self._times)

    def fits(self, now: float, cost: int) -> bool:
        if now >= self._next:
            self._advance(now)
        return self._used + cost <= self.limit

    def take(self, now: float, cost: int) -> None:
        self._used += cost
        self._logged += cost
        times = self._times
        if now <= self._group_until and times:
            times[-1] = now + self._padded
            self._counts[-1] += cost
            return
        back = now + self._padded
        times.append(back)
        self._counts.append(cost)
        until = now + self._resolution
        self._group_until = until if until < self._guard_at or now >= self._guard_at else _before(self._guard_at)
        if back < self._next:
            self._next = back

    def give_back(self, now: float, cost: int, taken_at: float) -> None:
        if now >= self._next:
            self._advance(now)
        if taken_at + self._padded > now:
            # Whichever entry was the call's own, the oldest may go: the others come back later than what remains.
            self._drop_oldest(cost)
            if self._resets_at <= now:
                self._used = self._logged
        if now < self._resets_at and taken_at >= self._since:
            self._used = max(0, self._used - cost)

    def room(self, now: float) -> float:
        if now >= self._next:
            self._advance(now)
        return max(0, self.limit - self._used)

    def ready_at(self, now: float, cost: int) -> float:
        if cost > self.limit:
            return math.inf
        if self.fits(now, cost):
            return now
        return self._back_at(now, self._used + cost - self.limit)

    def spare(self, now: float, cost: int, at: float) -> float:
        room = self.room(now)
        back = self._resets_at if now < self._resets_at else now + self._padded
        if back <= at:
            return room
        used = self._used
        if now < self._resets_at:
            if self._resets_at <= at:
                used = 0
        else:
            for time, count in zip(self._times, self._counts, strict=True):
                if time > at:
                    break
                used -= count
        return min(room, self.limit - used - cost)

    # What the server tells

    def resize(self, limit: int) -> None:
        """The server's limit, which the user's own wish may undercut."""
        self.limit = int(min(limit, self.cap))
        self._resolution = 0.0 if self.limit <= _GROUPS else self.interval / _GROUPS

    def correct(self, now: float, remaining: int, settling: float, back_in: float | None) -> None:
        """Believe the server that ``remaining`` calls were left.

        Fewer than we thought: others use the key too, and their tokens are gone (until ``back_in`` seconds from now, or
        for a whole interval). More than we thought: it has forgotten what we still count, but a call that left within
        the last ``settling`` seconds may not have arrived when it counted, so those stay.
        """
        if now >= self._next:
            self._advance(now)
        counted = max(0, self.limit - max(0, remaining))
        if counted > self._used:
            missing = counted - self._used
            self._used = counted
            if now >= self._resets_at:
                wait = self._padded if back_in is None else min(max(back_in, 0.0), self._padded)
                self._insert(now + wait, missing)
            return
        if settling >= self.interval:
            return
        fresh = self._taken_since(now - settling)
        surplus = self._used - (counted + fresh)
        if surplus > 0:
            self._used -= surplus
            if now >= self._resets_at:
                self._drop_oldest(surplus)

    def follow(
        self, now: float, resets_at: float, guard: float, *, sure: bool = True, doubt_at: float = math.inf
    ) -> None:
        """The server starts its window anew at ``resets_at``; what it counted until then is free again.

        Calls that leave within ``guard`` seconds before that moment may arrive after it, and stay in the log. Unless
        this is ``sure``, all calls do, and the server is to be asked at ``doubt_at``.
        """
        if now >= self._next:
            self._advance(now)
        self._resets_at = resets_at
        self._sure = sure
        self.doubt_at = doubt_at
        self._guard_at = resets_at - guard
        if now < self._guard_at:
            self._group_until = min(self._group_until, _before(self._guard_at))
        self._next = min(self._next, resets_at)

    def stop_following(self, now: float) -> None:
        """The server's resets are not what they seem: only the log counts."""
        if now >= self._next:
            self._advance(now)
        self._resets_at = -math.inf
        self._guard_at = math.inf
        self.doubt_at = math.inf
        self._used = self._logged
        self._next = self._times[0] if self._times else math.inf

    def resets_in(self, now: float) -> float | None:
        """Seconds until the reset that is followed."""
        return self._resets_at - now if now < self._resets_at else None

    # When calls arrive

    def postpone(self, now: float, cost: int, taken_at: float) -> None:
        """The call that was let go at ``taken_at`` leaves only now, because the event loop was busy meanwhile."""
        if now - taken_at > self._slack:
            self._move(now, cost, taken_at, now + self._padded)

    def delay(self, now: float, cost: int, taken_at: float, late: float) -> None:
        """A call arrived up to ``late`` seconds later than others do; so its tokens come back later by as much.

        What this costs is bounded, by half an interval a call and by 0.4 % of the allowance in the long run, so that a
        service that thinks for long does not slow the calls. After a 429 the second bound is off for a while: to be
        refused costs more.
        """
        late = min(late - self._slack, _LATE_AT_MOST * self.interval)
        if late <= 0 or taken_at + self._padded <= now:
            return
        if now < self._exact_until:
            self._move(now, cost, taken_at, taken_at + self._padded + late)
            return
        self._late_credit += (now - self._late_since) * self.limit * _LATE_SHARE
        self._late_credit = min(self._late_credit, _LATE_CREDIT * self.limit * self.interval)
        self._late_since = now
        if late * cost <= self._late_credit:
            self._late_credit -= late * cost
            self._move(now, cost, taken_at, taken_at + self._padded + late)

    def refused(self, now: float) -> None:
        """The server counts more calls than we do: perhaps because some come later than was thought."""
        self._exact_until = now + _EXACT_FOR

    # The log

    def _advance(self, now: float) -> None:
        times, counts = self._times, self._counts
        if self._resets_at > -math.inf and now >= self._resets_at:
            if self._sure:
                forgotten = self._guard_at + self._padded
                while times and times[0] < forgotten:
                    times.popleft()
                    self._logged -= counts.popleft()
            self._since = self._guard_at
            self._resets_at = -math.inf
            self._guard_at = math.inf
            self._used = self._logged
        while times and times[0] <= now:
            times.popleft()
            self._logged -= counts.popleft()
        if now >= self._resets_at:
            self._used = self._logged
            self._next = times[0] if times else math.inf
        else:
            self._next = min(self._resets_at, times[0] if times else math.inf)

    def _back_at(self, now: float, tokens: int) -> float:
        if now < self._resets_at:
            return self._resets_at
        for time, count in zip(self._times, self._counts, strict=True):
            tokens -= count
            if tokens <= 0:
                return time
        return math.inf

    def _drop_oldest(self, tokens: int) -> None:
        times, counts = self._times, self._counts
        while tokens > 0 and times:
            if counts[0] > tokens:
                counts[0] -= tokens
                self._logged -= tokens
                return
            tokens -= counts[0]
            self._logged -= counts[0]
            times.popleft()
            counts.popleft()

    def _insert(self, back: float, count: int) -> None:
        times = self._times
        index = len(times)
        while index and times[index - 1] > back:
            index -= 1
        times.insert(index, back)
        self._counts.insert(index, count)
        self._logged += count
        self._next = min(self._next, back)

    def _move(self, now: float, cost: int, taken_at: float, back: float) -> None:
        """Let the tokens of a call come back later than they would."""
        if now >= self._next:
            self._advance(now)
        times, counts = self._times, self._counts
        index = len(times) - 1
        while index >= 0 and times[index] > taken_at + self._padded + _ROUNDING:
            index -= 1
        moved = min(cost, counts[index]) if index >= 0 else 0
        if index >= 0:
            counts[index] -= moved
            self._logged -= moved
            if not counts[index]:
                del times[index]
                del counts[index]
        self._insert(max(back, taken_at + self._padded), cost)
        if now >= self._resets_at:
            self._used = self._logged
        self._group_until = min(self._group_until, now)

    def _taken_since(self, moment: float) -> int:
        back = moment + self._padded
        taken = 0
        for time, count in zip(reversed(self._times), reversed(self._counts), strict=True):
            if time < back:
                break
            taken += count
        return taken


def _before(guard_at: float) -> float:
    """No group reaches over the guard: what is before it is forgotten at the reset, what is after it is not."""
    return math.nextafter(guard_at, -math.inf)
