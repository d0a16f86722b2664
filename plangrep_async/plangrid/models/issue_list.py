"""Lists of issues (later versions: "task lists")."""

from __future__ import annotations

from attrs import frozen

from .record import Record

__all__ = ["IssueList"]


@frozen
class IssueList(Record):
    """A named list of issues.

    Attributes:
        uid: identifies it.
        name: as shown.
        deleted: whether it was deleted.
    """

    uid: str
    name: str | None = None
    deleted: bool | None = None
