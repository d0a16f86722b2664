"""What a batch's end means for each of its entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..errors import APIStatusError
from ..session import Answer, Session
from .entry import Entry, Place
from .flight import Flight
from .policy import Fate, after_answer, after_failure

__all__ = ["Settled", "settle_answers", "settle_failure"]

Settled: TypeAlias = tuple[Entry, Fate, int | None]
"""An entry, its fate, and the status that it met."""


def settle_answers(
    session: Session, flight: Flight, answers: Sequence[Answer | None], luck: Callable[[], float]
) -> list[Settled]:
    """After an answer with a part for each entry. The limiter hears of each kind of 429 once."""
    now = session.clock.monotonic()
    for throttled in {answer.content: answer for answer in answers if answer and answer.status == 429}.values():
        session.note_throttled(throttled, age=now - flight.departed)
    settled: list[Settled] = []
    for entry, answer in zip(flight.entries, answers, strict=True):
        if entry.place is Place.FLIGHT:
            status = None if answer is None else answer.status
            entry.throttled += status == 429
            settled.append((entry, after_answer(session, entry, answer, now, luck), status))
    return settled


def settle_failure(session: Session, flight: Flight, error: Exception, luck: Callable[[], float]) -> list[Settled]:
    """After a failure of the batch as a whole."""
    status = error.status if isinstance(error, APIStatusError) else None
    now, size = session.clock.monotonic(), len(flight.entries)
    settled: list[Settled] = []
    for entry in flight.entries:
        if entry.place is Place.FLIGHT:
            entry.throttled += status == 429
            settled.append((entry, after_failure(session, entry, error, size, now, luck), status))
    return settled
