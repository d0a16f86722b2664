from __future__ import annotations

import math

import pytest

from plangrep_async.ratelimit import LimiterSettings, RateLimit
from plangrep_async.ratelimit.bucket import Bucket

EXACT = LimiterSettings(margin=0.0)


def bucket(limit: int, interval: float = 1.0, settings: LimiterSettings = EXACT) -> Bucket:
    return Bucket(RateLimit(limit, interval), settings)


def take(each: Bucket, now: float, cost: int = 1) -> None:
    assert each.fits(now, cost)
    each.take(now, cost)


def test_a_token_comes_back_one_interval_after_it_was_taken() -> None:
    each = bucket(2)
    take(each, 10.0)
    take(each, 10.5)
    assert not each.fits(10.9, 1)
    assert each.ready_at(10.9, 1) == 11.0
    assert each.ready_at(10.9, 2) == 11.5
    take(each, 11.0)
    assert not each.fits(11.2, 1)
    assert each.room(11.5) == 1


def test_a_full_bucket_is_not_refilled_as_a_classic_one_is() -> None:
    """A classic bucket of 40 lets 79 through in a second: 40 at once, and 39 while it refills."""
    each = bucket(40)
    for _ in range(40):
        take(each, 0.0)
    assert not any(each.fits(moment / 100, 1) for moment in range(100))
    assert each.room(1.0) == 40


def test_the_margin_lengthens_the_window_up_to_its_maximum() -> None:
    settings = LimiterSettings(margin=0.01, max_margin=1.0)
    assert settings.padded(1.0) == pytest.approx(1.01)
    assert settings.padded(86_400.0) == 86_401.0
    each = bucket(1, 1.0, settings)
    take(each, 0.0)
    assert each.ready_at(0.5, 1) == pytest.approx(1.01)


def test_what_exceeds_the_limit_is_never_ready() -> None:
    assert bucket(3).ready_at(0.0, 4) == math.inf


def test_tokens_that_share_a_moment_come_back_with_the_last_of_them() -> None:
    each = bucket(2048, 1024.0)  # groups of one second
    take(each, 0.0, 1000)
    take(each, 0.9, 1048)
    assert each.memory == 1
    assert not each.fits(1024.5, 1)
    assert each.room(1024.9) == 2048


def test_the_memory_of_a_large_limit_is_bounded() -> None:
    each = bucket(10_000, 86_400.0)
    for second in range(0, 10 * 86_400, 9):
        if each.fits(float(second), 1):
            each.take(float(second), 1)
    assert each.memory <= 1_026


def test_given_back_tokens_are_available_again() -> None:
    each = bucket(2)
    take(each, 0.0)
    take(each, 0.5)
    each.give_back(0.6, 1, taken_at=0.5)
    assert each.room(0.6) == 1
    # The one that was sent at 0 may be back at 1, but no earlier is the other: the oldest entry went.
    take(each, 0.7)
    assert each.ready_at(0.8, 1) == 1.5


def test_tokens_that_came_back_by_themselves_are_not_given_back_twice() -> None:
    each = bucket(2)
    take(each, 0.0)
    take(each, 0.9)
    each.give_back(1.2, 1, taken_at=0.0)
    assert each.room(1.2) == 1


def test_fewer_remaining_than_we_thought_are_believed() -> None:
    each = bucket(100, 360.0)
    take(each, 0.0, 10)
    each.correct(1.0, 30, settling=30.0, back_in=None)
    assert each.room(1.0) == 30
    assert each.room(360.0) == 40  # ours are back, the others' are taken as younger
    assert each.room(361.0) == 100


def test_more_remaining_than_we_thought_are_believed_as_to_calls_that_have_surely_arrived() -> None:
    each = bucket(100, 360.0)
    take(each, 0.0, 50)
    take(each, 90.0, 20)
    each.correct(100.0, 100, settling=30.0, back_in=None)
    assert each.room(100.0) == 80


