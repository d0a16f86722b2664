"""What becomes of an entry after its batch: pure decisions.

An entry gets its answer, or an error of its own, or is sent again. Sent again is what may be repeated, and what is
proven not to have been carried out: a batch that the service refused as a whole (PlanGrid "Why Batch Requests?": a
malformed array or one with too many requests is answered with 400), a 429, or a connection that was never made.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeAlias

import httpx
from attrs import frozen

from ..errors import APIConnectionError, APIStatusError, DecodeError, InvalidInputError, PlangrepAsyncError
from ..session import Answer, BasicCredentials, Decision, Outcome, Session, Verdict, redact_url
from ..session.failure import connection_error, outcome_of
from .entry import Entry

__all__ = ["Again", "Deliver", "Fail", "Fate", "after_answer", "after_failure", "copy_of", "never_arrived", "refusal"]

# Refusals that a smaller batch may escape; after any other, each call leaves alone.
_TOO_MUCH = frozenset({400, 413, 414, 422, 431})
# Answers to the batch that say nothing against its form.
_NOT_ABOUT_FORM = frozenset({401, 403, 408, 425, 429})
_NOT_IMPLEMENTED = 501
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The service is too busy; a smaller batch would not be less work.
_BUSY = frozenset({429, 503})


@frozen
class Deliver:
    """The answer is the entry's last. ``reason``: why an error was not followed by another attempt."""

    answer: Answer
    reason: str = ""


@frozen
class Again:
    """Send it again.

    Attributes:
        wait: seconds to rest before.
        largest: calls it may leave with then, itself included; ``None`` for as many as before.
        counted: ``False`` when the attempt is proven not to have reached the call itself.
    """

    wait: float = 0.0
    largest: int | None = None
    counted: bool = True


@frozen
class Fail:
    """There is no answer; the entry's own error."""

    error: Exception


Fate: TypeAlias = Deliver | Again | Fail


def refusal(status: int, size: int) -> int | None:
    """How many calls may leave together after a batch of ``size`` was answered with ``status`` as a whole.

    ``None`` when the status does not mean that the batch was refused before anything of it was carried out.
    """
    if status in _TOO_MUCH:
        return (size + 1) // 2
    if status == _NOT_IMPLEMENTED or (300 <= status < 500 and status not in _NOT_ABOUT_FORM):
        return 1
    return None


def after_answer(session: Session, entry: Entry, answer: Answer | None, now: float, luck: Callable[[], float]) -> Fate:
    """After the entry's part of the batch's answer; ``None`` when that part cannot be read."""
    if answer is None:
        broken = DecodeError("its part of the batch's answer is not as documented")
        return _unknown(session, entry, broken, now, luck)
    if 200 <= answer.status < 300:
        return Deliver(answer)
    if entry.largest > 1 and _session_can_help(session, entry, answer):
        return Again(largest=1, counted=False)
    decision = _decide(session, entry, Outcome(answer.status, retry_after=session.retry_after(answer)), luck)
    if decision.verdict is Verdict.RETRY:
        return _again(decision, answer.status, None)
    return Deliver(answer, decision.reason)


def after_failure(
    session: Session, entry: Entry, error: Exception, size: int, now: float, luck: Callable[[], float]
) -> Fate:
    """After the batch of ``size`` failed as a whole."""
    if isinstance(error, APIStatusError) and error.status is not None:
        return _after_status(session, entry, error, error.status, size, luck)
    if isinstance(error, DecodeError):
        return _unknown(session, entry, error, now, luck)
    if isinstance(error, InvalidInputError):
        return Again(largest=1, counted=False)
    if isinstance(error, APIConnectionError):
        cause = error.__cause__ if isinstance(error.__cause__, httpx.RequestError) else None
        outcome = Outcome() if cause is None else outcome_of(cause)
        decision = _decide(session, entry, outcome, luck) if outcome is not None else Decision(Verdict.STOP)
        if decision.verdict is Verdict.RETRY:
            return _again(decision, None, None if outcome is not None and outcome.nothing_arrived else size)
        own = (
            copy_of(error)
            if cause is None
            else connection_error(
                cause,
                entry.call.method,
                redact_url(session.url_of(entry.call)),
                entry.attempts,
                now - entry.arrived,
                decision.reason,
            )
        )
        own.__cause__ = error.__cause__
        return Fail(own)
    return Fail(copy_of(error))


def never_arrived(error: Exception) -> bool:
    """Whether the failure of a batch proves that the service has not seen it."""
    cause = error.__cause__
    outcome = outcome_of(cause) if isinstance(cause, httpx.RequestError) else None
    return outcome is not None and outcome.nothing_arrived


def copy_of(error: Exception) -> Exception:
    """An error like ``error`` for another task, which adds a traceback of its own."""
    if not isinstance(error, PlangrepAsyncError):
        other: Exception = PlangrepAsyncError(f"the batch that carried the call failed: {type(error).__name__}")
        other.__cause__ = error
        return other
    other = copy.copy(error)
    other.__cause__ = error.__cause__
    return other


def _after_status(
    session: Session, entry: Entry, error: APIStatusError, status: int, size: int, luck: Callable[[], float]
) -> Fate:
    largest = refusal(status, size)
    if largest is not None:
        return Again(largest=largest, counted=False)
    answer = Answer(status, dict(error.response.headers) if error.response is not None else {}, error.body or b"")
    decision = _decide(session, entry, Outcome(status, retry_after=session.retry_after(answer)), luck)
    if decision.verdict is Verdict.RETRY:
        return _again(decision, status, size)
    reason = decision.reason
    if not reason and status >= 500 and not entry.call.may_repeat:
        reason = "it may have been carried out"
    return Deliver(answer, reason)


def _unknown(session: Session, entry: Entry, error: DecodeError, now: float, luck: Callable[[], float]) -> Fate:
    """The batch was carried out, and what it did for this entry cannot be read: batches are no good for it."""
    decision = _decide(session, entry, Outcome(), luck)
    if decision.verdict is Verdict.RETRY:
        return Again(decision.wait, largest=1)
    url = redact_url(session.url_of(entry.call))
    own = DecodeError(
        f"{entry.call.method} {url} left in a batch, and its answer cannot be told: {error.message}; it was not "
        f"repeated because {decision.reason}",
        method=entry.call.method,
        url=url,
        status=error.status,
        body=error.body,
        attempts=entry.attempts,
        elapsed=now - entry.arrived,
    )
    own.__cause__ = error.__cause__
    return Fail(own)


def _decide(session: Session, entry: Entry, outcome: Outcome, luck: Callable[[], float]) -> Decision:
    return session.decide(
        entry.call,
        entry.options,
        outcome,
        attempts=entry.attempts,
        throttled=entry.throttled,
        random=luck,
    )


def _again(decision: Decision, status: int | None, size: int | None) -> Again:
    """``size``: of a batch that failed as a whole and does not say why, so that one call may be to blame for all."""
    if status == 429:
        # The limiter's gate is the wait, as it is for a call that was alone.
        return Again()
    return Again(decision.wait, largest=None if size is None or status in _BUSY else max(1, size // 4))


def _session_can_help(session: Session, entry: Entry, answer: Answer) -> bool:
    """Whether the session would go on after this answer to a single call: new credentials, or a redirect."""
    if answer.status == 401:
        return not isinstance(session.credentials, BasicCredentials | None)
    return answer.status in _REDIRECTS and entry.call.method == "GET" and "location" in answer.headers
