"""The rate limiter: lets calls leave when all windows that count them have room, first come, first served."""

from __future__ import annotations

import asyncio
import math
import random as _random
from collections.abc import Callable, Collection, Iterable, Sequence

from .._clock import Clock, SystemClock, TimerHandle
from ..errors import ConfigurationError, InvalidInputError, QueueFullError, WrongEventLoopError
from .account import Account, concerns
from .limit import RateLimit, WindowSnapshot
from .line import Line, Route, Waiter
from .settings import LimiterSettings
from .shared import Ask, Asking, Verdict
from .statistics import LimiterStatistics
from .store import BucketStore, MemoryStore

__all__ = ["RateLimiter"]

_ALL = ("all",)
_GRAIN = 1e-6  # seconds by which timers are set late rather than, by a rounding error, early


class _Call(Waiter):
    """A waiter with the future that its task waits for, and the time at which the windows let it go."""

    __slots__ = ("future", "let_go_at")

    def __init__(self, route: Route, cost: int, since: float, future: asyncio.Future[None]) -> None:
        super().__init__(route, cost, since)
        self.future = future
        self.let_go_at = since


class RateLimiter:
    """Holds calls back so that the server need not refuse them, and learns from it when it does.

    A call takes ``cost`` tokens from every window that counts one of its ``kinds``, from all of them or from none. No
    stretch of time as long as a window, wherever it begins, sees more calls leave than that window's limit. Bursts are
    not slowed before a limit is reached, and calls that wait are let go as early as the windows allow. In which order
    is told in :mod:`plangrep_async.ratelimit.line`.

    Without limits everything may leave at once. A 429 closes a gate for all calls of its kind until the time that it
    names; then they leave more slowly than before, and speed up. What the server tells of its windows, with a 429 or
    when asked, is followed from then on (see :class:`LimiterSettings`).

    It serves the calls of one event loop, and is not safe to use from several threads. No timer is left behind when
    nobody waits.

    Args:
        limits: the user's own limits. The server's word may lower, but not raise them.
        store: where tokens are counted; by default in this object alone.
        clock: where the time comes from.
        random: numbers from 0 to 1, to spread what several clients do.
        max_waiters: how many calls may wait at once; one costs about half a kilobyte.
        settings: margins and waits.

    Raises:
        ConfigurationError: two limits for the same kind and interval.
    """

    def __init__(
        self,
        limits: Iterable[RateLimit] = (),
        *,
        store: BucketStore | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = _random.random,
        max_waiters: int = 100_000,
        settings: LimiterSettings | None = None,
    ) -> None:
        if max_waiters < 1:
            raise ConfigurationError(f"max_waiters must be at least 1, not {max_waiters}")
        self._clock: Clock = clock or SystemClock()
        self._now = self._clock.monotonic
        self._account = Account(limits, store or MemoryStore(), settings or LimiterSettings(), random)
        self._line = Line()
        shared = self._account.shared
        self._asking: Asking[_Call] | None = None
        if shared is not None:
            self._asking = Asking(shared, ask_of=_ask_of, answer=self._hear, fail=self._fail, done=self._look_again)
        self._routes: dict[Collection[str], Route] = {}  # by the collections that callers passed
        self._max_waiters = max_waiters
        self._timer: TimerHandle | None = None
        self._timer_at = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed: Exception | None = None
        self._careful = shared is not None  # or closed: nothing leaves on the short way
        self._waits = 0
        self._waited = 0.0
        self._longest_wait = 0.0
        self._refusals = 0

    def __repr__(self) -> str:
        windows = ", ".join(f"{b.kind} {b.limit}/{b.interval:g}s" for b in self._account.store.buckets)
        return f"<RateLimiter [{windows}], {self._line.size} waiting>"

    # Calls

    def try_acquire(self, kinds: Collection[str] = _ALL, cost: int = 1) -> bool:
        """Take the tokens of a call if it may leave now; never waits, and never delays a call that does.

        Args:
            kinds: which limits count it.
            cost: how many calls it counts as.

        Raises:
            InvalidInputError: the cost is below 1, or above a limit, so that it never could leave.
        """
        try:
            route = self._routes[kinds]
        except (KeyError, TypeError):
            route = self._route(kinds)
        now = self._now()
        if self._line.size or cost < 1 or self._careful:
            return self._try_beside_waiters(route, cost, now)
        meters = route.meters
        for meter in meters:
            if not meter.fits(now, cost):
                self._check_cost(route, cost)
                return False
        for meter in meters:
            meter.take(now, cost)
        if now >= route.tick:
            self._roll(route, now)
        route.fresh += cost
        route.taken += cost
        return True

    async def acquire(self, kinds: Collection[str] = _ALL, cost: int = 1) -> float:
        """Take the tokens of a call, waiting for them as long as it takes.

        Returns:
            Seconds that it waited.

        Cancelled while it waits, it has taken nothing and delays nobody, even when it was just about to leave.

        Raises:
            InvalidInputError: the cost is below 1, or above a limit, so that it never could leave.
            QueueFullError: ``max_waiters`` calls wait already.
            WrongEventLoopError: calls wait on another event loop.
            Exception: what :meth:`close` was given.
        """
        if self.try_acquire(kinds, cost):
            return 0.0
        if self._closed is not None:
            raise self._closed
        return await self._wait(self._route(kinds), cost)

    def refund(self, kinds: Collection[str] = _ALL, cost: int = 1, *, age: float = 0.0) -> None:
        """Give back the tokens of a call that was provably not sent.

        Args:
            kinds: as for :meth:`acquire`.
            cost: as for :meth:`acquire`.
            age: seconds since they were taken; tokens that have come back by themselves are not given back twice.
        """
        now = self._now()
        self._give_back(self._route(kinds), cost, now - age, now)
        self._serve(now)

    def available(self, kinds: Collection[str] = _ALL) -> float:
        """How many such calls could leave now; 0 while the gate is closed or others wait for the same, or infinite."""
        return 0.0 if self._closed is not None else self._line.room(self._route(kinds), self._now())

    def ready_in(self, kinds: Collection[str] = _ALL, cost: int = 1) -> float:
        """Seconds until such a call could leave if it were alone: what it will wait at least."""
        now = self._now()
        return self._route(kinds).ready_at(now, cost) - now

    # What the server says

    def throttled(
        self, *, retry_after: float | None, snapshots: Sequence[WindowSnapshot] = (), age: float = 0.0
    ) -> None:
        """A call was answered with 429: close the gate, and learn.

        Args:
            retry_after: seconds that the answer asks to wait; ``None`` when it does not.
            snapshots: the windows that the answer names. The calls that they count are held back, or all calls when
                there are none.
            age: seconds since the call's tokens were taken. Calls that left together and are refused together close the
                gate once.
        """
        self._refusals += 1
        now = self._now()
        self._account.refused(now, retry_after, snapshots, age, self._busy)
        self._changed(now)

    def observe(self, snapshots: Sequence[WindowSnapshot]) -> None:
        """Take in the server's own account of its windows (PlanGrid: ``GET /rate_limits``)."""
        now = self._now()
        self._account.learn(now, snapshots)
        self._changed(now)

    def answered(self, kinds: Collection[str] = _ALL, cost: int = 1, *, age: float) -> None:
        """An answer, whatever its status, has begun to arrive. Optional; for networks of uneven speed.

        A server counts a call when it arrives there, which is not seen from here. A call whose answer comes later than
        others do may also have arrived later; so its tokens come back later by as much.

        Args:
            kinds: as for :meth:`acquire`.
            cost: as for :meth:`acquire`.
            age: seconds since its tokens were taken.
        """
        self._account.arrived(self._now(), self._route(kinds).meters, cost, age)

    # Watching and ending

    def statistics(self) -> LimiterStatistics:
        """Tokens, waiters, waits, refusals, gates and windows, at this moment."""
        now = self._now()
        throttles = self._account.throttles.items()
        return LimiterStatistics(
            windows=self._account.windows(now),
            calls=sum(route.taken for route in self._line.routes.values()),
            waiters=self._size,
            waits=self._waits,
            waited=self._waited,
            longest_wait=self._longest_wait,
            refusals=self._refusals,
            closed_for={kind: each.closed_until - now for kind, each in throttles if now < each.closed_until},
            pace={kind: each.rate(now) for kind, each in throttles if 0 < each.rate(now) < math.inf},
        )

    def close(self, error: Exception) -> None:
        """Fail all calls that wait, and those that come later, with ``error``."""
        self._closed = error
        self._careful = True
        waiting = [call for route in self._line.routes.values() for call in route.waiting]
        for call in waiting:
            self._line.leave(call)
        for call in waiting + (self._asking.stop() if self._asking is not None else []):
            self._fail(call, error)
        self._set_timer(math.inf)

    # Waiting

    async def _wait(self, route: Route, cost: int) -> float:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._size:
                raise WrongEventLoopError(
                    "calls wait for this rate limiter on another event loop; make one limiter for each loop"
                )
            self._loop, self._timer, self._timer_at = loop, None, math.inf
        if self._size >= self._max_waiters:
            raise QueueFullError(
                f"{self._size} calls wait for the rate limiter already, and max_waiters allows no more; "
                "start fewer at once or raise max_waiters"
            )
        call = _Call(route, cost, self._now(), loop.create_future())
        self._line.join(call)
        self._serve(call.since)
        try:
            await call.future
        except asyncio.CancelledError:
            self._abandon(call)
            raise
        now = self._now()
        route.postpone(now, cost, call.let_go_at)
        wait = now - call.since
        self._waits += 1
        self._waited += wait
        self._longest_wait = max(self._longest_wait, wait)
        return wait

    def _abandon(self, call: _Call) -> None:
        """Its task was cancelled: before it was let go, or in the moment after."""
        now = self._now()
        future = call.future
        if call in call.route.waiting:
            self._line.leave(call)
        elif future.done() and not future.cancelled() and future.exception() is None:
            self._give_back(call.route, call.cost, call.let_go_at, now)
        self._serve(now)

    def _try_beside_waiters(self, route: Route, cost: int, now: float) -> bool:
        self._check_cost(route, cost)
        if self._careful:
            return False
        self._serve(now)
        if self._line.room(route, now) < cost:
            return False
        route.take(now, cost)
        return True

    def _serve(self, now: float) -> None:
        """Let go whoever may, and set the timer for the next."""
        line = self._line
        if line.size and self._account.tidy(now):
            self._rewire()
        asking = self._asking
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
        if asking is not None:
            asking.start()
            if not asking.room:
                return  # its answer brings us here again
        self._set_timer(line.wake_at(now))

    def _hear(self, call: _Call, verdict: Verdict) -> None:
        """What the shared store says of a call that the windows of this process have let go."""
        now = self._now()
        if not verdict.wait:
            if call.future.done():
                self._give_back(call.route, call.cost, call.let_go_at, now)
            else:
                call.future.set_result(None)
            return
        call.route.give_back(now, call.cost, call.let_go_at)
        call.route.held_until = now + verdict.wait
        if verdict.gate is not None:
            self._account.closed_elsewhere(now, verdict.gate, verdict.wait, self._busy)
            self._rewire()
        if not call.future.done():
            self._line.rejoin(call)

    def _give_back(self, route: Route, cost: int, taken_at: float, now: float) -> None:
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
        self._serve(self._now())

    @property
    def _size(self) -> int:
        return self._line.size + (len(self._asking.calls) if self._asking is not None else 0)

    def _fail(self, call: Waiter, error: Exception) -> None:
        assert isinstance(call, _Call)
        if not call.future.done():
            call.future.set_exception(error)

    # Routes

    def _route(self, kinds: Collection[str]) -> Route:
        if isinstance(kinds, str):
            raise InvalidInputError(f"kinds must be a collection of names, not the text {kinds!r}; pass ({kinds!r},)")
        key = frozenset(kinds)
        route = self._line.routes.get(key)
        if route is None:
            route = self._line.routes[key] = Route(key, self._account.meters(key))
        if isinstance(kinds, tuple | frozenset):
            self._routes[kinds] = route
        return route

    def _changed(self, now: float) -> None:
        self._account.tidy(now)
        self._rewire()
        for route in self._line.routes.values():
            for call in [call for call in route.waiting if call.cost > route.most]:
                self._line.leave(call)
                self._fail(call, self._too_dear(route, call.cost))
        self._serve(now)

    def _rewire(self) -> None:
        for route in self._line.routes.values():
            route.wire(self._account.meters(route.kinds))

    def _roll(self, route: Route, now: float) -> None:
        route.roll(now)
        if self._account.throttles and self._account.tidy(now):
            self._rewire()

    def _busy(self, kind: str) -> float:
        now = self._now()
        return sum(route.busy(now) for route in self._line.routes.values() if concerns(kind, route.kinds))

    def _check_cost(self, route: Route, cost: int) -> None:
        if cost < 1:
            raise InvalidInputError(f"the cost of a call must be at least 1, not {cost}")
        if cost > route.most:
            raise self._too_dear(route, cost)

    def _too_dear(self, route: Route, cost: int) -> InvalidInputError:
        bucket = min(self._account.store.counting(route.kinds), key=lambda bucket: bucket.limit)
        return InvalidInputError(
            f"a call that costs {cost} can never leave: the limit is {bucket.limit} of kind {bucket.kind!r} in "
            f"{bucket.interval:g} s; split it"
        )


def _ask_of(call: _Call) -> Ask:
    return Ask(call.route.kinds, call.cost)
