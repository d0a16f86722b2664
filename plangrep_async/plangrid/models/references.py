"""References to other records (page "Foreign Keys").

``client.follow(reference)`` reads what a reference points to. The type in brackets is what the documentation promises
there, for type checkers only: ``RecordReference[Sheet]`` leads to a :class:`~plangrep_async.plangrid.Sheet`.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import frozen

from .record import Record

__all__ = ["CollectionReference", "RecordReference", "UserReference"]

T_co = TypeVar("T_co", covariant=True)


@frozen
class RecordReference(Record, Generic[T_co]):
    """One record.

    Attributes:
        uid: of the record.
        url: where to read it.
    """

    uid: str
    url: str | None = None


@frozen
class CollectionReference(Record, Generic[T_co]):
    """Some records.

    Attributes:
        total_count: how many.
        url: where to read them; ``None`` when there are none.
    """

    total_count: int = 0
    url: str | None = None


@frozen
class UserReference(Record):
    """A user, known by email; there may be no PlanGrid account behind it.

    The three are not checked against each other: documented examples disagree.

    Attributes:
        uid: ``None`` when the email belongs to no account.
        url: where to read the user; ``None`` when ``uid`` is.
        email: as somebody entered it; may be no valid address.
    """

    uid: str | None = None
    url: str | None = None
    email: str | None = None
