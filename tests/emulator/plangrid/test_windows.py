from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.emulator.plangrid.timestamp import parse_timestamp
from plangrep_async.emulator.plangrid.windows import DOCUMENTED_LIMITS, RateWindows, WindowLimit

START = 1_700_000_000.0
ARRIVALS = st.lists(st.tuples(st.floats(0, 3), st.booleans()), min_size=1, max_size=80)


@given(arrivals=ARRIVALS, phase=st.floats(0, 5))
def test_no_fixed_window_lets_more_through_than_its_limit(arrivals: Sequence[tuple[float, bool]], phase: float) -> None:
    windows = RateWindows([WindowLimit("all", 5, 4), WindowLimit("write", 10, 3)], "fixed", phase)
    passed = drive(windows, arrivals)
    for interval, limit, only_writes in ((5, 4, False), (10, 3, True)):
        counts: dict[int, int] = {}
        for moment, write in passed:
            if write or not only_writes:
                number = int((moment - phase) // interval)
                counts[number] = counts.get(number, 0) + 1
        assert all(count <= limit for count in counts.values())


@given(arrivals=ARRIVALS)
def test_no_span_of_a_sliding_window_lets_more_through_than_its_limit(arrivals: Sequence[tuple[float, bool]]) -> None:
    passed = [moment for moment, _ in drive(RateWindows([WindowLimit("all", 5, 4)], "sliding"), arrivals)]
    for moment in passed:
        assert sum(moment - 5 < other <= moment for other in passed) <= 4


@pytest.mark.parametrize("mode", ["fixed", "sliding"])
@given(arrivals=ARRIVALS)
def test_who_waits_for_the_reset_gets_through(mode: str, arrivals: Sequence[tuple[float, bool]]) -> None:
    windows = RateWindows([WindowLimit("all", 5, 2)], mode)
    now = START
    for gap, write in arrivals:
        now += gap
        refused = windows.take("key", now, write=write)
        if refused is not None:
            reset = parse_timestamp(refused["reset"])
            assert reset is not None
            assert 0 < reset - now <= 6
            now = reset
            assert windows.take("key", now, write=write) is None


def drive(windows: RateWindows, arrivals: Sequence[tuple[float, bool]]) -> list[tuple[float, bool]]:
    now, passed = START, []
    for gap, write in arrivals:
        now += gap
        if windows.take("key", now, write=write) is None:
            passed.append((now, write))
    return passed


def test_a_refusal_counts_nothing_and_names_the_window_that_lasts_longest() -> None:
    windows = RateWindows([WindowLimit("all", 1, 2), WindowLimit("write", 360, 2)])
    assert windows.take("key", START, write=True) is None
    assert windows.take("key", START, write=True) is None
    refused = windows.take("key", START, write=True)
    assert refused == {
        "request_type": "write",
        "interval": 360,
        "limit": 2,
        "remaining": 0,
        "reset": "2023-11-14T22:18:00+00:00",
    }
    assert windows.take("key", START + 1, write=False) is None
    assert [item["remaining"] for item in windows.snapshot("key", START + 1)] == [1, 0]


def test_keys_do_not_share_windows() -> None:
    windows = RateWindows([WindowLimit("all", 1, 1)])
    assert windows.take("one", START, write=False) is None
    assert windows.take("one", START, write=False) is not None
    assert windows.take("two", START, write=False) is None


def test_untimed_requests_pass_a_spent_day_but_not_a_spent_second() -> None:
    windows = RateWindows([WindowLimit("all", 1, 2), WindowLimit("all", 86_400, 1)])
    assert windows.take("key", START, write=False) is None
    assert windows.take("key", START, write=False) is not None
    assert windows.take("key", START, write=False, untimed=True) is None
    refused = windows.take("key", START, write=False, untimed=True)
    assert refused is not None
    assert refused["interval"] == 1


def test_a_cost_above_the_limit_passes_an_untouched_window_only() -> None:
    windows = RateWindows(DOCUMENTED_LIMITS)
    assert windows.take("key", START, write=True, cost=50) is None
    assert windows.take("key", START, write=False) is not None
    assert windows.take("key", START + 1, write=False) is None
    assert windows.take("key", START + 1, write=True, cost=50) is not None
