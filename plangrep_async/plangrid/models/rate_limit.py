"""The service's account of a rate limit (page "Rate Limiting")."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .record import OpenEnum, Record

__all__ = ["RateLimitStatus", "RequestType"]


class RequestType(OpenEnum):
    """Which requests a limit counts: all, or those that change something (POST, PUT, PATCH, DELETE)."""

    ALL = "all"
    WRITE = "write"


@frozen
class RateLimitStatus(Record):
    """One limit and how much of it is left.

    Attributes:
        request_type: what it counts.
        interval: the window's length in seconds.
        limit: requests in a window.
        remaining: requests left in the current window. Not always 0 in a 429.
        reset: when the next window starts, by the service's clock; may lie in the past.
    """

    request_type: RequestType
    interval: int
    limit: int
    remaining: int | None = None
    reset: datetime | None = None
