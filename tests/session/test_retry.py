from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.config import RetryPolicy
from plangrep_async.session import RETRYABLE_STATUSES, Outcome, Verdict, backoff, decide, parse_retry_after

POLICY = RetryPolicy(max_attempts=4, base=0.5, max_backoff=8.0, max_retry_after=60.0)

unit = st.floats(0, 1, exclude_max=True)
outcomes = st.builds(
    Outcome,
    status=st.none() | st.integers(300, 599),
    nothing_arrived=st.booleans(),
    retry_after=st.none() | st.floats(0, 1e6),
)


@pytest.mark.parametrize("status", sorted(RETRYABLE_STATUSES))
def test_a_repeatable_call_is_repeated_on_each_passing_status(status: int) -> None:
    assert decide(1, True, Outcome(status), POLICY, lambda: 0.5).verdict is Verdict.RETRY


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422, 501, 505, 301])
def test_other_statuses_end_the_call(status: int) -> None:
    assert decide(1, True, Outcome(status), POLICY, lambda: 0.5).verdict is Verdict.STOP


@pytest.mark.parametrize("status", [None, 408, 500, 502, 503, 504])
def test_what_may_have_been_carried_out_is_not_repeated(status: int | None) -> None:
    decision = decide(1, False, Outcome(status), POLICY, lambda: 0.5)
    assert decision.verdict is Verdict.STOP
    assert "Idempotency-Key" in decision.reason


@pytest.mark.parametrize("outcome", [Outcome(429), Outcome(425), Outcome(nothing_arrived=True)])
def test_what_was_proven_not_carried_out_is_repeated_whatever_the_method(outcome: Outcome) -> None:
    assert decide(1, False, outcome, POLICY, lambda: 0.5).verdict is Verdict.RETRY


@given(st.integers(1, 20), st.booleans(), outcomes, unit)
def test_every_decision_is_bounded(attempt: int, may_repeat: bool, outcome: Outcome, number: float) -> None:
    decision = decide(attempt, may_repeat, outcome, POLICY, lambda: number)
    assert decision.wait >= 0
    if decision.verdict is Verdict.RETRY:
        assert attempt < POLICY.max_attempts
        asked = outcome.retry_after or 0.0
        assert asked <= decision.wait <= max(POLICY.max_backoff, asked * 1.1)
    if decision.verdict is Verdict.TOO_LONG:
        assert outcome.retry_after is not None
        assert outcome.retry_after > POLICY.max_retry_after
        assert "max_retry_after" in decision.reason


@given(st.integers(1, 100_000), unit)
def test_backoff_has_full_jitter_below_an_exponential_cap(attempt: int, number: float) -> None:
    cap = min(POLICY.max_backoff, POLICY.base * 2 ** min(attempt - 1, 10))
    assert backoff(attempt, POLICY, lambda: number) == pytest.approx(number * cap)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), (" 0 ", 0.0), ("1.5", 1.5), ("-5", None), ("soon", None), ("", None), ("٣", None), (None, None)],
)
def test_retry_after_in_seconds(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=0.0) == seconds


def test_retry_after_as_a_date_is_measured_by_the_servers_clock() -> None:
    server_now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    value = format_datetime(server_now.replace(minute=2), usegmt=True)
    assert parse_retry_after(value, server_now.timestamp()) == 120.0
    assert parse_retry_after(value, server_now.timestamp() + 3600) == 0.0


@given(st.text(max_size=40))
def test_no_retry_after_header_breaks_the_client(value: str) -> None:
    seconds = parse_retry_after(value, now=1e9)
    assert seconds is None or seconds >= 0
