from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.upload.adaptive import AdaptiveLimit


def run(limit, rate_of, rounds):
    """Rounds against a host whose rate depends on the number."""
    seen = []
    for _ in range(rounds):
        limit.round(sent=int(rate_of(limit.limit)), requests=0, seconds=1.0)
        seen.append(limit.limit)
    return seen


@given(
    st.integers(1, 8),
    st.integers(1, 16),
    st.integers(1, 64),
    st.lists(st.one_of(st.none(), st.floats(0, 1e10), st.integers(0, 3))),
)
def test_it_stays_between_its_bounds(low, start, high, events):
    limit = AdaptiveLimit(low=low, start=start, high=high)
    for event in events:
        if event is None:
            limit.complain(limit.epoch)
        elif isinstance(event, int):
            limit.complain(event)
        else:
            limit.round(sent=int(event), requests=1, seconds=0.5)
        assert min(low, high) <= limit.limit <= high


def test_it_climbs_while_climbing_pays():
    limit = AdaptiveLimit(low=1, start=4, high=32)
    assert run(limit, lambda n: n * 1_000_000, 4) == [8, 16, 32, 32]


def test_it_settles_near_the_knee():
    limit = AdaptiveLimit(low=1, start=4, high=64)
    seen = run(limit, lambda n: min(n, 12) * 1_000_000, 300)
    assert all(12 <= number <= 18 for number in seen[100:])


def test_it_goes_back_from_a_rise_that_costs():
    limit = AdaptiveLimit(low=1, start=4, high=64)
    seen = run(limit, lambda n: 8_000_000 - abs(n - 6) * 1_000_000, 100)
    assert max(seen[2:]) <= 9
    assert all(4 <= number <= 9 for number in seen)


def test_a_settled_host_is_seldom_probed():
    limit = AdaptiveLimit(low=1, start=8, high=64)
    seen = run(limit, lambda n: 1_000_000, 400)
    changes = sum(one != other for one, other in pairwise(seen[200:]))
    assert changes <= 10


def test_many_complaints_of_one_moment_halve_it_once():
    limit = AdaptiveLimit(low=2, start=32, high=32)
    epoch = limit.epoch
    assert [limit.complain(epoch) for _ in range(32)].count(True) == 1
    assert limit.limit == 16
    assert limit.complain(limit.epoch)
    assert limit.limit == 8
    for _ in range(10):
        limit.complain(limit.epoch)
    assert limit.limit == 2


def test_it_recovers_after_a_complaint():
    limit = AdaptiveLimit(low=1, start=32, high=32)
    limit.complain(limit.epoch)
    seen = run(limit, lambda n: n * 1_000_000, 40)
    assert seen[3] == 16  # it rests first
    assert seen[-1] == 32


def test_small_requests_count_as_work():
    limit = AdaptiveLimit(low=1, start=4, high=16)
    for _ in range(3):
        limit.round(sent=0, requests=limit.limit * 100, seconds=1.0)
    assert limit.limit == 16


def test_a_round_without_time_teaches_nothing():
    limit = AdaptiveLimit(low=1, start=4, high=16)
    limit.round(sent=10**9, requests=0, seconds=0.0)
    assert limit.limit == 4
