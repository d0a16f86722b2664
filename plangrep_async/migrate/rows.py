"""Between rows of the tables and records. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from attrs import asdict, frozen
from sqlalchemy import Row, bindparam, select

from .document import FINDINGS, Document, Found, Problem, State
from .names import journal_key, journal_text
from .schema import documents

__all__ = [
    "SEEN",
    "TWIN",
    "Group",
    "Sample",
    "Tally",
    "document_of",
    "group_of",
    "may_have_arrived",
    "rediscovered",
    "row_of",
]


@frozen
class Tally:
    """Documents by state, with their bytes.

    Attributes:
        documents: by state.
        bytes: by state.
        problems: by problem.
    """

    documents: Mapping[State, int]
    bytes: Mapping[State, int]
    problems: Mapping[Problem, int]

    @property
    def total(self) -> int:
        """All documents that are known."""
        return sum(self.documents.values())

    def count(self, *states: State) -> int:
        """Documents in these states."""
        return sum(self.documents.get(state, 0) for state in states)

    def size(self, *states: State) -> int:
        """Bytes of the documents in these states."""
        return sum(self.bytes.get(state, 0) for state in states)


@frozen
class Group:
    """A job or a version that several documents go into.

    Attributes:
        state: the target's own word; ``open`` at first.
        target_id: the job's id, once it exists.
        idempotency_key: makes its creation and completion repeatable.
        memo: what the target must remember; JSON values.
    """

    id: int
    state: str
    target_id: str | None = None
    idempotency_key: str | None = None
    memo: Mapping[str, Any] | None = None
    error: str | None = None


@frozen
class Sample:
    """How far the migration was at a moment; totals since its start. ``time`` is in seconds since 1970."""

    time: float
    documents: int
    bytes: int
    failures: int
    throttled: int


TWIN = (
    select(documents.c.id)
    .where(
        documents.c.sha256 == bindparam("digest"),
        documents.c.size == bindparam("bytes"),
        documents.c.id != bindparam("document"),
        documents.c.state.not_in([State.SKIPPED.value, State.FAILED.value, State.DISCOVERED.value]),
    )
    .order_by(documents.c.id)
    .limit(1)
)
"""The id of the first other document with these bytes that goes with them, or has gone. One that begins anew does not
yet: of several that wait for each other, the first that is asked for would never be the last."""

SEEN = ("size", "mtime_ns", "inode", "name", "kind", "path", "folder", "title", "classification")
"""What a second sight of a document may change."""

_LOST = {
    Problem.UNREADABLE: "it could not be read when it was looked for",
    Problem.VANISHED: "it was not there when it was looked for",
}
"""What nobody has left out on purpose."""

_BEGIN_ANEW: dict[str, Any] = {
    "sha256": None,
    "problem": None,
    "error": None,
    "duplicate_of": None,
    "group_id": None,
    "memo": None,
    "resume": None,
}


def rediscovered(old: Row[*tuple[Any, ...]], row: dict[str, Any], send_changed_again: bool) -> dict[str, Any]:
    """What a second sight of a known document changes."""
    state = State(old.state)
    fresh = {name: value for name, value in row.items() if name != "key"}
    changed = bool(row["mtime_ns"]) and (old.size, old.mtime_ns) != (row["size"], row["mtime_ns"])
    if state is State.DISCOVERED and all(getattr(old, name) == row[name] for name in SEEN):
        return {}
    was_lost = state is State.FAILED and old.problem in _LOST
    if state is State.DISCOVERED or (row["problem"] is None and (was_lost or (state is State.SKIPPED and changed))):
        return {**_BEGIN_ANEW, **fresh, "attempts": 0}
    if state in (State.COMPLETED, State.VERIFIED) and changed:
        if send_changed_again:
            return {**_BEGIN_ANEW, **fresh}
        # What is wrong at the target weighs more, and the next sight of the file tells again.
        return {} if old.problem in FINDINGS else {"problem": Problem.CHANGED.value}
    return {}


_TEXTS = ("path", "name", "folder", "title", "classification")


def row_of(found: Found) -> dict[str, Any]:
    row = asdict(found, recurse=False)
    state = State.DISCOVERED
    if found.problem is not None:
        state = State.FAILED if found.problem in _LOST else State.SKIPPED
    row["state"] = state.value
    row["error"] = _LOST.get(found.problem) if found.problem else None
    row["problem"] = None if found.problem is None else found.problem.value
    row["source"], row["attributes"] = dict(found.source), dict(found.attributes)
    row["key"] = journal_key(found.key)
    for name in _TEXTS:
        row[name] = None if row[name] is None else journal_text(row[name])
    return row


def may_have_arrived(memo: Mapping[str, Any] | None, resume: Mapping[str, Any] | None) -> bool:
    """Whether a failed document's record may be there all the same: its bytes are stored, and its slot names the
    record."""
    return "uid" in (memo or {}) and bool((resume or {}).get("stored"))


def document_of(row: Row[*tuple[Any, ...]]) -> Document:
    values = dict(cast("Mapping[str, Any]", row._mapping))
    values["state"] = State(values["state"])
    values["problem"] = None if values["problem"] is None else Problem(values["problem"])
    return Document(**values)


def group_of(row: Row[*tuple[Any, ...]]) -> Group:
    return Group(**cast("Mapping[str, Any]", row._mapping))
