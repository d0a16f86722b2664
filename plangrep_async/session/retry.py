"""Whether to repeat a call, and when: a pure decision.

Sources: RFC 9110 sections 9.2.2 (idempotent methods) and 10.2.3 (Retry-After); Plangrep "Submit a job"
(Idempotency-Key); PlanGrid "Rate Limiting".
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from enum import Enum

from attrs import frozen

from ..config import RetryPolicy

__all__ = ["RETRYABLE_STATUSES", "Decision", "Outcome", "Verdict", "backoff", "decide", "parse_retry_after"]

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})

# The service says that it did not process the request: repeating has no effect twice, whatever the method.
_NOT_PROCESSED = frozenset({425, 429})


@frozen
class Outcome:
    """How an attempt ended.

    Attributes:
        status: of the answer; ``None`` when none came.
        nothing_arrived: the failure proves that the service has not seen the request.
        retry_after: seconds that the service asked for.
    """

    status: int | None = None
    nothing_arrived: bool = False
    retry_after: float | None = None


class Verdict(Enum):
    """What to do."""

    RETRY = "retry"
    STOP = "stop"
    TOO_LONG = "too long"


@frozen
class Decision:
    """The verdict, and the seconds to wait before the next attempt.

    ``reason`` completes the sentence "the call was not repeated because …"; empty where there is nothing to explain.
    """

    verdict: Verdict
    wait: float = 0.0
    reason: str = ""


def backoff(attempt: int, policy: RetryPolicy, random: Callable[[], float]) -> float:
    """Seconds to wait after attempt ``attempt`` (1 is the first): exponential with full jitter."""
    # The exponent is bounded: 2 ** 1100 does not fit a float.
    return random() * min(policy.max_backoff, policy.base * 2.0 ** min(attempt - 1, 64))


def decide(
    attempt: int, may_repeat: bool, outcome: Outcome, policy: RetryPolicy, random: Callable[[], float]
) -> Decision:
    """Whether to send the call again after attempt number ``attempt``.

    Args:
        attempt: 1 for the first.
        may_repeat: sending the call twice has the effect of sending it once.
        outcome: of this attempt; a success is not asked about.
        policy: the bounds.
        random: gives numbers in [0, 1).
    """
    if outcome.status is not None and outcome.status not in RETRYABLE_STATUSES:
        return Decision(Verdict.STOP)
    safe = may_repeat or outcome.nothing_arrived or outcome.status in _NOT_PROCESSED
    if not safe:
        return Decision(Verdict.STOP, reason="it may have been carried out and has no Idempotency-Key")
    if attempt >= policy.max_attempts:
        return Decision(Verdict.STOP, reason=f"all {policy.max_attempts} attempts were used")
    wait = backoff(attempt, policy, random)
    if outcome.retry_after is not None:
        if outcome.retry_after > policy.max_retry_after:
            return Decision(
                Verdict.TOO_LONG,
                reason=f"the service asked to wait {outcome.retry_after:g} s, more than max_retry_after "
                f"({policy.max_retry_after:g} s) allows",
            )
        wait = max(wait, outcome.retry_after * (1.0 + 0.1 * random()))
    return Decision(Verdict.RETRY, wait)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds from a ``Retry-After`` header, given as seconds or as a date; ``None`` when absent or unreadable.

    Args:
        value: the header.
        now: the server's idea of the time in seconds since 1970 (its ``Date`` header, else our clock), so that a wrong
            clock does no harm.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        seconds = float(value)
    else:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        if date.tzinfo is None:
            return None
        seconds = date.timestamp() - now
    return max(0.0, seconds)
