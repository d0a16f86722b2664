"""What the chart is drawn from, and that something is drawn."""

from __future__ import annotations

import struct
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from plangrep_async.errors import ConfigurationError
from plangrep_async.migrate.chart import draw_chart, rates, running_totals, thinned
from plangrep_async.migrate.rows import Sample

BLUE, GREEN, RED, ORANGE = (31, 98, 181), (10, 122, 60), (181, 31, 76), (243, 129, 9)


def course(number: int, **changes: int) -> list[Sample]:
    """So many samples, ten seconds apart: one document and 5 MB a second."""
    start = 1_700_000_000.0
    return [
        Sample(start + 10 * i, 10 * i, 50_000_000 * i, changes.get("failures", 0) * i, changes.get("throttled", 0) * i)
        for i in range(number)
    ]


def colours(path: Path) -> Counter[tuple[int, ...]]:
    """Pixels of each colour, without the legends' corners."""
    pixels = (imread(path)[:, :, :3] * 255).round().astype(int)
    inner = pixels[:, 180:800].reshape(-1, 3)
    return Counter(map(tuple, inner.tolist()))


def test_rates_are_differences_over_time() -> None:
    assert rates(course(3)) == [
        (1_700_000_000.0, 1_700_000_010.0, 1.0, 5.0),
        (1_700_000_010.0, 1_700_000_020.0, 1.0, 5.0),
    ]
    assert rates([]) == rates(course(1)) == []


samples = st.lists(
    st.builds(
        Sample,
        st.floats(0, 4e9),
        st.integers(0, 10**6),
        st.integers(0, 10**15),
        st.integers(0, 10**5),
        st.integers(0, 10**5),
    ),
    max_size=30,
)


@given(samples)
def test_no_rate_is_negative_whatever_clocks_and_counters_do(seen: list[Sample]) -> None:
    found = rates(seen)
    assert len(found) <= max(0, len(seen) - 1)
    for began, ended, documents, megabytes in found:
        assert began < ended
        assert documents >= 0
        assert megabytes >= 0


@given(st.lists(st.integers(0, 1_000), max_size=40))
def test_counters_that_begin_anew_are_added_up(counts: list[int]) -> None:
    totals = running_totals(counts)
    assert len(totals) == len(counts)
    assert all(before <= after for before, after in pairwise(totals))
    assert all(total >= count for total, count in zip(totals, counts, strict=True))
    if sorted(counts) == counts:
        assert totals == counts


def test_refusals_of_two_runs_are_added_up() -> None:
    assert running_totals([0, 2, 5, 0, 1, 4]) == [0, 2, 5, 5, 6, 9]


@given(st.integers(0, 5_000), st.integers(2, 300))
def test_thinned_keeps_the_ends_and_the_order(number: int, most: int) -> None:
    kept = list(thinned(range(number), most))
    assert len(kept) == min(number, most)
    assert kept == sorted(set(kept))
    if number:
        assert (kept[0], kept[-1]) == (0, number - 1)


@pytest.mark.parametrize("number", [2, 3_000])
def test_throughput_and_errors_are_drawn(tmp_path: Path, number: int) -> None:
    path = tmp_path / "course.png"
    draw_chart(course(number, failures=1, throttled=3), path)
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (1000, 600)
    seen = colours(path)
    assert seen[BLUE] + seen[GREEN] > 500, "no line of throughput"
    if number > 2:
        assert seen[RED] > 50
        assert seen[ORANGE] > 50


def test_a_course_without_errors_has_them_at_nothing(tmp_path: Path) -> None:
    draw_chart(course(20), tmp_path / "calm.png")
    draw_chart(course(20, failures=5, throttled=9), tmp_path / "bad.png")
    calm, bad = colours(tmp_path / "calm.png"), colours(tmp_path / "bad.png")
    assert calm[BLUE] + calm[GREEN] > 500
    assert bad[RED] > calm[RED] + 100


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_measured_is_a_picture_that_says_so(tmp_path: Path, number: int) -> None:
    path = tmp_path / "course.png"
    draw_chart(course(number), path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert colours(path)[BLUE] == 0


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        ConfigurationError, match=r"the chart needs matplotlib.*pip install 'plangrep-async\[migrate\]'"
    ):
        draw_chart(course(2), tmp_path / "course.png")
    assert not (tmp_path / "course.png").exists()
