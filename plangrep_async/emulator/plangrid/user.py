"""The User object and its endpoints: the members of a project's team."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from .fields import filled_text, known_fields, nullable_text
from .links import Links, Person
from .message import ApiError, Reply, show
from .paging import table_reply
from .role import ROLES
from .router import Right, Route
from .seeding import COMPANIES, EPOCH, FIRST_NAMES, LAST_NAMES
from .table import Table
from .uid import UidSpace, mix
from .visit import Visit

if TYPE_CHECKING:
    from .project import Project

__all__ = ["ROUTES", "User", "seeded_person", "users_table"]

_DENIED = (403, "Access to project ({project_uid}) is prohibited.")
_NAMES = ("first_name", "last_name", "language")


@frozen
class User:
    """A member of the team. ``removed`` ones stay readable."""

    uid: str
    email: str
    role_uid: str
    first_name: str | None = None
    last_name: str | None = None
    language: str | None = None
    removed: bool = False
    updated_at: float = EPOCH
    facet: None = None

    @property
    def person(self) -> Person:
        return Person(self.uid, self.email)


def seeded_person(space: UidSpace, index: int) -> Person:
    """Who user ``index`` of a seed is; the same on all its projects."""
    tail = "" if index < 10 else str(index)
    email = f"{FIRST_NAMES[index % 10]}.{LAST_NAMES[index // 3 % 10]}{tail}@{COMPANIES[index % 4]}.example"
    return Person(space.uid(index), email)


def users_table(project: Project, space: UidSpace, count: int) -> Table[User]:
    """The seeded team: an admin first, then mixed roles, some of them removed."""

    def make(index: int) -> User:
        person = seeded_person(space, index)
        role = ROLES[0] if index == 0 else ROLES[index % len(ROLES)]
        return User(
            uid=person.uid or "",
            email=person.email,
            role_uid=role.uid,
            first_name=FIRST_NAMES[index % 10].title(),
            last_name=LAST_NAMES[index // 3 % 10].title(),
            language="en",
            removed=removed(index),
            updated_at=EPOCH + index,
        )

    def removed(index: int) -> bool:
        return index > 0 and mix(index ^ project.key) % 1000 < project.plan.deleted * 1000

    return Table(space, count, make, lambda index: (EPOCH + index, None))


def render(links: Links, user: User) -> dict[str, Any]:
    return {
        "uid": user.uid,
        "email": user.email,
        "role": links.record("roles", user.role_uid),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "language": user.language,
        "removed": user.removed,
    }


def _invite(visit: Visit) -> Reply:
    known_fields(visit, ("email", "role_uid", *_NAMES))
    email = filled_text(visit.body, "email", "Email")
    if "@" not in email:
        raise ApiError(400, f"Email ({email}) must be a valid email address.")
    role_uid = _role(visit) if visit.body.get("role_uid") is not None else ROLES[-1].uid
    names: dict[str, Any] = {
        name: nullable_text(visit.body, name, name.replace("_", " ").capitalize()) for name in _NAMES
    }
    project = visit.project
    present = project.member_by_email(email)
    if present is None:
        uid = visit.world.account_for(email).uid
        user = evolve(User(uid, email, role_uid, updated_at=visit.now), **names)
        project.users.add(user)
    else:  # unverified: an invitation to a member sets the role, and brings a removed one back
        user = project.users.put(evolve(present, role_uid=role_uid, removed=False, updated_at=visit.now))
    visit.world.note_created("user", project.uid, user.uid)
    return Reply(201, render(visit.links, user))


def _list(visit: Visit) -> Reply:
    links = visit.links
    return table_reply(visit, visit.project.users, lambda user: render(links, user), by_time=False)


def _get(visit: Visit) -> Reply:
    return Reply(200, render(visit.links, _find(visit)))


def _update(visit: Visit) -> Reply:
    user = _find(visit)
    known_fields(visit, ("role_uid", *_NAMES))
    changes: dict[str, Any] = {
        name: nullable_text(visit.body, name, name.replace("_", " ").capitalize())
        for name in _NAMES
        if name in visit.body
    }
    if "role_uid" in visit.body:
        changes["role_uid"] = _role(visit)
    user = visit.project.users.put(evolve(user, updated_at=visit.now, **changes))
    return Reply(200, render(visit.links, user))


def _remove(visit: Visit) -> Reply:
    user = _find(visit, "was not found in")
    if not user.removed:
        visit.project.users.put(evolve(user, removed=True, updated_at=visit.now))
    return Reply(204)


def _find(visit: Visit, where: str = "does not exist on") -> User:
    uid = visit.params["user_uid"]
    user = visit.project.users.get(uid)
    if user is None:
        raise visit.missing("User", uid, where)
    return user


def _role(visit: Visit) -> str:
    uid = visit.body["role_uid"]
    if not any(role.uid == uid for role in ROLES):
        raise ApiError(400, f"Role ({show(uid)}) must be a role on project ({visit.project.uid}).")
    return str(uid)


def _right(verb: str) -> Right:
    return Right(f"{verb} users", f"Insufficient permissions to {verb} users on project ({{project_uid}}).")


_PATH = "/projects/{project_uid}/users"

ROUTES = (
    Route("POST", f"{_PATH}/invites", _invite, "Invite User to Project Team", _DENIED, _right("invite"), "object"),
    Route("GET", _PATH, _list, "Retrieve Users on a Project Team", _DENIED),
    Route("GET", f"{_PATH}/{{user_uid}}", _get, "Retrieve User on a Project Team", _DENIED),
    Route(
        "PATCH", f"{_PATH}/{{user_uid}}", _update, "Update User on a Project Team", _DENIED, _right("update"), "object"
    ),
    Route("DELETE", f"{_PATH}/{{user_uid}}", _remove, "Remove User from Project Team", _DENIED, _right("remove")),
)
