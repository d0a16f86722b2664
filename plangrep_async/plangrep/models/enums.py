"""Enumerations of the Plangrep open API. All are open: an unknown value is kept as it came."""

from __future__ import annotations

from .record import OpenEnum

__all__ = ["Classification", "JobStatus", "ProjectStatus", "TextKind", "UploadMode"]


class Classification(OpenEnum):
    """What a file holds ("Submit a job"). Leaving it out asks the service to find out by itself."""

    PLANS = "plans"
    SPECIFICATIONS = "specifications"
    DOCUMENTS = "documents"
    ADDENDA = "addenda"
    MIXED = "mixed"
    OTHER = "other"


class ProjectStatus(OpenEnum):
    """Where a project stands. Only these two are documented."""

    PROVISIONING = "provisioning"
    READY = "ready"


class JobStatus(OpenEnum):
    """Where a job stands ("Jobs", "Polling and webhooks")."""

    PROVISIONING = "provisioning"
    AWAITING_UPLOADS = "awaiting_uploads"
    UPLOADING = "uploading"
    PREFLIGHTING = "preflighting"
    BLOCKED_INSUFFICIENT_CREDITS = "blocked_insufficient_credits"
    PROCESSING = "processing"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        """Whether it is frozen. A status that nobody documented is not taken for an end."""
        return self in _TERMINAL

    @property
    def has_result(self) -> bool:
        """Whether ``jobs.result`` has something to give."""
        return self in _WITH_RESULT

    @property
    def takes_uploads(self) -> bool:
        """Whether files can be sent to it."""
        return self in (JobStatus.AWAITING_UPLOADS, JobStatus.UPLOADING)


_WITH_RESULT = frozenset({JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS})
_TERMINAL = _WITH_RESULT | {JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED}


class UploadMode(OpenEnum):
    """How a registered file is sent; the service chooses ("Register uploads")."""

    DIRECT_PUT = "direct_put"
    MULTIPART = "multipart"


class TextKind(OpenEnum):
    """Which text of a source is read ("Read source text")."""

    TEXT = "text"
    MARKDOWN = "markdown"
    PAGE_REGIONS = "page_regions"
    FACET_SOURCE_TEXT = "facet_source_text"
    FACET_MATCH_TEXT = "facet_match_text"
