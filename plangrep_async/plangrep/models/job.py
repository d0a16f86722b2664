"""Jobs ("Jobs", "Create a job", "Get a job")."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from ...session.secret import Secret
from .enums import JobStatus
from .record import Record, secret_url

__all__ = ["Job", "JobBilling", "JobCreated", "JobFile", "JobLimits"]


@frozen(kw_only=True)
class JobLimits(Record):
    """What one job takes; ``max_declared_bytes`` counts over all registrations."""

    max_declared_bytes: int | None = None
    max_files: int | None = None


@frozen(kw_only=True)
class JobBilling(Record):
    """Credits of a job. Where ``creditsReserved`` stands is not documented."""

    credits_debited: float | None = None
    credits_reserved: float | None = None


@frozen(kw_only=True)
class JobFile(Record):
    """A file as the job lists it. Its id is not the document id of the upload; no page maps one to the other."""

    id: str | None = None
    file_name: str | None = None
    status: str | None = None


@frozen(kw_only=True)
class Job(Record):
    """One submission of files.

    Attributes:
        result_url: a signed link on another host than the API, ``None`` until the job is completed. ``jobs.result``
            does not need it.
        error: why the job failed; its shape is not documented.
        completed_at: set for cancelled jobs, too.
        expires_at: after this the result is gone; the samples show 7 days.
    """

    id: str
    project_id: str
    status: JobStatus
    external_id: str | None = None
    limits: JobLimits | None = None
    page_count: int | None = None
    successful_page_count: int | None = None
    billing: JobBilling | None = None
    files: tuple[JobFile, ...] | None = None
    result_url: str | None = secret_url()
    error: Any = field(default=None, hash=False)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None


@frozen(kw_only=True)
class JobCreated(Record):
    """The answer to the creation of a job.

    Attributes:
        webhook_signing_secret: given once, here, and never again: store it (``.reveal()``).
        idempotent: whether the service replayed the answer to an earlier call with the same key.
    """

    job: Job
    webhook_signing_secret: Secret | None = None
    idempotent: bool | None = None
