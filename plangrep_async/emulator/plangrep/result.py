"""The result of a job, built once when it completes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from .document import Document
from .extraction import document_artifacts, extract, is_drawing
from .job import Job
from .state import State
from .timestamps import iso

__all__ = ["RESULT_ROUTE", "artifact_url", "build_result"]

RESULT_ROUTE = "/plangrep-results/{jobId}"


def artifact_url(state: State, job: Job, path: str) -> str:
    """Where an artifact of a job's result is."""
    return f"{state.context.urls['plangrep']}/api/open/v1/jobs/{job.id}/artifact?path={quote(path, safe='')}"


def build_result(state: State, job: Job) -> None:
    """Give a completed job its result and the pre-signed link to it."""
    job.result_token = state.context.hex(32)
    path = RESULT_ROUTE.replace("{jobId}", job.id)
    job.result_url = f"{state.context.urls['storage']}{path}?token={job.result_token}"
    job.result = {
        "schemaVersion": "v1",
        "job": {
            "id": job.id,
            "externalId": job.external_id,
            "status": job.status,
            "createdAt": iso(job.created_at),
            "completedAt": iso(job.completed_at),
            "expiresAt": iso(job.expires_at),
            "resultUrl": job.result_url,
            "error": job.error,
        },
        "usage": _usage(state, job),
        "documents": [_document(state, job, document) for document in job.chosen],
        "evidence": [item for document in job.chosen for item in _evidence(state, job, document)],
        "warnings": [],
        "errors": [
            {"documentId": document.id, "fileName": document.file_name, **document.error}
            for document in job.chosen
            if document.error is not None
        ],
        "generatedAt": iso(state.now()),
    }


def _usage(state: State, job: Job) -> dict[str, Any]:
    drawings = documents = good_drawings = good_documents = 0
    for document in job.chosen:
        if document.inspection is None:
            continue
        for page in document.inspection.pages:
            good = not page.failed
            if is_drawing(document, page):
                drawings += 1
                good_drawings += good
            else:
                documents += 1
                good_documents += good
    return {
        "pageCount": drawings + documents,
        "drawingPageCount": drawings,
        "documentPageCount": documents,
        "successfulPageCount": good_drawings + good_documents,
        "successfulDrawingPageCount": good_drawings,
        "successfulDocumentPageCount": good_documents,
        "drawingCreditsPerPage": state.settings.drawing_credits,
        "documentCreditsPerPage": state.settings.document_credits,
        "creditsDebited": job.debited,
    }


def _document(state: State, job: Job, document: Document) -> dict[str, Any]:
    kind = document.effective_classification
    entities = list(extract(document)) if document.status == "completed" else []

    def of_kind(name: str) -> list[dict[str, Any]]:
        return [
            entity.to_json(lambda path: artifact_url(state, job, path), compact=False)
            for entity in entities
            if entity.kind == name
        ]

    return {
        "documentId": document.id,
        "fileName": document.file_name,
        "classification": kind,
        "contentType": document.content_type,
        "fileSize": document.size,
        "status": document.status,
        "pageCount": document.page_count,
        "successfulPageCount": document.done - document.failed_pages,
        "failedPageCount": document.failed_pages,
        "error": document.error,
        "artifacts": [
            {"type": item.type, "url": artifact_url(state, job, item.path)} for item in document_artifacts(document)
        ],
        "sheets": [
            {**sheet, "drawingType": entity.traits.get("drawingType"), "discipline": entity.traits.get("discipline")}
            for sheet, entity in zip(of_kind("sheet"), (item for item in entities if item.kind == "sheet"), strict=True)
        ],
        "specifications": of_kind("specification") if kind in ("specifications", "mixed") else None,
        "docs": of_kind("doc") if kind in ("documents", "addenda", "mixed") else None,
    }


def _evidence(state: State, job: Job, document: Document) -> Iterator[dict[str, Any]]:
    if document.status != "completed":
        return
    for entity in extract(document):
        if entity.kind == "region":
            yield {
                "id": f"ev_{entity.id.removeprefix('region_')}",
                "type": "region",
                "regionType": entity.traits["regionType"],
                "text": entity.text,
                "documentId": document.id,
                "fileName": document.file_name,
                "pageNumber": entity.traits["pageNumber"],
                "sheetNumber": entity.traits["sheetNumber"],
            }
