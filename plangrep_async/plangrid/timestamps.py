"""Timestamps and dates: read leniently, written strictly (page "Timestamps and Timezones").

The declared forms are ``YYYY-MM-DDThh:mm:SS+00:00`` and ``YYYY-MM-DD``, always UTC. The documented examples also hold
lower-case ``t`` and ``z``, months, days and hours without a leading zero, ``Z``, microseconds, and ``false`` for null.
The service refuses unpadded dates on the way in, so what is sent has the declared form and no other.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from ..errors import InvalidInputError

__all__ = ["format_date", "format_timestamp", "parse_date", "parse_timestamp"]

_TIMESTAMP = re.compile(
    r"""(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})
        (?:[Tt\ ]+(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d+))?)?)?
        \s*(?:(?P<utc>[Zz])|(?P<sign>[+-])(?P<offset_hours>\d{1,2}):?(?P<offset_minutes>\d{2})?)?""",
    re.VERBOSE | re.ASCII,
)


def parse_timestamp(value: Any) -> datetime | None:
    """A moment in UTC, or ``None`` for null, ``false`` and the empty string.

    A timestamp without an offset is UTC, one without a time is midnight. Raises ``ValueError`` for anything else.
    """
    if isinstance(value, datetime):
        return _in_utc(value)
    if value is None or value is False or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a timestamp")
    try:
        return _in_utc(datetime.fromisoformat(value))
    except ValueError:
        return _parse_odd(value)


def parse_date(value: Any) -> date | None:
    """A calendar date, or ``None`` for null, ``false`` and the empty string. The time of a timestamp is ignored."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    moment = parse_timestamp(value)
    return None if moment is None else moment.date()


def format_timestamp(value: object, name: str) -> str:
    """``value`` as ``YYYY-MM-DDThh:mm:SS+00:00``; fractions of a second are dropped.

    Raises :class:`~plangrep_async.errors.InvalidInputError` naming ``name`` when it is no datetime or has no timezone.
    """
    if not isinstance(value, datetime):
        raise InvalidInputError(f"{name}: {value!r} is no datetime; give a datetime with a timezone")
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidInputError(
            f"{name}: {value!r} has no timezone, and PlanGrid's times are UTC; give one, for example "
            f"datetime(…, tzinfo=timezone.utc)"
        )
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise InvalidInputError(f"{name}: {value!r} cannot be expressed in UTC") from None
    # strftime("%Y") does not pad years below 1000 on every platform.
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}+00:00"


def format_date(value: object, name: str) -> str:
    """``value`` as ``YYYY-MM-DD``. Raises :class:`~plangrep_async.errors.InvalidInputError` for a datetime or other."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvalidInputError(f"{name}: {value!r} is no date; give a datetime.date (a datetime's .date())")
    return value.isoformat()


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment!r} cannot be expressed in UTC") from None


def _parse_odd(text: str) -> datetime:
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a timestamp")
    part = match.groupdict()
    offset = UTC
    if part["sign"]:
        shift = timedelta(hours=int(part["offset_hours"]), minutes=int(part["offset_minutes"] or 0))
        offset = timezone(-shift if part["sign"] == "-" else shift)
    return _in_utc(
        datetime(
            int(part["year"]),
            int(part["month"]),
            int(part["day"]),
            int(part["hour"] or 0),
            int(part["minute"] or 0),
            int(part["second"] or 0),
            int((part["fraction"] or "")[:6].ljust(6, "0")),
            tzinfo=offset,
        )
    )
