"""The sender that merges calls into batches."""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Callable, Iterable
from typing import TypeVar

from .._checks import check_kinds, check_number
from ..errors import DeadlineExceededError, PlangrepAsyncError, QueueFullError
from ..session import Call, CallOptions, Session, redact_url
from ..session.guard import Guard
from .dispatcher import Dispatcher
from .entry import Entry
from .explicit import Batchable, batching, send_batch
from .fare import Fare
from .shared import SharedCalls
from .statistics import CoalescerStatistics, Tally
from .wire import BatchFormat, relative_target

__all__ = ["Coalescer"]

T = TypeVar("T")

_GRAIN = 1e-3  # seconds; what went by in less need not be told to the session's deadline


class Coalescer:
    """A :class:`~plangrep_async.session.Sender` that merges calls into batches.

    Calls that wait at the same moment (made in the same turn of the event loop, or gathered while the limiter or a slot
    made them wait) leave as one request, in order. A lone call leaves at once, as it would without a coalescer. Belongs
    to the process and the event loop that first use it.

    Args:
        session: sends both the batches and what leaves alone. Not closed with the coalescer.
        format: the wire form and its bounds.
        enabled: whether calls are merged that do not say ``coalesce=`` themselves.
        linger: seconds that a call waits for others before a batch that is not full leaves; 0 adds no wait.
        batch_kinds, batch_cost: what a batch costs in tokens. PlanGrid does not document it (unverified); by
            default as much as one call that writes.
        patience: how many seconds longer than alone a call may wait for the tokens of its batch. Past that, calls leave
            one by one as their own tokens come: reads need not wait for minutes for a window of writes. ``math.inf``
            always waits for the batch.
        concurrency: requests under way at once, batches and lone calls; while all are taken, calls gather.
        max_queue: calls that may wait; one more raises.
        share_identical: whether GETs that are equal in URL and headers share one request while it is under way. A
            call may then see the state of a moment before it was made.
        random: draws the backoff of what is sent again; for tests.

    Raises:
        ConfigurationError: a number is out of its range.

    What failed in a batch is sent again as the session's :class:`~plangrep_async.RetryPolicy` allows, together with the
    others that failed. A call that may not be repeated is sent again only when it is proven that it was not carried
    out.
    """

    def __init__(
        self,
        session: Session,
        format: BatchFormat | None = None,
        *,
        enabled: bool = True,
        linger: float = 0.0,
        batch_kinds: frozenset[str] = frozenset({"all", "write"}),
        batch_cost: int = 1,
        patience: float = 1.0,
        concurrency: int = 32,
        max_queue: int = 100_000,
        share_identical: bool = False,
        random: Callable[[], float] = _random.random,
    ) -> None:
        check_kinds(
            session=(session, Session),
            format=(format, BatchFormat | None),
            enabled=(enabled, bool),
            share_identical=(share_identical, bool),
            random=(random, Callable),
        )
        check_number("linger", linger, least=0)
        check_number("patience", patience, least=0)
        for name, value in (("batch_cost", batch_cost), ("concurrency", concurrency), ("max_queue", max_queue)):
            check_number(name, value, least=1, whole=True)
        self._session = session
        self._clock = session.clock
        self._format = format or BatchFormat()
        self._enabled = enabled
        self._max_queue = max_queue
        self._tally = Tally()
        self._dispatcher = Dispatcher(
            session,
            self._format,
            batch_fare=Fare(frozenset(batch_kinds), batch_cost),
            linger=linger,
            patience=patience,
            concurrency=concurrency,
            random=random,
            tally=self._tally,
        )
        self._shared = SharedCalls(session, self._send, self._tally) if share_identical else None
        self._guard = Guard("client")

    def __repr__(self) -> str:
        return f"<Coalescer {len(self._dispatcher)} waiting>"

    async def send(self, call: Call[T], options: CallOptions | None = None) -> T:
        """Send a call, in a batch where that can be, and decode its answer.

        Raises:
            APIStatusError, APIConnectionError, DecodeError: as :meth:`Session.send`; each call has an error object of
                its own. Where a batch's answer is lost, that of a call that may not be repeated says so: it may have
                been carried out.
            DeadlineExceededError: the call's own deadline ran out, wherever it was.
            ClientClosedError: the coalescer was closed, before or meanwhile.
            QueueFullError: ``max_queue`` calls wait already.

        Cancelled: a call that has not left never will. One that has left in a batch goes on while anybody waits for
        another part of it, and is aborted when nobody does; whether the service carried it out is then unknown.
        """
        self._guard.check()
        self._tally.calls += 1
        options = self._session.options if options is None else options.over(self._session.options)
        wanted = options.coalesce
        if wanted is None:
            wanted = self._enabled or batching()
        target = relative_target(call, self._session.base_url) if wanted and self._format.takes(call) else None
        overdue = options.deadline is not None and options.deadline <= 0
        if target is None or overdue:
            self._tally.bypassed += 1
            return await self._session.send(call, options)
        if self._shared is not None and self._shared.takes(call):
            return await self._shared.send(call, options, target)
        return await self._send(call, options, target)

    async def batch(self, calls: Iterable[Batchable[T]], options: CallOptions | None = None) -> list[T | BaseException]:
        """Make calls together, also where ``enabled`` is false; see :func:`send_batch`."""
        return await send_batch(self, calls, options)

    def statistics(self) -> CoalescerStatistics:
        """What was merged, sent again and shared so far, and what waits now."""
        return self._dispatcher.statistics()

    async def aclose(self, *, drain: bool = False) -> None:
        """Take no more calls.

        Args:
            drain: wait until all that were handed in have ended, however long the limiter makes them wait. Otherwise
                those that wait raise :class:`ClientClosedError`, and so do those in a batch under way, which is
                aborted; whether the service carried it out is then unknown. Lone calls end as the session lets them.

        Cancelled while it drains: the rest ends as without ``drain``.

        Raises ``ClientForkedError`` or ``WrongEventLoopError`` where the calls are not this process's or loop's.
        """
        if not self._guard.closed:
            self._guard.check()
        self._guard.closed = True
        try:
            if drain:
                if self._shared is not None:
                    await self._shared.drain()
                await self._dispatcher.drain()
        finally:
            await self._dispatcher.shut()

    async def _send(self, call: Call[T], options: CallOptions, target: str) -> T:
        if len(self._dispatcher) >= self._max_queue:
            raise QueueFullError(
                f"{call.method} {redact_url(target)} was not sent: {self._max_queue} calls wait already. Make fewer at "
                "once, or raise max_queue"
            )
        arrived = self._clock.monotonic()
        leads = self._dispatcher.lead()
        if leads:
            try:
                await asyncio.sleep(0)
            except BaseException:
                self._dispatcher.resign()
                raise
            if self._clock.monotonic() - arrived < _GRAIN and self._dispatcher.leave_alone(call):
                try:
                    return await self._session.send(call, options, prepaid=True)
                finally:
                    self._dispatcher.release()
        entry = self._dispatcher.enter(call, options, target, arrived, led=leads)
        try:
            answer = await entry.future
        except BaseException:
            self._abandon(entry)
            raise
        if answer is None:
            return await self._send_alone(call, entry)
        elapsed = self._clock.monotonic() - arrived
        return self._session.interpret(call, answer, attempts=entry.attempts, elapsed=elapsed, reason=entry.reason)

    async def _send_alone(self, call: Call[T], entry: Entry) -> T:
        """Send in the task that waits, as without a coalescer; what was spent before counts."""
        fare, entry.fare = entry.fare, None
        before, given = self._clock.monotonic() - entry.arrived, entry.options
        remaining = None if given.deadline is None else given.deadline - before
        most = given.max_attempts
        if entry.attempts:
            most = self._session.retry.max_attempts + entry.throttled if most is None else most
            most = max(1, most - entry.attempts)
        if fare is not None and remaining is not None and remaining <= 0:
            self._dispatcher.refund(fare)
        try:
            options = CallOptions(given.timeout, remaining, most, coalesce=False)
            return await self._session.send(call, options, prepaid=True)
        except DeadlineExceededError as error:
            url, now = self._session.url_of(call), self._clock.monotonic()
            raise entry.overdue(url, now, error.spent) from error
        except PlangrepAsyncError as error:
            if error.attempts is not None:
                error.attempts += entry.attempts
            if error.elapsed is not None:
                error.elapsed += before
            raise
        finally:
            self._dispatcher.release()

    def _abandon(self, entry: Entry) -> None:
        """Nobody waits any more, or the entry has failed by itself."""
        if entry.future.done() and not entry.future.cancelled():
            entry.future.exception()  # seen, though there may be nobody left to raise it to
        self._dispatcher.remove(entry)
