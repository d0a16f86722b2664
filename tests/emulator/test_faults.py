from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.emulator import Fault, FaultTable
from plangrep_async.emulator.faults import Incoming


def incoming(
    method: str = "GET", route: str = "/jobs/{jobId}", *, service: str = "plangrep", query: str = ""
) -> Incoming:
    return Incoming(service, method, route, route.replace("{jobId}", "job_1"), query, {})


@pytest.mark.parametrize(
    ("pattern", "method", "route", "hit"),
    [
        ("GET /jobs/{job_id}", "GET", "/jobs/{jobId}", True),
        ("get /jobs/{x}", "GET", "/jobs/{jobId}", True),
        ("GET /jobs/{job_id}", "POST", "/jobs/{jobId}", False),
        ("GET /jobs/{job_id}", "GET", "/jobs/{jobId}/result", False),
        ("GET /jobs/*", "GET", "/jobs/{jobId}/result", True),
        ("* /jobs/{x}", "DELETE", "/jobs/{jobId}", True),
        ("PUT *", "PUT", "/{bucket}/{key:path}", True),
        ("PUT /{bucket}/{key}", "PUT", "/{bucket}/{key:path}", True),
        ("*", "GET", "/anything", True),
        ("GET /a[b]?", "GET", "/a[b]?", True),
        ("GET /a[b]?", "GET", "/abc", False),
    ],
)
def test_routes(pattern: str, method: str, route: str, hit: bool) -> None:
    table = FaultTable()
    table.add(pattern, Fault.cut())
    assert bool(table.choose(incoming(method, route))) is hit


def test_a_route_without_a_method_is_refused() -> None:
    with pytest.raises(ValueError, match="route"):
        FaultTable().add("/jobs", Fault.cut())


def test_service_query_and_predicate_narrow_a_rule() -> None:
    table = FaultTable()
    table.add("*", Fault.cut(), service="storage")
    table.add("*", Fault.reset(), match=r"partNumber=2\b")
    table.add("*", Fault.stall(), predicate=lambda request: request.path.endswith("job_1"))
    assert table.choose(incoming(route="/other")) == ()
    assert table.choose(incoming(route="/other", service="storage")) == (Fault.cut(),)
    assert table.choose(incoming(route="/other", query="partNumber=2&x=1")) == (Fault.reset(),)
    assert table.choose(incoming()) == (Fault.stall(),)


def test_times_skip_and_nth() -> None:
    def fired(**options: Any) -> list[bool]:
        table = FaultTable()
        table.add("*", Fault.cut(), **options)
        return [bool(table.choose(incoming())) for _ in range(5)]

    assert fired(times=2) == [True, True, False, False, False]
    assert fired(skip=3) == [False, False, False, True, True]
    assert fired(nth=2) == [False, True, False, False, False]
    assert fired(skip=1, times=2) == [False, True, True, False, False]


def test_counters_tell_seen_and_fired() -> None:
    table = FaultTable()
    rule = table.add("*", Fault.cut(), skip=1, times=1)
    for _ in range(4):
        table.choose(incoming())
    assert (rule.seen, rule.fired) == (2, 1)


def test_the_same_seed_draws_the_same_faults() -> None:
    def draws(seed: int) -> list[bool]:
        table = FaultTable(seed)
        table.add("*", Fault.cut(), probability=0.3)
        return [bool(table.choose(incoming())) for _ in range(200)]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
    assert 30 <= sum(draws(1)) <= 90


def test_delays_add_up_and_the_first_other_fault_wins() -> None:
    table = FaultTable()
    table.add("*", Fault.answer(503))
    slow = table.add("*", Fault.latency(1))
    loser = table.add("*", Fault.cut())
    assert table.choose(incoming()) == (Fault.latency(1), Fault.answer(503))
    assert (slow.fired, loser.seen) == (1, 0)


def test_rules_can_be_removed() -> None:
    table = FaultTable()
    first, second = table.add("*", Fault.cut()), table.add("*", Fault.reset())
    assert table.remove(first)
    assert not table.remove(first)
    assert table.choose(incoming()) == (Fault.reset(),)
    assert table.remove(second.number)
    called: list[bool] = []
    table.on_clear(lambda: called.append(True))
    table.add("*", Fault.cut())
    table.clear()
    assert (len(table), called) == (0, [True])


def test_impossible_faults_are_refused() -> None:
    with pytest.raises(ValueError, match="when"):
        Fault.answer(503, when="in_answer")
    with pytest.raises(ValueError, match="status"):
        Fault.empty(when="before")
    with pytest.raises(ValueError, match="kind"):
        Fault("explode")  # type: ignore[arg-type]


def test_answers_carry_retry_after_as_asked() -> None:
    assert Fault.answer(429, retry_after=2).headers == (("Retry-After", "2"),)
    assert Fault.answer(503, retry_after="Wed, 21 Oct 2026 07:28:00 GMT").headers[0][1].endswith("GMT")


@given(st.lists(st.sampled_from(["seen", "other"]), max_size=30), st.integers(0, 5), st.integers(0, 5))
def test_a_rule_fires_for_exactly_the_requests_it_names(routes: list[str], skip: int, times: int) -> None:
    table = FaultTable()
    table.add("GET /seen", Fault.cut(), skip=skip, times=times)
    hits = [index for index, route in enumerate(routes) if table.choose(incoming(route=f"/{route}"))]
    matching = [index for index, route in enumerate(routes) if route == "seen"]
    assert hits == matching[skip : skip + times]
