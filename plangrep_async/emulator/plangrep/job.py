"""A job."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from ..clock import EmulatorTimer
from .document import Document
from .timestamps import iso

__all__ = ["TERMINAL", "Job"]

TERMINAL = frozenset({"completed", "completed_with_errors", "failed", "cancelled", "expired"})


@define(eq=False)
class Job:
    """Attributes:
    documents: in the order of their upload.
    chosen: those that the completion named, or all.
    reserved: credits held for it; ``debited``: credits spent.
    declared_bytes: of all its documents.
    result: once it is completed; ``artifacts`` has what its paths stand for.
    read_at: when the unchanged job was read last.
    timer: of the next step; ``expiry``: of its end.
    """

    id: str
    project: str
    organization: str
    created_at: float
    updated_at: float
    expires_at: float
    max_files: int
    max_bytes: int
    external_id: str | None = None
    webhook_url: str | None = None
    secret: str = field(default="", repr=False)
    status: str = "provisioning"
    documents: list[Document] = field(factory=list)
    chosen: list[Document] = field(factory=list)
    reserved: int = 0
    debited: int = 0
    error: dict[str, str] | None = None
    completed_at: float | None = None
    result: dict[str, Any] | None = field(default=None, repr=False)
    result_token: str | None = field(default=None, repr=False)
    result_url: str | None = field(default=None, repr=False)
    read_at: float | None = None
    timer: EmulatorTimer | None = field(default=None, repr=False)
    expiry: EmulatorTimer | None = field(default=None, repr=False)

    @property
    def terminal(self) -> bool:
        """It will not change any more."""
        return self.status in TERMINAL

    @property
    def declared_bytes(self) -> int:
        """Of all documents."""
        return sum(document.size for document in self.documents)

    @property
    def page_count(self) -> int:
        """Of the documents that count."""
        return sum(document.page_count for document in self.chosen)

    @property
    def successful_page_count(self) -> int:
        """Pages processed without an error."""
        return sum(document.done - document.failed_pages for document in self.chosen)

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "externalId": self.external_id,
            "status": self.status,
            "projectId": self.project,
            "limits": {"maxDeclaredBytes": self.max_bytes, "maxFiles": self.max_files},
            "pageCount": self.page_count,
            "successfulPageCount": self.successful_page_count,
            "billing": {"creditsReserved": self.reserved, "creditsDebited": self.debited},
            "files": [document.to_json() for document in self.documents],
            "resultUrl": self.result_url,
            "error": self.error,
            "createdAt": iso(self.created_at),
            "updatedAt": iso(self.updated_at),
            "completedAt": iso(self.completed_at),
            "expiresAt": iso(self.expires_at),
        }
