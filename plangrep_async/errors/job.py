"""What waiting for a job can end in: it failed, it stands still, it takes too long, or its webhook is not genuine."""

from __future__ import annotations

from typing import Any

from .root import PlangrepAsyncError

__all__ = ["JobBlockedError", "JobError", "JobFailedError", "WaitTimeoutError", "WebhookSignatureError"]


class WaitTimeoutError(PlangrepAsyncError, TimeoutError):
    """Polling gave up.

    Attributes:
        last_status: the last status that was seen.
        last: the last record that was seen.
    """

    def __init__(self, message: str, *, last_status: str | None = None, last: Any = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.last_status = last_status
        self.last = last


class JobError(PlangrepAsyncError):
    """A job ended without a result, or cannot go on. ``job`` is its last record."""

    def __init__(self, message: str, *, job: Any = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.job = job


class JobFailedError(JobError):
    """The job ended as ``failed``, ``cancelled`` or ``expired``."""


class JobBlockedError(JobError):
    """The job waits for credits (``blocked_insufficient_credits``). Add credits, then resume it."""


class WebhookSignatureError(PlangrepAsyncError):
    """A webhook is not signed as the verifier expects, or is too old. Answer it with 401 or 403 and do nothing else."""
