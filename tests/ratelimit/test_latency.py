from __future__ import annotations

import pytest

from plangrep_async.ratelimit.latency import LatencyFloor


def test_at_first_all_of_an_answers_time_may_be_lateness() -> None:
    floor = LatencyFloor()
    assert floor.lateness(0.3, 0.3) == 0.3
    assert floor.lateness(0.9, 0.1) == 0.1


def test_later_what_exceeds_the_floor() -> None:
    floor = LatencyFloor()
    floor.lateness(0.1, 0.1)
    assert floor.lateness(2.0, 0.13) == pytest.approx(0.03)
    assert floor.lateness(3.0, 0.08) == 0.0
    assert floor.lateness(4.0, 0.1) == pytest.approx(0.02)


def test_a_floor_that_is_not_reached_again_is_forgotten() -> None:
    floor = LatencyFloor()
    for second in range(10):
        floor.lateness(float(second), 0.05)
    assert floor.lateness(11.0, 0.2) == pytest.approx(0.15)
    assert floor.lateness(21.0, 0.2) == 0.0


def test_after_a_pause_it_starts_anew() -> None:
    floor = LatencyFloor()
    floor.lateness(0.0, 0.05)
    floor.lateness(5.0, 0.05)
    assert floor.lateness(100.0, 0.2) == 0.2
