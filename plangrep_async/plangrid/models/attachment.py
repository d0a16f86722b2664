"""Attachments (page "The Attachment Object"), called documents in later versions of the documentation."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .record import Record, signed_url
from .references import UserReference

__all__ = ["Attachment"]


@frozen
class Attachment(Record):
    """A file in a folder of a project.

    Attributes:
        uid: identifies it.
        name: as shown.
        folder: case-sensitive; ``None`` or empty for none.
        url: where the file is. It may be signed and run out soon: read the record again for a fresh one. Credentials
            never go there.
        created_at: by the clock of the application that created it.
        created_by: who did.
        deleted: whether it was removed.
    """

    uid: str
    name: str | None = None
    folder: str | None = None
    url: str | None = signed_url()
    created_at: datetime | None = None
    created_by: UserReference | None = None
    deleted: bool | None = None
