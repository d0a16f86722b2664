"""Roles (page "The Role Object")."""

from __future__ import annotations

from attrs import frozen

from .record import Record

__all__ = ["Role"]


@frozen
class Role(Record):
    """What a member of a project may do.

    Attributes:
        uid: unique in the project alone: the same uids occur in all projects.
        label: as shown.
    """

    uid: str
    label: str | None = None
