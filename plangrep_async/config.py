"""Settings, frozen. Each number says what it implies."""

from __future__ import annotations

from attrs import field, frozen

from ._checks import number

__all__ = ["RetryPolicy", "Timeouts"]


@frozen
class Timeouts:
    """How long the wire may be silent, in seconds. Not a limit for the whole call: that is ``deadline=``.

    Attributes:
        connect: for the TCP connection and the TLS handshake, each.
        read: between two pieces of an answer. Must exceed the service's slowest answer.
        write: between two pieces of a request that the far end takes.
    """

    connect: float = field(default=10.0, validator=number(above=0))
    read: float = field(default=60.0, validator=number(above=0))
    write: float = field(default=60.0, validator=number(above=0))

    @classmethod
    def of(cls, value: float | Timeouts) -> Timeouts:
        """One number stands for all three."""
        return value if isinstance(value, Timeouts) else cls(connect=value, read=value, write=value)


@frozen
class RetryPolicy:
    """When a call is repeated, and how long to wait before.

    The wait before attempt *n + 1* is drawn evenly from 0 to ``min(max_backoff, base * 2 ** (n - 1))`` (exponential
    backoff with full jitter). A ``Retry-After`` is a lower bound, with up to 10 % more at random.

    Attributes:
        max_attempts: all attempts, the first included; 1 means never repeat.
        base: seconds.
        max_backoff: seconds; with the defaults a call waits at most 0.5 + 1 + 2 + 4 = 7.5 s between its attempts.
        max_throttled: how often one call goes back behind the limiter's gate after a 429, counted apart from
            ``max_attempts``: being told to wait is no failure. A call that is given ``max_attempts=`` of its own counts
            everything under it.
        max_retry_after: seconds; a service that asks for a longer wait gets no further attempt, and the error says so.
            After such a 429 the other calls that it counts fail too, at once, until what is left of the wait is
            shorter; of what was named a day at most is remembered. The default is longer than PlanGrid's window of
            six minutes (page "Rate Limiting").
    """

    max_attempts: int = field(default=5, validator=number(least=1, whole=True))
    base: float = field(default=0.5, validator=number(least=0))
    max_backoff: float = field(default=30.0, validator=number(least=0))
    max_throttled: int = field(default=20, validator=number(least=0, whole=True))
    max_retry_after: float = field(default=400.0, validator=number(least=0))
