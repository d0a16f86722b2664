"""The body of a completion, from a report ("Complete uploads"). No I/O."""

from __future__ import annotations

from attrs import evolve

from ...errors import PlangrepAsyncError
from ..models.upload import Completion, DirectUpload, FailedCompletion, MultipartCompletion
from .report import FailedFile, JobUploadReport

__all__ = ["completion_of"]


def completion_of(report: JobUploadReport, *, with_parts: bool = False) -> Completion:
    """What the service must know of the files of a job.

    Forms need nothing. Leaving ``documentIds`` out means all documents that were uploaded; it is given only when
    documents were registered anew, so that the job does not wait for those that nobody will upload, and when the ids
    of all files are known. Two files with the same bytes may be one document: it is named once.

    Args:
        with_parts: whether parts and ETags go along (``WireNames.complete_with_parts``).
    """
    direct: dict[str, DirectUpload] = {}
    multipart: dict[str, MultipartCompletion] = {}
    for item in report.uploaded:
        if isinstance(item.completion, DirectUpload):
            direct[item.completion.document_id] = item.completion
        elif item.completion is not None:
            kept = item.completion if with_parts else evolve(item.completion, parts=None)
            multipart[kept.document_id] = kept
    stored = {item.document_id for item in report.uploaded}
    failed = {
        item.document_id: _failed(item)
        for item in report.failed
        if item.document_id is not None and item.document_id not in stored
    }
    left_over = set(report.superseded) - stored - failed.keys()
    ids = [item for item in stored if item is not None]
    return Completion(
        document_ids=tuple(sorted(ids)) if left_over and None not in stored else None,
        direct_uploads=tuple(direct.values()) or None,
        multipart_uploads=tuple(multipart.values()) or None,
        failed_uploads=tuple(failed.values()) or None,
    )


def _failed(item: FailedFile) -> FailedCompletion:
    error = item.error
    code = error.code if isinstance(error, PlangrepAsyncError) else None
    return FailedCompletion(
        document_id=item.document_id or "", code=code or type(error).__name__, message=str(error)[:500]
    )
