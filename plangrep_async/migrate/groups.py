"""What becomes of documents when the group that they went into ends; each function is part of one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from .document import ARRIVED, OPEN, State
from .schema import documents, groups

__all__ = ["ANEW", "BUSY", "close_group", "release_failed", "release_strays"]

BUSY = ("open", "completing")
"""The states of a group that documents are still sent to."""

ANEW: dict[str, Any] = {"state": State.DISCOVERED.value, "group_id": None, "resume": None, "memo": None}
"""What a document that begins anew, in no group, does not have."""

_RELEASE = update(documents).where(documents.c.state.in_([state.value for state in OPEN])).values(**ANEW)
_ARRIVE = (
    update(documents)
    .where(documents.c.id == bindparam("document"))
    .values(state=State.COMPLETED.value, target_id=bindparam("record"), error=None, resume=None, memo=None)
)


def close_group(connection: Connection, group_id: int, arrived: Mapping[int, str], values: Mapping[str, Any]) -> None:
    """Change the group; what arrived is completed, and what else is open in it begins anew in another."""
    connection.execute(update(groups).where(groups.c.id == group_id).values(**values))
    if arrived:
        connection.execute(_ARRIVE, [{"document": document, "record": record} for document, record in arrived.items()])
    connection.execute(_RELEASE.where(documents.c.group_id == group_id))


def release_strays(connection: Connection) -> int:
    """Begin the open documents of groups that take none any more anew; how many."""
    busy = select(groups.c.id).where(groups.c.state.in_(BUSY))
    # Nothing at all is "not in" an empty list, not even what is in no group and may have arrived.
    strays = documents.c.group_id.is_not(None), documents.c.group_id.not_in(busy)
    return connection.execute(_RELEASE.where(*strays)).rowcount


def release_failed(connection: Connection) -> int:
    """Begin what arrived in groups that have failed as a whole anew; how many."""
    failed = groups.c.state == "failed"
    lost = documents.c.group_id.in_(select(groups.c.id).where(failed))
    arrived = documents.c.state.in_([state.value for state in ARRIVED])
    anew = {**ANEW, "attempts": 0, "problem": None, "target_id": None}
    released = connection.execute(update(documents).where(lost, arrived).values(**anew)).rowcount
    connection.execute(update(groups).where(failed).values(state="abandoned"))
    return released
