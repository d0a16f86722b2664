"""Who waits, and who may leave next. Arithmetic without I/O.

The order
---------

Calls that the same windows count leave in the order in which they came. A call that other windows count does not wait
behind one that it does not delay: when the writes of six minutes are used up, reads go on. But it may not push an
earlier call back. As on batch computers that fill gaps in their schedule ("backfilling"), a later call leaves first
only if each call at the head of another line can still leave at the moment at which it could have left otherwise.
So the call that has waited longest is never delayed by any that came later, and nobody starves, whatever the mix.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable

from ..errors import DeadlineExceededError, RateLimitError
from .meter import Meter
from .throttle import Throttle

__all__ = ["Line", "Route", "Waiter"]

_ROUNDING = 1e-6  # seconds


class Waiter:
    """A call that waits.

    Attributes:
        cost: tokens that it takes from each window.
        since: when it began to wait.
        due: when leaving is of no use any more.
        longest: seconds that it waits at a gate for which the service has named a time.
        order: its place among all that wait.
    """

    __slots__ = ("cost", "due", "longest", "order", "route", "since")

    def __init__(self, route: Route, cost: int, since: float, due: float = math.inf, longest: float = math.inf) -> None:
        self.route = route
        self.cost = cost
        self.since = since
        self.due = due
        self.longest = longest
        self.order = 0

    def in_vain(self, now: float) -> RateLimitError | DeadlineExceededError | None:
        """Why waiting on is of no use; ``None`` as long as it may be."""
        route = self.route
        closed = route.asked_until - now
        if closed > self.longest + _ROUNDING:
            return RateLimitError(
                f"after a 429 the service asks for {closed:.0f} s more without calls, and {self.longest:g} s is the "
                "longest wait that max_retry_after allows",
                retry_after=closed,
            )
        if self.due < math.inf and (ready := route.ready_at(now, self.cost)) > self.due:
            return DeadlineExceededError(
                f"the rate limit lets it leave in {ready - now:.1f} s at the earliest", deadline=self.due - self.since
            )
        return None


class Route:
    """The calls of one set of kinds: what they have to pass, who waits, and how many left lately.

    Attributes:
        kinds: which windows count them.
        meters: the buckets and throttles of those kinds.
        most: the largest cost that can ever fit.
        taken: tokens that left, in all.
        tick: when the current second of counting ends.
        held_until: no call leaves before, because a store that is shared has said so.
    """

    __slots__ = ("_gates", "_last", "fresh", "held_until", "kinds", "meters", "most", "taken", "tick", "waiting")

    def __init__(self, kinds: frozenset[str], meters: Iterable[Meter]) -> None:
        self.kinds = kinds
        self.wire(meters)
        self.waiting: OrderedDict[Waiter, None] = OrderedDict()
        self.taken = 0
        self.fresh = 0
        self.held_until = -math.inf
        self.tick = -math.inf
        self._last = 0

    def wire(self, meters: Iterable[Meter]) -> None:
        """From now on, these are to be passed."""
        self.meters = tuple(meters)
        self._gates = [meter for meter in self.meters if isinstance(meter, Throttle)]
        self.most = min((meter.limit for meter in self.meters), default=math.inf)

    def fits(self, now: float, cost: int) -> bool:
        """Whether every meter lets a call of this cost leave."""
        return now >= self.held_until and all(meter.fits(now, cost) for meter in self.meters)

    def take(self, now: float, cost: int) -> None:
        """A call leaves."""
        for meter in self.meters:
            meter.take(now, cost)
        self.count(now, cost)

    def count(self, now: float, cost: int) -> None:
        """Keep the figures of :meth:`busy`."""
        if now >= self.tick:
            self.roll(now)
        self.fresh += cost
        self.taken += cost

    def roll(self, now: float) -> None:
        """Begin a new second."""
        self._last = self.fresh if now < self.tick + 1.0 else 0
        self.fresh = 0
        self.tick = now + 1.0

    def give_back(self, now: float, cost: int, taken_at: float) -> None:
        """A call that had taken its tokens was not sent."""
        for meter in self.meters:
            meter.give_back(now, cost, taken_at)
        self.taken -= cost

    def postpone(self, now: float, cost: int, taken_at: float) -> None:
        """A call that was let go leaves only now."""
        for meter in self.meters:
            meter.postpone(now, cost, taken_at)

    def busy(self, now: float) -> float:
        """Calls a second that left lately."""
        if now >= self.tick + 1.0:
            return 0.0
        return float(max(self.fresh, self._last))

    def ready_at(self, now: float, cost: int) -> float:
        """When a call of this cost may leave if no other does."""
        return max(self.held_until, max((meter.ready_at(now, cost) for meter in self.meters), default=now))

    @property
    def asked_until(self) -> float:
        """Until when the service itself has asked for no calls; in the past when it has not."""
        return max((gate.asked_until for gate in self._gates), default=-math.inf)

    def head(self) -> Waiter:
        """The first that waits."""
        return next(iter(self.waiting))


class Line:
    """All routes and their waiters."""

    __slots__ = ("_order", "routes", "size")

    def __init__(self) -> None:
        self.routes: dict[frozenset[str], Route] = {}
        self.size = 0
        self._order = 0

    def join(self, waiter: Waiter) -> None:
        """Wait behind all others."""
        self._order += 1
        waiter.order = self._order
        waiter.route.waiting[waiter] = None
        self.size += 1

    def rejoin(self, waiter: Waiter) -> None:
        """Wait again in one's old place; those of one route rejoin last first."""
        waiter.route.waiting[waiter] = None
        waiter.route.waiting.move_to_end(waiter, last=False)
        self.size += 1

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        del waiter.route.waiting[waiter]
        self.size -= 1

    def heads(self) -> list[Waiter]:
        """The first of each route, in the order in which they came."""
        heads = [route.head() for route in self.routes.values() if route.waiting]
        if len(heads) > 1:
            heads.sort(key=_order)
        return heads

    def next(self, now: float) -> Waiter | None:
        """The first that may leave now."""
        if not self.size:
            return None
        held: list[Waiter] = []
        for head in self.heads():
            if head.route.fits(now, head.cost) and self._delays_none(head.route, head.cost, held, now):
                return head
            held.append(head)
        return None

    def room(self, route: Route, now: float) -> float:
        """The total cost of calls of this route that may leave now without delaying any that waits."""
        if route.waiting or now < route.held_until:
            return 0
        room = min((meter.room(now) for meter in route.meters), default=math.inf)
        if self.size and room > 0:
            for head in self.heads():
                room = min(room, _spare(route, head, now))
        return max(0, room)

    def wake_at(self, now: float) -> float:
        """When to look again; infinite when nobody waits, or only for others."""
        at = math.inf
        held: list[Waiter] = []
        for head in self.heads():
            ready = head.route.ready_at(now, head.cost)
            # One that is ready and held back by an earlier one is looked at when that one leaves.
            if ready > now or self._delays_none(head.route, head.cost, held, now):
                at = min(at, ready)
            held.append(head)
        return at

    @staticmethod
    def _delays_none(route: Route, cost: int, held: list[Waiter], now: float) -> bool:
        return all(_spare(route, earlier, now) >= cost for earlier in held)


def _order(waiter: Waiter) -> int:
    return waiter.order


def _spare(route: Route, waiter: Waiter, now: float) -> float:
    """What calls of ``route`` may take now without delaying ``waiter``."""
    shared = [meter for meter in route.meters if meter in waiter.route.meters]
    if not shared:
        return math.inf
    at = waiter.route.ready_at(now, waiter.cost)
    return min(meter.spare(now, waiter.cost, at) for meter in shared)
