from __future__ import annotations

import math

import pytest

from plangrep_async.ratelimit import LimiterSettings, RateLimit, WindowSnapshot
from plangrep_async.ratelimit.window import ServerWindow

SETTINGS = LimiterSettings()
RATE = RateLimit(2_000, 360, "write")


def window(rate: RateLimit = RATE, *, own: bool = False, settings: LimiterSettings = SETTINGS) -> ServerWindow:
    return ServerWindow(rate, settings, own=own)


def account(remaining: int | None, resets_in: float | None, rate: RateLimit = RATE) -> WindowSnapshot:
    return WindowSnapshot(rate.kind, rate.interval, rate.limit, remaining, resets_in)


def test_a_long_window_is_followed_a_second_behind_the_server() -> None:
    each = window()
    each.learn(0.0, account(1_500, 100.0))
    assert each.bucket.room(0.0) == 1_500
    assert each.bucket.resets_in(0.0) == 101.0
    assert each.bucket.room(101.0) == 2_000


def test_a_short_window_is_not_followed_but_its_count_is_believed() -> None:
    rate = RateLimit(40, 1)
    each = window(rate)
    each.learn(0.0, account(10, 1.0, rate))
    assert each.bucket.room(0.0) == 10
    assert each.bucket.resets_in(0.0) is None
    assert each.bucket.room(1.02) == 40


def test_following_can_be_switched_off() -> None:
    each = window(settings=LimiterSettings(follow_from=math.inf))
    each.learn(0.0, account(0, 100.0))
    assert each.bucket.resets_in(0.0) is None
    assert each.bucket.room(200.0) == 0


def test_a_reset_in_the_past_or_beyond_the_interval_is_not_taken_literally() -> None:
    each = window()
    each.learn(0.0, account(1_500, -3.0))
    assert each.bucket.resets_in(0.0) is None
    each.learn(0.0, account(1_500, 100_000.0))
    assert each.bucket.resets_in(0.0) == 361.0


def test_nothing_is_left_after_a_refusal_whatever_the_answer_says() -> None:
    """The documentation's own example of a 429 says that 102 calls remain (page "Rate Limiting")."""
    each = window()
    each.learn(0.0, account(102, 50.0), refused=True)
    assert each.bucket.room(0.0) == 0
    assert each.bucket.room(51.0) == 2_000


def test_a_refusal_without_a_reset_is_left_to_the_throttle() -> None:
    each = window()
    each.learn(0.0, account(0, None), refused=True)
    assert each.bucket.room(0.0) == 2_000


def test_a_reset_that_moves_on_by_an_interval_is_a_fixed_windows() -> None:
    each = window()
    each.learn(0.0, account(1_000, 100.0))
    each.learn(50.0, account(900, 51.0))  # the same moment, told in whole seconds
    each.learn(150.0, account(1_900, 310.0))
    assert not each.slides
    assert each.bucket.resets_in(150.0) == 311.0


def test_a_reset_that_moves_before_it_came_is_none() -> None:
    each = window()
    each.learn(0.0, account(1_000, 100.0))
    each.learn(50.0, account(900, 80.0))
    assert each.slides
    assert each.bucket.resets_in(50.0) is None


def test_a_reset_that_moves_by_less_than_an_interval_is_none() -> None:
    each = window()
    each.bucket.take(0.0, 2_000)
    each.learn(1.0, account(0, 100.0))
    assert each.bucket.room(102.0) == 2_000
    each.bucket.take(102.0, 500)
    each.learn(110.0, account(0, 40.0), refused=True)
    assert each.slides
    assert each.bucket.room(110.0) == 0
    # What is gone comes back at the moment that was named; our own 500 after a whole interval.
    assert each.bucket.room(152.0) == 1_500
    assert each.bucket.room(463.1) == 2_000


def test_a_first_reset_frees_nothing_where_the_server_can_be_asked() -> None:
    each = window()
    each.bucket.take(0.0, 2_000)
    each.learn(1.0, account(0, 100.0), can_ask=True)
    assert each.bucket.doubt_at == 104.5
    assert each.bucket.room(119.4) == 0
    assert each.bucket.room(119.6) == 0
    assert each.bucket.room(364.0) == 2_000


@pytest.mark.parametrize(("now", "named"), [(105.0, 354.0), (105.0, 360.0), (1_000.0, 181.0)])
def test_a_reset_that_moved_by_whole_intervals_is_followed_from_then_on(now: float, named: float) -> None:
    each = window()
    each.bucket.take(0.0, 2_000)
    each.learn(1.0, account(0, 100.0), can_ask=True)
    each.learn(now, account(1_900, named), can_ask=True)
    assert (each.is_fixed, each.slides) == (True, False)
    assert (each.bucket.doubt_at, each.bucket.resets_in(now)) == (math.inf, named + 1.0)
    assert each.bucket.room(now) == 1_900
    assert each.bucket.room(now + named + 1.0) == 2_000


@pytest.mark.parametrize("named", [0.5, 50.0, 353.0])
def test_a_reset_that_moved_by_something_else_is_asked_about_again(named: float) -> None:
    each = window()
    each.learn(1.0, account(2_000, 100.0), can_ask=True)
    each.learn(105.0, account(100, named), can_ask=True)
    assert not each.is_fixed
    assert each.bucket.doubt_at == 105.0 + named + 3.5


def test_a_reset_that_slid_after_it_was_asked_about_is_none() -> None:
    each = window()
    each.learn(1.0, account(100, 100.0), can_ask=True)
    each.learn(104.5, account(120, 0.5), can_ask=True)
    assert (each.is_fixed, each.slides) == (False, True)
    assert (each.bucket.doubt_at, each.bucket.resets_in(104.5)) == (math.inf, None)


def test_an_untouched_windows_reset_may_run_along() -> None:
    """A window that begins with its first call has no reset of its own before; that is no reason to doubt it."""
    each = window()
    each.learn(0.0, account(2_000, 360.0))
    each.learn(60.0, account(2_000, 360.0))
    assert not each.slides


def test_a_users_lower_limit_is_kept_whatever_the_server_has_left() -> None:
    each = window(RateLimit(500, 360, "write"), own=True)
    each.bucket.take(0.0, 400)
    each.learn(100.0, account(1_990, 30.0))
    assert (each.bucket.limit, each.bucket.room(100.0)) == (500, 100)
    assert each.bucket.resets_in(100.0) is None
    each.learn(101.0, account(20, 30.0))
    assert each.bucket.room(101.0) == 20
