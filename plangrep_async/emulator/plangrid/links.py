"""URLs and references in answers (documentation page "Foreign Keys")."""

from __future__ import annotations

from typing import Any

from attrs import frozen

__all__ = ["Links", "Person"]


@frozen
class Person:
    """Who did something. Without a ``uid``, the address belongs to no account."""

    uid: str | None
    email: str


class Links:
    """Makes references that lead back to this service."""

    __slots__ = ("base", "project")

    def __init__(self, base: str, project_uid: str) -> None:
        self.base = base
        self.project = f"{base}/projects/{project_uid}"

    def user(self, person: Person) -> dict[str, Any]:
        """A reference to a user; ``uid`` and ``url`` are null together."""
        url = None if person.uid is None else f"{self.project}/users/{person.uid}"
        return {"uid": person.uid, "url": url, "email": person.email}

    def record(self, kind: str, uid: str) -> dict[str, Any]:
        """A reference to a record of the project; ``kind`` is the collection's segment in the path."""
        return {"uid": uid, "url": f"{self.project}/{kind}/{uid}"}

    def collection(self, count: int, path: str) -> dict[str, Any]:
        """A reference to a collection; the URL is null when it is empty."""
        return {"total_count": count, "url": f"{self.project}/{path}" if count else None}
