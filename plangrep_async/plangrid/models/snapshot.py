"""Snapshots. Their page was lost; the fields come from an RFI's list of them and from the .NET client."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .record import Record, signed_url
from .references import RecordReference, UserReference
from .sheet import Sheet

__all__ = ["Snapshot"]


@frozen
class Snapshot(Record):
    """A picture of a part of a sheet.

    Attributes:
        uid: identifies it; may come in capitals.
        title: as shown.
        url: where the picture is; credentials never go there.
        created_at: when it was taken.
        created_by: by whom.
        sheet: where it was taken; missing in an RFI's list.
        deleted: whether it was removed.
    """

    uid: str
    title: str | None = None
    url: str | None = signed_url()
    created_at: datetime | None = None
    created_by: UserReference | None = None
    sheet: RecordReference[Sheet] | None = None
    deleted: bool | None = None
