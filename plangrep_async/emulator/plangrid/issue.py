"""The Issue object ("Task" in later versions) and its endpoints."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from .annotation import render as render_annotation
from .comment import comment_handles, comments_reply
from .dice import Dice
from .fields import boolean, choice, date, known_fields, nullable_text, number, timestamp, uid_list
from .links import Person
from .message import ApiError, Reply
from .paging import list_reply, table_reply
from .photo import render as render_photo
from .router import Right, Route
from .seeding import EPOCH, ROOMS, TRADES
from .table import Table
from .timestamp import format_timestamp
from .uid import UidSpace, mix
from .visit import Visit

if TYPE_CHECKING:
    from .project import Project

__all__ = ["ROUTES", "Issue", "issues_table"]

_STATUSES = ("open", "in_review", "pending", "closed")
_TYPES = ("issue", "planned_work", "other")
_STEP = 900
_IS_PROHIBITED = (403, "Access to project ({project_uid}) is prohibited.")


@frozen(kw_only=True)
class Issue:
    """A task on a sheet, or without one.

    Attributes:
        index: its number among the seeded issues, or ``None`` when it was created.
        cost_impact: exact, in hundredths of a cent.
        schedule_impact: seconds.
    """

    uid: str
    number: int
    index: int | None
    title: str | None = None
    room: str | None = None
    description: str | None = None
    type: str = "issue"
    status: str = "open"
    assigned_to: tuple[Person, ...] = ()
    created_at: float
    created_by: Person
    updated_at: float
    updated_by: Person
    photo_uids: tuple[str, ...] = ()
    annotated: bool = False
    start_date: str | None = None
    due_at: float | None = None
    closed_at: float | None = None
    has_cost_impact: bool = False
    cost_impact: Decimal | None = None
    has_schedule_impact: bool = False
    schedule_impact: int | None = None
    issue_list_uid: str | None = None
    deleted: bool = False

    @property
    def facet(self) -> bool:
        """Whether it sits on a sheet."""
        return self.annotated


def issues_table(project: Project, space: UidSpace, count: int) -> Table[Issue]:
    def outline(index: int) -> tuple[float, bool]:
        throw = mix(index ^ space.key)
        return EPOCH + index * _STEP + throw % 864_000, project.is_annotated(index)

    def make(index: int) -> Issue:
        updated, annotated = outline(index)
        dice = Dice(index ^ space.key)
        trade = TRADES[project.trade_of(index)][1]
        status = dice.pick(_STATUSES)
        created = float(EPOCH + index * _STEP)
        costs, delays = dice.one_in(2), dice.one_in(3)
        shown = dice.below(4) if project.plan.photos else 0
        first = dice.below(project.plan.photos or 1)
        lists = project.plan.issue_lists
        return Issue(
            uid=space.uid(index),
            number=index + 1,
            index=index,
            title=trade,
            room=None if dice.one_in(8) else dice.pick(ROOMS),
            description=f"{trade} to be checked (item {index + 1}).",
            status=status,
            assigned_to=() if dice.one_in(5) else (project.someone(dice, nameless=True),),
            created_at=created,
            created_by=project.someone(dice, nameless=True),
            updated_at=updated,
            updated_by=project.someone(dice, nameless=True),
            photo_uids=tuple(
                project.photos.uids.uid((first + step) % project.plan.photos)
                for step in range(min(shown, project.plan.photos))
            ),
            annotated=annotated,
            due_at=None if dice.one_in(3) else created + 14 * 86_400,
            closed_at=updated if status == "closed" else None,
            has_cost_impact=costs,
            cost_impact=Decimal(dice.below(10**9)).scaleb(-4) if costs else None,
            has_schedule_impact=delays,
            schedule_impact=dice.below(30) * 3600 if delays else None,
            issue_list_uid=project.issue_lists.uids.uid(dice.below(lists)) if lists and dice.one_in(3) else None,
            deleted=dice.share(project.plan.deleted),
        )

    return Table(space, count, make, outline)


def _render(visit: Visit, issue: Issue) -> dict[str, Any]:
    links, project = visit.links, visit.project
    mark = None if issue.index is None else project.annotation_of(issue.index)
    comments = len(comment_handles(project, "issue", issue.index))
    path = f"issues/{issue.uid}"
    return {
        "uid": issue.uid,
        "number": issue.number,
        "current_annotation": None if mark is None else render_annotation(links, mark),
        "title": issue.title,
        "room": issue.room,
        "description": issue.description,
        "type": issue.type,
        "assigned_to": [links.user(person) for person in issue.assigned_to],
        "status": issue.status,
        "created_at": format_timestamp(issue.created_at),
        "created_by": links.user(issue.created_by),
        "updated_at": format_timestamp(issue.updated_at),
        "updated_by": links.user(issue.updated_by),
        "photos": links.collection(len(issue.photo_uids), f"{path}/photos"),
        "comments": links.collection(comments, f"{path}/comments"),
        "start_date": issue.start_date,
        "due_at": None if issue.due_at is None else format_timestamp(issue.due_at),
        "closed_at": None if issue.closed_at is None else format_timestamp(issue.closed_at),
        "has_cost_impact": issue.has_cost_impact,
        "cost_impact": issue.cost_impact,
        "currency_code": None if issue.cost_impact is None else "USD",
        "has_schedule_impact": issue.has_schedule_impact,
        "schedule_impact": issue.schedule_impact,
        "issue_list": None if issue.issue_list_uid is None else links.record("issue_lists", issue.issue_list_uid),
        "deleted": issue.deleted,
    }


def _list(visit: Visit) -> Reply:
    wanted = visit.query.get("include_annotationless")
    if wanted not in (None, "true", "false"):
        raise ApiError(400, f"Include annotationless ({wanted}) must be a boolean.")
    everything = visit.world.settings.annotationless if wanted is None else wanted == "true"
    facets = None if everything else (True,)
    return table_reply(visit, visit.project.issues, lambda issue: _render(visit, issue), facets=facets)


def _get(visit: Visit) -> Reply:
    uid = visit.params["issue_uid"]
    issue = visit.project.issues.get(uid)
    if issue is None:
        raise ApiError(404, f"Issue ({uid}) does not exist.")  # this page alone leaves the project out
    return Reply(200, _render(visit, issue))


def _comments(visit: Visit) -> Reply:
    return comments_reply(visit, comment_handles(visit.project, "issue", _find(visit).index))


def _photos(visit: Visit) -> Reply:
    found = [visit.project.photos.get(uid) for uid in _find(visit).photo_uids]
    shown = [photo for photo in found if photo is not None]
    return list_reply(visit, shown, lambda photo: render_photo(visit, photo), time_of=lambda photo: photo.updated_at)


def _create(visit: Visit) -> Reply:
    changes = _changes(visit)
    project, author = visit.project, visit.caller.account.person
    issue = project.issues.add(
        Issue(
            uid=visit.world.new_uid(),
            number=len(project.issues) + 1,
            index=None,
            created_at=visit.now,
            created_by=author,
            updated_at=visit.now,
            updated_by=author,
            **changes,
        )
    )
    visit.world.note_created("issue", project.uid, issue.uid)
    return Reply(201, _render(visit, issue))


def _update(visit: Visit) -> Reply:
    issue = _find(visit)
    changes = _changes(visit)
    author = visit.caller.account.person
    issue = visit.project.issues.put(evolve(issue, updated_at=visit.now, updated_by=author, **changes))
    return Reply(200, _render(visit, issue))


def _find(visit: Visit) -> Issue:
    uid = visit.params["issue_uid"]
    issue = visit.project.issues.get(uid)
    if issue is None:
        raise visit.missing("Issue", uid)
    return issue


def _changes(visit: Visit) -> dict[str, Any]:
    """The fields of a body for creating or updating (later versions; the words of errors are unverified)."""
    body = visit.body
    checks: dict[str, Any] = {
        "title": lambda: nullable_text(body, "title", "Title"),
        "room": lambda: nullable_text(body, "room", "Room"),
        "description": lambda: nullable_text(body, "description", "Description"),
        "type": lambda: choice(body, "type", "Type", _TYPES),
        "status": lambda: choice(body, "status", "Status", _STATUSES),
        "start_date": lambda: date(body, "start_date", "Start date"),
        "due_at": lambda: timestamp(body, "due_at", "Due date"),
        "cost_impact": lambda: number(body, "cost_impact", "Cost impact"),
        "has_cost_impact": lambda: boolean(body, "has_cost_impact", "Has cost impact"),
        "schedule_impact": lambda: number(body, "schedule_impact", "Schedule impact", whole=True),
        "has_schedule_impact": lambda: boolean(body, "has_schedule_impact", "Has schedule impact"),
        "assigned_to_uids": lambda: visit.project.assignees(uid_list(body, "assigned_to_uids")),
        "issue_list_uid": lambda: _list_uid(visit),
    }
    known_fields(visit, checks)
    changes = {name: check() for name, check in checks.items() if name in body}
    if "assigned_to_uids" in changes:
        changes["assigned_to"] = changes.pop("assigned_to_uids")
    if changes.get("schedule_impact") is not None:
        changes["schedule_impact"] = int(changes["schedule_impact"])
    if "status" in changes:
        changes["closed_at"] = visit.now if changes["status"] == "closed" else None
    return changes


def _list_uid(visit: Visit) -> str | None:
    uid = visit.body["issue_list_uid"]
    if uid is not None and (not isinstance(uid, str) or visit.project.issue_lists.get(uid) is None):
        raise ApiError(400, f"Issue list ({uid}) does not exist on project ({visit.project.uid}).")
    return uid


def _right(verb: str) -> Right:
    return Right("write issues", f"Insufficient permissions to {verb} issues on project ({{project_uid}}).")


_PATH = "/projects/{project_uid}/issues"
_ONE = f"{_PATH}/{{issue_uid}}"

ROUTES = (
    Route("POST", _PATH, _create, "Create Task in a Project", right=_right("create"), body="object"),
    Route("GET", _PATH, _list, "Retrieve Issues in a Project"),
    Route("GET", _ONE, _get, "Retrieve Issue in a Project"),
    Route("PATCH", _ONE, _update, "Update Task in a Project", right=_right("update"), body="object"),
    Route("GET", f"{_ONE}/comments", _comments, "Retrieve Comments on an Issue", _IS_PROHIBITED),
    Route("GET", f"{_ONE}/photos", _photos, "Retrieve Photos on an Issue", _IS_PROHIBITED),
)
