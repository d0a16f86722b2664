"""The service answered with an error status: one class a status."""

from __future__ import annotations

from typing import Any

from .root import PlangrepAsyncError

__all__ = [
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "GoneError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "RateLimitError",
    "ServerError",
    "UnprocessableEntityError",
    "status_error_class",
]


class APIStatusError(PlangrepAsyncError):
    """The service answered with a status of 400 or above (or an unexpected redirect)."""


class BadRequestError(APIStatusError):
    """400: the service did not understand the request."""


class AuthenticationError(APIStatusError):
    """401: the credentials are missing, invalid, revoked or expired."""


class PermissionDeniedError(APIStatusError):
    """403: a right is missing. PlanGrid also answers so to a wrong key."""


class NotFoundError(APIStatusError):
    """404: there is no such record, or not for these credentials."""


class ConflictError(APIStatusError):
    """409: the record's state does not allow it (a consumed token, an index that is not ready)."""


class GoneError(APIStatusError):
    """410: it existed and has run out."""


class PayloadTooLargeError(APIStatusError):
    """413: the body is larger than the service takes."""


class UnprocessableEntityError(APIStatusError):
    """422: the body was understood and refused."""


class RateLimitError(APIStatusError):
    """429: too many calls. Or the call was not sent (``attempts`` is 0): after another one's 429 the service has
    asked for a longer wait than ``RetryPolicy.max_retry_after``.

    Attributes:
        retry_after: seconds that the service asked to wait, or what is left of them; ``None`` when it named no time.
        rate_limit: the service's account of the limit (PlanGrid's ``rate_limit`` object, decoded), or ``None``.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, rate_limit: Any = None, **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.retry_after = retry_after
        self.rate_limit = rate_limit


class ServerError(APIStatusError):
    """5xx: the service failed."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def status_error_class(status: int) -> type[APIStatusError]:
    """The class for an HTTP status; :class:`APIStatusError` itself where there is none of its own."""
    if status >= 500:
        return ServerError
    return _BY_STATUS.get(status, APIStatusError)
