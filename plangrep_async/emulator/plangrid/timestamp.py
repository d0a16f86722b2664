"""Timestamps as PlanGrid writes and reads them (documentation page "Timestamps and Timezones")."""

from __future__ import annotations

import math
import re
import time
from datetime import date, datetime

__all__ = ["format_ceiling", "format_date", "format_timestamp", "parse_date", "parse_timestamp"]

# Strict on purpose: the documented examples of refused values are unpadded (pages "Create RFI", "Update RFI").
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def format_timestamp(seconds: float) -> str:
    """``YYYY-MM-DDThh:mm:SS+00:00``; fractions of a second are dropped."""
    t = time.gmtime(seconds)
    return f"{t.tm_year:04}-{t.tm_mon:02}-{t.tm_mday:02}T{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}+00:00"


def format_date(seconds: float) -> str:
    """``YYYY-MM-DD``."""
    return format_timestamp(seconds)[:10]


def format_ceiling(seconds: float) -> str:
    """Like :func:`format_timestamp`, rounded up: who waits until then has waited long enough."""
    return format_timestamp(math.ceil(seconds))


def parse_timestamp(text: object) -> float | None:
    """Seconds since 1970, or ``None`` when ``text`` is no strict ISO 8601 timestamp with a zone."""
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def parse_date(text: object) -> str | None:
    """The date as it came, or ``None`` when it is no ``YYYY-MM-DD``."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        date.fromisoformat(text)
    except ValueError:
        return None
    return text
