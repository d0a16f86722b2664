"""The steps of an upload, each alone: what ``client.uploads.send`` is made of."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, Unpack

from ...errors import InvalidInputError, SourceUnreadableError
from ...session.call import Answer, Call, CallKeywords
from ...session.session import Session
from ...session.undocumented import Undocumented
from ...upload import (
    FormTarget,
    MultipartTarget,
    PutTarget,
    SlotRequest,
    Stored,
    Upload,
    UploadFile,
    UploadProgress,
    UploadScheduler,
)
from .._context import Context, WireKeywords, api_path
from ..limits import MAX_FILES, check_file_name, check_idempotency_key, check_range, check_sha256
from ..models.enums import UploadMode
from ..models.job import Job
from ..models.upload import (
    Completion,
    ContentUpload,
    DirectUpload,
    MultipartCompletion,
    Registered,
    Registration,
    UploadBatch,
    UploadInstruction,
)
from ..uploads.completion import completion_of
from ..uploads.files import Files, as_files
from ..uploads.form import form_metadata
from ..uploads.form_route import Forms, form_call
from ..uploads.registered_route import RegisteredRoute
from ..uploads.report import JobUploadReport
from ..uploads.targets import completion_record, target_of

__all__ = ["UploadSteps"]

R = TypeVar("R")


class UploadSteps:
    """Register, send, complete; every method raises the errors of :mod:`plangrep_async.errors`."""

    def __init__(self, context: Context, session: Session, scheduler: UploadScheduler, forms: Forms) -> None:
        self._context = context
        self._session = session
        self._scheduler = scheduler
        self._forms = forms

    async def register(
        self, job_id: str, files: Sequence[Registration], **keywords: Unpack[CallKeywords]
    ) -> Registered:
        """Announce files and get a place for each ("Register uploads").

        A registration stores nothing, and equal bytes are recognised by their SHA-256, so it is repeated when an
        answer is lost.

        Args:
            files: 1 to 100; the instructions come in their order.

        Raises:
            InvalidInputError: a number, name, size or digest that cannot be.
        """
        if not 1 <= len(files) <= MAX_FILES:
            raise InvalidInputError(f"files: {len(files)} in one registration; the service takes 1 to {MAX_FILES}")
        for file in files:
            check_file_name(file.file_name)
            check_range(file.file_size, f"file_size of {file.file_name!r}", 0)
            check_sha256(file.sha256, f"sha256 of {file.file_name!r}")
        read = self._context.codec.reader(Registered)

        def decode(answer: Answer) -> Registered:
            registered = read(answer)
            if len(registered.uploads) != len(files):
                raise Undocumented(f"{len(files)} files were registered, and {len(registered.uploads)} came back")
            return registered

        call = Call(
            "POST",
            api_path("jobs", job_id, "uploads"),
            decode,
            json={"files": [self._context.codec.write(file) for file in files]},
            repeatable=True,
        )
        return await self._context.send(call, keywords)

    def registered_route(self, job_id: str, **keywords: Unpack[WireKeywords]) -> RegisteredRoute:
        """Makes uploads as values, of files that are registered first, for ``client.scheduler`` to run.

        ::

            async with client.uploads.registered_route(job.id) as route:
                uploads = (route.make_upload(path) for path in paths)  # any iterable, an async one too
                async for outcome in client.scheduler.run(uploads):
                    print(outcome.file_name, outcome.result or outcome.error)

        Files that are ready at the same moment are registered together. Each result is an :class:`UploadedFile`, whose
        ``completion`` tells :meth:`complete` of it. Registering and storing the same bytes again does no harm, so such
        an upload can be begun again after a crash, or gone on with (``UploadState``).

        Args:
            job_id: of a job that takes files.
            keywords: ``timeout`` and ``max_attempts`` of the registrations.
        """

        async def register(files: Sequence[Registration]) -> Sequence[UploadInstruction]:
            return (await self.register(job_id, files, **keywords)).uploads

        return RegisteredRoute(register, self._context.codec.names)

    async def form(
        self,
        job_id: str,
        files: Files,
        *,
        client_upload_flow_id: str | None = None,
        on_progress: Callable[[UploadProgress], None] | None = None,
    ) -> UploadBatch:
        """Send files in one form, all or none ("Upload files"). :meth:`Uploads.send` sends each in a form of its own.

        Args:
            client_upload_flow_id: correlates repetitions in the service's logs; made when not given.
            on_progress: called at most ten times a second.

        Raises:
            InvalidInputError: none or more than 100 files, or an unknown classification.
            StorageError: the service refused it.
            UploadUnconfirmedError: the answer was lost; read ``jobs.get(job_id).files`` before sending it again.
            TransferError, SourceError: see there.

        Cancelled: the connection is closed; a form that is not whole is not stored.
        """
        found = as_files(files)
        if not 1 <= len(found) <= MAX_FILES:
            raise InvalidInputError(f"files: {len(found)} in one form; a job takes 1 to {MAX_FILES}")
        flow_id = client_upload_flow_id or self._context.new_key()
        call = form_call(self._context, job_id)

        async def complete(stored: Stored) -> UploadBatch:
            assert stored.answer is not None  # nothing else confirms a form here
            return self._forms.decode(call, stored.answer)

        async def slot(request: SlotRequest) -> FormTarget:
            return self._forms.target(job_id, form_metadata(request.files, flow_id))

        self._session.check_usable()
        return await self._scheduler.upload(Upload(found, slot, complete=complete), on_progress=on_progress)

    async def put(
        self,
        instruction: UploadInstruction,
        file: UploadFile,
        *,
        on_progress: Callable[[UploadProgress], None] | None = None,
    ) -> DirectUpload | MultipartCompletion:
        """Send a registered file to storage, by PUT or in parts, as its instruction says ("Upload a registered file").

        Returns:
            What the completion must tell of it.

        Raises:
            DecodeError: the instruction lacks something; nothing was sent.
            UploadExpiredError: the signed URL has run out; register the file anew.
            StorageError, TransferError, SourceError: see there.
        """

        async def complete(stored: Stored) -> DirectUpload | MultipartCompletion:
            multipart = instruction.upload_mode == UploadMode.MULTIPART
            return completion_record(stored.memo, stored.parts, multipart=multipart)

        async def slot(request: SlotRequest) -> PutTarget | MultipartTarget:
            if request.renewal:
                assert request.reason is not None
                raise request.reason
            return target_of(instruction, request.file.size, self._context.codec.names)

        self._session.check_usable()
        return await self._scheduler.upload(Upload(file, slot, complete=complete), on_progress=on_progress)

    async def content(
        self,
        job_id: str,
        instruction: UploadInstruction,
        content: bytes | str | os.PathLike[str],
        **keywords: Unpack[CallKeywords],
    ) -> ContentUpload:
        """Send a registered file as base64 in JSON ("Upload registered file content"): for where PUT is not possible.

        It is held in memory three times over, and is a third longer on the wire. The service's limit is not documented.

        Args:
            content: the bytes, or the path of the file.

        Returns:
            ``direct_upload`` goes into the completion, unchanged.

        Raises:
            InvalidInputError: the file is registered for multipart, or without an upload token.
            SourceUnreadableError: the file cannot be read.
        """
        if instruction.upload_mode != UploadMode.DIRECT_PUT or instruction.upload_token is None:
            raise InvalidInputError("only a file that is registered for direct_put, with a token, can go as base64")
        text, digest = await asyncio.to_thread(_encode, content)
        call = Call(
            "POST",
            api_path("jobs", job_id, "uploads", instruction.document_id, "content"),
            self._context.codec.reader(ContentUpload),
            json={"uploadToken": instruction.upload_token, "contentBase64": text, "sha256": digest},
            # Document and bytes are fixed by the registration.
            repeatable=True,
        )
        return await self._context.send(call, keywords)

    async def complete(
        self,
        job_id: str,
        report: JobUploadReport | Completion | None = None,
        *,
        idempotency_key: str | None = None,
        **keywords: Unpack[CallKeywords],
    ) -> Job:
        """Say that all files are there; the job starts ("Complete uploads"). Uploading alone never starts it.

        Args:
            report: of :meth:`Uploads.send`: tells the service what was uploaded and what failed. Or a
                :class:`Completion` of your own; or nothing, which means all that was uploaded by form.
            idempotency_key: the report's own by default, otherwise a new one. Sending the same again starts nothing
                twice.

        Returns:
            The job, ``preflighting`` as a rule.

        Raises:
            InvalidInputError: the report is of another job, or nothing was uploaded.
        """
        completion = Completion()
        key = idempotency_key
        if isinstance(report, JobUploadReport):
            if report.job_id != job_id:
                raise InvalidInputError(f"report is of job {report.job_id}, not of {job_id}")
            if not report.uploaded:
                raise InvalidInputError("report: nothing was uploaded, so there is nothing to process")
            completion = completion_of(report, with_parts=self._context.codec.names.complete_with_parts)
            key = key or report.idempotency_key
        elif report is not None:
            completion = report
        call = Call(
            "POST",
            api_path("jobs", job_id, "uploads", "complete"),
            self._context.codec.reader(Job, "job"),
            json=self._context.codec.write(completion),
            idempotency_key=check_idempotency_key(key or self._context.new_key()),
        )
        return await self._context.send(call, keywords)


def _encode(content: bytes | str | os.PathLike[str]) -> tuple[str, str]:
    if not isinstance(content, bytes):
        try:
            content = Path(content).read_bytes()
        except OSError as error:
            raise SourceUnreadableError(str(error), file_name=str(content)) from error
    return base64.b64encode(content).decode("ascii"), hashlib.sha256(content).hexdigest()
