"""The Project object, what belongs to a project, and the endpoints of projects themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from .annotation import Annotation, annotations_table
from .attachment import Attachment, attachments_table
from .comment import Comment, comments_table
from .dice import Dice
from .field_report import FieldReport, seeded_field_reports
from .fields import boolean, date, known_fields, nullable_text
from .issue import Issue, issues_table
from .issue_list import IssueList, issue_lists_table
from .links import Person
from .message import ApiError, Reply, show
from .paging import list_reply
from .photo import Photo, photos_table
from .rfi import Rfi, rfis_table
from .rfi_history import Change
from .rfi_status import RFI_STATUSES
from .router import Right, Route
from .seeding import TRADES, SeedPlan
from .sheet import Sheet, VersionSet, seeded_version_sets, sheets_table
from .snapshot import Snapshot, snapshots_table
from .table import Table
from .timestamp import format_timestamp
from .uid import UidSpace, mix
from .user import User, seeded_person, users_table
from .visit import Visit

__all__ = ["ROUTES", "Project"]

_TEXTS = (
    "custom_id", "type", "status", "owner", "street_1", "street_2", "city", "region", "postal_code", "country",
)  # fmt: skip
_DATES = ("start_date", "end_date")


class Project:
    """A project and its records; tables are made when they are first asked for.

    Attributes:
        fields: the later versions' fields (address and so on).
        seed: of its seeded records.
        people: the uids of the seeded team.
    """

    def __init__(self, uid: str, name: str, updated_at: float, *, plan: SeedPlan, seed: int, people: UidSpace) -> None:
        self.uid = uid
        self.name = name
        self.updated_at = updated_at
        self.fields: dict[str, Any] = dict.fromkeys((*_TEXTS, *_DATES, "organization_id", "latitude", "longitude"))
        self.plan = plan
        self.seed = seed
        self.key = UidSpace(seed, uid).key
        self.people = people
        self.rfi_statuses = {status.uid: status for status in RFI_STATUSES}
        self.rfi_changes: dict[str, list[Change]] = {}
        self._persons: dict[int, Person] = {}

    def _space(self, name: str) -> UidSpace:
        return UidSpace(self.seed, f"{self.uid}/{name}")

    @cached_property
    def users(self) -> Table[User]:
        return users_table(self, self.people, self.plan.users)

    @cached_property
    def issues(self) -> Table[Issue]:
        return issues_table(self, self._space("issue"), self.plan.issues)

    @cached_property
    def issue_lists(self) -> Table[IssueList]:
        return issue_lists_table(self._space("issue list"), self.plan.issue_lists)

    @cached_property
    def annotations(self) -> Table[Annotation]:
        count = self.plan.issues if self.plan.annotations is None else self.plan.annotations
        return annotations_table(self, self._space("annotation"), count)

    @cached_property
    def attachments(self) -> Table[Attachment]:
        return attachments_table(self, self._space("attachment"), self.plan.attachments)

    @cached_property
    def photos(self) -> Table[Photo]:
        return photos_table(self, self._space("photo"), self.plan.photos)

    @cached_property
    def snapshots(self) -> Table[Snapshot]:
        return snapshots_table(self, self._space("snapshot"), self.plan.snapshots)

    @cached_property
    def comments(self) -> Table[Comment]:
        return comments_table(self, self._space("comment"), self.plan.comments)

    @cached_property
    def rfis(self) -> Table[Rfi]:
        return rfis_table(self, self._space("rfi"), self.plan.rfis)

    @cached_property
    def version_sets(self) -> list[VersionSet]:
        return seeded_version_sets(self, self.plan.version_sets)

    @cached_property
    def sheets(self) -> Table[Sheet]:
        return sheets_table(self, self._space("sheet"), self.plan.sheets, list(self.version_sets))

    @cached_property
    def field_reports(self) -> list[FieldReport]:
        return seeded_field_reports(self, self.plan.field_reports)

    @property
    def tables(self) -> dict[str, Table[Any]]:
        """All tables by the name of their collection."""
        names = (
            "users", "issues", "issue_lists", "annotations", "attachments", "photos", "snapshots", "comments", "rfis",
            "sheets",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def person(self, index: int) -> Person:
        """Who seeded team member ``index`` is."""
        person = self._persons.get(index)
        if person is None:
            person = self._persons[index] = seeded_person(self.people, index)
        return person

    def someone(self, dice: Dice, *, nameless: bool = False) -> Person:
        """A member of the team; with ``nameless``, now and then an address without an account (page "Foreign Keys")."""
        if not self.plan.users or (nameless and dice.one_in(10)):
            return Person(None, "nick@subcontractor.example")
        return self.person(dice.below(self.plan.users))

    def trade_of(self, issue: int) -> int:
        """Which trade a seeded issue is about: its title, and the stamp and colour of its mark."""
        return mix(issue ^ self.key) % len(TRADES)

    def annotation_of(self, issue: int) -> Annotation | None:
        """The mark of a seeded issue; some have none."""
        if not self.is_annotated(issue):
            return None
        return self.annotations.at(self.annotations.count - 1 - issue)

    def is_annotated(self, issue: int) -> bool:
        """Whether :meth:`annotation_of` gives one; cheaper."""
        return issue < self.annotations.count and mix(issue ^ self.key) % 25 != 0

    def member(self, uid: str) -> User | None:
        """A member who was not removed."""
        user = self.users.get(uid)
        return None if user is None or user.removed else user

    def member_by_email(self, email: str) -> User | None:
        """The member of an address, removed or not."""
        wanted = email.lower()
        return next((user for user in self.users if user.email.lower() == wanted), None)

    def assignees(self, uids: Sequence[str]) -> tuple[Person, ...]:
        """The members of these uids. Raises the documented 400 for one that is not on the project."""
        people: list[Person] = []
        for uid in uids:
            user = self.member(uid)
            if user is None:
                raise ApiError(400, f"Assignee ({uid}) is not on project ({self.uid}).")
            people.append(user.person)
        return tuple(people)


def _render(project: Project) -> dict[str, Any]:
    return {
        "uid": project.uid,
        "name": project.name,
        **project.fields,
        "updated_at": format_timestamp(project.updated_at),
    }


def _create(visit: Visit) -> Reply:
    body = visit.body
    known_fields(visit, ("name", "add_to_organization", *_TEXTS, *_DATES))
    if "name" not in body:
        raise ApiError(400, "Project name required to create a project.")
    name = body["name"]
    if not isinstance(name, str) or not name:
        raise ApiError(400, "Project name must be at least one character long.")
    fields = _later_fields(body)
    if "add_to_organization" in body and boolean(body, "add_to_organization", "Add to organization"):
        fields["organization_id"] = visit.world.organization_id
    project = visit.world.create_project(name, visit.caller.account)
    project.fields.update(fields)
    visit.world.note_created("project", project.uid, project.uid)
    return Reply(201, _render(project))


def _list(visit: Visit) -> Reply:
    account = visit.caller.account.uid
    projects = [project for project in visit.world.projects.values() if project.member(account) is not None]
    return list_reply(visit, projects, _render, time_of=lambda project: project.updated_at)


def _get(visit: Visit) -> Reply:
    return Reply(200, _render(visit.project))


def _update(visit: Visit) -> Reply:
    body, project = visit.body, visit.project
    known_fields(visit, ("name", *_TEXTS, *_DATES))
    if "name" in body:
        name = body["name"]
        if not isinstance(name, str) or not name:
            raise ApiError(400, f"Name ({show(name)}) must be a string at least one character long.")
    fields = _later_fields(body)
    project.name = body.get("name", project.name)
    project.fields.update(fields)
    project.updated_at = visit.now
    return Reply(200, _render(project))


def _later_fields(body: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: nullable_text(body, name, name.replace("_", " ").capitalize()) for name in _TEXTS if name in body
    }
    for name in _DATES:
        if name in body:
            fields[name] = date(body, name, name.replace("_", " ").capitalize())
    return fields


_RIGHT = Right("update project", "Insufficient permissions to update project fields ({project_uid}).")

ROUTES = (
    Route("POST", "/projects", _create, "Create Project", body="object"),
    Route("GET", "/projects", _list, "List All Projects"),
    Route("GET", "/projects/{project_uid}", _get, "Retrieve a Project"),
    Route("PATCH", "/projects/{project_uid}", _update, "Update Project", right=_RIGHT, body="object"),
)
