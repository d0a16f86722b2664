"""The rate limiter: lets calls leave when all windows that count them have room, first come, first served."""

from __future__ import annotations

import math
import random as _random
from collections.abc import Callable, Collection, Iterable, Sequence

from .._checks import check_kinds, check_number
from .._clock import Clock, SystemClock
from ..errors import ConfigurationError, DeadlineExceededError, InvalidInputError, RateLimitError
from .account import Account
from .departures import Departures, another
from .limit import RateLimit, WindowSnapshot
from .line import Route, Waiter
from .settings import LimiterSettings
from .statistics import LimiterStatistics
from .store import BucketStore, MemoryStore

__all__ = ["RateLimiter"]

_ALL = ("all",)


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
        max_waiters: how many calls may wait at once; one costs about 0.7 kB.
        settings: margins and waits.

    Raises:
        ConfigurationError: two limits for the same kind and interval, or an argument that cannot be.
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
        check_number("max_waiters", max_waiters, least=1, whole=True)
        check_kinds(
            limits=(limits, Iterable),
            store=(store, BucketStore | None),
            clock=(clock, Clock | None),
            random=(random, Callable),
            settings=(settings, LimiterSettings | None),
        )
        limits = tuple(limits)
        for limit in limits:
            if not isinstance(limit, RateLimit):
                raise ConfigurationError(
                    f"a rate limit must be a RateLimit, as RateLimit(40, 1.0) for 40 calls a second, not {limit!r:.100}"
                )
        self._clock: Clock = clock or SystemClock()
        self._now = self._clock.monotonic
        self._account = Account(limits, store or MemoryStore(), settings or LimiterSettings(), random)
        self._departures = Departures(self._account, self._clock, max_waiters)
        self._line = self._departures.line
        self._routes: dict[Collection[str], Route] = {}  # by the collections that callers passed
        self._closed: Exception | None = None
        self._careful = self._account.shared is not None  # or closed: nothing leaves on the short way
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
            return self._try_carefully(route, cost, now)
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

    async def acquire(
        self,
        kinds: Collection[str] = _ALL,
        cost: int = 1,
        *,
        within: float | None = None,
        longest_gate: float | None = None,
    ) -> float:
        """Take the tokens of a call, waiting for them as long as it is of use.

        Args:
            kinds: which limits count it.
            cost: how many calls it counts as.
            within: seconds in which it must leave to be of use. It is not ended when they are over, which is the
                caller's affair, but as soon as it is clear that the windows or the gate will not let it leave in time.
            longest_gate: the longest ``Retry-After`` that it waits for, in seconds.

        Returns:
            Seconds that it waited.

        Cancelled while it waits, it has taken nothing and delays nobody, even when it was just about to leave.

        Raises:
            InvalidInputError: the cost is below 1, or above a limit, so that it never could leave.
            DeadlineExceededError: it cannot leave ``within`` the time it has.
            RateLimitError: the service has asked for a longer wait than ``longest_gate``; ``retry_after`` is what is
                left of it.
            QueueFullError: ``max_waiters`` calls wait already.
            WrongEventLoopError: calls wait on another event loop.
            Exception: what :meth:`close` was given.
        """
        if self.try_acquire(kinds, cost):
            return 0.0
        if self._closed is not None:
            raise another(self._closed)
        within, longest = (math.inf if each is None else each for each in (within, longest_gate))
        return await self._departures.wait(self._route(kinds), cost, within, longest)

    def refund(self, kinds: Collection[str] = _ALL, cost: int = 1, *, age: float = 0.0) -> None:
        """Give back the tokens of a call that was provably not sent.

        Args:
            kinds: as for :meth:`acquire`.
            cost: as for :meth:`acquire`.
            age: seconds since they were taken; tokens that have come back by themselves are not given back twice.
        """
        now = self._now()
        self._departures.give_back(self._route(kinds), cost, now - age, now)
        self._departures.serve(now)

    def available(self, kinds: Collection[str] = _ALL) -> float:
        """How many such calls could leave now; 0 while the gate is closed or others wait for the same, or infinite."""
        return 0.0 if self._closed is not None else self._line.room(self._route(kinds), self._now())

    def in_vain(
        self, kinds: Collection[str] = _ALL, cost: int = 1, *, within: float, longest_gate: float
    ) -> RateLimitError | DeadlineExceededError | None:
        """The error with which :meth:`acquire` would fail at once, if any."""
        now = self._now()
        return Waiter(self._route(kinds), cost, now, now + within, longest_gate).in_vain(now)

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
        self._account.refused(now, retry_after, snapshots, age, self._departures.busy)
        self._departures.changed(now)

    def observe(self, snapshots: Sequence[WindowSnapshot], *, complete: bool = False) -> None:
        """Take in the server's own account of its windows (PlanGrid: ``GET /rate_limits``).

        Args:
            snapshots: what it says of each.
            complete: these are all that it has. Others that were learned are dropped; the user's own limits stay.
        """
        now = self._now()
        self._account.learn(now, snapshots, complete=complete)
        self._departures.changed(now)

    def ask_with(self, ask: Callable[[], None]) -> Callable[[], None]:
        """Let the service be asked for its account when that is needed, and then be told with :meth:`observe`.

        Without that, the first reset that it names for a window is believed. With it, calls wait at that moment until
        the service has said that it was one; a server whose windows slide would refuse what leaves then. Of several who
        can ask, the last does. With a store that is shared nobody is asked.

        Args:
            ask: called from the event loop while calls wait; must return at once.

        Returns:
            Ends it.
        """
        self._account.askers.append(ask)

        def end() -> None:
            if ask in self._account.askers:
                self._account.askers.remove(ask)

        return end

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
            waiters=self._departures.size,
            waits=self._departures.waits,
            waited=self._departures.waited,
            longest_wait=self._departures.longest_wait,
            refusals=self._refusals,
            closed_for={kind: each.closed_until - now for kind, each in throttles if now < each.closed_until},
            pace={kind: each.rate(now) for kind, each in throttles if 0 < each.rate(now) < math.inf},
        )

    def close(self, error: Exception) -> None:
        """Fail all calls that wait, and those that come later, each with a copy of ``error``."""
        self._closed = error
        self._careful = True
        self._departures.end(error)

    # The long way

    def _try_carefully(self, route: Route, cost: int, now: float) -> bool:
        self._check_cost(route, cost)
        if self._careful:
            return False
        self._departures.serve(now)
        if self._line.room(route, now) < cost:
            return False
        route.take(now, cost)
        return True

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

    def _roll(self, route: Route, now: float) -> None:
        route.roll(now)
        if self._account.throttles and self._account.tidy(now):
            self._departures.rewire()

    def _check_cost(self, route: Route, cost: int) -> None:
        if cost < 1:
            raise InvalidInputError(f"the cost of a call must be at least 1, not {cost}")
        if cost > route.most:
            raise self._departures.too_dear(route, cost)
