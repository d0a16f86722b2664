"""Who leaves when: the queue, the slots and the tokens of a coalescer, and its batches under way.

Theory of operation. An entry that comes in joins the queue, and a dispatch is due at the end of the event loop's
present turn, so that all calls made in that turn are in the queue by then. A dispatch pays the fare of what would leave
(a lone call its own tokens, a batch those of a batch) and lets it go, as long as there are tokens and free slots. When
there are none, whatever comes meanwhile joins the queue, and what leaves is chosen only when it can leave.

1. An entry's future is resolved exactly once. While it is not, the entry is in the queue, at rest, or in one flight.
2. A slot is held for each flight and each lone call, tokens are paid for them before; both are settled however it ends.
3. While entries are in the queue there is a dispatch due, a wait for tokens, or no free slot.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any

from .._clock import TimerHandle
from ..errors import APIStatusError, ClientClosedError
from ..session import Answer, Call, CallOptions, RetryEvent, Session, redact_url
from ..session.hooks import tell
from .deadlines import Deadlines
from .entry import Entry, Place
from .fare import Fare
from .flight import Flight, flight_of
from .policy import Again, Deliver, copy_of, never_arrived, refusal
from .queue import EntryQueue
from .resting import Resting
from .settlement import Settled, settle_answers, settle_failure
from .statistics import CoalescerStatistics, Tally
from .tokens import TokenDesk
from .wire import BatchFormat

__all__ = ["Dispatcher"]

_GRAIN = 1e-3  # seconds; a timer may come that much early, by the clock that is compared with


class Dispatcher:
    """Takes entries in, and resolves the future of each; the parameters are the coalescer's."""

    def __init__(
        self,
        session: Session,
        fmt: BatchFormat,
        *,
        batch_fare: Fare,
        linger: float,
        patience: float,
        concurrency: int,
        random: Callable[[], float],
        tally: Tally,
    ) -> None:
        self._session = session
        self._clock = session.clock
        self._format = fmt
        self._batch_fare = batch_fare
        self._linger = linger
        self._patience = patience
        self._concurrency = concurrency
        self._random = random
        self._tally = tally
        self._queue = EntryQueue(fmt)
        self._resting = Resting(self._clock, self._requeue)
        self._deadlines = Deadlines(self._clock, self._expire)
        self._flights: set[Flight] = set()
        self._under_way = 0
        self._desk = TokenDesk(
            session.limiter, self._clock, granted=self._board, failed=self._refuse, impatient=self._lose_patience
        )
        self._due: TimerHandle | None = None
        self._lingering = False
        self._leader: Entry | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """Entries in the queue."""
        return len(self._queue)

    def statistics(self) -> CoalescerStatistics:
        """What was counted, and what waits now."""
        return self._tally.snapshot(waiting=len(self._queue), resting=len(self._resting), under_way=self._under_way)

    def enter(self, call: Call[Any], options: CallOptions, target: str) -> Entry:
        """Take a call in.

        If the entry :meth:`leads`, its task is asked to let one turn of the event loop pass and then to call
        :meth:`lead`, which spares a lone call the detour over another callback.
        """
        now = self._clock.monotonic()
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        entry = Entry(call, options, target, future, now, self._format.max_entries, self._desk.limited(now))
        self._queue.append(entry)
        self._deadlines.add(entry)
        if self._due is None and self._leader is None and not self._linger and self._may_dispatch:
            self._leader = entry
        else:
            self._schedule(self._linger)
        if self._leader is None and (self._due is None or self._lingering):
            self._deadlines.arm()
        return entry

    def leads(self, entry: Entry) -> bool:
        """Whether the dispatch of this turn is up to the entry's task."""
        return self._leader is entry

    def lead(self, entry: Entry) -> None:
        """Dispatch, if it is still up to the entry."""
        if self._leader is entry:
            self._dispatch()

    def release(self) -> None:
        """A lone call has ended."""
        self._under_way -= 1
        self._schedule()
        self._tell_idle()

    def refund(self, fare: Fare) -> None:
        """A lone call did not leave after all."""
        self._desk.refund(fare)

    def remove(self, entry: Entry) -> None:
        """Nobody waits for the entry any more; harmless when it has ended."""
        place = entry.place
        if place is Place.OUT:
            return
        self._tally.cancelled += 1
        self._move(entry, Place.OUT)
        self._deadlines.discard(entry)
        if place is Place.QUEUE:
            self._queue.discard(entry)
            if self._leader is entry:
                self._leader = None
                self._schedule()
            self._reconsider()
        elif place is Place.REST:
            self._resting.discard(entry)
        elif place is Place.FLIGHT and entry.flight is not None:
            entry.flight.aboard -= 1
            if not entry.flight.aboard and entry.flight.task is not None:
                entry.flight.task.cancel()
        elif place is Place.ALONE and entry.fare is not None:
            # It was let go, and its task never got to send it.
            self._desk.refund(entry.fare)
            self.release()
        self._tell_idle()

    async def drain(self) -> None:
        """Wait until nothing waits and nothing is under way."""
        while not self._is_idle:
            if self._idle is None:
                self._idle = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)

    async def shut(self) -> None:
        """End everything at once; leaves no task."""
        self._undue()
        self._desk.stop()
        for entry in [*self._queue.clear(), *self._resting.clear()]:
            self._end(entry, ClientClosedError("the client was closed while the call waited to be sent"))
        for flight in list(self._flights):
            self._strand(flight, "the client was closed while the call was under way")
            if flight.task is not None:
                flight.task.cancel()
        self._tell_idle()
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    # When

    @property
    def _may_dispatch(self) -> bool:
        return self._desk.waiting_for is None and self._under_way < self._concurrency

    def _schedule(self, linger: float = 0.0) -> None:
        if not self._queue or self._leader is not None or not self._may_dispatch:
            return
        full = len(self._queue) >= self._format.max_entries
        if self._due is not None:
            if not (self._lingering and full):
                return
            self._due.cancel()
        self._lingering = linger > 0 and not full
        if self._lingering:
            self._due = self._clock.call_later(linger, self._dispatch)
        else:
            self._due = asyncio.get_running_loop().call_soon(self._dispatch)

    def _undue(self) -> None:
        if self._due is not None:
            self._due.cancel()
        self._due, self._lingering, self._leader = None, False, None

    def _reconsider(self) -> None:
        """The queue has become shorter: what is waited for may not be needed any more."""
        if not self._queue:
            self._undue()
            self._desk.stop()
        elif len(self._queue) == 1 and self._desk.waiting_for is not None:
            group = self._queue.group()
            if group and self._desk.waiting_for != self._fare(group):
                self._desk.stop()
                self._schedule()

    def _dispatch(self) -> None:
        """Let go what can go; then wait for tokens, if that is what is missing."""
        self._undue()
        while self._may_dispatch and (group := self._queue.group()):
            fare = self._fare(group)
            if self._desk.take(fare):
                self._depart(group, fare)
                continue
            own = self._fare(group[:1])
            if self._desk.ready_in(fare) - self._desk.ready_in(own) > self._patience:
                if self._desk.take(own):
                    self._depart(group[:1], own)
                    continue
                fare = own
            patient = fare == own or self._patience == math.inf
            self._track(self._desk.wait(fare, None if patient else max(self._patience, _GRAIN)))
        self._deadlines.arm()

    def _lose_patience(self) -> None:
        """The wait for a batch has become longer than it promised to be: others are before us, or windows changed."""
        # One slot stays for the batch, whose wait goes on.
        while self._under_way + 1 < self._concurrency and (group := self._queue.group()):
            own, age = self._fare(group[:1]), self._clock.monotonic() - group[0].since
            if age < self._patience - _GRAIN or not self._desk.take(own):
                break
            self._depart(group[:1], own)
        self._reconsider()

    def _board(self, fare: Fare) -> None:
        """The tokens that were waited for are there: take along whatever has gathered."""
        group = self._queue.group()
        for leaving in (group, group[:1]) if group else ():
            need = self._fare(leaving)
            if self._desk.exchange(fare, need):
                self._depart(leaving, need)
                break
        else:
            self._desk.refund(fare)
        self._dispatch()

    def _refuse(self, error: Exception) -> None:
        """The limiter lets nobody through any more."""
        for entry in self._queue.clear():
            self._end(entry, copy_of(error))
        self._tell_idle()

    # What

    def _fare(self, group: Sequence[Entry]) -> Fare:
        return self._batch_fare if len(group) > 1 else Fare(group[0].call.limit_kinds)

    def _depart(self, group: Sequence[Entry], fare: Fare) -> None:
        self._under_way += 1
        for entry in group:
            self._queue.discard(entry)
        if len(group) == 1:
            (entry,) = group
            self._tally.alone += 1
            self._move(entry, Place.ALONE)
            self._deadlines.discard(entry)
            entry.fare = fare
            entry.finish(None)
            return
        self._tally.sizes[len(group)] += 1
        now = self._clock.monotonic()
        limited = self._desk.limited(now)
        flight = flight_of(group, self._format, fare, self._session, now)
        for entry in group:
            entry.move(Place.FLIGHT, now, limited)
            entry.flight = flight
            entry.attempts += 1
        self._flights.add(flight)
        flight.task = asyncio.get_running_loop().create_task(self._fly(flight), name="plangrep_async batch")
        flight.task.add_done_callback(lambda _: self._landed(flight))
        self._track(flight.task)

    async def _fly(self, flight: Flight) -> None:
        if all(entry.future.done() for entry in flight.entries):
            return
        flight.left = True
        luck = self._random()
        try:
            answers = await self._session.send(flight.call, flight.options, prepaid=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._learn(flight, error)
            self._settle(settle_failure(self._session, flight, error, lambda: luck))
        else:
            self._settle(settle_answers(self._session, flight, answers, lambda: luck))

    def _learn(self, flight: Flight, error: Exception) -> None:
        status = error.status if isinstance(error, APIStatusError) else None
        if status is not None and refusal(status, len(flight.entries)) is not None:
            self._tally.refused += 1
            if status == 413:
                self._queue.max_bytes = max(1, min(self._queue.max_bytes, flight.size - 1))
        elif flight.fare.cost > 1 and never_arrived(error):
            # The session gave back what one call costs.
            self._desk.refund(Fare(flight.fare.kinds, flight.fare.cost - 1))

    def _settle(self, settled: Sequence[Settled]) -> None:
        again: dict[float, list[Entry]] = {}
        for entry, fate, status in settled:
            if isinstance(fate, Deliver):
                entry.reason = fate.reason
                self._end(entry, fate.answer)
            elif isinstance(fate, Again):
                self._tell_retry(entry, fate.wait, status)
                entry.attempts -= not fate.counted
                entry.largest = min(entry.largest, fate.largest or entry.largest)
                again.setdefault(fate.wait, []).append(entry)
            else:
                self._end(entry, fate.error)
        for wait, entries in again.items():
            self._tally.retried += len(entries)
            for entry in entries:
                self._move(entry, Place.REST)
                entry.flight = None
            if wait > 0:
                self._resting.add(entries, wait)
            else:
                self._requeue(entries)

    def _tell_retry(self, entry: Entry, wait: float, status: int | None) -> None:
        call, attempts = entry.call, entry.attempts
        tell(
            self._session.hooks.on_retry,
            lambda: RetryEvent(call.method, redact_url(self._session.url_of(call)), attempts, wait, status),
        )

    def _requeue(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._move(entry, Place.QUEUE)
        self._queue.put_back(entries)
        self._schedule()

    def _landed(self, flight: Flight) -> None:
        """However it ended: nobody is left aboard, and its slot is free."""
        self._flights.discard(flight)
        if not flight.left:
            self._desk.refund(flight.fare)
        self._strand(flight, "the batch was aborted from outside")
        self.release()

    def _strand(self, flight: Flight, what: str) -> None:
        for entry in flight.entries:
            if entry.place is Place.FLIGHT and entry.flight is flight:
                self._end(entry, ClientClosedError(f"{what}; whether the service carried it out is unknown"))

    # Bookkeeping

    def _move(self, entry: Entry, place: Place) -> None:
        now = self._clock.monotonic()
        entry.move(place, now, self._desk.limited(now))

    def _end(self, entry: Entry, result: Answer | Exception) -> None:
        entry.place = Place.OUT
        self._deadlines.discard(entry)
        entry.finish(result)

    def _expire(self, entry: Entry) -> None:
        self.remove(entry)
        entry.finish(entry.overdue(self._session.url_of(entry.call), self._clock.monotonic()))

    def _track(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def _is_idle(self) -> bool:
        return not self._queue and not self._resting and not self._under_way

    def _tell_idle(self) -> None:
        if self._idle is not None and self._is_idle:
            if not self._idle.done():
                self._idle.set_result(None)
            self._idle = None
