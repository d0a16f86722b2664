"""Members of a project's team and the account behind the credentials."""

from __future__ import annotations

from attrs import frozen

from .record import Record
from .references import RecordReference
from .role import Role

__all__ = ["Profile", "User"]


@frozen
class User(Record):
    """A member of a project's team (the page was lost; fields of the .NET client).

    Attributes:
        uid: identifies the account.
        email: of the account.
        role: what the member may do in this project.
        removed: whether the member left the team.
        first_name, last_name, language: later versions.
    """

    uid: str
    email: str | None = None
    role: RecordReference[Role] | None = None
    removed: bool | None = None
    first_name: str | None = None
    last_name: str | None = None
    language: str | None = None


@frozen
class Profile(Record):
    """The account behind the credentials (later versions: "The User Profile Object").

    Attributes:
        uid: identifies the account.
        email, first_name, last_name: of its owner.
    """

    uid: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
