"""The Snapshot object and its endpoints. Snapshots come from PlanGrid's apps; the API cannot create them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from .asset import file_url
from .dice import Dice
from .links import Person
from .message import Reply
from .paging import table_reply
from .router import Route
from .seeding import EPOCH
from .table import Table
from .timestamp import format_timestamp
from .uid import UidSpace
from .visit import Visit

if TYPE_CHECKING:
    from .project import Project

__all__ = ["ROUTES", "Snapshot", "render", "snapshots_table"]

_STEP = 7200


@frozen
class Snapshot:
    """A cut-out of a sheet."""

    uid: str
    title: str
    created_at: float
    created_by: Person
    updated_at: float
    sheet_uid: str | None
    deleted: bool = False
    facet: None = None


def snapshots_table(project: Project, space: UidSpace, count: int) -> Table[Snapshot]:
    def make(index: int) -> Snapshot:
        dice = Dice(index ^ space.key)
        moment = EPOCH + index * _STEP
        sheets = project.sheets
        return Snapshot(
            uid=space.uid(index),
            title=f"Area {index + 1}",
            created_at=moment,
            created_by=project.someone(dice),
            updated_at=moment,
            sheet_uid=sheets.uids.uid(dice.below(sheets.count)) if sheets.count else None,
            deleted=dice.share(project.plan.deleted),
        )

    return Table(space, count, make, lambda index: (EPOCH + index * _STEP, None))


def render(visit: Visit, snapshot: Snapshot, *, sheet: bool = True) -> dict[str, Any]:
    """The object; lists of an RFI leave the ``sheet`` out (page "Retrieve Snapshots Referenced in RFI")."""
    uid = snapshot.uid
    if "upper_case_uids" in visit.world.settings.oddities:
        uid = uid.upper()
    rendered: dict[str, Any] = {
        "uid": uid,
        "title": snapshot.title,
        "url": file_url(visit.world, snapshot.uid, "image/png", snapshot.title),
        "created_at": format_timestamp(snapshot.created_at),
        "created_by": visit.links.user(snapshot.created_by),
        "deleted": snapshot.deleted,
    }
    if sheet:
        uid_of_sheet = snapshot.sheet_uid
        rendered["sheet"] = None if uid_of_sheet is None else visit.links.record("sheets", uid_of_sheet)
    return rendered


def _list(visit: Visit) -> Reply:
    return table_reply(visit, visit.project.snapshots, lambda snapshot: render(visit, snapshot))


def _get(visit: Visit) -> Reply:
    return Reply(200, render(visit, _find(visit, "does not exist on")))


def _remove(visit: Visit) -> Reply:
    snapshot = _find(visit, "was not found in")
    if not snapshot.deleted:
        visit.project.snapshots.put(evolve(snapshot, deleted=True, updated_at=visit.now))
    return Reply(204)


def _find(visit: Visit, where: str) -> Snapshot:
    uid = visit.params["snapshot_uid"]
    snapshot = visit.project.snapshots.get(uid)
    if snapshot is None:
        raise visit.missing("Snapshot", uid, where)
    return snapshot


_PATH = "/projects/{project_uid}/snapshots"
_ONE = f"{_PATH}/{{snapshot_uid}}"

ROUTES = (
    Route("GET", _PATH, _list, "Retrieve Snapshots in a Project"),
    Route("GET", _ONE, _get, "Retrieve Snapshot in a Project"),
    Route("DELETE", _ONE, _remove, "Remove Snapshot from Project"),
)
