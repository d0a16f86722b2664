"""After a 429: a gate that is closed until the time that was named, then a pace that recovers.

The pace is an AIMD controller (additive increase, multiplicative decrease), as in TCP: each 429 takes three tenths off
the rate, and from there it grows evenly up to what the known windows allow. Clients that share a key and do not know of
each other so come to equal shares. Where no window is known, it grows slowly near the rate that was refused, and ever
faster above it, so that a backlog does not break loose on a service that has only just stopped refusing.
"""

from __future__ import annotations

import math

from .settings import LimiterSettings

__all__ = ["EVERY", "LONGEST_GATE", "Throttle"]

EVERY = "*"
"""The kind of the throttle that holds all calls, whatever their kinds: after a 429 that names no window."""

LONGEST_GATE = 86_400.0
"""Seconds; a gate closes for no longer, whatever a 429 says. PlanGrid's longest window is a day ("Rate Limiting"); a
longer time is a mistake of the service or of a proxy, which must not end a client that lives for months."""

_DECREASE = 0.7  # as TCP CUBIC does; a half left more of the allowance unused and drew hardly fewer refusals
_FIRST_DECREASE = 0.9
_SLOWEST = 0.1  # calls a second; a service that allows less is met by waiting, not by pacing
_RAMP = 1.0  # seconds after the gate opens in which the pace comes up to its rate
_RAMP_FROM = 0.25
_RAMP_LEAST = 4.0  # calls a second; a pace below it needs no ramp
_LET_THROUGH = 5  # calls that left and were not refused: the service is open, only too many came
_CATCH_UP = 0.05  # seconds of pace that a late timer may make good
_PROBING = 10  # times the recovery until a pace without a known goal, by then 150 times that refused, is dropped


class Throttle:
    """Holds the calls of one kind after a 429. Implements :class:`~.meter.Meter`."""

    __slots__ = (
        "_event",
        "_from",
        "_gain",
        "_next",
        "_power",
        "_settings",
        "_streak",
        "_taken",
        "_whole",
        "asked_until",
        "closed_until",
    )

    limit = math.inf

    def __init__(self, settings: LimiterSettings) -> None:
        self._settings = settings
        self.closed_until = -math.inf
        self.asked_until = -math.inf  # the moment that the service itself named in Retry-After
        self._event = -math.inf  # calls that left before it tell nothing new
        self._streak = 0  # times the gate was closed without letting calls through in between
        self._taken = 0  # cost that left since the gate opened
        self._from = math.inf  # calls a second at which the pace begins
        self._gain = 0.0  # by how much it has grown after the time of recovery
        self._power = 1  # and how: evenly, or ever faster
        self._whole = settings.recovery  # seconds after which nothing is held back any more
        self._next = -math.inf  # when the next call may leave

    def refuse(
        self, now: float, wait: float | None, *, left_at: float, busy: float, ceiling: float | None, chance: float
    ) -> None:
        """A call was answered with 429.

        Args:
            now: the time of the answer.
            wait: seconds that the service named, or ``None``.
            left_at: when the call left. Calls of one burst are refused together and close the gate once.
            busy: calls a second that left lately.
            ceiling: calls a second that the known windows allow at most; ``None`` when none is known.
            chance: a random number from 0 to 1.
        """
        settings = self._settings
        if left_at < self._event or now < self.closed_until:
            if wait is not None and now + wait > self.closed_until:
                self._close(now, wait, chance)
            return
        rate = self.rate(now)
        in_flight = min(self._taken, rate * (now - left_at)) if rate < math.inf else 0
        recently = now - self.closed_until < max(settings.recovery, 2 * settings.max_backoff)
        self._streak = self._streak + 1 if recently and self._taken - in_flight < _LET_THROUGH else 1
        if wait is None:
            wait = min(settings.max_backoff, settings.backoff * 2.0 ** min(self._streak - 1, 32))
        refused = max(_SLOWEST / _DECREASE, min(max(busy, 1.0), rate))
        # One 429 in a long time, where the windows are known, is the network's unevenness rather than another client.
        self._from = refused * (_DECREASE if recently or ceiling is None else _FIRST_DECREASE)
        goal = refused * 2 if ceiling is None else max(ceiling, self._from)
        self._gain = goal - self._from
        self._power = 2 if ceiling is None else 1
        self._whole = settings.recovery * (_PROBING if ceiling is None else 1)
        self._event = now
        self._taken = 0
        self._close(now, wait, chance)

    def _close(self, now: float, wait: float, chance: float) -> None:
        settings = self._settings
        wait = min(wait, LONGEST_GATE)
        self.closed_until = now + wait + min(wait * settings.jitter, settings.max_jitter) * chance
        self._next = self.closed_until

    def rate(self, now: float) -> float:
        """Calls a second at which they may leave; infinite once it has recovered, 0 while the gate is closed."""
        since = now - self.closed_until
        if since < 0:
            return 0.0
        if since >= self._whole:
            return math.inf
        rate = self._from + self._gain * float((since / self._settings.recovery) ** self._power)
        return max(rate * min(1.0, _RAMP_FROM + since / _RAMP), min(rate, _RAMP_LEAST))

    def recovered(self, now: float) -> bool:
        """Whether it holds nothing back any more."""
        return now >= self.closed_until + self._whole

    def forgettable(self, now: float) -> bool:
        """Whether nothing is left to remember, either."""
        return now >= self.closed_until + max(self._whole, 2 * self._settings.max_backoff)

    def fits(self, now: float, cost: int) -> bool:
        return now >= self._next

    def take(self, now: float, cost: int) -> None:
        self._taken += cost
        rate = self.rate(now)
        if rate < math.inf:
            self._next = max(self._next, now - _CATCH_UP) + cost / max(rate, _SLOWEST)

    def give_back(self, now: float, cost: int, taken_at: float) -> None:
        if taken_at < self.closed_until:
            return
        self._taken = max(0, self._taken - cost)
        rate = self.rate(taken_at)
        if rate < math.inf:
            self._next = max(self.closed_until, self._next - cost / max(rate, _SLOWEST))

    def postpone(self, now: float, cost: int, taken_at: float) -> None:
        """A pace needs no such care."""

    def room(self, now: float) -> float:
        if now < self._next:
            return 0
        return math.inf if self.recovered(now) else 1

    def ready_at(self, now: float, cost: int) -> float:
        return max(now, self._next)

    def spare(self, now: float, cost: int, at: float) -> float:
        if now < self._next:
            return 0
        rate = self.rate(now)
        if rate == math.inf:
            return math.inf
        return 1 if max(self._next, now - _CATCH_UP) + 1 / max(rate, _SLOWEST) <= at else 0
