"""Photos (page "The Photo Object")."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .record import Record, signed_url
from .references import UserReference

__all__ = ["Photo"]


@frozen
class Photo(Record):
    """A picture.

    Attributes:
        uid: identifies it.
        title: as shown.
        url: where the picture is. It may be signed and run out soon: read the record again for a fresh one.
            Credentials never go there.
        created_at: by the clock of the application that created it.
        created_by: who did.
        deleted: whether it was removed.
    """

    uid: str
    title: str | None = None
    url: str | None = signed_url()
    created_at: datetime | None = None
    created_by: UserReference | None = None
    deleted: bool | None = None
