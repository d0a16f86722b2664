"""Exit codes, and the sentence for each error."""

from __future__ import annotations

from ..errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    InvalidInputError,
    JobBlockedError,
    JobFailedError,
    PlangrepAsyncError,
    SourceError,
    WaitTimeoutError,
)

__all__ = ["FAILED_DOCUMENTS", "INTERRUPTED", "OK", "SERVICE", "USAGE", "exit_code", "sentence"]

OK = 0
FAILED_DOCUMENTS = 1
USAGE = 2
SERVICE = 3
INTERRUPTED = 130


def exit_code(error: PlangrepAsyncError) -> int:
    """1 failed documents or job, 2 the caller's mistake, 3 the service or the network."""
    if isinstance(error, ConfigurationError | InvalidInputError):
        return USAGE
    if isinstance(error, JobFailedError | SourceError):
        return FAILED_DOCUMENTS
    return SERVICE


def sentence(error: PlangrepAsyncError) -> str:
    """What happened and what to do, for people; never a traceback."""
    text = str(error).rstrip(".")
    if isinstance(error, AuthenticationError):
        name = "PLANGREP_API_KEY" if "/api/open/" in (error.url or "/api/open/") else "PLANGRID_API_KEY"
        return f"{text}. Is {name} the right key, and not revoked or expired?"
    if isinstance(error, JobBlockedError | WaitTimeoutError | DeadlineExceededError | ClientClosedError):
        return f"{text}."
    return text if text.endswith("?") else text + "."
