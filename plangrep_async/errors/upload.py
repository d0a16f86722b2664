"""One file could not be stored, or one of several."""

from __future__ import annotations

from typing import Any

from .call import DeadlineExceededError
from .root import PlangrepAsyncError

__all__ = [
    "ChecksumMismatchError",
    "SourceChangedError",
    "SourceError",
    "SourceNotFoundError",
    "SourceUnreadableError",
    "StorageError",
    "TransferCancelledError",
    "TransferConnectionError",
    "TransferError",
    "TransferStalledError",
    "UploadDeadlineExceededError",
    "UploadError",
    "UploadExpiredError",
    "UploadIncompleteError",
    "UploadUnconfirmedError",
    "VersionUploadError",
]


class UploadError(PlangrepAsyncError):
    """One file could not be stored.

    Attributes:
        file_name: the name of the file as the user gave it.
        bytes_sent: body bytes that were written to the wire.
        bytes_confirmed: body bytes that the far end has acknowledged.
    """

    def __init__(
        self,
        message: str,
        *,
        file_name: str | None = None,
        bytes_sent: int | None = None,
        bytes_confirmed: int | None = None,
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.file_name = file_name
        self.bytes_sent = bytes_sent
        self.bytes_confirmed = bytes_confirmed

    def __str__(self) -> str:
        named = not self.file_name or self.file_name in self.message
        return self.message if named else f"{self.file_name}: {self.message}"


class SourceError(UploadError):
    """Something is wrong with the file itself; sending it again as it is does not help."""


class SourceNotFoundError(SourceError):
    """The file does not exist, or is a folder or a device."""


class SourceUnreadableError(SourceError):
    """The file cannot be opened or read."""


class SourceChangedError(SourceError):
    """The file's size or modification time changed while it was uploaded; nothing of it counts as stored."""


class TransferError(UploadError):
    """The bytes did not get through."""


class TransferConnectionError(TransferError):
    """The connection could not be made or broke.

    Attributes:
        nothing_sent: ``True`` when it is proven that no byte of the request left this machine.
        reused: the connection had carried earlier requests and broke before any byte of this answer. Servers close
            idle connections when they like, so this says little about their health.
    """

    def __init__(self, message: str, *, nothing_sent: bool = False, reused: bool = False, **context: Any) -> None:
        super().__init__(message, **context)
        self.nothing_sent = nothing_sent
        self.reused = reused


class TransferStalledError(TransferError):
    """No byte was taken by the far end, or no answer came, for longer than the stall timeout."""


class TransferCancelledError(TransferError):
    """The transfer was stopped on request. Seen in worker threads; a task sees its own cancellation."""


class StorageError(UploadError):
    """The storage service answered with an error; ``status``, ``code`` and ``service_message`` are its own."""


class UploadExpiredError(StorageError):
    """The signed URL, policy or upload session has run out; a new one is needed."""


class ChecksumMismatchError(UploadError):
    """What the far end stored is not what was sent."""


class UploadUnconfirmedError(UploadError):
    """The bytes were sent, the answer was lost, and asking the service did not settle whether they are stored."""


class UploadIncompleteError(UploadError):
    """Several files were to be stored, and some are not confirmed, for want of time or of a connection.

    Attributes:
        report: what is stored and what is not (:class:`plangrep_async.plangrep.UploadReport`): enough to go on.
    """

    def __init__(self, message: str, *, report: Any = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.report = report


class UploadDeadlineExceededError(UploadIncompleteError, DeadlineExceededError):
    """``deadline=`` of an upload of several files ran out; names those that are not confirmed."""


class VersionUploadError(UploadError):
    """A version of sheets is not complete.

    Attributes:
        unfinished: how far it came; ``sheets.resume_version(unfinished)`` goes on.
        failures: why, one error for each file that is missing.
    """

    def __init__(
        self, message: str, *, unfinished: Any = None, failures: tuple[Exception, ...] = (), **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.unfinished = unfinished
        self.failures = failures
