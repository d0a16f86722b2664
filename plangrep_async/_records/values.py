"""JSON values of one type each. Nothing is guessed: 0 is not false, and an object is no string.

Each raises ``Undocumented``, a ``ValueError`` whose text tells the type that came and never the value.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from ..session.undocumented import Undocumented

__all__ = ["array", "boolean", "decimal", "integer", "moment", "number", "string"]

_TIMESTAMP = re.compile(
    r"""(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})
        (?:[T\ ]+(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d+))?)?)?
        \s*(?:(?P<utc>Z)|(?P<sign>[+-])(?P<offset_hours>\d{1,2}):?(?P<offset_minutes>\d{2})?)?""",
    re.VERBOSE | re.ASCII,
)


def _wrong(value: Any, wanted: str) -> Undocumented:
    return Undocumented(f"should be {wanted}, not {type(value).__name__}")


def string(value: Any) -> str:
    """A string, or a number as its digits: ids come as either."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise _wrong(value, "a string")


def boolean(value: Any) -> bool:
    """``true`` or ``false``."""
    if isinstance(value, bool):
        return value
    raise _wrong(value, "true or false")


def integer(value: Any) -> int:
    """A whole number, also as ``12.0`` or ``"12"``."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Decimal | str) and (exact := decimal(value)) == exact.to_integral_value():
        return int(exact)
    raise _wrong(value, "an integer")


def number(value: Any) -> float:
    """A number as JSON's parser gave it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _wrong(value, "a number")


def decimal(value: Any) -> Decimal:
    """An exact number; a binary float is none any more."""
    if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
        try:
            exact = Decimal(value)
        except InvalidOperation:
            raise _wrong(value, "a number") from None
        # An exponent of thousands would be digits in thousands once it is an int.
        if exact.is_finite() and abs(exact.adjusted()) < 100:
            return exact
    raise _wrong(value, "a number")


def array(value: Any) -> list[Any] | tuple[Any, ...]:
    """A JSON array."""
    if isinstance(value, list | tuple):
        return value
    raise _wrong(value, "an array")


def moment(value: Any) -> datetime:
    """A moment in UTC, from ISO 8601 and what resembles it.

    Without an offset it is UTC, without a time midnight. Lower-case ``t`` and ``z``, any digits of a fraction, and
    months, days and hours without a leading zero are taken as well.
    """
    if isinstance(value, datetime):
        return _in_utc(value)
    if not isinstance(value, str):
        raise _wrong(value, "an ISO 8601 time")
    text = value.strip().upper()
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        return _parse_odd(text)
    except ValueError:
        raise Undocumented("should be an ISO 8601 time") from None


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise Undocumented("should be a time that UTC can express") from None


def _parse_odd(text: str) -> datetime:
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise ValueError
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
