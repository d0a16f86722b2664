"""What became of the files of a job."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import evolve, field, frozen

from ...errors import (
    APIConnectionError,
    DeadlineExceededError,
    RateLimitError,
    ServerError,
    TransferError,
    UploadError,
    UploadUnconfirmedError,
)
from ...upload import UploadFile
from ..models.upload import DirectUpload, MultipartCompletion

__all__ = ["FailedFile", "JobUploadReport", "UploadedFile"]


@frozen(kw_only=True)
class UploadedFile:
    """A file that the service has.

    Attributes:
        file: as it was given.
        document_id: ``None`` when the answer was lost and the job's list of files, which has ids of its own, showed
            that it had arrived.
        mode: ``form``, ``direct_put`` or ``multipart``.
        size: bytes.
        sha256: 64 hexadecimal digits, where it was needed.
        completion: what the completion tells of it; ``None`` for a form, which needs nothing.
        status: the service's own word for a form upload.
    """

    file: UploadFile
    document_id: str | None
    mode: str
    size: int
    sha256: str | None = None
    completion: DirectUpload | MultipartCompletion | None = None
    status: str | None = None

    @property
    def file_name(self) -> str:
        """The file's name for the service."""
        return self.file.name


@frozen(kw_only=True)
class FailedFile:
    """A file that is not confirmed to be stored.

    Attributes:
        file: as it was given; send it again as it is.
        error: why.
        document_id: when it had been registered; the completion then tells the service of the failure.
    """

    file: UploadFile
    error: Exception
    document_id: str | None = None

    @property
    def file_name(self) -> str:
        """The file's name for the service."""
        return self.file.name

    @property
    def may_succeed_later(self) -> bool:
        """Whether the network, the service or the clock stood in the way, and not the file."""
        error = self.error
        if isinstance(error, UploadError) and error.status is not None:
            return error.status >= 500 or error.status in (408, 425, 429)
        return isinstance(
            error,
            TransferError
            | APIConnectionError
            | DeadlineExceededError
            | RateLimitError
            | ServerError
            | UploadUnconfirmedError,
        )


@frozen(kw_only=True)
class JobUploadReport:
    """What became of the files of one ``uploads.send``; ``uploads.complete`` takes it as it is.

    Attributes:
        job_id: the job.
        uploaded, failed: the files, in order of ending.
        known: how many files of each name the job held for certain when the report was made.
        superseded: documents that were registered and then registered anew, because their signed URL had run out.
        idempotency_key: of the completion: completing twice with one report starts the job once.
    """

    job_id: str
    uploaded: tuple[UploadedFile, ...] = ()
    failed: tuple[FailedFile, ...] = ()
    superseded: tuple[str, ...] = ()
    known: Mapping[str, int] = field(factory=dict, repr=False, hash=False)
    idempotency_key: str = field(repr=False)

    def then(self, later: JobUploadReport) -> JobUploadReport:
        """This report, and that of a later ``uploads.send`` to the same job; for one completion of both.

        Files of ``failed`` that the later report names are taken from there. The idempotency key is the later one.
        """
        again = {id(item.file) for item in later.uploaded} | {id(item.file) for item in later.failed}
        return evolve(
            later,
            uploaded=(*self.uploaded, *later.uploaded),
            failed=(*(item for item in self.failed if id(item.file) not in again), *later.failed),
            superseded=(*self.superseded, *later.superseded),
        )


def names_of(files: Collection[str], *, most: int = 20) -> str:
    """File names for a sentence; long lists are cut."""
    shown = ", ".join(list(files)[:most])
    return shown if len(files) <= most else f"{shown} and {len(files) - most} more"
