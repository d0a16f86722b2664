"""Timestamps and dates: read leniently, written strictly (page "Timestamps and Timezones").

The declared forms are ``YYYY-MM-DDThh:mm:SS+00:00`` and ``YYYY-MM-DD``, always UTC. The documented examples also hold
lower-case ``t`` and ``z``, months, days and hours without a leading zero, ``Z``, microseconds, and ``false`` for null.
The service refuses unpadded dates on the way in, so what is sent has the declared form and no other.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from .._records.values import moment
from ..errors import InvalidInputError

__all__ = ["format_date", "format_timestamp", "parse_date", "parse_timestamp"]


def parse_timestamp(value: Any) -> datetime | None:
    """A moment in UTC, or ``None`` for null, ``false`` and the empty string.

    A timestamp without an offset is UTC, one without a time is midnight. Raises ``ValueError`` for anything else.
    """
    return None if value is None or value is False or value == "" else moment(value)


def parse_date(value: Any) -> date | None:
    """A calendar date, or ``None`` for null, ``false`` and the empty string. The time of a timestamp is ignored."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    time = parse_timestamp(value)
    return None if time is None else time.date()


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
        time = value.astimezone(UTC)
    except OverflowError:
        raise InvalidInputError(f"{name}: {value!r} cannot be expressed in UTC") from None
    # strftime("%Y") does not pad years below 1000 on every platform.
    return f"{time.year:04d}-{time:%m-%dT%H:%M:%S}+00:00"


def format_date(value: object, name: str) -> str:
    """``value`` as ``YYYY-MM-DD``. Raises :class:`~plangrep_async.errors.InvalidInputError` for a datetime or other."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvalidInputError(f"{name}: {value!r} is no date; give a datetime.date (a datetime's .date())")
    return value.isoformat()
