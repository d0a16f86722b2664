"""The arithmetic of the benchmarks, and that every question can be listed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from benchmarks import report
from benchmarks.__main__ import questions
from benchmarks.clients import CLIENTS, OURS
from benchmarks.concurrency import sag
from benchmarks.harness.goals import Goal, upload_goals
from benchmarks.harness.job import WAYS
from benchmarks.harness.loads import LOADS, MIB
from benchmarks.migrate_faults import sizes
from benchmarks.migrate_limits import CASES, allowance


def test_every_module_has_a_question() -> None:
    found = questions()
    assert {"uploads", "concurrency", "loop_lag", "memory", "sink_cost"} <= set(found)
    assert all(text for text, _ in found.values())
    assert found["memory"][1] == ["--scale", "0.05"]
    assert list(found)[-1] == "report"  # which reads what the others wrote


def test_a_scaled_load_keeps_its_kind() -> None:
    assert LOADS["one"].sizes(0.25) == [1024 * MIB]
    assert LOADS["eight"].sizes(0.5) == [512 * MIB] * 8
    assert LOADS["small"].sizes(0.1) == [64 << 10] * 500
    mix = LOADS["mix"].sizes()
    assert mix == LOADS["mix"].sizes()
    assert min(mix) >= 20_000
    assert max(mix) <= 2_000_000_000


@pytest.mark.parametrize(
    ("points", "share"),
    [
        ([(1, 1.0), (8, 2.0), (64, 2.5)], 1.0),
        ([(1, 1.0), (8, 2.0), (64, 1.0)], 0.5),
        ([(64, 1.5), (1, 1.0), (8, 2.0)], 0.75),
    ],
)
def test_the_worst_width_is_held_against_the_best_smaller_one(points: list[tuple[int, float]], share: float) -> None:
    assert sag(points)[0] == share


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (Goal("throughput", "here", 2.0, 2.0), "met"),
        (Goal("throughput", "here", 2.0, 1.5), "**missed** by 25%"),
        (Goal("CPU", "here", 0.5, 0.5, less=True), "met"),
        (Goal("CPU", "here", 0.5, 0.6, less=True), "**missed** by 20%"),
    ],
)
def test_a_missed_goal_says_by_how_much(goal: Goal, verdict: str) -> None:
    assert goal.cells()[-1] == verdict


def test_ratios_are_taken_between_neighbours_of_one_round() -> None:
    def row(client: str, *seconds: float) -> dict[str, object]:
        runs = [{"seconds": value, "cpu": value} for value in seconds]
        return {"name": "one", "load": "1 x 1 MiB", "wire": "TLS", "way": "put", "client": client, "runs": runs}

    # The second round met a machine twice as slow: the ratio is the same.
    (goal,) = upload_goals([row(OURS, 1.0, 2.0), row("curl", 1.5, 3.0)])
    assert goal.found == 1.5
    assert goal.spread == (1.5, 1.5)


def test_every_client_can_do_something() -> None:
    assert all(client.ways and set(client.ways) <= set(WAYS) for client in CLIENTS.values())


@pytest.mark.parametrize(("mode", "begin", "calls"), [("fixed", 360.5, 4_000), ("sliding", 400.0, 4_000)])
def test_the_allowance_is_that_of_whole_windows(mode: Literal["fixed", "sliding"], begin: float, calls: int) -> None:
    case = CASES["writes"]
    assert allowance(case, mode, begin, case.end(mode, begin)) == calls


def test_a_fixed_window_that_is_almost_over_is_an_allowance_too() -> None:
    case = CASES["second"]
    assert case.end("fixed", 100.9) == 160.0
    assert allowance(case, "fixed", 100.9, 102.0) == 80
    assert allowance(case, "sliding", 100.9, 102.0) == 80
    assert allowance(case, "sliding", 100.9, 101.9) == 40


def test_the_set_is_as_large_as_it_is_said_to_be() -> None:
    drawn = sizes(5_000, 200_000_000, seed=1)
    assert drawn == sizes(5_000, 200_000_000, seed=1)
    assert (min(drawn), max(drawn), drawn.count(200_000_000) >= 5) == (1_000, 200_000_000, True)
    assert 6e9 < sum(drawn) < 12e9


def test_what_was_written_by_hand_stays_and_nothing_is_doubled(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    assert report._notes(page) == "## What the profiles show"
    page.write_text("## Goals\n\n## What the profiles show\n\nBy hand.\n\n## Uploads\n\n2\n\n## Memory\n\n3\n")
    assert report._notes(page) == "## What the profiles show\n\nBy hand.\n"
