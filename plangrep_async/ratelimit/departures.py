"""Calls that wait, as tasks see them: futures, one timer, cancellation, and the question to a shared store."""

from __future__ import annotations

import asyncio
import copy
import math

from .._clock import Clock, TimerHandle
from ..errors import InvalidInputError, QueueFullError, WrongEventLoopError
from .account import Account, concerns
from .line import Line, Route, Waiter
from .shared import Ask, Asking, Verdict

__all__ = ["Departures", "another"]

_GRAIN = 1e-6  # seconds by which timers are set late rather than, by a rounding error, early


class _Call(Waiter):
    """A waiter with the future that its task waits for, and the time at which the windows let it go."""

    __slots__ = ("future", "let_go_at")

    def __init__(
        self, route: Route, cost: int, since: float, due: float, longest: float, future: asyncio.Future[None]
    ) -> None:
        super().__init__(route, cost, since, due, longest)
        self.future = future
        self.let_go_at = since


class Departures:
    """Lets the calls of a line leave when the meters of their routes allow it.

    Args:
        account: what is known of the limits.
        clock: time and timers; one timer at most is set, and none while nobody waits.
        max_waiters: how many may wait at once.

    Attributes:
        line: who waits.
        waits: calls that have waited and left, ``waited`` seconds in all, ``longest_wait`` at most.
    """

    def __init__(self, account: Account, clock: Clock, max_waiters: int) -> None:
        self.line = Line()
        self.waits = 0
        self.waited = 0.0
        self.longest_wait = 0.0
        self._account = account
        self._clock = clock
        self._now = clock.monotonic
        self._max_waiters = max_waiters
        self._timer: TimerHandle | None = None
        self._timer_at = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asking: Asking[_Call] | None = None
        if account.shared is not None:
            self._asking = Asking(
                account.shared, ask_of=_ask_of, answer=self._hear, fail=self._fail, done=self._look_again
            )

    @property
    def size(self) -> int:
        """How many wait, for the windows or for the shared store's answer."""
        return self.line.size + (len(self._asking.calls) if self._asking is not None else 0)

    async def wait(self, route: Route, cost: int, within: float, longest: float) -> float:
        """Wait behind the others, and take the tokens; seconds. See :meth:`RateLimiter.acquire` for all else."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self.size:
                raise WrongEventLoopError(
                    "calls wait for this rate limiter on another event loop; make one limiter for each loop"
                )
            self._loop, self._timer, self._timer_at = loop, None, math.inf
        if self.size >= self._max_waiters:
            raise QueueFullError(
                f"{self.size} calls wait for the rate limiter already, and max_waiters allows no more; "
                "start fewer at once or raise max_waiters"
            )
        now = self._now()
        call = _Call(route, cost, now, now + within, longest, loop.create_future())
        if error := call.in_vain(now):
            raise error
        self.line.join(call)
        self.serve(call.since)
        try:
            await call.future
        except asyncio.CancelledError:
            self._abandon(call)
            raise
        now = self._now()
        route.postpone(now, cost, call.let_go_at)
        wait = now - call.since
        self.waits += 1
        self.waited += wait
        self.longest_wait = max(self.longest_wait, wait)
        return wait

    def _abandon(self, call: _Call) -> None:
        """Its task was cancelled: before it was let go, or in the moment after."""
        now = self._now()
        future = call.future
        if call in call.route.waiting:
            self.line.leave(call)
        elif future.done() and not future.cancelled() and future.exception() is None:
            self.give_back(call.route, call.cost, call.let_go_at, now)
        self.serve(now)

    def serve(self, now: float) -> None:
        """Let go whoever may, and set the timer for the next."""
        line = self.line
        if line.size and self._account.tidy(now):
            self.rewire()
        asking = self._asking
        while True:
            while (asking is None or asking.room) and (call := line.next(now)) is not None:
                line.leave(call)
                assert isinstance(call, _Call)
                if call.future.done():
                    continue
                call.route.take(now, call.cost)
                call.let_go_at = now
                if asking is None:
                    call.future.set_result(None)
                else:
                    asking.submit(call)
            if not self._give_up(now):
                break
        if asking is not None:
            asking.start()
            if not asking.room:
                return  # its answer brings us here again
        at = line.wake_at(now)
        self._set_timer(min(at, self._account.clear_doubt(now)) if line.size else at)

    def _give_up(self, now: float) -> bool:
        """Fail the first of each route as long as they wait in vain; whether there were any.

        Those behind them are looked at when they come to be the first: mostly they came later, and can wait longer.
        """
        found = False
        for route in self.line.routes.values():
            while route.waiting and (error := (head := route.head()).in_vain(now)):
                self.line.leave(head)
                self._fail(head, error)
                found = True
        return found

    def _hear(self, call: _Call, verdict: Verdict) -> None:
        """What the shared store says of a call that the windows of this process have let go."""
        now = self._now()
        if not verdict.wait:
            if call.future.done():
                self.give_back(call.route, call.cost, call.let_go_at, now)
            else:
                call.future.set_result(None)
            return
        call.route.give_back(now, call.cost, call.let_go_at)
        call.route.held_until = now + verdict.wait
        if verdict.gate is not None:
            self._account.closed_elsewhere(now, verdict.gate, verdict.wait, self.busy)
            self.rewire()
        if not call.future.done():
            self.line.rejoin(call)

    def give_back(self, route: Route, cost: int, taken_at: float, now: float) -> None:
        """A call that had its tokens was not sent."""
        route.give_back(now, cost, taken_at)
        if self._account.shared is not None:
            self._account.shared.note_refund(route.kinds, cost, now - taken_at)

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            if self._timer_at <= at < math.inf:
                return
            self._timer.cancel()
            self._timer = None
        self._timer_at = at
        if at < math.inf:
            self._timer = self._clock.call_later(max(0.0, at - self._now()) + _GRAIN, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._look_again()

    def _look_again(self) -> None:
        self.serve(self._now())

    def end(self, error: Exception) -> None:
        """Fail all that wait."""
        waiting = [call for route in self.line.routes.values() for call in route.waiting]
        for call in waiting:
            self.line.leave(call)
        for call in waiting + (self._asking.stop() if self._asking is not None else []):
            self._fail(call, another(error))
        self._set_timer(math.inf)

    def changed(self, now: float) -> None:
        """The limits have: let all routes know, fail those that never can leave now, and look who may."""
        self._account.tidy(now)
        self.rewire()
        for route in self.line.routes.values():
            for call in [call for call in route.waiting if call.cost > route.most]:
                self.line.leave(call)
                self._fail(call, self.too_dear(route, call.cost))
        self.serve(now)

    def rewire(self) -> None:
        """Let all routes pass the meters that there are now."""
        for route in self.line.routes.values():
            route.wire(self._account.meters(route.kinds))

    def busy(self, kind: str) -> float:
        """Calls a second of a kind that left lately."""
        now = self._now()
        return sum(route.busy(now) for route in self.line.routes.values() if concerns(kind, route.kinds))

    def too_dear(self, route: Route, cost: int) -> InvalidInputError:
        """The error for a call that can never leave."""
        bucket = min(self._account.store.counting(route.kinds), key=lambda bucket: bucket.limit)
        return InvalidInputError(
            f"a call that costs {cost} can never leave: the limit is {bucket.limit} of kind {bucket.kind!r} in "
            f"{bucket.interval:g} s; split it"
        )

    @staticmethod
    def _fail(call: Waiter, error: Exception) -> None:
        assert isinstance(call, _Call)
        if not call.future.done():
            call.future.set_exception(error)


def another(error: Exception) -> Exception:
    """An error like this one for another task, which adds a traceback of its own; itself where it cannot be copied."""
    try:
        return copy.copy(error)
    except Exception:  # noqa: BLE001 - its class is the caller's
        return error


def _ask_of(call: _Call) -> Ask:
    return Ask(call.route.kinds, call.cost)
