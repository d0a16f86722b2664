"""The Sheet object, version sets, and their lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from .dice import Dice
from .links import Links, Person
from .message import Reply
from .paging import list_reply, table_reply
from .router import Route
from .seeding import EPOCH
from .table import Table
from .timestamp import format_timestamp
from .uid import UidSpace
from .visit import Visit

if TYPE_CHECKING:
    from .project import Project

__all__ = ["ROUTES", "Sheet", "VersionSet", "seeded_version_sets", "sheets_table"]

_DISCIPLINES = (("A", "architectural"), ("S", "structural"), ("M", "mechanical"), ("E", "electrical"))
_DESCRIPTIONS = ("Plan Details", "Floor Plan", "Sections", "Elevations", "Schedules")
_VERSION_STEP = 30 * 86_400


@frozen
class VersionSet:
    """Sheets that were published together (in later versions of the API)."""

    uid: str
    version_name: str
    published_at: float
    published_by: Person


@frozen
class Sheet:
    """One version of a drawing.

    Attributes:
        history_set_uid: the same for all versions of a drawing (later versions).
    """

    uid: str
    name: str
    description: str
    tags: tuple[str, ...]
    version: VersionSet
    uploaded_file_name: str
    history_set_uid: str
    deleted: bool = False

    @property
    def updated_at(self) -> float:
        return self.version.published_at

    @property
    def facet(self) -> str:
        return self.version.uid


def seeded_version_sets(project: Project, count: int) -> list[VersionSet]:
    """Newest first."""
    if not count:
        return []
    space = UidSpace(project.seed, f"{project.uid}/version set")
    names = [f"Bulletin {number}" for number in range(count - 1, 0, -1)] + ["Initial Set"]
    return [
        VersionSet(
            space.uid(index),
            name,
            EPOCH + (count - index) * _VERSION_STEP,
            project.someone(Dice(index)),
        )
        for index, name in enumerate(names)
    ]


def sheets_table(project: Project, space: UidSpace, count: int, versions: list[VersionSet]) -> Table[Sheet]:
    """Sheets, most recently published first: ``versions`` versions of the same drawings."""
    drawings = -(-count // (len(versions) or 1)) or 1
    sets = UidSpace(project.seed, f"{project.uid}/history set")

    def make(index: int) -> Sheet:
        version, drawing = versions[index // drawings], index % drawings
        letter, tag = _DISCIPLINES[drawing % len(_DISCIPLINES)]
        dice = Dice(index ^ space.key)
        return Sheet(
            uid=space.uid(index),
            name=f"{letter}-{101 + drawing // len(_DISCIPLINES)}",
            description=_DESCRIPTIONS[drawing % len(_DESCRIPTIONS)],
            tags=(tag,) if dice.one_in(2) else (tag, "punched"),
            version=version,
            uploaded_file_name=f"{version.version_name.replace(' ', '_')}.pdf",
            history_set_uid=sets.uid(drawing),
            deleted=dice.share(project.plan.deleted),
        )

    def outline(index: int) -> tuple[float, str]:
        version = versions[index // drawings]
        return version.published_at, version.uid

    return Table(space, count, make, outline, newest_first=True)


def _render(links: Links, sheet: Sheet) -> dict[str, Any]:
    return {
        "uid": sheet.uid,
        "name": sheet.name,
        "version_name": sheet.version.version_name,
        "description": sheet.description,
        "tags": list(sheet.tags),
        "published_by": links.user(sheet.version.published_by),
        "published_at": format_timestamp(sheet.version.published_at),
        "deleted": sheet.deleted,
        "uploaded_file_name": sheet.uploaded_file_name,
        "history_set_uid": sheet.history_set_uid,
    }


def _list(visit: Visit) -> Reply:
    links = visit.links
    wanted = visit.query.get("version_set")
    facets = None if wanted is None else (wanted.lower(),)
    return table_reply(visit, visit.project.sheets, lambda sheet: _render(links, sheet), facets=facets)


def _get(visit: Visit) -> Reply:
    uid = visit.params["sheet_uid"]
    sheet = visit.project.sheets.get(uid)
    if sheet is None:
        raise visit.missing("Sheet", uid)
    return Reply(200, _render(visit.links, sheet))


def _version_sets(visit: Visit) -> Reply:
    def render(version: VersionSet) -> dict[str, Any]:
        return {
            "uid": version.uid,
            "version_name": version.version_name,
            "published_at": format_timestamp(version.published_at),
        }

    return list_reply(visit, visit.project.version_sets, render)


ROUTES = (
    Route("GET", "/projects/{project_uid}/sheets", _list, "Retrieve Sheets in a Project"),
    Route("GET", "/projects/{project_uid}/sheets/{sheet_uid}", _get, "Retrieve a Sheet"),
    Route("GET", "/projects/{project_uid}/version_sets", _version_sets, "(later versions, undocumented)"),
)
