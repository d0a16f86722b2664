"""What a failure of one document means for it and for the run. No I/O."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from ..errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BodyNotReplayableError,
    ChecksumMismatchError,
    ConfigurationError,
    DeadlineExceededError,
    DecodeError,
    InvalidInputError,
    PermissionDeniedError,
    QueueFullError,
    RateLimitError,
    ServerError,
    SourceChangedError,
    SourceNotFoundError,
    SourceUnreadableError,
    StorageError,
    TransferError,
    UploadUnconfirmedError,
    WaitTimeoutError,
)
from ..upload import SendAgain, StartOver
from .document import Problem
from .errors import FULL, JournalError, MigrationError, MigrationStopped

__all__ = ["Judgement", "Verdict", "judge", "sentence_of"]


class Verdict(Enum):
    """``LATER``: the world's fault, try again. ``FAILED``: the document's own. ``STOP``: the whole run's."""

    LATER = "later"
    FAILED = "failed"
    STOP = "stop"
    SUSPECT = "suspect"  # a right is missing: for this record, or does the key not work any more?


@frozen
class Judgement:
    """The verdict, what to report, and whether it may be that nothing gets through to anyone."""

    verdict: Verdict
    problem: Problem | None = None
    network: bool = False


_SOURCE = {
    SourceNotFoundError: Problem.VANISHED,
    SourceUnreadableError: Problem.UNREADABLE,
    SourceChangedError: Problem.CHANGED,
}
_AWAY = (429, 502, 503, 504)
"""What is said instead of a service that is away or overrun, and of no single document."""


def judge(error: BaseException) -> Judgement:
    """Judge the error that ended one attempt at a document."""
    if isinstance(error, JournalError | MigrationError | AuthenticationError | ConfigurationError):
        return Judgement(Verdict.STOP)
    if isinstance(error, PermissionDeniedError):
        return Judgement(Verdict.SUSPECT, Problem.REFUSED)
    for kind, problem in _SOURCE.items():
        if isinstance(error, kind):
            # A file that changes while it is sent is sent again as it then is.
            return Judgement(Verdict.LATER if problem is Problem.CHANGED else Verdict.FAILED, problem)
    if isinstance(error, StorageError):
        passing = error.status is None or error.status >= 500 or error.status in (408, 425, 429)
        if not passing:
            return Judgement(Verdict.FAILED, Problem.REFUSED)
        return Judgement(Verdict.LATER, network=error.status in _AWAY)
    if isinstance(error, TransferError | APIConnectionError | RateLimitError):
        return Judgement(Verdict.LATER, network=True)
    if isinstance(error, ServerError):
        return Judgement(Verdict.LATER, network=error.status in _AWAY)
    if isinstance(
        error,
        UploadUnconfirmedError
        | DeadlineExceededError
        | WaitTimeoutError
        | DecodeError
        | QueueFullError
        | ChecksumMismatchError
        | BodyNotReplayableError
        | SendAgain
        | StartOver,
    ):
        return Judgement(Verdict.LATER)
    if isinstance(error, InvalidInputError):
        return Judgement(Verdict.FAILED, Problem.UNSUPPORTED)
    if isinstance(error, APIStatusError):
        return Judgement(Verdict.FAILED, Problem.REFUSED)
    if isinstance(error, OSError):
        if error.errno in FULL:
            return Judgement(Verdict.STOP)
        return Judgement(Verdict.FAILED, Problem.UNREADABLE)
    return Judgement(Verdict.FAILED)


def sentence_of(error: BaseException) -> Exception:
    """The error with which the run stops; its text says what to do, and that nothing is lost."""
    again = "Nothing is lost: the same command goes on from here"
    if isinstance(error, MigrationError):
        return error
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        told = str(error).rstrip(".")
        return MigrationStopped(
            f"the service does not accept the key ({told}). Put a valid key into the environment. {again}"
        )
    if isinstance(error, OSError) and error.errno in FULL:
        where = f" that holds {error.filename}" if error.filename else ""
        return MigrationStopped(f"the disk{where} is full: free some space. {again}")
    return error if isinstance(error, Exception) else MigrationStopped(f"{error}. {again}")
