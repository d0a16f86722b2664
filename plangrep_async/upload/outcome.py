"""How an upload ended."""

from __future__ import annotations

from typing import Any, Generic, Literal

from attrs import field, frozen
from typing_extensions import TypeVar

from .task import PreparedFile, Stored, Upload

__all__ = ["Outcome", "UploadReport"]

R = TypeVar("R", default=Stored)


@frozen(kw_only=True)
class Outcome(Generic[R]):
    """How one upload ended. Failed uploads are outcomes too: one bad file never stops the others.

    Attributes:
        upload: as it was given.
        status: ``"stored"``, ``"failed"`` or ``"cancelled"`` (by :meth:`UploadScheduler.cancel`).
        result: what ``Upload.complete`` gave, or :class:`Stored` without it; ``None`` unless stored.
        error: why it failed; ``None`` when stored.
        files: as they were found on disk, with digests; empty when that failed.
        size: bytes of all its files.
        bytes_sent: bytes that were written to the wire, repetitions included.
        seconds: from the moment the scheduler took it up.
        attempts: requests that carried its bytes, repetitions included.
    """

    upload: Upload[R]
    status: Literal["stored", "failed", "cancelled"]
    result: R | Any = field(default=None, repr=False)
    error: Exception | None = None
    files: tuple[PreparedFile, ...] = field(default=(), repr=False)
    size: int = 0
    bytes_sent: int = 0
    seconds: float = 0.0
    attempts: int = 0

    @property
    def ok(self) -> bool:
        """Whether it is stored (and completed, where there is a completion)."""
        return self.status == "stored"

    @property
    def file_name(self) -> str:
        """The first file's name."""
        return self.upload.file.name


@frozen
class UploadReport(Generic[R]):
    """All outcomes of one run, apart: ``uploaded`` and ``failed`` (cancelled ones included), in order of ending."""

    uploaded: tuple[Outcome[R], ...] = ()
    failed: tuple[Outcome[R], ...] = ()

    @property
    def bytes_stored(self) -> int:
        """Bytes of all files that are stored."""
        return sum(outcome.size for outcome in self.uploaded)
