"""Comments (page "The Comment Object")."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .record import OpenEnum, Record
from .references import RecordReference, UserReference

__all__ = ["Comment", "CommentRecordType"]


class CommentRecordType(OpenEnum):
    """What a comment is on."""

    PROJECT = "project"
    ISSUE = "issue"
    RFI = "rfi"
    SHEET = "sheet"


@frozen
class Comment(Record):
    """A comment.

    Attributes:
        uid: identifies it.
        text: what was said.
        created_at: by the clock of the application that created it.
        created_by: who said it.
        record_type: what it is on.
        record: the record it is on.
    """

    uid: str
    text: str | None = None
    created_at: datetime | None = None
    created_by: UserReference | None = None
    record_type: CommentRecordType | None = None
    record: RecordReference[Record] | None = None
