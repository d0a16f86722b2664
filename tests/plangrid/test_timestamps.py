from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import InvalidInputError
from plangrep_async.plangrid.timestamps import format_date, format_timestamp, parse_date, parse_timestamp


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-06-08T18:04:02+00:00", datetime(2015, 6, 8, 18, 4, 2, tzinfo=UTC)),
        ("2015-9-12T19:22:56+00:00", datetime(2015, 9, 12, 19, 22, 56, tzinfo=UTC)),
        ("2013-05-17t02:30:22z", datetime(2013, 5, 17, 2, 30, 22, tzinfo=UTC)),
        ("2013-05-14t8:30:56z", datetime(2013, 5, 14, 8, 30, 56, tzinfo=UTC)),
        ("2013-05-15t18:54:22+00:00", datetime(2013, 5, 15, 18, 54, 22, tzinfo=UTC)),
        ("2013-05-14t8:30:56+00:00", datetime(2013, 5, 14, 8, 30, 56, tzinfo=UTC)),
        ("2013-05-14T8:30:56+00:00", datetime(2013, 5, 14, 8, 30, 56, tzinfo=UTC)),
        ("2015-06-08T18:04:02Z", datetime(2015, 6, 8, 18, 4, 2, tzinfo=UTC)),
        ("2015-12-22T06:11:56.849904+00:00", datetime(2015, 12, 22, 6, 11, 56, 849904, tzinfo=UTC)),
        ("2015-12-22T06:11:56,5", datetime(2015, 12, 22, 6, 11, 56, 500000, tzinfo=UTC)),
        ("2015-12-22T06:11:56.1234567891Z", datetime(2015, 12, 22, 6, 11, 56, 123456, tzinfo=UTC)),
        ("2015-9-2", datetime(2015, 9, 2, tzinfo=UTC)),
        ("2015-09-02 7:05", datetime(2015, 9, 2, 7, 5, tzinfo=UTC)),
        ("2015-09-02T07:05:00-07:30", datetime(2015, 9, 2, 14, 35, tzinfo=UTC)),
        ("2015-9-2T7:05:00+5", datetime(2015, 9, 2, 2, 5, tzinfo=UTC)),
        (" 2015-09-02T07:05:00 Z ", datetime(2015, 9, 2, 7, 5, tzinfo=UTC)),
    ],
)
def test_every_documented_form_is_read(text: str, moment: datetime) -> None:
    parsed = parse_timestamp(text)

    assert parsed == moment
    assert parsed is not None
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize("nothing", [None, False, ""])
def test_null_false_and_empty_are_no_moment(nothing: object) -> None:
    assert parse_timestamp(nothing) is None
    assert parse_date(nothing) is None


@pytest.mark.parametrize(
    "rubbish",
    [
        True,
        0,
        1_400_000_000,
        "soon",
        "2015-13-01T00:00:00Z",
        "2015-02-30",
        "0001-01-01T00:00:00+14:00",
        [],
        "\u0662\u0660\u0661\u0665-1-1",
    ],
)
def test_anything_else_is_refused(rubbish: object) -> None:
    with pytest.raises(ValueError):
        parse_timestamp(rubbish)


def test_dates_are_read_like_timestamps_and_lose_their_time() -> None:
    assert parse_date("2015-9-2") == date(2015, 9, 2)
    assert parse_date("2015-09-02T23:59:59Z") == date(2015, 9, 2)
    assert parse_date(date(2015, 9, 2)) == date(2015, 9, 2)


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)))
def test_what_is_written_is_exact_and_read_back(moment: datetime) -> None:
    text = format_timestamp(moment, "due_at")

    assert len(text) == len("YYYY-MM-DDThh:mm:SS+00:00")
    assert text.endswith("+00:00")
    assert parse_timestamp(text) == moment.astimezone(UTC).replace(microsecond=0)


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_unpadded_forms_mean_the_same(moment: datetime, minutes: int) -> None:
    offset = timezone(timedelta(minutes=minutes))
    sign, hours, rest = "-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60
    text = (
        f"{moment.year:04d}-{moment.month}-{moment.day}t{moment.hour}:{moment.minute:02d}:{moment.second:02d}"
        f"{sign}{hours:02d}:{rest:02d}"
    )
    try:
        expected = moment.replace(microsecond=0, tzinfo=offset).astimezone(UTC)
    except OverflowError:
        with pytest.raises(ValueError):
            parse_timestamp(text)
    else:
        assert parse_timestamp(text) == expected


def test_writing_needs_a_timezone_and_names_the_argument() -> None:
    with pytest.raises(InvalidInputError, match=r"updated_after.*no timezone"):
        format_timestamp(datetime(2020, 1, 1), "updated_after")
    with pytest.raises(InvalidInputError, match=r"due_at.*no datetime"):
        format_timestamp("2020-01-01", "due_at")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="cannot be expressed"):
        format_timestamp(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "due_at")


def test_a_date_is_no_datetime() -> None:
    assert format_date(date(2020, 1, 2), "start_date") == "2020-01-02"
    with pytest.raises(InvalidInputError, match="start_date"):
        format_date(datetime(2020, 1, 2, tzinfo=UTC), "start_date")
