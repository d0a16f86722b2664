"""What a limiter tells about itself."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, frozen

__all__ = ["LimiterStatistics", "WindowStatistics"]


@frozen
class WindowStatistics:
    """One window.

    Attributes:
        kind: which calls it counts.
        interval: seconds.
        limit: calls in that time.
        available: tokens that could be taken now.
        learned: whether the server named it; else it is the user's own.
        resets_in: seconds until the server starts it anew, where that is known and followed.
    """

    kind: str
    interval: float
    limit: int
    available: int
    learned: bool
    resets_in: float | None


@frozen
class LimiterStatistics:
    """A limiter at one moment.

    Attributes:
        windows: all of them, the user's own and the learned ones.
        calls: tokens that were taken and not given back.
        waiters: calls that wait now.
        waits: calls that had to wait and have left.
        waited: seconds that those waited, in all.
        longest_wait: seconds.
        refusals: answers with 429.
        closed_for: seconds until the gate opens, by kind (``"*"`` for all calls); kinds with an open gate are absent.
        pace: calls a second that are let through while a kind recovers from a 429; absent when it has.
    """

    windows: tuple[WindowStatistics, ...] = ()
    calls: int = 0
    waiters: int = 0
    waits: int = 0
    waited: float = 0.0
    longest_wait: float = 0.0
    refusals: int = 0
    closed_for: Mapping[str, float] = Factory(dict)
    pace: Mapping[str, float] = Factory(dict)
