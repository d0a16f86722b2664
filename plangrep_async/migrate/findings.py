"""What verifications have found of documents that had arrived; each function is part of one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, case, null, or_, update

from .document import FINDINGS, Problem, State
from .groups import ANEW
from .names import journal_text
from .schema import documents

__all__ = ["forget_verified", "note_good", "note_wrong", "reopen_missing"]

_THIS = update(documents).where(documents.c.id == bindparam("document"))
_WAS_WRONG = or_(*(documents.c.problem == finding.value for finding in FINDINGS))  # IN is not for many rows at once
_GOOD = _THIS.values(
    state=State.VERIFIED.value, error=None, problem=case((_WAS_WRONG, null()), else_=documents.c.problem)
)
_WRONG = _THIS.values(state=State.COMPLETED.value, problem=bindparam("finding"), error=bindparam("what"))


def forget_verified(connection: Connection, group_id: int | None) -> None:
    """Nothing (of a group) is verified until it is met again. What was found wrong stays until then, too."""
    verified = update(documents).where(documents.c.state == State.VERIFIED.value)
    if group_id is not None:
        verified = verified.where(documents.c.group_id == group_id)
    connection.execute(verified.values(state=State.COMPLETED.value))


def note_good(connection: Connection, ids: Collection[int]) -> None:
    """They are there, and the same; what an earlier verification found wrong is mended."""
    if ids:
        connection.execute(_GOOD, [{"document": document} for document in ids])


def note_wrong(connection: Connection, finding: Problem, texts: Mapping[int, str]) -> None:
    """They are missing, or different; with words by document id."""
    if texts:
        rows = [{"document": one, "finding": finding.value, "what": journal_text(what)} for one, what in texts.items()]
        connection.execute(_WRONG, rows)


def reopen_missing(connection: Connection) -> int:
    """Begin anew what a verification found missing; how many."""
    missing = documents.c.state == State.COMPLETED.value, documents.c.problem == Problem.MISSING.value
    anew = {**ANEW, "attempts": 0, "problem": None, "error": None, "target_id": None}
    return connection.execute(update(documents).where(*missing).values(**anew)).rowcount
