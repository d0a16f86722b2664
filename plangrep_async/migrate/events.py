"""What a run tells while it goes on."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from .document import Problem, State

__all__ = ["DocumentEnded", "Event", "GroupEnded", "Omitted", "Progress", "Resumed", "Scanned", "Waiting"]


@frozen
class Scanned:
    """How far the scan is.

    Attributes:
        documents: found so far.
        new: of these, unknown to the journal before.
        final: the scan has ended.
    """

    documents: int
    new: int
    final: bool = False


@frozen
class DocumentEnded:
    """One document has reached an end, or will be tried again (``state`` is then an open one).

    Attributes:
        key: its name within the source.
        target_id: the record that it became.
        problem: what was found wrong.
        error: in words.
    """

    key: str
    state: State
    target_id: str | None = None
    problem: Problem | None = None
    error: str | None = None


@frozen
class GroupEnded:
    """A job of Plangrep, or a version of PlanGrid, has changed its state."""

    target_id: str | None
    state: str
    documents: int
    error: str | None = None


@frozen
class Waiting:
    """The run waits; nothing fails for it.

    Attributes:
        reason: a sentence.
        seconds: until it tries again.
    """

    reason: str
    seconds: float


@frozen
class Resumed:
    """What the run waited for is there again. ``seconds``: how long it waited."""

    seconds: float


@frozen
class Omitted:
    """An export is without the records of a kind, which the account may not read.

    Attributes:
        kind: ``"role"`` for example.
        error: in words.
    """

    kind: str
    error: str


@frozen
class Progress:
    """The whole migration at a moment.

    Attributes:
        documents: known.
        arrived: completed or verified.
        failed, skipped: ended otherwise.
        bytes_total: of all documents whose size is known and that are not skipped.
        bytes_confirmed: acknowledged by the target, parts of unfinished files and files of unfinished jobs among them.
            Falls only where something must be sent again.
        rate: bytes a second over the last minute.
        limiter_waiters: calls that wait for a rate limit now.
        limiter_waited: seconds that calls of this run waited for it, in all.
        groups: jobs or versions that are complete.
        seconds_left: until all is sent, by the slower of the rates of files and bytes over the last minute; ``None``
            while that cannot be said honestly.
        final: the last of its run.
    """

    documents: int
    arrived: int
    failed: int
    skipped: int
    bytes_total: int
    bytes_confirmed: int
    rate: float
    limiter_waiters: int = 0
    limiter_waited: float = 0.0
    groups: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None
    final: bool = False


Event: TypeAlias = Scanned | DocumentEnded | GroupEnded | Waiting | Resumed | Omitted | Progress
