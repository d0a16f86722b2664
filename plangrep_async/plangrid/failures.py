"""What PlanGrid says when it refuses: its message, and in a 429 the limit that was hit (page "Rate Limiting")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from attrs import evolve

from ..ratelimit import WindowSnapshot
from ..session import Answer, ErrorDetail, read_error
from ._codec import loads, structure
from .models import RateLimitStatus

__all__ = ["completion_url", "read_plangrid_error", "snapshots_of"]

_COMPLETION_URL = re.compile(rb'"url"\s*:\s*"((?:[^"\\]|\\.)*)"')


def read_plangrid_error(answer: Answer) -> ErrorDetail:
    """The ``error_reader`` of PlanGrid's session."""
    detail = read_error(answer)
    if answer.status != 429:
        return detail
    try:
        rate_limit = structure(cast("dict[str, Any]", loads(answer.content))["rate_limit"], RateLimitStatus)
    except (ValueError, KeyError, TypeError):
        return detail
    # The window that was hit is used up, whatever `remaining` says: the documented example has 102 there.
    snapshot = evolve(_snapshot(rate_limit, _date(answer)), remaining=0)
    return evolve(detail, rate_limit=rate_limit, snapshots=(snapshot,))


def snapshots_of(limits: Iterable[RateLimitStatus], answer: Answer) -> tuple[WindowSnapshot, ...]:
    """The service's account of its windows for the limiter, as of ``answer``."""
    date = _date(answer)
    return tuple(_snapshot(limit, date) for limit in limits)


def completion_url(body: bytes | None) -> str | None:
    """The URL to try again with that a failed completion carries ("Complete Attachment Upload to Project").

    The documented body lacks a comma, so it is looked for even where the body is no JSON.
    """
    match = _COMPLETION_URL.search(body or b"")
    if match is None:
        return None
    try:
        url = loads(b'"' + match.group(1) + b'"')
    except ValueError:
        return None
    return url if isinstance(url, str) and url else None


def _snapshot(limit: RateLimitStatus, date: datetime | None) -> WindowSnapshot:
    # `reset` is told by the service's clock; its Date header says what that clock shows, so ours does not matter.
    resets_in = None
    if limit.reset is not None and date is not None:
        resets_in = min((limit.reset - date).total_seconds(), float(limit.interval))
    return WindowSnapshot(str(limit.request_type), float(limit.interval), limit.limit, limit.remaining, resets_in)


def _date(answer: Answer) -> datetime | None:
    try:
        date = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo is not None else None
