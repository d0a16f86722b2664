"""New documents of a job: limits, deduplication, and what a form upload brings."""

from __future__ import annotations

from starlette.requests import Request

from ..blobs import BlobWriter
from ..content import Blob, Content
from ..form import FormError, PartData, PartEnd, PartStart, read_form
from ..service import exchange_of
from .document import Document, Mode
from .errors import PlangrepError, conflict, invalid
from .job import Job
from .lifecycle import Lifecycle
from .state import State

__all__ = ["Intake", "ReceivedPart", "read_upload_form"]

LONGEST_METADATA = 1 << 20
FORM_OVERHEAD = 1 << 20

ACCEPTING = ("awaiting_uploads", "uploading")


class Intake:
    """Adds documents to jobs."""

    def __init__(self, state: State, lifecycle: Lifecycle) -> None:
        self._state = state
        self._lifecycle = lifecycle

    def check_open(self, job: Job) -> None:
        """Raises 409 unless the job takes files."""
        if job.status not in ACCEPTING:
            raise conflict("job_not_accepting_uploads", f"a job with status {job.status} takes no files")

    def check_limits(self, job: Job, *, files: int, size: int) -> None:
        """Raises 400 or 413 when so many more files and bytes would be too much."""
        if len(job.documents) + files > job.max_files:
            raise PlangrepError(400, "too_many_files", f"a job takes at most {job.max_files} files")
        if job.declared_bytes + size > job.max_bytes:
            raise PlangrepError(413, "declared_bytes_exceeded", f"a job takes at most {job.max_bytes} bytes")

    def twin(self, job: Job, sha256: str, *, form: bool = False) -> Document | None:
        """The document of the job that stands for these bytes, which it has already."""
        settings = self._state.settings
        if not (settings.deduplicate_forms if form else settings.deduplicate):
            return None
        return next((item for item in job.documents if item.sha256 == sha256 and item.status != "failed"), None)

    def add(
        self,
        job: Job,
        mode: Mode,
        *,
        file_name: str,
        content_type: str,
        classification: str | None,
        size: int,
        sha256: str,
    ) -> Document:
        """A new document."""
        state = self._state
        document = Document(
            id=state.new_id("doc"),
            file_id=state.new_id("file"),
            job=job.id,
            project=job.project,
            file_name=file_name,
            content_type=content_type,
            mode=mode,
            size=size,
            sha256=sha256,
            classification=classification,
        )
        job.documents.append(document)
        state.documents[document.id] = document
        self._lifecycle.move(job, "uploading")
        return document


class ReceivedPart:
    """A file part that was streamed to disk."""

    def __init__(self, name: str, file_name: str, content_type: str | None, blob: Blob) -> None:
        self.name = name
        self.file_name = file_name
        self.content_type = content_type
        self.blob = blob

    @property
    def content(self) -> Content:
        """Its bytes."""
        return Content.of(self.blob)


async def read_upload_form(
    state: State, request: Request, *, most_files: int, most_bytes: int
) -> tuple[str | None, list[ReceivedPart]]:
    """The metadata and the files of a form upload; nothing is left of them when it breaks off.

    Raises:
        PlangrepError: 400 for a broken form or too many files, 413 beyond ``most_bytes``.
    """
    headers = exchange_of(request).headers
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most_bytes + FORM_OVERHEAD:
        raise _too_large(most_bytes)
    metadata: bytearray | None = None
    parts: list[ReceivedPart] = []
    writer: BlobWriter | None = None
    head = PartStart("", None, None)
    total = 0
    try:
        async for event in read_form(headers.get("content-type", ""), request.stream()):
            match event:
                case PartStart():
                    head = event
                    if event.name == "metadata":
                        metadata = bytearray()
                    elif event.file_name is not None:
                        if len(parts) >= most_files:
                            raise PlangrepError(400, "too_many_files", "the job takes no more files")
                        writer = state.context.blobs.writer()
                case PartData() if writer is not None:
                    total += len(event.data)
                    if total > most_bytes:
                        raise _too_large(most_bytes)
                    await writer.write(event.data)
                case PartData() if head.name == "metadata" and metadata is not None:
                    metadata += event.data
                    if len(metadata) > LONGEST_METADATA:
                        raise invalid("metadata is too long")
                case PartEnd() if writer is not None:
                    blob = await writer.finish()
                    writer = None
                    parts.append(ReceivedPart(head.name, head.file_name or "", head.content_type, blob))
                case _:
                    pass
        return None if metadata is None else metadata.decode("utf-8", "replace"), parts
    except BaseException as error:
        for part in parts:
            state.context.blobs.discard(part.blob)
        if isinstance(error, FormError):
            raise invalid(str(error), "invalid_form") from error
        raise
    finally:
        if writer is not None:
            await writer.abort()


def _too_large(most: int) -> PlangrepError:
    return PlangrepError(413, "declared_bytes_exceeded", f"the job takes at most {most} more bytes")
