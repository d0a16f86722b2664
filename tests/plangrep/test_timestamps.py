from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.plangrep.timestamps import format_timestamp, parse_timestamp

MOMENT = datetime(2024, 11, 1, 14, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-11-01T14:22:10Z",
        "2024-11-01T14:22:10.000Z",
        "2024-11-01t14:22:10z",
        "2024-11-01T15:22:10+01:00",
        "2024-11-01T14:22:10",
        " 2024-11-01T14:22:10Z ",
    ],
)
def test_every_form_is_the_same_moment(text: str) -> None:
    assert parse_timestamp(text) == MOMENT
    assert parse_timestamp(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01T00:00:00Z", "1730470930", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601") as caught:
        parse_timestamp(text)
    assert not text or text not in str(caught.value)


def test_fractions_are_written_only_where_there_are_some() -> None:
    assert format_timestamp(MOMENT) == "2024-11-01T14:22:10Z"
    assert format_timestamp(MOMENT.replace(microsecond=120_000)) == "2024-11-01T14:22:10.120Z"
    assert format_timestamp(MOMENT.replace(microsecond=1)) == "2024-11-01T14:22:10.000001Z"


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        format_timestamp(MOMENT.replace(tzinfo=None))


@given(
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_what_is_written_is_read_again(moment: datetime, minutes: int) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_timestamp(format_timestamp(there)) == there
