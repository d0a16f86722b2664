"""The Comment object and its lists. Comments come from PlanGrid's apps; the API only reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from .dice import Dice
from .links import Person
from .message import ApiError, Reply
from .paging import table_reply
from .router import Route
from .seeding import EPOCH
from .table import Table
from .timestamp import format_timestamp
from .uid import UidSpace
from .visit import Visit

if TYPE_CHECKING:
    from .project import Project

__all__ = ["ROUTES", "Comment", "comment_handles", "comments_reply", "comments_table"]

_TYPES = ("project", "issue", "rfi", "sheet")
_TEXTS = (
    "Great Scott!",
    "This is heavy.",
    "Precisely.",
    "Looks good to me.",
    "Please check on site.",
    "Done: ünïcödé ✓",
)
_STEP = 60
_SEGMENTS = {"issue": "issues", "rfi": "rfis", "sheet": "sheets"}
_DENIED = (403, "Access to project ({project_uid}) is prohibited.")


@frozen
class Comment:
    """A remark on a record."""

    uid: str
    text: str
    created_at: float
    created_by: Person
    record_type: str
    record_uid: str

    @property
    def updated_at(self) -> float:
        return self.created_at

    @property
    def facet(self) -> str:
        return self.record_type


def comments_table(project: Project, space: UidSpace, count: int) -> Table[Comment]:
    """Comments are dealt out in turn: to the types of record that exist, and to the records of each type."""
    types = _commented(project)

    def created(index: int) -> float:
        return EPOCH + (count - index) * _STEP

    def make(index: int) -> Comment:
        dice = Dice(index ^ space.key)
        record_type = types[index % len(types)]
        return Comment(
            uid=space.uid(index),
            text=f"{dice.pick(_TEXTS)} ({count - index})",
            created_at=created(index),
            created_by=project.someone(dice),
            record_type=record_type,
            record_uid=_record_uid(project, record_type, index // len(types)),
        )

    return Table(space, count, make, lambda index: (created(index), types[index % len(types)]), newest_first=True)


def comment_handles(project: Project, record_type: str, record: int | None) -> range:
    """The comments on a seeded record (its number), newest first; none on a created one (``None``)."""
    types = _commented(project)
    if record is None or record_type not in types:
        return range(0)
    records = _records(project, record_type)
    first = record * len(types) + types.index(record_type)
    return range(first, project.comments.count, records * len(types))


def comments_reply(visit: Visit, handles: range | None = None, types: frozenset[str] | None = None) -> Reply:
    links = visit.links

    def render(comment: Comment) -> dict[str, Any]:
        if comment.record_type == "project":
            record = {"uid": comment.record_uid, "url": links.project}
        else:
            record = links.record(_SEGMENTS[comment.record_type], comment.record_uid)
        return {
            "uid": comment.uid,
            "text": comment.text,
            "created_at": format_timestamp(comment.created_at),
            "created_by": links.user(comment.created_by),
            "record_type": comment.record_type,
            "record": record,
        }

    return table_reply(visit, visit.project.comments, render, facets=types, among=handles)


def _list(visit: Visit) -> Reply:
    wanted = visit.query.get("record_types")
    if not wanted:
        return comments_reply(visit)
    types = [item.strip().lower() for item in wanted.split(",")]
    for given, kind in zip(wanted.split(","), types, strict=True):
        if kind not in _TYPES:
            raise ApiError(400, f"Record type ({given.strip()}) must be a valid record type.")
    return comments_reply(visit, types=frozenset(types))


def _commented(project: Project) -> tuple[str, ...]:
    return tuple(kind for kind in _TYPES if _records(project, kind))


def _records(project: Project, record_type: str) -> int:
    plan = project.plan
    return {"project": 1, "issue": plan.issues, "rfi": plan.rfis, "sheet": plan.sheets}[record_type]


def _record_uid(project: Project, record_type: str, turn: int) -> str:
    if record_type == "project":
        return project.uid
    table: Table[Any] = getattr(project, _SEGMENTS[record_type])
    return table.uids.uid(turn % _records(project, record_type))


ROUTES = (Route("GET", "/projects/{project_uid}/comments", _list, "Retrieve Comments in a Project", _DENIED),)
