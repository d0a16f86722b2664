"""How far, how fast and how long: never more than is known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.migrate import State
from plangrep_async.migrate.journal import Tally
from plangrep_async.migrate.meter import Meter

MB = 1_000_000
ANY = 0
"""A document that was not told of before."""


def tally(**counts: tuple[int, int]) -> Tally:
    """Documents and bytes by state."""
    return Tally(
        {State(state): number for state, (number, _) in counts.items()},
        {State(state): size for state, (_, size) in counts.items()},
        {},
    )


def test_it_goes_on_from_what_the_journal_has() -> None:
    meter = Meter(
        tally(completed=(3, 30), verified=(1, 10), failed=(2, 20), skipped=(5, 500), discovered=(4, 40)), now=100.0
    )
    now = meter.progress(100.0)
    assert (now.documents, now.arrived, now.failed, now.skipped) == (15, 4, 2, 5)
    assert (now.bytes_total, now.bytes_confirmed) == (100, 40)
    assert (now.rate, now.seconds, now.seconds_left) == (0.0, 0.0, None)


def test_the_time_left_is_that_of_the_slower_rate() -> None:
    meter = Meter(tally(discovered=(100, 100 * MB)), now=0.0)
    for second in range(1, 21):
        meter.ended(ANY, State.COMPLETED, 2 * MB)  # one a second, of the larger ones
        now = meter.progress(float(second))
    assert now.rate == pytest.approx(2 * MB)
    assert now.seconds_left == pytest.approx(80)  # eighty files, though 60 MB would need but 30 s
    meter = Meter(tally(discovered=(100, 1_000 * MB)), now=0.0)
    for second in range(1, 21):
        meter.ended(ANY, State.COMPLETED, MB)
        now = meter.progress(float(second))
    assert now.seconds_left == pytest.approx(980)  # the large ones are still to come


def test_nothing_is_said_of_the_time_left_before_it_is_known() -> None:
    meter = Meter(tally(discovered=(10, 10 * MB)), now=0.0)
    meter.ended(ANY, State.COMPLETED, MB)
    assert meter.progress(9.0).seconds_left is None, "too early"
    assert meter.progress(10.0).seconds_left == pytest.approx(90)
    # An hour of nothing: what was fast before says nothing about what comes.
    for second in range(11, 120):
        now = meter.progress(float(second))
    assert now.seconds_left is None
    assert now.rate == 0


def test_the_end_is_the_end() -> None:
    meter = Meter(tally(discovered=(3, 3 * MB)), now=0.0)
    meter.ended(ANY, State.COMPLETED, MB)
    meter.ended(ANY, State.FAILED, MB)
    meter.ended(ANY, State.SKIPPED, MB)
    now = meter.progress(1.0, final=True)
    assert (now.seconds_left, now.final) == (0.0, True)
    assert (now.arrived, now.failed, now.skipped) == (1, 1, 1)
    assert (now.bytes_total, now.bytes_confirmed) == (2 * MB, MB)


def test_bytes_that_nobody_sends_take_no_time() -> None:
    meter = Meter(tally(discovered=(30, 30 * MB), failed=(1, 100_000 * MB)), now=0.0)
    meter.ended(ANY, State.FAILED, MB)
    for second in range(1, 21):
        meter.ended(ANY, State.COMPLETED, MB)
        now = meter.progress(float(second))
    assert now.seconds_left == pytest.approx(9)
    assert now.bytes_total == 100_030 * MB


def test_what_the_target_has_counts_once_until_it_has_arrived() -> None:
    meter = Meter(tally(discovered=(2, 20 * MB)), now=0.0)
    meter.confirmed(1, 4 * MB)
    meter.confirmed(2, MB)
    meter.confirmed(1, 6 * MB)
    assert meter.progress(1.0).bytes_confirmed == 7 * MB
    meter.confirmed(1, 10 * MB, whole=True)  # its completion is still to come
    assert meter.progress(2.0).bytes_confirmed == 11 * MB
    meter.ended(1, State.COMPLETED, 10 * MB)
    assert meter.progress(3.0).bytes_confirmed == 11 * MB
    meter.ended(2, State.FAILED, 10 * MB)
    now = meter.progress(4.0)
    assert (now.bytes_confirmed, now.arrived, now.seconds_left) == (10 * MB, 1, 0.0)


def test_a_document_that_begins_anew_has_nothing_there() -> None:
    meter = Meter(tally(discovered=(2, 20 * MB)), now=0.0)
    meter.confirmed(1, 6 * MB)
    meter.began(1)
    assert meter.progress(1.0).bytes_confirmed == 0
    meter.confirmed(1, 6 * MB)
    now = meter.progress(2.0)
    assert now.bytes_confirmed == 6 * MB
    assert now.rate == pytest.approx(6 * MB), "it was sent twice"


def test_what_a_former_run_has_stored_is_there_and_no_work_of_this_one() -> None:
    meter = Meter(tally(sent=(50, 50 * MB), discovered=(50, 50 * MB)), now=0.0)
    for document in range(50):
        meter.began(document, MB, whole=True)
    for second in range(1, 21):
        meter.confirmed(100 + second, MB, whole=True)
        now = meter.progress(float(second))
    assert now.bytes_confirmed == 70 * MB
    assert now.rate == pytest.approx(MB)
    assert now.seconds_left == pytest.approx(30)


def test_no_group_needs_to_be_complete_before_something_is_said() -> None:
    meter = Meter(tally(discovered=(100, 100 * MB)), now=0.0)
    for second in range(1, 51):
        meter.confirmed(second, MB, whole=True)
        now = meter.progress(float(second))
    assert (now.arrived, now.bytes_confirmed) == (0, 50 * MB)
    assert now.rate == pytest.approx(MB)
    assert now.seconds_left == pytest.approx(50)
    for document in range(51, 101):
        meter.confirmed(document, MB, whole=True)
    assert meter.progress(51.0).seconds_left is None, "only the completion is left, and nobody knows how long it takes"


def test_sizes_that_come_to_light_count_from_then() -> None:
    meter = Meter(tally(discovered=(2, 0)), now=0.0)
    meter.size_known(0, 5 * MB)
    assert meter.progress(1.0).bytes_total == 5 * MB
    meter.size_known(5 * MB, 3 * MB)
    assert meter.progress(2.0).bytes_total == 3 * MB


steps = st.lists(
    st.tuples(
        st.floats(0.0, 100.0),
        st.sampled_from([State.COMPLETED, State.FAILED, State.SKIPPED, "part", "gone"]),
        st.integers(0, 10**12),
    ),
    max_size=60,
)


@given(st.integers(0, 40), st.integers(0, 10**13), steps)
def test_no_figure_is_negative_endless_or_beyond_the_whole(
    documents: int, size: int, events: list[tuple[float, State | str, int]]
) -> None:
    meter = Meter(tally(discovered=(documents, size)), now=5.0)
    now, left = 5.0, size
    for number, (seconds, event, amount) in enumerate(events):
        now += seconds
        amount = min(amount, left)
        if isinstance(event, State):
            meter.ended(number % 3, event, amount)
            left -= amount
        elif event == "part":
            meter.confirmed(number % 3, amount, whole=bool(number % 2))
        else:
            meter.began(number % 3, amount)
        seen = meter.progress(now)
        assert seen.rate >= 0
        assert math.isfinite(seen.rate)
        assert 0 <= seen.bytes_confirmed <= seen.bytes_total
        assert seen.seconds == pytest.approx(now - 5.0)
        if seen.seconds_left is not None:
            assert seen.seconds_left >= 0
            assert math.isfinite(seen.seconds_left)
            open_ones = documents - seen.arrived - seen.failed - seen.skipped
            assert (seen.seconds_left == 0) == (open_ones <= 0)


@given(st.floats(0.2, 5.0), st.integers(1, 50), st.integers(1, 10**9), st.integers(20, 200))
def test_at_an_even_pace_the_time_left_is_right(interval: float, each: int, size: int, files: int) -> None:
    meter = Meter(tally(discovered=(files * each, files * each * size)), now=0.0)
    for number in range(1, files):
        for _ in range(each):
            meter.ended(ANY, State.COMPLETED, size)
        seen = meter.progress(number * interval)
        if seen.seconds_left is None:
            assert number * interval < 10
        else:
            # History is kept by the second, so a pace is known to one step of it.
            expected = (files - number) * interval
            assert seen.seconds_left == pytest.approx(expected, rel=0.6 if interval > 1 else 0.2)
