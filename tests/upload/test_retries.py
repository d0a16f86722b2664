from __future__ import annotations

from plangrep_async.config import RetryPolicy
from plangrep_async.upload.retries import Retries

POLICY = RetryPolicy(max_attempts=4, base=1.0, max_backoff=3.0, max_retry_after=10.0)


def test_waits_grow_up_to_a_bound_and_end():
    retries = Retries(POLICY, lambda: 1.0)
    assert [retries.wait() for _ in range(4)] == [1.0, 2.0, 3.0, None]


def test_chance_spreads_them():
    assert Retries(POLICY, lambda: 0.25).wait() == 0.25


def test_confirmed_bytes_begin_the_count_anew():
    retries = Retries(POLICY, lambda: 1.0)
    assert [retries.wait(confirmed=7) for _ in range(3)] == [1.0, 2.0, 3.0]
    assert retries.wait(confirmed=8) == 1.0
    assert [retries.wait(confirmed=8) for _ in range(3)] == [2.0, 3.0, None]


def test_retry_after_is_a_lower_bound_with_a_cap():
    retries = Retries(POLICY, lambda: 0.5)
    assert retries.wait(retry_after=4.0) == 4.2
    assert retries.wait(retry_after=10.1) is None
