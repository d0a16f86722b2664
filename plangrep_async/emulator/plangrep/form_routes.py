"""``POST /jobs/{jobId}/files``: files as ``multipart/form-data``."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access import Access
from .errors import PlangrepError, invalid
from .fields import CLASSIFICATIONS, Fields
from .intake import Intake, ReceivedPart, read_upload_form
from .job import Job
from .state import State

__all__ = ["FormRoutes"]

ROUTE = "/api/open/v1/jobs/{jobId}/files"


class FormRoutes:
    """The form upload. All files of a request are taken, or none."""

    def __init__(self, state: State, access: Access, intake: Intake) -> None:
        self._state = state
        self._access = access
        self._intake = intake

    def routes(self) -> list[Route]:
        """The routes."""
        return [Route(ROUTE, self._upload, methods=["POST"])]

    async def _upload(self, request: Request) -> Response:
        caller = self._access.admit(request, "jobs:write")
        job = self._state.job(request.path_params["jobId"], caller.organization.id)
        self._intake.check_open(job)
        metadata, parts = await read_upload_form(
            self._state,
            request,
            most_files=job.max_files - len(job.documents),
            most_bytes=job.max_bytes - job.declared_bytes,
        )
        try:
            # The job may have moved on while the bytes came.
            self._intake.check_open(job)
            uploads = self._keep(job, _entries(metadata), parts)
        except PlangrepError:
            for part in parts:
                self._state.context.blobs.discard(part.blob)
            raise
        status = "uploaded" if any(item["status"] == "uploaded" for item in uploads) else "skipped"
        names = self._state.settings.names
        return JSONResponse({"job": job.to_json(), names.batch_status: status, "uploads": uploads})

    def _keep(self, job: Job, entries: dict[str, Fields], parts: list[ReceivedPart]) -> list[dict[str, Any]]:
        if not parts:
            raise invalid("the form has no file part; at least file0 is required")
        received = {part.name for part in parts}
        if len(received) < len(parts):
            raise invalid("two file parts have the same name")
        if missing := sorted(set(entries) - received):
            raise invalid(
                f"metadata.files names parts that the form does not have: {', '.join(missing)}", "missing_part"
            )
        checked = [self._check(part, entries.get(part.name, Fields({}))) for part in parts]
        new = [part for part in parts if self._intake.twin(job, part.blob.sha256, form=True) is None]
        self._intake.check_limits(job, files=len(new), size=sum(part.blob.size for part in new))
        return [self._store(job, part, *details) for part, details in zip(parts, checked, strict=True)]

    def _check(self, part: ReceivedPart, entry: Fields) -> tuple[str, str, str | None]:
        """File name, content type and classification of a part."""
        file_name = entry.optional_text("fileName", shortest=1) or part.file_name
        if not file_name:
            raise invalid(f"part {part.name} has no file name")
        content_type = entry.optional_text("contentType", shortest=1) or part.content_type or "application/octet-stream"
        classification = entry.choice("classification", CLASSIFICATIONS)
        digest = entry.sha256("sha256", required=False)
        if digest is not None and digest != part.blob.sha256:
            raise invalid(
                f"the bytes of {part.name} do not have the sha256 that metadata declares", "checksum_mismatch"
            )
        return file_name, content_type, classification

    def _store(
        self, job: Job, part: ReceivedPart, file_name: str, content_type: str, classification: str | None
    ) -> dict[str, Any]:
        document = self._intake.twin(job, part.blob.sha256, form=True)
        status = "uploaded"
        if document is None:
            document = self._intake.add(
                job,
                "form",
                file_name=file_name,
                content_type=content_type,
                classification=classification,
                size=part.blob.size,
                sha256=part.blob.sha256,
            )
        elif document.status != "pending":
            status = "skipped"
        if status == "skipped":
            self._state.context.blobs.discard(part.blob)
        else:
            document.content = part.content
            document.status = "uploaded"
            document.stores += 1
        return {
            "documentId": document.id,
            "partName": part.name,
            "fileName": document.file_name,
            "contentType": document.content_type,
            "fileSize": document.size,
            "sha256": document.sha256,
            "status": status,
        }


def _entries(metadata: str | None) -> dict[str, Fields]:
    """The entries of ``metadata.files`` by part name."""
    if metadata is None:
        raise invalid("the part metadata is required")
    try:
        value = json.loads(metadata)
    except ValueError as error:
        raise invalid("the part metadata must be a JSON string", "invalid_json") from error
    if not isinstance(value, dict):
        raise invalid("the part metadata must be a JSON object", "invalid_json")
    fields = Fields(value, "metadata.")
    fields.optional_text("clientUploadFlowId")
    entries: dict[str, Fields] = {}
    for index, entry in enumerate(fields.objects("files")):
        name = entry.optional_text("partName", shortest=1) or f"file{index}"
        if name in entries:
            raise invalid(f"metadata.files names the part {name} twice")
        entries[name] = entry
    return entries
