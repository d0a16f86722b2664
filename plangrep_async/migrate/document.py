"""One document of a set, as the journal keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from attrs import field, frozen

__all__ = ["ARRIVED", "FINDINGS", "OPEN", "UNSENT", "Document", "Found", "Problem", "State"]


class State(StrEnum):
    """How far a document has come. Each step is journalled before anything depends on it.

    ``discovered -> digested -> slot_asked -> sent -> completed -> verified``; beside them the ends ``failed`` (may be
    retried) and ``skipped`` (on purpose).
    """

    DISCOVERED = "discovered"
    DIGESTED = "digested"
    SLOT_ASKED = "slot_asked"
    SENT = "sent"
    COMPLETED = "completed"
    VERIFIED = "verified"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def is_open(self) -> bool:
        """Whether a run still has work with it."""
        return self in (State.DISCOVERED, State.DIGESTED, State.SLOT_ASKED, State.SENT)

    @property
    def is_in_doubt(self) -> bool:
        """Whether a crash here leaves open what the service has: it must be asked."""
        return self in (State.SLOT_ASKED, State.SENT)


class Problem(StrEnum):
    """What was found wrong with a file, or with what became of it, for the report."""

    CHANGED = "changed"
    VANISHED = "vanished"
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    MISSING = "missing"
    DIFFERENT = "different"


@frozen(kw_only=True)
class Found:
    """A document as a scan finds it.

    Attributes:
        key: names it within the source for ever: the path relative to the root, a manifest's path, a record's uid.
        path: of the file on this machine; ``None`` while it is somewhere else.
        name: for the target.
        size, mtime_ns, inode: the fingerprint; 0 where the source has none.
        problem: already known to be one.
        source: what the source needs to fetch it; JSON values.
        attributes: kept in the manifest of an export (dates, authors, numbers); JSON values.
    """

    key: str
    name: str
    path: str | None = None
    kind: str = "file"
    folder: str | None = None
    title: str | None = None
    classification: str | None = None
    size: int = 0
    mtime_ns: int = 0
    inode: int = 0
    problem: Problem | None = None
    source: Mapping[str, Any] = field(factory=dict, repr=False)
    attributes: Mapping[str, Any] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class Document(Found):
    """A row of the journal.

    Attributes:
        id: of the row; rises in the order of discovery.
        state: how far it has come.
        sha256: of its bytes, once known.
        group_id: the job or version that it goes into, where the target has such.
        target_id: the record that it became.
        memo: what the target needs to settle a doubt or to complete it (upload tokens, URLs); secrets may be in it.
        resume: the upload engine's state of an unfinished transfer.
        attempts: that have failed and count against it; 0 for what arrived at the first go.
        error: the last failure, in words.
        duplicate_of: the id of the document with the same bytes that is uploaded instead.
    """

    id: int
    state: State
    sha256: str | None = None
    group_id: int | None = None
    target_id: str | None = None
    memo: Mapping[str, Any] | None = field(default=None, repr=False)
    resume: Mapping[str, Any] | None = field(default=None, repr=False)
    attempts: int = 0
    error: str | None = None
    duplicate_of: int | None = None


ARRIVED = (State.COMPLETED, State.VERIFIED)
"""The states in which the target has it."""

FINDINGS = (Problem.MISSING, Problem.DIFFERENT)
"""What a verification finds wrong with documents that have arrived."""

OPEN = tuple(state for state in State if state.is_open)
"""The states that a run still has work with."""

UNSENT = tuple(state for state in OPEN if state is not State.SENT)
"""Those whose bytes are not confirmed."""
