"""Issues (page "The Issue Object"), called tasks in later versions of the documentation."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from attrs import frozen

from .annotation import Annotation
from .comment import Comment
from .issue_list import IssueList
from .photo import Photo
from .record import OpenEnum, Record
from .references import CollectionReference, RecordReference, UserReference

__all__ = ["Issue", "IssueStatus", "IssueType"]


class IssueStatus(OpenEnum):
    """How far it is."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    PENDING = "pending"
    CLOSED = "closed"


class IssueType(OpenEnum):
    """What kind of task it is (later versions)."""

    ISSUE = "issue"
    PLANNED_WORK = "planned_work"
    OTHER = "other"


@frozen
class Issue(Record):
    """An issue.

    Attributes:
        uid: identifies it.
        number: given by PlanGrid; may not be unique.
        current_annotation: its mark on the newest version of the sheet, which may not be the current set.
        title, room, description: free text.
        assigned_to: users, by email.
        status: how far it is.
        type: what kind of task it is (later versions).
        created_at, created_by: by the clock of the application that created it.
        updated_at, updated_by: publishing, moving, photos and comments do not count.
        photos, comments: its collections.
        start_date: when work starts (later versions).
        due_at: when it is due.
        closed_at: when it was closed (later versions).
        has_cost_impact, cost_impact, currency_code: the cost, exact to a hundredth of a cent.
        has_schedule_impact, schedule_impact: the delay, in seconds.
        issue_list: the list it is in (later versions).
        deleted: whether it was deleted.
    """

    uid: str
    number: int | None = None
    current_annotation: Annotation | None = None
    title: str | None = None
    room: str | None = None
    description: str | None = None
    assigned_to: tuple[UserReference, ...] = ()
    status: IssueStatus | None = None
    type: IssueType | None = None
    created_at: datetime | None = None
    created_by: UserReference | None = None
    updated_at: datetime | None = None
    updated_by: UserReference | None = None
    photos: CollectionReference[Photo] | None = None
    comments: CollectionReference[Comment] | None = None
    start_date: date | None = None
    due_at: datetime | None = None
    closed_at: datetime | None = None
    has_cost_impact: bool | None = None
    cost_impact: Decimal | None = None
    currency_code: str | None = None
    has_schedule_impact: bool | None = None
    schedule_impact: int | None = None
    issue_list: RecordReference[IssueList] | None = None
    deleted: bool | None = None

    @property
    def archived(self) -> bool:
        """Hidden on its sheet, visible in the log: not deleted itself, but its annotation is (page "Issue Object")."""
        annotation = self.current_annotation
        return not self.deleted and annotation is not None and annotation.deleted is True
