"""A rate limit as a value, and the server's account of one."""

from __future__ import annotations

import math

from attrs import field, frozen

from .._checks import is_number
from ..errors import ConfigurationError

__all__ = ["RateLimit", "WindowSnapshot"]


@frozen
class RateLimit:
    """So many calls in any stretch of time of this length.

    Raises :class:`~plangrep_async.ConfigurationError` for values that cannot work.

    Attributes:
        limit: calls; at least 1.
        interval: seconds; more than 0.
        kind: which calls it counts. Every call is ``"all"``; one that changes something is ``"write"`` too.
    """

    limit: int
    interval: float
    kind: str = field(default="all")

    def __attrs_post_init__(self) -> None:
        if not (isinstance(self.limit, int) and is_number(self.limit) and self.limit >= 1):
            raise ConfigurationError(
                f"the limit of a rate limit must be a whole number of at least 1, not {self.limit!r}; "
                "leave the rate limit out if there is none"
            )
        if not (is_number(self.interval) and 0 < self.interval < math.inf):
            raise ConfigurationError(
                f"the interval of a rate limit must be a number of seconds above 0, not {self.interval!r}"
            )
        if not (isinstance(self.kind, str) and self.kind):
            raise ConfigurationError('the kind of a rate limit must be named, for example "all" or "write"')

    def __str__(self) -> str:
        return f"{self.limit} calls of kind {self.kind!r} in {self.interval:g} s"


@frozen
class WindowSnapshot:
    """What the server says of one of its windows (PlanGrid's Rate Limit object, page "Rate Limiting").

    Attributes:
        kind: which calls it counts.
        interval: its length in seconds.
        limit: calls in that time.
        remaining: calls that were left when the server answered; ``None`` when it did not say.
        resets_in: seconds from now until it starts anew, already corrected for the difference between the two clocks;
            ``None`` when unknown. Not above 0 means that the moment is past and tells nothing.
    """

    kind: str
    interval: float
    limit: int
    remaining: int | None = None
    resets_in: float | None = None

    @property
    def makes_sense(self) -> bool:
        """Whether a window can have these numbers; others are not learned from."""
        return (
            bool(self.kind)
            and self.limit >= 1
            and math.isfinite(self.interval)
            and self.interval > 0
            and (self.resets_in is None or not math.isnan(self.resets_in))
        )
