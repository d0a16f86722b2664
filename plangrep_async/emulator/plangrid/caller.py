"""What a caller may ask about itself: its profile and its rate limits."""

from __future__ import annotations

from .message import Reply
from .paging import list_reply
from .router import Route
from .visit import Visit

__all__ = ["ROUTES"]


def _me(visit: Visit) -> Reply:
    account = visit.caller.account
    return Reply(
        200,
        {
            "uid": account.uid,
            "email": account.email,
            "first_name": account.first_name,
            "last_name": account.last_name,
            "language": "en",
        },
    )


def _rate_limits(visit: Visit) -> Reply:
    return list_reply(visit, visit.world.windows.snapshot(visit.caller.limit_key, visit.now), lambda limit: limit)


ROUTES = (
    Route("GET", "/me", _me, "Get User Profile", scope="read:profile"),
    Route("GET", "/rate_limits", _rate_limits, "Retrieve Rate Limits"),
)
