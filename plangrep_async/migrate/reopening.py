"""Documents that had ended and begin anew; each function is part of one transaction."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from .document import State
from .groups import ANEW, release_failed
from .rows import may_have_arrived
from .schema import documents

__all__ = ["reopen_failed", "reopen_twins"]

_TWINS = (
    update(documents)
    .where(documents.c.duplicate_of == bindparam("twin"))
    .values(state=State.DISCOVERED.value, problem=None, error=None, duplicate_of=None)
)
_ASK = (
    update(documents)
    .where(documents.c.id == bindparam("document"))
    .values(state=State.SENT.value, attempts=0, problem=None, group_id=None)
)


def reopen_twins(connection: Connection, document_id: int) -> int:
    """Those that were left out for the sake of a document's bytes; how many."""
    return connection.execute(_TWINS, {"twin": document_id}).rowcount


def reopen_failed(connection: Connection) -> int:
    """Those that have failed, those of failed groups among them; how many. What may have arrived is asked for first."""
    failed = documents.c.state == State.FAILED.value
    told = connection.execute(select(documents.c.id, documents.c.memo, documents.c.resume).where(failed))
    in_doubt = [{"document": row.id} for row in told if may_have_arrived(row.memo, row.resume)]
    if in_doubt:
        connection.execute(_ASK, in_doubt)
    anew = update(documents).where(failed).values(**ANEW, attempts=0, problem=None)
    return len(in_doubt) + connection.execute(anew).rowcount + release_failed(connection)
