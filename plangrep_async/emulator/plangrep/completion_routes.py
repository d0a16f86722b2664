"""``POST /jobs/{jobId}/uploads/complete``: the upload phase ends, processing begins."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..content import Content
from ..service import exchange_of
from ..storage.backend import Part, StoredObject
from ..storage.errors import S3Error
from .access import Access
from .document import Document
from .errors import PlangrepError, conflict, invalid
from .fields import Fields, json_body
from .intake import Intake
from .job import Job
from .lifecycle import Lifecycle
from .state import BUCKET, State

__all__ = ["CompletionRoutes"]

ROUTE = "/api/open/v1/jobs/{jobId}/uploads/complete"


class CompletionRoutes:
    """The complete call. Everything it names is checked before anything changes."""

    def __init__(self, state: State, access: Access, intake: Intake, lifecycle: Lifecycle) -> None:
        self._state = state
        self._access = access
        self._intake = intake
        self._lifecycle = lifecycle

    def routes(self) -> list[Route]:
        """The routes."""
        return [Route(ROUTE, self._complete, methods=["POST"])]

    async def _complete(self, request: Request) -> Response:
        caller = self._access.admit(request, "jobs:write")
        job = self._state.job(request.path_params["jobId"], caller.organization.id)
        fields, body = await json_body(request)

        async def complete() -> dict[str, Any]:
            await self._take(job, fields)
            await self._lifecycle.preflight(job)
            return {"job": job.to_json(), "documentIds": [document.id for document in job.chosen]}

        key = exchange_of(request).headers.get("idempotency-key")
        scope = (caller.organization.id, "complete-uploads", job.id)
        answer, replayed = await self._state.idempotency.once(scope, key, body, complete)
        return JSONResponse({**answer, "idempotent": True} if replayed else answer, 202)

    async def _take(self, job: Job, fields: Fields) -> None:
        self._intake.check_open(job)
        names = self._state.settings.names
        documents = {document.id: document for document in job.documents}
        contents: dict[str, Content] = {}
        for record in fields.objects("directUploads"):
            document = _named(record, documents)
            contents[document.id] = await self._direct(record, document)
        for record in fields.objects(names.multipart_records):
            document = _named(record, documents)
            contents[document.id] = await self._multipart(record, document)
        failed = {
            _named(record, documents).id: record.optional_text("error") or record.optional_text("message")
            for record in fields.objects(names.failed_records)
        }
        if both := sorted(set(contents) & set(failed)):
            raise invalid(f"documents both uploaded and failed: {', '.join(both)}")
        chosen = self._chosen(fields, documents, set(contents) | set(failed))
        self._intake.check_open(job)
        for document in job.documents:
            if document not in chosen:
                document.status = "skipped"
        for document_id, content in contents.items():
            documents[document_id].content = content
            documents[document_id].status = "uploaded"
        for document_id, message in failed.items():
            documents[document_id].fail("upload_failed", message or "the client could not upload it")
        job.chosen = chosen

    def _chosen(self, fields: Fields, documents: dict[str, Document], named: set[str]) -> list[Document]:
        wanted = fields.strings("documentIds")
        if wanted is None:
            chosen = list(documents.values())
        else:
            if unknown := [document_id for document_id in wanted if document_id not in documents]:
                raise invalid(f"documentIds: not documents of this job: {', '.join(unknown)}", "unknown_document")
            if not named <= set(wanted):
                raise invalid("a completion record names a document that documentIds leaves out")
            chosen = [documents[document_id] for document_id in dict.fromkeys(wanted)]
            lost = [item.id for item in chosen if item.status == "pending" and item.id not in named]
            if lost:
                raise conflict("upload_missing", f"documents without their bytes: {', '.join(lost)}")
        if not chosen:
            raise conflict("no_documents", "the job has no documents")
        return chosen

    async def _direct(self, record: Fields, document: Document) -> Content:
        _check_token(record, document)
        if document.content is not None:
            return document.content
        if document.mode != "direct_put":
            raise conflict("wrong_upload_mode", f"{document.id} was not registered for a direct PUT")
        stored = await self._state.context.storage.find(BUCKET, document.key)
        return _checked(document, stored)

    async def _multipart(self, record: Fields, document: Document) -> Content:
        _check_token(record, document)
        if document.mode != "multipart" or document.upload_id is None:
            raise conflict("wrong_upload_mode", f"{document.id} was not registered for a multipart upload")
        if record.text(self._state.settings.names.upload_id) != document.upload_id:
            raise invalid(f"the multipart upload id is not that of {document.id}", "invalid_upload_id")
        storage = self._state.context.storage
        try:
            parts = await storage.list_parts(BUCKET, document.key, document.upload_id)
            if sum(part.size for part in parts) != document.size:
                missing = f"{document.id}: {sum(part.size for part in parts)} of {document.size} bytes were uploaded"
                raise conflict("upload_incomplete", missing)
            _check_etags(record, parts)
            await storage.complete_multipart(BUCKET, document.key, document.upload_id, parts)
        except S3Error as error:
            # An earlier complete call may have joined the parts and then been refused for another document.
            if error.code != "NoSuchUpload" or await storage.find(BUCKET, document.key) is None:
                raise conflict("upload_incomplete", f"{document.id}: {error.message}") from error
        return _checked(document, await storage.find(BUCKET, document.key))


def _named(record: Fields, documents: dict[str, Document]) -> Document:
    document_id = record.text("documentId")
    document = documents.get(document_id)
    if document is None:
        raise invalid(f"{record.name('documentId')}: {document_id} is not a document of this job", "unknown_document")
    return document


def _check_token(record: Fields, document: Document) -> None:
    if record.text("uploadToken") not in document.tokens:
        raise PlangrepError(403, "invalid_upload_token", f"{record.name('uploadToken')} is not one of {document.id}")


def _check_etags(record: Fields, parts: Any) -> None:
    """Completion records may list parts with ETags, as S3 does; no page asks for it."""
    stored: dict[int, Part] = {part.number: part for part in parts}
    for entry in record.objects("parts"):
        number = entry.integer("partNumber", least=1)
        etag = entry.optional_text("etag") or entry.optional_text("eTag") or entry.optional_text("ETag")
        part = stored.get(number)
        if part is None or (etag is not None and etag.strip('"') != part.etag.strip('"')):
            raise conflict("upload_incomplete", f"part {number} is not stored with this ETag")


def _checked(document: Document, stored: StoredObject | None) -> Content:
    if stored is None:
        raise conflict("upload_missing", f"{document.id}: its bytes have not arrived")
    content = stored.content
    if content.size != document.size or content.sha256 not in (None, document.sha256):
        raise invalid(f"the bytes of {document.id} do not have the registered fileSize and sha256", "checksum_mismatch")
    return content
