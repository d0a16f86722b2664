"""Times on the wire: ISO 8601 in UTC, with and without milliseconds (all samples of the documentation)."""

from __future__ import annotations

from datetime import UTC, datetime

from .._records.values import moment as parse_timestamp

__all__ = ["format_timestamp", "parse_timestamp"]


def format_timestamp(moment: datetime) -> str:
    """The moment in UTC, ending in ``Z``, with milliseconds or microseconds only where there are some.

    Raises ``ValueError`` for a time without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time must know its zone")
    precision = "seconds" if not moment.microsecond else "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=precision).removesuffix("+00:00") + "Z"
