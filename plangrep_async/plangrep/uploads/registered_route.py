"""Files that are registered, then sent to storage with a PUT or in parts ("Register uploads")."""

from __future__ import annotations

from collections import defaultdict
from types import TracebackType
from typing import Self

from ...upload import FileSource, MultipartTarget, Outcome, PutTarget, SlotRequest, Stored, Upload, UploadFile
from ..limits import check_classification, check_file_name
from ..models.upload import DirectUpload, Registration
from ..unverified import WireNames
from .registrar import Register, Registrar
from .report import FailedFile, UploadedFile
from .targets import completion_record, target_of

__all__ = ["RegisteredRoute"]


class RegisteredRoute:
    """Makes an upload of each file of one job; see ``client.uploads.registered_route``. The service decides between
    PUT and multipart.

    Use it with ``async with``, around the run of its uploads: leaving stops a registration that nobody waits for. The
    engine asks for a place again when a signed URL has run out; the file is then registered anew.

    Attributes:
        superseded: documents that a later registration of the same file has replaced. A completion that says nothing of
            documents waits for them too.

    Args:
        register: sends one registration of up to 100 files; its instructions are in their order.
        names: of what no page confirms.
    """

    def __init__(self, register: Register, names: WireNames) -> None:
        self._registrar = Registrar(register)
        self._names = names
        self._documents: defaultdict[int, list[str]] = defaultdict(list)
        self.superseded: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._registrar.aclose()

    def make_upload(self, file: UploadFile | FileSource) -> Upload[UploadedFile]:
        """The upload of one file. Nothing is looked at, asked or sent before it runs."""
        file = UploadFile.of(file)

        async def slot(request: SlotRequest) -> PutTarget | MultipartTarget:
            prepared = request.file
            # Here and not with the batch, where it would refuse the other files as well.
            check_file_name(prepared.name)
            instruction = await self._registrar(
                Registration(
                    file_name=prepared.name,
                    content_type=prepared.content_type,
                    file_size=prepared.size,
                    sha256=prepared.sha256 or "",
                    classification=check_classification(file.classification),
                )
            )
            documents = self._documents[id(file)]
            if instruction.document_id not in documents:
                self.superseded.extend(documents[-1:])
                documents.append(instruction.document_id)
            return target_of(instruction, prepared.size, self._names)

        return Upload(file, slot, complete=self._complete, digests=("sha256",))

    def ended(self, outcome: Outcome[UploadedFile]) -> FailedFile | None:
        """Take note of an outcome; what to report of it when it failed."""
        documents = self._documents.pop(id(outcome.upload.file), [])
        if outcome.ok:
            return None
        return FailedFile(
            file=outcome.upload.file,
            error=outcome.error or RuntimeError("no reason was given"),
            document_id=documents[-1] if documents else None,
        )

    async def _complete(self, stored: Stored) -> UploadedFile:
        record = completion_record(stored.memo, stored.parts, multipart=bool(stored.parts))
        return UploadedFile(
            file=stored.file.file,
            document_id=record.document_id,
            mode="direct_put" if isinstance(record, DirectUpload) else "multipart",
            size=stored.file.size,
            sha256=stored.file.sha256,
            completion=record,
        )
