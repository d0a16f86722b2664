"""Rate limits: several windows a key, each fixed or sliding (documentation page "Rate Limiting").

The real service does not say which kind its windows are, nor when they begin; both are settings here.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Any, Literal

from attrs import define, field, frozen

from .timestamp import format_ceiling

__all__ = ["DOCUMENTED_LIMITS", "RateWindows", "WindowLimit", "WindowMode"]

WindowMode = Literal["fixed", "sliding"]

_DAY = 86_400


@frozen
class WindowLimit:
    """So many requests of a type in so many seconds, for each key.

    Attributes:
        request_type: ``"all"``, or ``"write"`` for POST, PUT, PATCH and DELETE.
    """

    request_type: str
    interval: int
    limit: int


DOCUMENTED_LIMITS = (WindowLimit("all", 1, 40), WindowLimit("all", _DAY, 10_000), WindowLimit("write", 360, 2_000))
"""The limits of the documentation's example (pages "Rate Limiting" and "Retrieve Rate Limits")."""


@define
class _Window:
    limit: WindowLimit
    used: int = 0
    ends: float = -math.inf  # of the fixed window in progress
    times: deque[tuple[float, int]] = field(factory=deque)  # of the sliding window: when, how many

    def settle(self, now: float, mode: WindowMode, phase: float) -> None:
        """Forget what no longer counts."""
        interval = self.limit.interval
        if mode == "fixed":
            if now >= self.ends:
                self.ends = (math.floor((now - phase) / interval) + 1) * interval + phase
                self.used = 0
            return
        while self.times and self.times[0][0] <= now - interval:
            self.used -= self.times.popleft()[1]

    def take(self, now: float, cost: int, mode: WindowMode) -> None:
        self.used += cost
        if mode == "sliding":
            self.times.append((now, cost))

    def fits(self, cost: int) -> bool:
        """A cost above the limit itself passes when the window is untouched; else it never could."""
        return self.used + cost <= self.limit.limit or self.used == 0

    def reset(self, now: float, mode: WindowMode) -> float:
        """When a request that does not fit now may be tried again."""
        if mode == "fixed":
            return self.ends
        return (self.times[0][0] if self.times else now) + self.limit.interval


class RateWindows:
    """The windows of all keys.

    Args:
        limits: what applies to each key; none means no limits.
        mode: ``"fixed"`` windows end at moments divisible by their interval (plus ``phase``) and start again empty;
            ``"sliding"`` ones look back over the interval at any moment.
        phase: seconds by which fixed windows are shifted.
    """

    def __init__(self, limits: Iterable[WindowLimit] = (), mode: WindowMode = "fixed", phase: float = 0.0) -> None:
        self.limits = tuple(limits)
        self.mode: WindowMode = mode
        self.phase = phase
        self._keys: dict[str, list[_Window]] = {}

    def take(
        self, key: str, now: float, *, write: bool, cost: int = 1, write_cost: int | None = None, untimed: bool = False
    ) -> dict[str, Any] | None:
        """Count a request, or refuse it and count nothing.

        Args:
            now: seconds since 1970 by the server's clock.
            write: whether windows of type ``write`` count it.
            cost: what it takes from windows of type ``all``.
            write_cost: what it takes from ``write`` windows; ``cost`` by default.
            untimed: whether windows of a day or more leave it out.

        Returns:
            ``None``, or the Rate Limit object of the window that lasts longest among those that refused.
        """
        taking: list[tuple[_Window, int]] = []
        refused: _Window | None = None
        for window in self._settled(key, now):
            if untimed and window.limit.interval >= _DAY:
                continue
            amount = cost
            if window.limit.request_type == "write":
                amount = (cost if write_cost is None else write_cost) if write else 0
            if not amount:
                continue
            if not window.fits(amount) and (
                refused is None or window.reset(now, self.mode) > refused.reset(now, self.mode)
            ):
                refused = window
            taking.append((window, amount))
        if refused is not None:
            return self._describe(refused, now)
        for window, amount in taking:
            window.take(now, amount, self.mode)
        return None

    def snapshot(self, key: str, now: float) -> list[dict[str, Any]]:
        """The Rate Limit objects of a key."""
        return [self._describe(window, now) for window in self._settled(key, now)]

    def _settled(self, key: str, now: float) -> list[_Window]:
        windows = self._keys.get(key)
        if windows is None:
            windows = self._keys[key] = [_Window(limit) for limit in self.limits]
        for window in windows:
            window.settle(now, self.mode, self.phase)
        return windows

    def _describe(self, window: _Window, now: float) -> dict[str, Any]:
        limit = window.limit
        return {
            "request_type": limit.request_type,
            "interval": limit.interval,
            "limit": limit.limit,
            "remaining": max(0, limit.limit - window.used),
            "reset": format_ceiling(window.reset(now, self.mode)),
        }
