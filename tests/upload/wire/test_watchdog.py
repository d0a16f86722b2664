"""Stalls, in times that are passed in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.upload.wire.watchdog import Watchdog


def test_standing_still():
    dog = Watchdog(100.0, 60.0)
    assert not dog.stalled(159.0, 0)
    assert dog.stalled(160.0, 0)


def test_any_progress_starts_it_anew():
    dog = Watchdog(0.0, 60.0)
    assert not dog.stalled(59.0, 1)
    assert not dog.stalled(118.0, 1)
    assert dog.stalled(119.0, 1)


def test_a_count_that_falls_is_no_progress():
    dog = Watchdog(0.0, 60.0)
    assert not dog.stalled(30.0, 100)
    assert not dog.stalled(60.0, 50)
    assert dog.stalled(90.0, 99)


def test_slower_than_the_least_rate():
    dog = Watchdog(0.0, 60.0, min_rate=10.0)
    counts = {float(second): second * 9 for second in range(0, 60, 5)}
    assert not any(dog.stalled(now, count) for now, count in counts.items())  # too early to judge
    assert dog.stalled(60.0, 540)


def test_a_fast_start_does_not_excuse_a_trickle_later():
    dog = Watchdog(0.0, 60.0, min_rate=10.0)
    assert not dog.stalled(5.0, 1_000_000)
    verdicts = {now: dog.stalled(float(now), 1_000_000 + now) for now in range(10, 80, 5)}
    assert not verdicts[60]
    assert verdicts[65]


def test_waiting_on_our_own_account_is_excused():
    dog = Watchdog(0.0, 60.0, min_rate=10.0)
    assert not dog.stalled(30.0, 300)
    dog.excuse(1000.0)
    assert not dog.stalled(1031.0, 310)
    assert not dog.stalled(1059.0, 590)


@given(st.lists(st.tuples(st.floats(0.01, 7.4), st.integers(0, 1000)), max_size=100), st.floats(0.1, 50))
def test_who_keeps_the_least_rate_is_never_given_up(steps, rate):
    dog, now, count = Watchdog(0.0, 60.0, min_rate=rate), 0.0, 0
    for seconds, extra in steps:
        now += seconds
        count += int(seconds * rate) + 1 + extra
        assert not dog.stalled(now, count)


@given(st.lists(st.floats(0.01, 200), min_size=1, max_size=50))
def test_who_never_moves_is_given_up_after_one_period(pauses):
    dog, now = Watchdog(0.0, 60.0), 0.0
    for seconds in pauses:
        now += seconds
        assert dog.stalled(now, 0) == (now >= 60.0)
