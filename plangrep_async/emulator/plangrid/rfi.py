"""The RFI object and its endpoints, without its references and history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, frozen

from .comment import comment_handles, comments_reply
from .dice import Dice
from .fields import boolean, known_fields, nullable_text, timestamp, uid_list
from .links import Person
from .message import ApiError, Reply, show
from .paging import table_reply
from .rfi_history import note_changes
from .router import Right, Route
from .seeding import EPOCH
from .table import Table
from .timestamp import format_timestamp
from .uid import UidSpace, mix
from .visit import Visit

if TYPE_CHECKING:
    from .project import Project

__all__ = ["ROUTES", "Rfi", "find_rfi", "rfis_table"]

_TITLES = ("Door heights do not match.", "Toilet won't fit", "Beam clashes with duct", "Slab edge unclear")
_STEP = 5400
_TEXT_LIMIT = 10_000
_TITLE_LIMIT = 200


@frozen(kw_only=True)
class Rfi:
    """A request for information.

    Attributes:
        index: its number among the seeded RFIs, or ``None`` when it was created.
        status_uid: one of the project's statuses.
    """

    uid: str
    number: int
    index: int | None
    status_uid: str
    locked: bool = False
    title: str | None = None
    question: str | None = None
    answer: str | None = None
    sent_at: float | None = None
    due_at: float | None = None
    assigned_to: tuple[Person, ...] = ()
    created_at: float
    created_by: Person
    updated_at: float
    updated_by: Person
    photos: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    facet: None = None


def rfis_table(project: Project, space: UidSpace, count: int) -> Table[Rfi]:
    def updated(index: int) -> float:
        return EPOCH + index * _STEP + mix(index ^ space.key) % 604_800

    def some(dice: Dice, table: Table[Any], at_most: int) -> tuple[str, ...]:
        number = min(dice.below(at_most + 1), table.count)
        first = dice.below(table.count or 1)
        return tuple(table.uids.uid((first + step) % table.count) for step in range(number))

    def make(index: int) -> Rfi:
        dice = Dice(index ^ space.key)
        created = float(EPOCH + index * _STEP)
        sent = None if dice.one_in(4) else created + 3600
        title = dice.pick(_TITLES)
        return Rfi(
            uid=space.uid(index),
            number=index + 1,
            index=index,
            status_uid=dice.pick(tuple(project.rfi_statuses)),
            locked=dice.one_in(10),
            title=title,
            question=f"{title} How shall we proceed (RFI {index + 1})?",
            answer="As drawn." if dice.one_in(3) else None,
            sent_at=sent,
            due_at=None if sent is None else sent + 4 * 86_400,
            assigned_to=tuple(dict.fromkeys(project.someone(dice) for _ in range(dice.below(3)))),
            created_at=created,
            created_by=project.someone(dice),
            updated_at=updated(index),
            updated_by=project.someone(dice),
            photos=some(dice, project.photos, 3),
            attachments=some(dice, project.attachments, 2),
            snapshots=some(dice, project.snapshots, 2),
        )

    return Table(space, count, make, lambda index: (updated(index), None))


def render(visit: Visit, rfi: Rfi) -> dict[str, Any]:
    links, path = visit.links, f"rfis/{rfi.uid}"
    comments = len(comment_handles(visit.project, "rfi", rfi.index))
    return {
        "uid": rfi.uid,
        "number": rfi.number,
        "status": asdict(visit.project.rfi_statuses[rfi.status_uid]),
        "locked": rfi.locked,
        "title": rfi.title,
        "question": rfi.question,
        "answer": rfi.answer,
        "sent_at": None if rfi.sent_at is None else format_timestamp(rfi.sent_at),
        "due_at": None if rfi.due_at is None else format_timestamp(rfi.due_at),
        "assigned_to": [links.user(person) for person in rfi.assigned_to],
        "updated_at": format_timestamp(rfi.updated_at),
        "updated_by": links.user(rfi.updated_by),
        "created_at": format_timestamp(rfi.created_at),
        "created_by": links.user(rfi.created_by),
        "photos": links.collection(len(rfi.photos), f"{path}/photos"),
        "attachments": links.collection(len(rfi.attachments), f"{path}/attachments"),
        "snapshots": links.collection(len(rfi.snapshots), f"{path}/snapshots"),
        "comments": links.collection(comments, f"{path}/comments"),
    }


def find_rfi(visit: Visit) -> Rfi:
    """The RFI in the path, or the documented 404."""
    uid = visit.params["rfi_uid"]
    rfi = visit.project.rfis.get(uid)
    if rfi is None:
        raise visit.missing("RFI", uid)
    return rfi


def _create(visit: Visit) -> Reply:
    changes = _changes(visit, sent="Sent at")
    project, author = visit.project, visit.caller.account.person
    changes.setdefault("status_uid", next(iter(project.rfi_statuses)))
    rfi = project.rfis.add(
        Rfi(
            uid=visit.world.new_uid(),
            number=len(project.rfis) + 1,
            index=None,
            created_at=visit.now,
            created_by=author,
            updated_at=visit.now,
            updated_by=author,
            **changes,
        )
    )
    visit.world.note_created("rfi", project.uid, rfi.uid)
    return Reply(200, render(visit, rfi))  # 200, not 201: so documented


def _list(visit: Visit) -> Reply:
    return table_reply(visit, visit.project.rfis, lambda rfi: render(visit, rfi))


def _get(visit: Visit) -> Reply:
    return Reply(200, render(visit, find_rfi(visit)))


def _update(visit: Visit) -> Reply:
    old = find_rfi(visit)
    changes = _changes(visit, sent="Sent date")
    # Unlocking is itself an update; a body that unlocks must be let through.
    if old.locked and changes.get("locked") is not False:
        raise ApiError(400, f"RFI ({old.uid}) must be unlocked before it can be updated.")
    new = evolve(old, updated_at=visit.now, updated_by=visit.caller.account.person, **changes)
    note_changes(visit, old, new)
    return Reply(200, render(visit, visit.project.rfis.put(new)))


def _comments(visit: Visit) -> Reply:
    return comments_reply(visit, comment_handles(visit.project, "rfi", find_rfi(visit).index))


def _changes(visit: Visit, *, sent: str) -> dict[str, Any]:
    body = visit.body
    checks: dict[str, Any] = {
        "status": lambda: _status(visit),
        "locked": lambda: boolean(body, "locked", "Locked"),
        "title": lambda: nullable_text(body, "title", "Title", limit=_TITLE_LIMIT),
        "question": lambda: nullable_text(body, "question", "Question", limit=_TEXT_LIMIT),
        "answer": lambda: nullable_text(body, "answer", "Answer", limit=_TEXT_LIMIT),
        "sent_at": lambda: timestamp(body, "sent_at", sent),
        "due_at": lambda: timestamp(body, "due_at", "Due date"),
        "assigned_to_uids": lambda: visit.project.assignees(uid_list(body, "assigned_to_uids")),
    }
    known_fields(visit, checks)
    names = {"status": "status_uid", "assigned_to_uids": "assigned_to"}
    return {names.get(name, name): check() for name, check in checks.items() if name in body}


def _status(visit: Visit) -> str:
    uid = visit.body["status"]
    if not isinstance(uid, str) or uid not in visit.project.rfi_statuses:
        raise ApiError(400, f"Status ({show(uid)}) must be a valid RFI status on project ({visit.project.uid}).")
    return uid


_PATH = "/projects/{project_uid}/rfis"
_ONE = f"{_PATH}/{{rfi_uid}}"


def _right(verb: str) -> Right:
    return Right("write rfis", f"Insufficient permissions to {verb} RFIs on project ({{project_uid}}).")


ROUTES = (
    Route("POST", _PATH, _create, "Create RFI in a Project", right=_right("create"), body="object"),
    Route("GET", _PATH, _list, "Retrieve RFIs in a Project"),
    Route("GET", _ONE, _get, "Retrieve RFI in a Project"),
    Route("PATCH", _ONE, _update, "Update RFI in a Project", right=_right("update"), body="object"),
    Route(
        "GET",
        f"{_ONE}/comments",
        _comments,
        "Retrieve Comments on an RFI",
        (403, "Access to project ({project_uid}) is prohibited."),
    ),
)
