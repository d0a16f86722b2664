from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.ratelimit import LimiterSettings
from plangrep_async.ratelimit.throttle import Throttle

SETTINGS = LimiterSettings()


def refuse(
    each: Throttle,
    now: float,
    wait: float | None = None,
    *,
    left_at: float | None = None,
    busy: float = 40.0,
    ceiling: float | None = None,
    chance: float = 0.0,
) -> float:
    """Seconds for which the gate is closed then."""
    each.refuse(now, wait, left_at=now if left_at is None else left_at, busy=busy, ceiling=ceiling, chance=chance)
    return each.closed_until - now


def let_through(each: Throttle, begin: float, end: float) -> int:
    """How many calls of a backlog leave in that time."""
    count, now = 0, begin
    while (now := each.ready_at(now, 1)) < end:
        each.take(now, 1)
        count += 1
    return count


def test_a_new_one_holds_nothing() -> None:
    each = Throttle(SETTINGS)
    assert each.fits(0.0, 100)
    assert each.room(0.0) == math.inf
    assert each.rate(0.0) == math.inf


@given(wait=st.floats(0.1, 10_000.0), chance=st.floats(0.0, 1.0))
def test_the_named_time_is_a_lower_bound_with_a_tenth_more_at_random(wait: float, chance: float) -> None:
    each = Throttle(SETTINGS)
    closed = refuse(each, 0.0, wait, chance=chance)
    assert wait <= closed <= wait + min(0.1 * wait, 5.0) + 1e-9
    assert not each.fits(closed - 1e-3, 1)
    assert each.fits(closed, 1)


def test_without_a_named_time_the_wait_grows_while_nothing_is_let_through() -> None:
    each = Throttle(SETTINGS)
    now, waits = 0.0, []
    for _ in range(9):
        waits.append(refuse(each, now))
        now = each.closed_until
        each.take(now, 1)
        now += 0.1
    assert waits == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0])


def test_the_wait_starts_anew_when_calls_were_let_through() -> None:
    each = Throttle(SETTINGS)
    refuse(each, 0.0)
    each.take(1.0, 1)
    assert refuse(each, 1.1) == 2.0
    now = each.closed_until
    for _ in range(6):
        now = each.ready_at(now, 1)
        each.take(now, 1)
    assert refuse(each, now) == 1.0


def test_one_burst_closes_the_gate_once() -> None:
    each = Throttle(SETTINGS)
    assert refuse(each, 10.0, left_at=9.8) == 1.0
    for late in (10.1, 10.3):
        each.refuse(late, None, left_at=9.9, busy=40.0, ceiling=None, chance=0.0)
    assert each.closed_until == 11.0
    # A call of that burst whose refusal comes after the gate has opened is no news, either.
    each.take(11.0, 1)
    each.refuse(11.5, None, left_at=9.9, busy=40.0, ceiling=None, chance=0.0)
    assert each.fits(12.0, 1)


def test_a_later_time_that_the_same_burst_names_counts() -> None:
    each = Throttle(SETTINGS)
    refuse(each, 0.0, 1.0)
    refuse(each, 0.1, 5.0)
    assert each.closed_until == pytest.approx(5.1)
    refuse(each, 0.2, 2.0)
    assert each.closed_until == pytest.approx(5.1)


def test_calls_leave_one_by_one_after_the_gate_and_speed_up() -> None:
    each = Throttle(SETTINGS)
    refuse(each, 0.0, 10.0, busy=40.0, ceiling=40.0)
    assert let_through(each, 10.0, 10.1) <= 2
    assert 10 <= let_through(each, 10.1, 11.0) <= 30
    assert let_through(each, 11.0, 12.0) == pytest.approx(36, abs=2)
    assert let_through(each, 20.0, 21.0) == pytest.approx(38, abs=2)
    assert each.rate(40.0) == math.inf
    assert each.recovered(40.0)


def test_the_first_429_in_a_long_time_slows_little_and_the_next_one_more() -> None:
    each = Throttle(SETTINGS)
    refuse(each, 0.0, 1.0, ceiling=40.0)
    assert each.rate(2.0) == pytest.approx(36, abs=1)
    refuse(each, 2.0, 1.0, ceiling=40.0)
    assert each.rate(4.0) == pytest.approx(36 * 0.7, abs=1)
    unknown = Throttle(SETTINGS)
    refuse(unknown, 0.0, 1.0, ceiling=None)
    assert unknown.rate(2.0) == pytest.approx(40 * 0.7, abs=1)


def test_each_refusal_slows_the_pace() -> None:
    each = Throttle(SETTINGS)
    now, rates = 0.0, []
    for _ in range(4):
        refuse(each, now, 1.0, busy=160.0, ceiling=160.0)
        now = each.closed_until + 1.0
        rates.append(each.rate(now))
        let_through(each, each.closed_until, now)
    assert all(later < 0.8 * earlier for earlier, later in itertools.pairwise(rates))


def test_a_backlog_does_not_break_loose_when_no_window_is_known() -> None:
    """The limit is 0.5 a second; the pace finds it, and later refusals are few."""
    each = Throttle(SETTINGS)
    now, accepted, refused = 0.0, [], 0
    while now < 3_000.0:
        now = each.ready_at(now, 1)
        recent = [moment for moment in accepted if moment > now - 10.0]
        each.take(now, 1)
        if len(recent) < 5:
            accepted = [*recent, now]
            continue
        refused += 1
        refuse(each, now, busy=each.rate(now) if each.rate(now) < math.inf else 100.0)
    assert refused < 300  # of 1,500 that could be served


def test_a_call_that_was_not_sent_gives_its_place_back() -> None:
    each = Throttle(SETTINGS)
    refuse(each, 0.0, 1.0, busy=2.0)
    each.take(1.0, 1)
    held = each.ready_at(1.0, 1)
    assert held > 1.0
    each.give_back(1.0, 1, taken_at=1.0)
    assert each.ready_at(1.0, 1) == 1.0
    each.give_back(1.0, 1, taken_at=0.0)  # left before the gate closed: nothing to give back
    assert each.ready_at(1.0, 1) == 1.0


def test_room_and_spare_are_one_call_while_it_paces() -> None:
    each = Throttle(SETTINGS)
    refuse(each, 0.0, 1.0, busy=20.0, ceiling=20.0)
    assert (each.room(0.5), each.spare(0.5, 1, 9.0)) == (0, 0)
    assert (each.room(1.0), each.spare(1.0, 1, 9.0), each.spare(1.0, 1, 1.0)) == (1, 1, 0)
    assert (each.room(50.0), each.spare(50.0, 1, 50.0)) == (math.inf, math.inf)
