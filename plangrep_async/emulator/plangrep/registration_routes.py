"""Registered uploads: signed URLs for a direct PUT or for parts, and content as Base64."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..content import Content
from .access import Access
from .document import Document
from .errors import PlangrepError, conflict, invalid, not_found
from .fields import CLASSIFICATIONS, Fields, json_body
from .intake import Intake
from .job import Job
from .state import BUCKET, State
from .timestamps import iso

__all__ = ["RegistrationRoutes"]

MOST_FILES = 100
MOST_PARTS = 10_000


class RegistrationRoutes:
    """``POST /jobs/{jobId}/uploads`` and ``…/uploads/{documentId}/content``."""

    def __init__(self, state: State, access: Access, intake: Intake) -> None:
        self._state = state
        self._access = access
        self._intake = intake

    def routes(self) -> list[Route]:
        """The routes."""
        base = "/api/open/v1/jobs/{jobId}/uploads"
        return [
            Route(base, self._register, methods=["POST"]),
            Route(f"{base}/{{documentId}}/content", self._content, methods=["POST"]),
        ]

    async def _register(self, request: Request) -> Response:
        caller = self._access.admit(request, "jobs:write")
        job = self._state.job(request.path_params["jobId"], caller.organization.id)
        fields, _ = await json_body(request)
        self._intake.check_open(job)
        files = [_File(entry) for entry in fields.objects("files")]
        if not 1 <= len(files) <= MOST_FILES:
            raise invalid(f"files must have 1 to {MOST_FILES} entries")
        new = {file.sha256: file for file in files if self._intake.twin(job, file.sha256) is None}
        counted = list(new.values()) if self._state.settings.deduplicate else files
        self._intake.check_limits(job, files=len(counted), size=sum(file.size for file in counted))
        uploads = [await self._instruction(job, self._document(job, file)) for file in files]
        return JSONResponse({"job": job.to_json(), "uploads": uploads})

    def _document(self, job: Job, file: _File) -> Document:
        twin = self._intake.twin(job, file.sha256)
        if twin is not None:
            if twin.size != file.size:
                raise invalid("fileSize differs from that of the document with the same sha256", "size_mismatch")
            return twin
        return self._intake.add(
            job,
            "multipart" if file.size >= self._state.settings.multipart_threshold else "direct_put",
            file_name=file.name,
            content_type=file.content_type,
            classification=file.classification,
            size=file.size,
            sha256=file.sha256,
        )

    async def _instruction(self, job: Job, document: Document) -> dict[str, Any]:
        settings, storage = self._state.settings, self._state.context.storage
        token = f"ut_{self._state.context.hex(40)}"
        document.tokens.add(token)
        instruction: dict[str, Any] = {
            "documentId": document.id,
            "fileName": document.file_name,
            "uploadMode": "multipart" if document.mode == "multipart" else "direct_put",
            "uploadToken": token,
            "expiresAt": iso(self._state.now() + settings.url_lifetime),
        }
        if document.mode != "multipart":
            signed = storage.sign_put(
                BUCKET,
                document.key,
                size=document.size,
                sha256=document.sha256,
                content_type=document.content_type,
                lifetime=settings.url_lifetime,
            )
            return {**instruction, "uploadUrl": signed.url, settings.names.put_headers: dict(signed.headers)}
        # Once joined, an upload id is gone; who registers again needs a new one.
        if document.upload_id is None or await storage.size_of(BUCKET, document.key) is not None:
            document.upload_id = await storage.create_multipart(BUCKET, document.key, document.content_type)
        return {**instruction, **self._parts(document, document.upload_id)}

    def _parts(self, document: Document, upload_id: str) -> dict[str, Any]:
        settings, storage, names = self._state.settings, self._state.context.storage, self._state.settings.names
        part_size = max(settings.part_size, math.ceil(document.size / MOST_PARTS))
        count = max(1, math.ceil(document.size / part_size))
        urls: list[Any] = []
        for number in range(1, count + 1):
            size = min(part_size, document.size - (number - 1) * part_size)
            signed = storage.sign_part(
                BUCKET, document.key, upload_id, number, size=size, lifetime=settings.url_lifetime
            )
            entry = {names.part_number: number, names.part_url: signed.url}
            urls.append(entry if names.part_objects else signed.url)
        return {names.upload_id: upload_id, names.part_size: part_size, names.part_urls: urls}

    async def _content(self, request: Request) -> Response:
        caller = self._access.admit(request, "jobs:write")
        job = self._state.job(request.path_params["jobId"], caller.organization.id)
        document = next((item for item in job.documents if item.id == request.path_params["documentId"]), None)
        if document is None:
            raise not_found("document")
        fields, _ = await json_body(request, limit=self._state.settings.content_limit * 4 // 3 + (64 << 10))
        self._intake.check_open(job)
        if document.mode != "direct_put":
            raise conflict("wrong_upload_mode", "content as Base64 is only for direct_put documents")
        if fields.text("uploadToken") not in document.tokens:
            raise PlangrepError(403, "invalid_upload_token", "the upload token is not one of this document")
        data = _decoded(fields.text("contentBase64", shortest=0))
        digest = hashlib.sha256(data).hexdigest()
        again = fields.sha256("sha256", required=False)
        if len(data) != document.size or digest != document.sha256 or again not in (None, digest):
            raise invalid("the content does not have the registered fileSize and sha256", "checksum_mismatch")
        blob = await self._state.context.blobs.in_thread(self._state.context.blobs.put, data)
        document.content = Content.of(blob)
        document.status = "uploaded"
        document.stores += 1
        token = f"ur_{self._state.context.hex(40)}"
        document.tokens.add(token)
        return JSONResponse(
            {
                "status": "uploaded",
                "documentId": document.id,
                "fileName": document.file_name,
                "fileSize": document.size,
                "contentType": document.content_type,
                "uploadMode": "direct_put",
                "directUpload": {"documentId": document.id, "uploadToken": token},
            }
        )


class _File:
    """One checked entry of ``files``."""

    def __init__(self, entry: Fields) -> None:
        self.name = entry.text("fileName")
        self.content_type = entry.text("contentType")
        self.size = entry.integer("fileSize", least=0)
        self.sha256 = entry.sha256("sha256", required=True) or ""
        self.classification = entry.choice("classification", CLASSIFICATIONS)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("contentBase64 must be standard Base64") from error
