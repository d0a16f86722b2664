from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.emulator.plangrid.timestamp import format_ceiling, format_timestamp, parse_date, parse_timestamp

MOMENTS = st.integers(0, 4_000_000_000)


@given(MOMENTS)
def test_what_is_written_is_read(seconds: int) -> None:
    assert parse_timestamp(format_timestamp(seconds)) == seconds
    assert datetime.fromisoformat(format_timestamp(seconds)) == datetime.fromtimestamp(seconds, UTC)


@given(MOMENTS, st.floats(0.001, 0.999))
def test_a_reset_is_never_announced_too_early(seconds: int, part: float) -> None:
    assert parse_timestamp(format_ceiling(seconds + part)) == seconds + 1
    assert parse_timestamp(format_ceiling(seconds)) == seconds


@pytest.mark.parametrize("text", ["2015-10-20T19:22:56+00:00", "2015-10-20T19:22:56Z", "2015-10-20T21:22:56.25+02:00"])
def test_strict_timestamps_are_taken(text: str) -> None:
    assert parse_timestamp(text) == pytest.approx(1445368976, abs=0.3)


@pytest.mark.parametrize(
    "text",
    [
        "2015-9-2",
        "2015-09-02",
        "2015-9-12T19:22:56+00:00",
        "2015-09-12t19:22:56z",
        "2015-09-12T9:22:56+00:00",
        "2015-09-12T19:22:56",
        "2015-09-12 19:22:56+00:00",
        "2015-13-12T19:22:56+00:00",
        "2015-09-12T25:22:56+00:00",
        "",
        None,
        5,
    ],
)
def test_others_are_refused(text: object) -> None:
    assert parse_timestamp(text) is None


def test_dates() -> None:
    assert parse_date("2016-02-29") == "2016-02-29"
    assert parse_date("2015-02-29") is None
    assert parse_date("2015-2-9") is None
