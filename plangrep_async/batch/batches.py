"""The batches under way, and what becomes of their entries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ..errors import APIStatusError, ClientClosedError
from ..session import RetryEvent, Session, redact_url
from ..session.hooks import tell
from .entry import Entry, Place
from .fare import Fare
from .flight import Flight, flight_of
from .policy import Again, Deliver, never_arrived, refusal
from .queue import EntryQueue
from .resting import Resting
from .settlement import Settled, settle_answers, settle_failure
from .statistics import Tally
from .tokens import TokenDesk

__all__ = ["Batches"]


class Batches:
    """Sends entries together; ends each of them, or puts it back into the queue after a rest.

    Args:
        queued: called when entries came back to the queue.
        landed: called when a batch has ended, however it did.
    """

    def __init__(
        self,
        session: Session,
        queue: EntryQueue,
        desk: TokenDesk,
        tally: Tally,
        random: Callable[[], float],
        *,
        queued: Callable[[], None],
        landed: Callable[[], None],
    ) -> None:
        self._session = session
        self._clock = session.clock
        self._queue = queue
        self._desk = desk
        self._tally = tally
        self._random = random
        self._queued = queued
        self._landed = landed
        self._resting = Resting(self._clock, self._put_back)
        self._flights: set[Flight] = set()

    @property
    def resting(self) -> int:
        """Entries that wait to be sent again."""
        return len(self._resting)

    def launch(self, group: Sequence[Entry], fare: Fare) -> None:
        """Send entries that have left the queue; the fare is paid."""
        now = self._clock.monotonic()
        limited = self._desk.limited(now)
        flight = flight_of(group, self._queue.format, fare, self._session, now)
        for entry in group:
            entry.move(Place.FLIGHT, now, limited)
            entry.flight = flight
            entry.attempts += 1
        self._tally.sizes[len(group)] += 1
        self._flights.add(flight)
        flight.task = asyncio.get_running_loop().create_task(self._fly(flight), name="plangrep_async batch")
        flight.task.add_done_callback(lambda _: self._land(flight))

    def remove(self, entry: Entry, place: Place) -> None:
        """Nobody waits any more for an entry that was in ``place``; the last one of a batch ends it."""
        if place is Place.REST:
            self._resting.discard(entry)
        elif place is Place.FLIGHT and entry.flight is not None:
            entry.flight.aboard -= 1
            if not entry.flight.aboard and entry.flight.task is not None:
                entry.flight.task.cancel()

    async def shut(self) -> None:
        """End everything at once; leaves no task."""
        for entry in self._resting.clear():
            entry.end(ClientClosedError("the client was closed while the call waited to be sent again"))
        tasks: list[asyncio.Task[None]] = []
        for flight in self._flights:
            _strand(flight, "the client was closed while the call was under way")
            if flight.task is not None:
                flight.task.cancel()
                tasks.append(flight.task)
        if tasks:
            await asyncio.wait(tasks)

    async def _fly(self, flight: Flight) -> None:
        if all(entry.future.done() for entry in flight.entries):
            return
        flight.left = True
        # One draw for all: what is sent again should leave together again.
        luck = self._random()
        try:
            answers = await self._session.send(flight.call, flight.options, prepaid=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._learn(flight, error)
            self._settle(settle_failure(self._session, flight, error, lambda: luck))
        else:
            self._settle(settle_answers(self._session, flight, answers, lambda: luck))

    def _land(self, flight: Flight) -> None:
        """However it ended, nobody is left aboard."""
        self._flights.discard(flight)
        if not flight.left:
            self._desk.refund(flight.fare)
        _strand(flight, "the batch was aborted from outside")
        self._landed()

    def _learn(self, flight: Flight, error: Exception) -> None:
        status = error.status if isinstance(error, APIStatusError) else None
        if status is not None and refusal(status, len(flight.entries)) is not None:
            self._tally.refused += 1
            if status == 413:
                self._queue.max_bytes = max(1, min(self._queue.max_bytes, flight.size - 1))
        elif flight.fare.cost > 1 and never_arrived(error):
            # The session gave back what one call costs.
            age = self._clock.monotonic() - flight.departed
            self._desk.refund(Fare(flight.fare.kinds, flight.fare.cost - 1), age=age)

    def _settle(self, settled: Sequence[Settled]) -> None:
        again: dict[float, list[Entry]] = {}
        now = self._clock.monotonic()
        for entry, fate, status in settled:
            if isinstance(fate, Deliver):
                entry.reason = fate.reason
                entry.end(fate.answer)
            elif isinstance(fate, Again) and entry.due is not None and now + fate.wait > entry.due:
                entry.move(Place.OUT, now, self._desk.limited(now))
                reason = f"it would be sent again in {fate.wait:.1f} s"
                entry.finish(entry.overdue(self._session.url_of(entry.call), now, reason=reason))
            elif isinstance(fate, Again):
                self._tell_retry(entry, fate.wait, status)
                entry.attempts -= not fate.counted
                entry.largest = min(entry.largest, fate.largest or entry.largest)
                again.setdefault(fate.wait, []).append(entry)
            else:
                entry.end(fate.error)
        for wait, entries in again.items():
            self._tally.retried += len(entries)
            for entry in entries:
                entry.flight = None
                entry.move(Place.REST, now, self._desk.limited(now))
            if wait > 0:
                self._resting.add(entries, wait)
            else:
                self._put_back(entries)

    def _tell_retry(self, entry: Entry, wait: float, status: int | None) -> None:
        call, attempts = entry.call, entry.attempts
        tell(
            self._session.hooks.on_retry,
            lambda: RetryEvent(call.method, redact_url(self._session.url_of(call)), attempts, wait, status),
        )

    def _put_back(self, entries: Sequence[Entry]) -> None:
        now = self._clock.monotonic()
        for entry in entries:
            entry.move(Place.QUEUE, now, self._desk.limited(now))
        self._queue.put_back(entries)
        self._queued()


def _strand(flight: Flight, what: str) -> None:
    for entry in flight.entries:
        if entry.place is Place.FLIGHT and entry.flight is flight:
            entry.end(ClientClosedError(f"{what}; whether the service carried it out is unknown"))