def test_a_short_window_is_never_corrected_upwards() -> None:
    each = bucket(40, 1.0)
    take(each, 0.0, 40)
    each.correct(0.5, 40, settling=30.0, back_in=None)
    assert each.room(0.5) == 0


def test_a_followed_reset_frees_all_but_the_calls_around_it() -> None:
    each = bucket(100, 360.0)
    take(each, 0.0, 90)
    each.follow(10.0, resets_at=61.0, guard=3.0)
    assert each.resets_in(11.0) == 50.0
    take(each, 57.9, 4)
    take(each, 58.0, 3)
    take(each, 60.0, 3)
    assert not each.fits(60.9, 1)
    assert each.ready_at(60.9, 1) == 61.0
    assert each.room(61.0) == 94
    assert each.resets_in(61.0) is None
    take(each, 61.0, 94)
    assert each.ready_at(62.0, 1) == 418.0  # an interval after it was taken: no reset is known any more


def test_groups_do_not_reach_over_the_guard_of_a_reset() -> None:
    """Else a group of 84 s, in a window of a day, would be kept or forgotten as a whole."""
    each = bucket(10_000, 86_400.0)
    each.follow(0.0, resets_at=61.0, guard=3.0)
    take(each, 50.0, 1_000)
    take(each, 58.0, 10)
    take(each, 60.0, 10)
    assert each.room(61.0) == 10_000 - 20


def test_refusals_and_refunds_in_a_followed_window_keep_to_its_count() -> None:
    each = bucket(100, 360.0)
    take(each, 0.0, 10)
    each.correct(1.0, 20, settling=30.0, back_in=60.0)
    each.follow(1.0, resets_at=61.0, guard=3.0)
    take(each, 2.0, 5)
    each.give_back(3.0, 5, taken_at=2.0)
    assert each.room(3.0) == 20
    each.stop_following(4.0)
    assert each.room(4.0) == 20
    assert each.resets_in(4.0) is None


def test_a_lower_limit_leaves_nothing_and_a_higher_one_leaves_more() -> None:
    each = Bucket(RateLimit(40, 10.0), EXACT, own=False)
    take(each, 0.0, 30)
    each.resize(20)
    assert each.room(1.0) == 0
    each.resize(60)
    assert each.room(1.0) == 30


def test_the_users_own_limit_is_not_raised() -> None:
    each = Bucket(RateLimit(10, 1.0), EXACT)
    each.resize(40)
    assert each.limit == 10
    each.resize(5)
    assert each.limit == 5


def test_a_call_that_leaves_late_keeps_its_tokens_longer() -> None:
    each = bucket(2, 1.0)
    take(each, 0.0, 2)
    each.postpone(0.4, 1, taken_at=0.0)
    assert each.room(1.0) == 1
    assert each.room(1.4) == 2
    each.postpone(5.0, 1, taken_at=0.4)  # its tokens were back already
    assert each.room(5.0) == 1


def test_lateness_costs_no_more_than_its_share() -> None:
    each = bucket(10, 1.0)
    taken, now = 0, 0.0
    while (now := each.ready_at(now, 1)) < 100.0:
        take(each, now)
        taken += 1
        each.delay(now + 0.001, 1, taken_at=now, late=0.45)
    assert taken >= 10 * 100 * 0.98


def test_what_may_leave_without_delaying_another() -> None:
    each = bucket(5, 1.0)
    take(each, 0.0, 2)
    assert each.spare(0.5, 1, at=3.0) == 3  # all is back by then
    assert each.spare(0.5, 1, at=1.2) == 3  # two are back by then: four of five are free, one is kept
    assert each.spare(0.5, 4, at=1.2) == 1
    assert each.spare(0.5, 4, at=0.8) == -1
    each.follow(0.5, resets_at=10.0, guard=0.0)
    assert each.spare(0.5, 4, at=10.0) == 3
    assert each.spare(0.5, 2, at=9.0) == 1
