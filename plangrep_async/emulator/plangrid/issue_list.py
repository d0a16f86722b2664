"""Issue lists ("Task lists", later versions)."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from .fields import filled_text, known_fields
from .message import Reply
from .paging import table_reply
from .router import Route
from .seeding import EPOCH, TRADES
from .table import Table
from .uid import UidSpace
from .visit import Visit

__all__ = ["ROUTES", "IssueList", "issue_lists_table"]


@frozen
class IssueList:
    """A named list of issues."""

    uid: str
    name: str
    updated_at: float
    deleted: bool = False
    facet: None = None


def issue_lists_table(space: UidSpace, count: int) -> Table[IssueList]:
    def make(index: int) -> IssueList:
        return IssueList(space.uid(index), f"{TRADES[index % len(TRADES)][1]} list {index + 1}", EPOCH + index)

    return Table(space, count, make, lambda index: (EPOCH + index, None))


def _render(item: IssueList) -> dict[str, Any]:
    return {"uid": item.uid, "name": item.name, "deleted": item.deleted}


def _create(visit: Visit) -> Reply:
    known_fields(visit, ("name",))
    name = filled_text(visit.body, "name", "Name")
    item = visit.project.issue_lists.add(IssueList(visit.world.new_uid(), name, visit.now))
    visit.world.note_created("issue list", visit.project.uid, item.uid)
    return Reply(201, _render(item))


def _list(visit: Visit) -> Reply:
    return table_reply(visit, visit.project.issue_lists, _render)


def _get(visit: Visit) -> Reply:
    return Reply(200, _render(_find(visit)))


def _update(visit: Visit) -> Reply:
    item = _find(visit)
    known_fields(visit, ("name",))
    name = filled_text(visit.body, "name", "Name")
    return Reply(200, _render(visit.project.issue_lists.put(evolve(item, name=name, updated_at=visit.now))))


def _remove(visit: Visit) -> Reply:
    visit.project.issue_lists.put(evolve(_find(visit), deleted=True, updated_at=visit.now))
    return Reply(204)


def _find(visit: Visit) -> IssueList:
    uid = visit.params["issue_list_uid"]
    item = visit.project.issue_lists.get(uid)
    if item is None:
        raise visit.missing("Issue list", uid)
    return item


_PATH = "/projects/{project_uid}/issue_lists"
_ONE = f"{_PATH}/{{issue_list_uid}}"

ROUTES = (
    Route("POST", _PATH, _create, "Create Task List in a Project", body="object"),
    Route("GET", _PATH, _list, "Retrieve Task Lists in a Project"),
    Route("GET", _ONE, _get, "Retrieve Task List in a Project"),
    Route("PATCH", _ONE, _update, "Update Task List in a Project", body="object"),
    Route("DELETE", _ONE, _remove, "Remove Task List from Project"),
)
