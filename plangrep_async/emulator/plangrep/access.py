"""Who calls, what they may do, and how often."""

from __future__ import annotations

import math
from email.utils import formatdate

from attrs import frozen
from starlette.requests import Request

from ..service import exchange_of
from .errors import PlangrepError
from .key import ApiKey
from .organization import Organization
from .settings import PlangrepRateLimit
from .state import State

__all__ = ["Access", "Caller"]


@frozen
class Caller:
    """The key of a request and its organization."""

    key: ApiKey
    organization: Organization


class Access:
    """Judges requests before their handlers see them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def admit(self, request: Request, scope: str | None = None) -> Caller:
        """The caller of a request.

        Raises:
            PlangrepError: 401 without a usable bearer key, 429 beyond a rate limit, 403 without the scope.
        """
        key = self._key(request)
        self._count(key)
        self._judge_content_type(request)
        if scope is not None and scope not in key.scopes:
            raise PlangrepError(403, "insufficient_scope", f"this API key lacks the scope {scope}")
        return Caller(key, self._state.organizations[key.organization])

    def _key(self, request: Request) -> ApiKey:
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        key = self._state.keys.get(secret.strip()) if kind.lower() == "bearer" else None
        now = self._state.now()
        if key is None or not key.usable(now):
            raise PlangrepError(
                401, "unauthorized", "missing, invalid or revoked API key", {"WWW-Authenticate": "Bearer"}
            )
        key.last_used_at = now
        key.last_used_ip = request.client.host if request.client else None
        return key

    def _count(self, key: ApiKey) -> None:
        """Count a request in every window, unless one of them is full."""
        now, windows = self._state.now(), self._state.windows
        counted: dict[tuple[str, int], tuple[float, int]] = {}
        for index, limit in enumerate(self._state.settings.rate_limits):
            start = math.floor(now / limit.interval) * limit.interval
            begun, used = windows.get((key.id, index), (start, 0))
            used = used if begun == start else 0
            if used >= limit.limit:
                raise _too_many(limit, start + limit.interval, now)
            counted[key.id, index] = (start, used + 1)
        windows.update(counted)

    def _judge_content_type(self, request: Request) -> None:
        exchange = exchange_of(request)
        sent = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
        expected = "multipart/form-data" if exchange.route.endswith("/files") else "application/json"
        if request.method == "POST" and exchange.headers.get("content-length", "0") != "0" and sent != expected:
            detail = f"{exchange.route} was sent {sent or 'no Content-Type'} instead of {expected}"
            self._state.context.violations.add("wrong_content_type", detail, exchange)

    def refuse_authorization(self, request: Request) -> None:
        """For routes that must not see the key: notes the violation and answers 400."""
        exchange = exchange_of(request)
        if "authorization" in exchange.headers:
            detail = f"an Authorization header came to {exchange.route}"
            self._state.context.violations.add("credentials_at_download", detail, exchange)
            raise PlangrepError(400, "authorization_not_allowed", "this route must be called without Authorization")


def _too_many(limit: PlangrepRateLimit, end: float, now: float) -> PlangrepError:
    headers: dict[str, str] = {}
    if limit.retry_after == "seconds":
        headers["Retry-After"] = str(max(1, math.ceil(end - now)))
    elif limit.retry_after == "date":
        headers["Retry-After"] = formatdate(math.ceil(end), usegmt=True)
    return PlangrepError(429, "rate_limited", "too many requests", headers)
