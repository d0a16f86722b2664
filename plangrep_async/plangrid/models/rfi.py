"""Requests for information (pages "The RFI Object", "The RFI Status Object", "The RFI History Object")."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
from attrs import frozen

from .attachment import Attachment
from .comment import Comment
from .photo import Photo
from .record import Record
from .references import CollectionReference, UserReference
from .snapshot import Snapshot

__all__ = ["Rfi", "RfiChange", "RfiStatus"]


@frozen
class RfiStatus(Record):
    """A status that RFIs of a project can have.

    Attributes:
        uid: eight characters, unique in the project alone.
        label: may be the empty string.
        color: ``#RRGGBB``.
    """

    uid: str
    label: str | None = None
    color: str | None = None


@frozen
class Rfi(Record):
    """A request for information.

    Attributes:
        uid: identifies it.
        number: given by PlanGrid; may not be unique.
        status: the status itself, not a reference.
        locked: whether it must be unlocked before it can change.
        title: 200 characters at most.
        question, answer: 10,000 characters at most.
        assigned_to: users of the project.
        sent_at, due_at: set by hand.
        created_at, created_by: by the clock of the application that created it.
        updated_at, updated_by: references and comments count.
        photos, snapshots, attachments, comments: its collections.
    """

    uid: str
    number: int | None = None
    status: RfiStatus | None = None
    locked: bool | None = None
    title: str | None = None
    question: str | None = None
    answer: str | None = None
    assigned_to: tuple[UserReference, ...] = ()
    sent_at: datetime | None = None
    due_at: datetime | None = None
    created_at: datetime | None = None
    created_by: UserReference | None = None
    updated_at: datetime | None = None
    updated_by: UserReference | None = None
    photos: CollectionReference[Photo] | None = None
    snapshots: CollectionReference[Snapshot] | None = None
    attachments: CollectionReference[Attachment] | None = None
    comments: CollectionReference[Comment] | None = None


@frozen
class RfiChange(Record):
    """An entry of an RFI's history.

    Attributes:
        uid: identifies it.
        field: what changed; ``photos``, ``attachments`` and ``snapshots`` for references.
        old_value, new_value: JSON as it came: text, a status, an array of users or of references (the documentation
            shows whole photos there), or ``None``.
        updated_at, updated_by: when and by whom.
    """

    uid: str
    field: str | None = None
    old_value: Any = attrs.field(default=None, hash=False)
    new_value: Any = attrs.field(default=None, hash=False)
    updated_at: datetime | None = None
    updated_by: UserReference | None = None
