from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from plangrep_async.ratelimit import LimiterSettings, RateLimit
from plangrep_async.ratelimit.bucket import Bucket
from plangrep_async.ratelimit.line import Line, Route, Waiter

EXACT = LimiterSettings(margin=0.0)


class Setting:
    """Reads pass the window of all calls, writes their own as well."""

    def __init__(self, all_calls: RateLimit, writes: RateLimit) -> None:
        self.all = Bucket(all_calls, EXACT)
        self.writes = Bucket(writes, EXACT)
        self.line = Line()
        self.read = Route(frozenset({"all"}), [self.all])
        self.write = Route(frozenset({"all", "write"}), [self.all, self.writes])
        self.line.routes = {self.read.kinds: self.read, self.write.kinds: self.write}

    def wait(self, route: Route, now: float = 0.0, cost: int = 1) -> Waiter:
        waiter = Waiter(route, cost, now)
        self.line.join(waiter)
        return waiter

    def serve(self, now: float) -> list[Waiter]:
        served = []
        while (waiter := self.line.next(now)) is not None:
            self.line.leave(waiter)
            waiter.route.take(now, waiter.cost)
            served.append(waiter)
        return served


def test_the_first_that_came_is_the_first_that_leaves_across_routes() -> None:
    each = Setting(RateLimit(1, 1.0), RateLimit(10, 1.0))
    waiters = [each.wait(each.read), each.wait(each.write), each.wait(each.read), each.wait(each.write)]
    served = []
    for second in range(4):
        served += each.serve(float(second))
    assert served == waiters


def test_reads_go_on_while_writes_wait_for_minutes() -> None:
    each = Setting(RateLimit(2, 1.0), RateLimit(1, 360.0))
    each.write.take(0.0, 1)
    write = each.wait(each.write)
    reads = [each.wait(each.read) for _ in range(6)]
    served = [waiter for second in range(1, 7) for waiter in each.serve(second / 2)]
    assert served == reads
    assert write in each.write.waiting


def test_a_later_call_does_not_take_the_token_an_earlier_one_will_need() -> None:
    """The write can leave at 10.0; a read at 9.5 would be in its way until 10.5."""
    each = Setting(RateLimit(1, 1.0), RateLimit(1, 10.0))
    each.write.take(0.0, 1)
    write = each.wait(each.write)
    each.wait(each.read)
    assert each.line.room(each.read, 9.5) == 0
    assert each.serve(9.5) == []
    assert each.line.wake_at(9.5) == 10.0
    assert each.serve(10.0) == [write]
    assert each.line.wake_at(10.0) == 11.0


def test_small_calls_do_not_starve_a_large_one() -> None:
    each = Setting(RateLimit(10, 1.0), RateLimit(10, 1.0))
    each.read.take(0.0, 4)
    each.read.take(0.5, 4)
    large = each.wait(each.read, cost=10)
    small = each.wait(each.write, cost=1)
    assert each.serve(0.6) == []
    assert each.serve(1.0) == []  # 6 are free, and all but the large one must let them be
    assert each.serve(1.5) == [large]
    assert each.serve(2.5) == [small]


def test_nobody_waits_nothing_to_wake_for() -> None:
    each = Setting(RateLimit(1, 1.0), RateLimit(1, 1.0))
    assert each.line.wake_at(0.0) == math.inf
    assert each.line.next(0.0) is None
    assert each.line.room(each.read, 0.0) == 1


def test_a_call_rejoins_in_its_old_place() -> None:
    each = Setting(RateLimit(1, 1.0), RateLimit(1, 1.0))
    first, second, third = (each.wait(each.read) for _ in range(3))
    each.line.leave(first)
    each.line.leave(second)
    each.line.rejoin(second)
    each.line.rejoin(first)
    assert list(each.read.waiting) == [first, second, third]


def test_busy_is_the_rate_of_the_last_two_seconds() -> None:
    route = Route(frozenset({"all"}), ())
    for moment in range(20):
        route.take(moment / 10, 1)
    assert route.busy(1.95) == 10.0
    assert route.busy(2.9) == 10.0
    assert route.busy(4.1) == 0.0


@given(
    all_limit=st.integers(1, 8),
    write_limit=st.integers(1, 4),
    write_interval=st.sampled_from([1.0, 3.0, 20.0]),
    cost=st.integers(1, 4),
    before=st.lists(st.tuples(st.floats(0.0, 2.0), st.booleans()), max_size=12),
    later=st.lists(st.tuples(st.floats(0.0, 0.6), st.integers(1, 3)), max_size=60),
)
@settings(max_examples=500, deadline=None)
def test_whoever_waits_longest_is_never_delayed_by_those_who_come_later(
    all_limit: int, write_limit: int, write_interval: float, cost: int, before: object, later: object
) -> None:
    cost = min(cost, all_limit, write_limit)

    def leaves_at(arrivals: list[tuple[float, int]]) -> float:
        each = Setting(RateLimit(all_limit, 1.0), RateLimit(write_limit, write_interval))
        now = 0.0
        for gap, write in before:  # type: ignore[attr-defined]
            now += gap
            route = each.write if write else each.read
            if route.fits(now, 1):
                route.take(now, 1)
        waiter = each.wait(each.write, now, cost)
        for gap, reads in arrivals:
            until = now + gap
            while (wake := each.line.wake_at(now)) <= until:
                now = wake
                if waiter in each.serve(now):
                    return now
            now = until
            for _ in range(reads):
                each.wait(each.read, now)
            if waiter in each.serve(now):
                return now
        while waiter not in each.serve(now):
            now = each.line.wake_at(now)
        return now

    assert leaves_at(later) <= leaves_at([]) + 1e-9  # type: ignore[arg-type]
