"""What the limiter assumes about servers and networks, each number with its reason."""

from __future__ import annotations

from attrs import field, frozen

from .._checks import number

__all__ = ["LimiterSettings"]


@frozen
class LimiterSettings:
    """How careful the limiter is.

    Attributes:
        margin: by which fraction of its length a window is taken as longer than the server says. The server counts a
            call when it arrives, and the way there takes longer for one call than for another; without a margin, two
            calls that leave exactly one interval apart may arrive closer together. The price is this share of the
            allowance, so it must stay below 0.02 where 98 % of the allowance matters.
        max_margin: seconds; the same in absolute terms. What a network adds does not grow with the window.
        follow_from: seconds. A window at least this long that the server says it resets at a known moment is followed:
            what it counted is free again at that moment. Shorter ones are not, because such moments are told in whole
            seconds, which is too coarse for them, and because little is lost: the window's own length at most.
            ``math.inf`` never follows (right for a server whose windows slide although it names a reset).
        reset_slack: seconds by which a reset is taken as later than the server says, for moments told in whole seconds
            and clocks compared through a ``Date`` header, which has whole seconds too.
        settling: seconds after which a call that left is certainly counted in the server's own account. A younger one
            may still be on its way, so an account that looks better than ours is believed only as to older calls.
        backoff: seconds of the first wait after a 429 that names no time; doubled for each further one that comes
            before the service has let calls through again.
        max_backoff: seconds; no wait of our own choice is longer.
        jitter: the fraction of a wait that is added at random, so that clients which share a key do not come back at
            the same moment. A time that the service names is a lower bound.
        max_jitter: seconds; what is added at random to long waits.
        recovery: seconds after a 429 until calls leave as freely as before it. They start at seven tenths of the rate
            that was refused (at nine tenths after a single 429 where the windows are known), and speed up. Where no
            window is known, twice that rate is reached after this time, and the pace is dropped after ten times that.
    """

    margin: float = field(default=0.01, validator=number(least=0, most=0.5))
    max_margin: float = field(default=1.0, validator=number(least=0))
    follow_from: float = field(default=60.0, validator=number(above=0))
    reset_slack: float = field(default=1.0, validator=number(least=0))
    settling: float = field(default=30.0, validator=number(least=0))
    backoff: float = field(default=1.0, validator=number(above=0))
    max_backoff: float = field(default=60.0, validator=number(above=0))
    jitter: float = field(default=0.1, validator=number(least=0, most=1.0))
    max_jitter: float = field(default=5.0, validator=number(least=0))
    recovery: float = field(default=30.0, validator=number(above=0))

    def padded(self, interval: float) -> float:
        """The length that a window of ``interval`` seconds is taken to have."""
        return interval + min(interval * self.margin, self.max_margin)

    @property
    def guard(self) -> float:
        """Seconds before a reset that is followed in which a call may belong to the window after it."""
        return 2 * self.reset_slack + self.max_margin
