"""The chart of a report: throughput and errors over time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ..errors import ConfigurationError
from .rows import Sample

__all__ = ["draw_chart", "rates", "running_totals", "thinned"]

T = TypeVar("T")
_POINTS = 1_000


def rates(samples: Sequence[Sample]) -> list[tuple[float, float, float, float]]:
    """From each sample to the next: when it began, when it ended, documents a second, megabytes a second. No I/O.

    A gap between two runs shows as a rate of nearly nothing, which is what it was.
    """
    found: list[tuple[float, float, float, float]] = []
    for before, after in itertools.pairwise(samples):
        seconds = after.time - before.time
        if seconds > 0:
            found.append(
                (
                    before.time,
                    after.time,
                    max(0, after.documents - before.documents) / seconds,
                    max(0, after.bytes - before.bytes) / seconds / 1e6,
                )
            )
    return found


def running_totals(counts: Iterable[int]) -> list[int]:
    """A counter that began anew now and then, added up: each run counts its own refusals. No I/O."""
    totals: list[int] = []
    before = total = 0
    for count in counts:
        total += count - before if count >= before else count
        before = count
        totals.append(total)
    return totals


def thinned(samples: Sequence[T], most: int = _POINTS) -> Sequence[T]:
    """At most so many of them, evenly, the first and the last among them. No I/O."""
    if len(samples) <= most:
        return samples
    step = (len(samples) - 1) / (most - 1)
    return [samples[round(number * step)] for number in range(most)]


def draw_chart(samples: Sequence[Sample], path: Path) -> None:
    """Draw it as a PNG of 1000 by 600 pixels. Blocks for about a second.

    Raises:
        ConfigurationError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the chart needs {error.name}: pip install 'plangrep-async[migrate]'") from None
    refusals = thinned(running_totals(sample.throttled for sample in samples))
    samples = thinned(samples)
    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    speed, errors = figure.subplots(2, 1, sharex=True)
    course = rates(samples)
    # Each rate is a level from where it began to where it ended, so that a single one shows too.
    times = [datetime.fromtimestamp(time, UTC) for began, ended, _, _ in course for time in (began, ended)]
    megabytes = [rate for _, _, _, rate in course for _ in range(2)]
    documents = [rate for _, _, rate, _ in course for _ in range(2)]
    speed.plot(times, megabytes, color="#1f62b5", label="MB/s", linewidth=2.5)
    speed.set_ylabel("MB/s confirmed")
    files = speed.twinx()
    files.plot(times, documents, color="#0a7a3c", label="files/s", linewidth=1)
    files.set_ylabel("files/s arrived")
    speed.legend(handles=[*speed.get_lines(), *files.get_lines()], loc="upper right")
    if not course:
        speed.set_title("Nothing was measured: no run has gone on for a moment yet")
    moments = [datetime.fromtimestamp(sample.time, UTC) for sample in samples]
    errors.step(moments, [sample.failures for sample in samples], where="post", color="#b51f4c", label="failed files")
    errors.step(moments, refusals, where="post", color="#f38109", label="answers 429")
    errors.set_ylabel("so far")
    for axis, least in ((speed, 0.1), (files, 0.1), (errors, 1.0)):
        axis.set_ylim(0, max(least, axis.get_ylim()[1]) * 1.25)  # room for the legend
    errors.legend(loc="upper left")
    errors.set_xlabel("UTC")
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]  # matplotlib's dates have no types
    errors.xaxis.set_major_locator(locator)
    errors.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # as above
    figure.savefig(path, dpi=100)
