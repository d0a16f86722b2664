"""The Annotation object and its list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from .dice import Dice
from .links import Links
from .message import Reply
from .paging import table_reply
from .router import Route
from .seeding import EPOCH, TRADES
from .table import Table
from .uid import UidSpace
from .visit import Visit

if TYPE_CHECKING:
    from .project import Project

__all__ = ["ROUTES", "Annotation", "annotations_table", "render"]

_STEP = 600


@frozen
class Annotation:
    """A mark on a sheet; the one of an issue carries its stamp."""

    uid: str
    color: str
    stamp: str | None
    visibility: str
    deleted: bool
    sheet_uid: str
    updated_at: float
    facet: None = None


def annotations_table(project: Project, space: UidSpace, count: int) -> Table[Annotation]:
    """Most recent first. The last ones, in turn, are those of the issues: see :meth:`Project.annotation_of`."""

    def created(index: int) -> float:
        return EPOCH + (count - index) * _STEP

    def make(index: int) -> Annotation:
        issue = count - 1 - index
        dice = Dice(index ^ space.key)
        sheets = project.sheets
        stamp, _, color = TRADES[project.trade_of(issue)]
        return Annotation(
            uid=space.uid(index),
            color=color,
            stamp=stamp if issue < project.plan.issues else None,
            visibility="user" if dice.one_in(4) else "master",
            deleted=dice.one_in(16),
            # With no sheets seeded, the reference leads nowhere, as after a sheet was purged.
            sheet_uid=sheets.uids.uid(dice.below(sheets.count or 1)),
            updated_at=created(index),
        )

    return Table(space, count, make, lambda index: (created(index), None), newest_first=True)


def render(links: Links, annotation: Annotation) -> dict[str, Any]:
    return {
        "uid": annotation.uid,
        "color": annotation.color,
        "stamp": annotation.stamp,
        "visibility": annotation.visibility,
        "deleted": annotation.deleted,
        "sheet": links.record("sheets", annotation.sheet_uid),
    }


def _list(visit: Visit) -> Reply:
    links = visit.links
    return table_reply(visit, visit.project.annotations, lambda annotation: render(links, annotation))


ROUTES = (
    Route(
        "GET",
        "/projects/{project_uid}/annotations",
        _list,
        "Retrieve Annotations in a Project",
        (403, "Project ({project_uid}) does not exist."),  # so documented
    ),
)
