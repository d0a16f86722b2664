"""One uploaded file of a job."""

from __future__ import annotations

from typing import Any, Literal

from attrs import define, field

from ..content import Content
from .inspection import Inspection

__all__ = ["Document"]

Mode = Literal["form", "direct_put", "multipart"]


@define(eq=False)
class Document:
    """Attributes:
    id: ``doc_…``, in uploads and results; ``file_id`` is ``file_…``, on the job and in project reads.
    mode: how its bytes come.
    classification: as given by the client; None asks the server.
    size: declared, or received with a form.
    sha256: declared, or computed.
    status: ``pending`` (registered), ``uploaded``, ``processing``, ``completed``, ``failed``, ``cancelled``,
        ``skipped`` (not among the completed ``documentIds``).
    tokens: upload tokens that were given out.
    content: its bytes, once confirmed.
    stores: how often bytes were accepted for it through the API; the storage origin counts for itself.
    """

    id: str
    file_id: str
    job: str
    project: str
    file_name: str
    content_type: str
    mode: Mode
    size: int
    sha256: str
    classification: str | None = None
    status: str = "pending"
    tokens: set[str] = field(factory=set, repr=False)
    upload_id: str | None = None
    content: Content | None = field(default=None, repr=False)
    stores: int = 0
    inspection: Inspection | None = field(default=None, repr=False)
    done: int = 0
    failed_pages: int = 0
    error: dict[str, str] | None = None

    @property
    def key(self) -> str:
        """Its place at the storage origin."""
        return f"jobs/{self.job}/{self.id}"

    @property
    def effective_classification(self) -> str:
        """What it was given, or what the inspection found."""
        if self.classification is not None:
            return self.classification
        return "other" if self.inspection is None else self.inspection.guess

    @property
    def page_count(self) -> int:
        """Pages, 0 before the inspection."""
        return 0 if self.inspection is None else len(self.inspection.pages)

    def fail(self, code: str, message: str) -> None:
        """Processing it ends here."""
        self.status = "failed"
        self.error = {"code": code, "message": message}

    def to_json(self) -> dict[str, Any]:
        """As an entry of ``job.files``."""
        return {"id": self.file_id, "fileName": self.file_name, "status": self.status}
