"""Who leaves when: the queue, the slots and the tokens of a coalescer.

Theory of operation. An entry that comes in joins the queue, and a dispatch is due at the end of the event loop's
present turn, so that all calls made in that turn are in the queue by then; the task of the first one makes it. A
dispatch pays the fare of what would leave (a lone call its own tokens, a batch those of a batch) and lets it go, as
long as there are tokens and free slots. When there are none, whatever comes meanwhile joins the queue, and what leaves
is chosen only when it can leave.

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
from ..errors import ClientClosedError, DeadlineExceededError, RateLimitError
from ..session import Answer, Call, CallOptions, Session, redact_url
from ..session.failure import held_back
from .batches import Batches
from .deadlines import Deadlines
from .entry import Entry, Place
from .fare import Fare, fare_of
from .policy import copy_of
from .queue import EntryQueue
from .statistics import CoalescerStatistics, Tally
from .tokens import TokenDesk
from .wire import BatchFormat

__all__ = ["Dispatcher"]

_GRAIN = 1e-3  # seconds; a timer may come that much early, by the clock that is compared with


class Dispatcher:
    """Takes calls in, and resolves the future of each; the parameters are the coalescer's."""

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
        self._tally = tally
        self._queue = EntryQueue(fmt)
        self._deadlines = Deadlines(self._clock, self._expire)
        self._desk = TokenDesk(
            session.limiter, self._clock, granted=self._board, failed=self._refuse, impatient=self._lose_patience
        )
        self._batches = Batches(
            session, self._queue, self._desk, tally, random, queued=self._schedule, landed=self.release
        )
        self._under_way = 0
        self._due: TimerHandle | None = None
        self._lingering = False
        self._led = False
        self._is_shut = False
        self._idle: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """Calls that wait to leave."""
        return len(self._queue) + self._led

    def statistics(self) -> CoalescerStatistics:
        """What was counted, and what waits now."""
        return self._tally.snapshot(waiting=len(self), resting=self._batches.resting, under_way=self._under_way)

    def lead(self) -> bool:
        """Whether the dispatch of this turn is up to the calling task.

        The first call of a turn dispatches for all that come in the same turn, which spares a lone call the queue and a
        callback. Its task lets the turn pass, and then either leaves with :meth:`leave_alone`, or enters before all
        others, or gives up with :meth:`resign`.

        Raises:
            ClientClosedError: after :meth:`shut`.
        """
        if self._is_shut:
            raise _closed()
        if self._led or self._due is not None or self._queue or self._linger or not self._may_dispatch:
            return False
        self._led = True
        return True

    def leave_alone(self, call: Call[Any]) -> bool:
        """Let the leader's call go at once, if no other has come; it holds a slot until :meth:`release`."""
        if not self._led or self._queue or not self._may_dispatch or not self._desk.take(fare_of(call.limit_kinds)):
            return False
        self._led = False
        self._under_way += 1
        self._tally.alone += 1
        return True

    def resign(self) -> None:
        """The leader was cancelled; somebody else must dispatch."""
        if self._led:
            self._led = False
            self._schedule()
            self._tell_idle()

    def enter(self, call: Call[Any], options: CallOptions, target: str, arrived: float, *, led: bool) -> Entry:
        """Take a call in. ``led``: it is the leader's, and all that come in this turn have.

        Raises:
            ClientClosedError: :meth:`shut` came between.
        """
        if self._is_shut:
            raise _closed()
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        entry = Entry(call, options, target, future, arrived, self._format.max_entries, self._desk.limited(arrived))
        self._deadlines.add(entry)
        if led:
            self._queue.put_back([entry])
            self._dispatch()
            return entry
        if self._desk.waiting_for is not None and self._ends(entry):
            return entry
        self._queue.append(entry)
        self._schedule(self._linger)
        if not self._led and (self._due is None or self._lingering):
            self._deadlines.arm()
        return entry

    def release(self) -> None:
        """A batch or a lone call has ended: its slot is free."""
        self._under_way -= 1
        if self._queue:
            self._schedule()
        if self._idle is not None:
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
        now = self._clock.monotonic()
        entry.move(Place.OUT, now, self._desk.limited(now))
        entry.unwatch()
        if place is Place.QUEUE:
            self._queue.discard(entry)
            self._reconsider()
        elif place is not Place.ALONE:
            self._batches.remove(entry, place)
        elif entry.fare is not None:
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
        self._is_shut = True
        self._undue()
        self._led = False
        for entry in self._queue.clear():
            entry.end(_closed())
        waiting = self._desk.stop()
        await self._batches.shut()
        if waiting is not None:
            await asyncio.wait([waiting])
        self._tell_idle()

    # When

    @property
    def _may_dispatch(self) -> bool:
        return self._desk.waiting_for is None and self._under_way < self._concurrency

    def _schedule(self, linger: float = 0.0) -> None:
        if not self._queue or self._led or not self._may_dispatch:
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
        self._due, self._lingering = None, False

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
        self._led = False
        while self._queue and self._may_dispatch and (group := self._queue.group()):
            fare = self._fare(group)
            if self._desk.take(fare):
                self._depart(group, fare)
                continue
            if self._give_up():
                continue
            own = self._fare(group[:1])
            if self._desk.ready_in(fare) - self._desk.ready_in(own) > self._patience:
                if self._desk.take(own):
                    self._depart(group[:1], own)
                    continue
                fare = own
            patient = fare == own or self._patience == math.inf
            longest = self._session.retry.max_retry_after if fare == own else math.inf
            self._desk.wait(fare, None if patient else max(self._patience, _GRAIN), longest)
        self._deadlines.arm()

    def _ends(self, entry: Entry) -> bool:
        """End an entry that waits for tokens in vain; whether it does."""
        now, call = self._clock.monotonic(), entry.call
        error: Exception | None = self._session.limiter.in_vain(
            call.limit_kinds,
            within=math.inf if entry.due is None else entry.due - now,
            longest_gate=self._session.retry.max_retry_after,
        )
        if error is None:
            return False
        entry.move(Place.OUT, now, self._desk.limited(now))
        url = self._session.url_of(call)
        if isinstance(error, DeadlineExceededError):
            error = entry.overdue(url, now, reason=error.message)
        elif isinstance(error, RateLimitError):
            elapsed = now - entry.arrived
            error = held_back(error, call.method, redact_url(url), attempts=entry.attempts, elapsed=elapsed)
        entry.finish(error)
        return True

    def _give_up(self) -> bool:
        """End the first in the queue as long as they wait in vain; whether there were any.

        Those behind them are looked at when they come to be the first: mostly they came later, and can wait longer.
        """
        found = False
        while (head := self._queue.head) is not None and self._ends(head):
            self._queue.discard(head)
            found = True
        if found:
            self._tell_idle()
        return found

    def _lose_patience(self) -> None:
        """The wait for a batch has become longer than it promised to be: others are before us, or windows changed."""
        self._give_up()
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
        """The limiter lets nobody through any more, or not before a time that is too far away."""
        if isinstance(error, RateLimitError):
            self._give_up()
            self._schedule()
            return
        for entry in self._queue.clear():
            entry.end(copy_of(error))
        self._tell_idle()

    # What

    def _fare(self, group: Sequence[Entry]) -> Fare:
        return self._batch_fare if len(group) > 1 else fare_of(group[0].call.limit_kinds)

    def _depart(self, group: Sequence[Entry], fare: Fare) -> None:
        self._under_way += 1
        for entry in group:
            self._queue.discard(entry)
        if len(group) > 1:
            self._batches.launch(group, fare)
            return
        (entry,) = group
        now = self._clock.monotonic()
        entry.move(Place.ALONE, now, self._desk.limited(now))
        entry.fare = fare
        entry.finish(None)
        self._tally.alone += 1

    # How it ends

    def _expire(self, entry: Entry) -> None:
        self.remove(entry)
        entry.finish(entry.overdue(self._session.url_of(entry.call), self._clock.monotonic()))

    @property
    def _is_idle(self) -> bool:
        return not (self._queue or self._batches.resting or self._under_way or self._led)

    def _tell_idle(self) -> None:
        if self._idle is not None and self._is_idle:
            if not self._idle.done():
                self._idle.set_result(None)
            self._idle = None


def _closed() -> ClientClosedError:
    return ClientClosedError("the client was closed while the call waited to be sent")
