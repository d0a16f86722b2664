"""One batch under way: several entries as one call of the session."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from attrs import define, field

from ..config import Timeouts
from ..session import Answer, Call, CallOptions, Session
from .entry import Entry
from .fare import Fare
from .wire import BatchFormat

__all__ = ["Flight", "flight_of", "largest_timeouts"]


@define(eq=False)
class Flight:
    """A batch under way.

    Attributes:
        call: the batch as a call; it decodes to one answer for each entry.
        options: one attempt, since what follows a failure differs from entry to entry.
        fare: what was paid, when it ``departed``.
        size: of its body, in bytes.
        aboard: entries that somebody waits for; at 0 the request is cancelled.
        left: whether the request was handed to the session.
    """

    entries: tuple[Entry, ...] = field(repr=False)
    call: Call[list[Answer | None]]
    options: CallOptions
    fare: Fare
    size: int
    departed: float
    aboard: int
    left: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)


def flight_of(entries: Sequence[Entry], fmt: BatchFormat, fare: Fare, session: Session, now: float) -> Flight:
    """Make a batch of entries that are packed."""
    body = fmt.join([entry.packed or b"" for entry in entries])
    count = len(entries)
    call: Call[list[Answer | None]] = Call(
        method="POST",
        path=fmt.path,
        decode=lambda answer: fmt.unpack(answer, count),
        body=lambda: body,
        content_type="application/json",
        repeatable=all(entry.call.may_repeat for entry in entries),
        kinds=fare.kinds,
        coalescable=False,
    )
    due = [entry.due for entry in entries]
    # Each entry's own deadline ends its waiting; the batch's must only not come before the last of them.
    last = None if None in due else max(each for each in due if each is not None) - now + 1.0
    timeouts = largest_timeouts({session.timeouts_of(entry.options) for entry in entries})
    options = CallOptions(timeout=timeouts, deadline=last, max_attempts=1, coalesce=False)
    return Flight(tuple(entries), call, options, fare, len(body), now, count)


def largest_timeouts(timeouts: Collection[Timeouts]) -> Timeouts:
    """The most patient of each kind: a batch must not end sooner than one of its calls would."""
    return Timeouts(
        connect=max(each.connect for each in timeouts),
        read=max(each.read for each in timeouts),
        write=max(each.write for each in timeouts),
    )
