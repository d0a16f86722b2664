"""The result of a job, schema ``v1`` ("Results", "Get job result", "Reading results")."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from .artifact import Artifact
from .enums import Classification, JobStatus
from .record import Record, secret_url, vital

__all__ = ["JobResult", "ResultDocument", "ResultEvidence", "ResultJob", "ResultProblem", "ResultSheet", "ResultUsage"]


@frozen(kw_only=True)
class ResultJob(Record):
    """The job as its result shows it."""

    id: str | None = None
    status: JobStatus | None = None
    external_id: str | None = None
    result_url: str | None = secret_url()
    error: Any = field(default=None, hash=False)
    created_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None


@frozen(kw_only=True)
class ResultUsage(Record):
    """Pages and credits."""

    page_count: int | None = None
    successful_page_count: int | None = None
    drawing_page_count: int | None = None
    successful_drawing_page_count: int | None = None
    document_page_count: int | None = None
    successful_document_page_count: int | None = None
    drawing_credits_per_page: float | None = None
    document_credits_per_page: float | None = None
    credits_debited: float | None = None


@frozen(kw_only=True)
class ResultProblem(Record):
    """A warning or an error of a result; the documentation does not show its fields."""

    bare_attribute = "message"

    code: str | None = None
    message: str | None = None
    document_id: str | None = None
    file_name: str | None = None


@frozen(kw_only=True)
class ResultSheet(Record):
    """One sheet of drawings; more fields exist than the pages show, they stand in ``extra``."""

    sheet_number: str | None = None
    sheet_name: str | None = None
    page_number: int | None = None
    drawing_type: str | None = None
    discipline: str | None = None
    artifacts: tuple[Artifact, ...] | None = None


@frozen(kw_only=True)
class ResultDocument(Record):
    """One uploaded file (or, by another page, one structured entity of it).

    Attributes:
        specifications: for ``specifications`` and ``mixed``; their shape is not documented.
        docs: for ``documents``, ``addenda`` and ``mixed``; their shape is not documented.
    """

    document_id: str | None = None
    file_name: str | None = None
    classification: Classification | None = None
    content_type: str | None = None
    file_size: int | None = None
    status: str | None = None
    page_count: int | None = None
    successful_page_count: int | None = None
    failed_page_count: int | None = None
    error: Any = field(default=None, hash=False)
    artifacts: tuple[Artifact, ...] | None = None
    sheets: tuple[ResultSheet, ...] | None = None
    specifications: tuple[Any, ...] | None = field(default=None, hash=False)
    docs: tuple[Any, ...] | None = field(default=None, hash=False)


@frozen(kw_only=True)
class ResultEvidence(Record):
    """A piece of evidence: a region of a sheet and its text, for example."""

    id: str | None = None
    type: str | None = None
    region_type: str | None = None
    text: str | None = None


@frozen(kw_only=True)
class JobResult(Record):
    """What a job brought to light. Look at ``errors`` first: a job can be completed with some ("Reading results")."""

    schema_version: str | None = None
    job: ResultJob
    usage: ResultUsage | None = None
    documents: tuple[ResultDocument, ...]
    evidence: tuple[ResultEvidence, ...] = vital()
    warnings: tuple[ResultProblem, ...] = vital()
    errors: tuple[ResultProblem, ...] = vital()
    generated_at: datetime | None = None
