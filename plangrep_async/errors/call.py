"""A call that ended without an answer, or with one that cannot be used."""

from __future__ import annotations

from typing import Any

from .root import PlangrepAsyncError

__all__ = [
    "APIConnectionError",
    "APITimeoutError",
    "BodyNotReplayableError",
    "DeadlineExceededError",
    "DecodeError",
    "QueueFullError",
]


class APIConnectionError(PlangrepAsyncError):
    """No answer: the connection could not be made or broke before the answer was complete."""


class APITimeoutError(APIConnectionError):
    """The wire was silent for longer than ``timeout=`` allows."""


class DeadlineExceededError(PlangrepAsyncError, TimeoutError):
    """The deadline of the whole call ran out, or it is certain that it will: then the call does not wait for that.

    Attributes:
        deadline: the seconds that the call was given.
        spent: seconds by phase, for example ``{"rate limit": 4.1, "backoff": 2.0, "request": 0.9}``.
    """

    def __init__(
        self,
        message: str,
        *,
        deadline: float | None = None,
        spent: dict[str, float] | None = None,
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.deadline = deadline
        self.spent: dict[str, float] = spent or {}


class DecodeError(PlangrepAsyncError):
    """The answer has a good status, but its body is not what the documentation promises."""


class BodyNotReplayableError(PlangrepAsyncError):
    """The call may be repeated, but its body can be read only once. ``__cause__`` is the failure."""


class QueueFullError(PlangrepAsyncError):
    """More calls wait than the queue takes. Nothing was sent; let some finish first, or allow a longer queue."""
