"""Sheets and their version sets (page "The Sheet Object")."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .record import Record
from .references import UserReference

__all__ = ["Sheet", "VersionSet"]


@frozen
class Sheet(Record):
    """One version of a drawing: several sheets share a name.

    It has no file of its own; a PDF is had through a packet.

    Attributes:
        uid: identifies it.
        name: of the drawing.
        version_name: of the version it belongs to.
        description: of the drawing.
        tags: free text.
        published_by, published_at: when it was published and by whom.
        deleted: whether it was deleted.
        uploaded_file_name: the PDF it came from.
        history_set_uid: common to all versions of a drawing (later versions).
    """

    uid: str
    name: str | None = None
    version_name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    published_by: UserReference | None = None
    published_at: datetime | None = None
    deleted: bool | None = None
    uploaded_file_name: str | None = None
    history_set_uid: str | None = None


@frozen
class VersionSet(Record):
    """A published version (added in August 2017; by 2026 no longer documented).

    Attributes:
        uid: identifies it.
        version_name: as given when it was uploaded.
        published_at: when it was published.
    """

    uid: str
    version_name: str | None = None
    published_at: datetime | None = None
