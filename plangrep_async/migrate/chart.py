"""The chart of a report: throughput and errors over time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ConfigurationError
from .rows import Sample

__all__ = ["draw_chart", "rates"]

_POINTS = 1_000


def rates(samples: Sequence[Sample]) -> list[tuple[float, float, float]]:
    """Between each two samples: the time in the middle, documents a second, megabytes a second. No I/O.

    A gap between two runs shows as a rate of nearly nothing, which is what it was.
    """
    found: list[tuple[float, float, float]] = []
    for before, after in itertools.pairwise(samples):
        seconds = after.time - before.time
        if seconds > 0:
            found.append(
                (
                    (before.time + after.time) / 2,
                    max(0, after.documents - before.documents) / seconds,
                    max(0, after.bytes - before.bytes) / seconds / 1e6,
                )
            )
    return found


def draw_chart(samples: Sequence[Sample], path: Path) -> None:
    """Draw it as a PNG. Blocks for about a second.

    Raises:
        ConfigurationError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the chart needs {error.name}: pip install 'plangrep-async[migrate]'") from None
    samples = samples[:: max(1, len(samples) // _POINTS)]
    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    speed, errors = figure.subplots(2, 1, sharex=True)
    points = rates(samples)
    times = [datetime.fromtimestamp(time, UTC) for time, _, _ in points]
    speed.plot(times, [megabytes for _, _, megabytes in points], color="#1f62b5", label="MB/s", drawstyle="steps-mid")
    speed.set_ylabel("MB/s confirmed")
    files = speed.twinx()
    files.plot(
        times,
        [documents for _, documents, _ in points],
        color="#0a7a3c",
        label="files/s",
        linewidth=1,
        drawstyle="steps-mid",
    )
    files.set_ylabel("files/s arrived")
    speed.legend(handles=[*speed.get_lines(), *files.get_lines()], loc="upper right")
    moments = [datetime.fromtimestamp(sample.time, UTC) for sample in samples]
    errors.step(moments, [sample.failures for sample in samples], where="post", color="#b51f4c", label="failed files")
    errors.step(moments, [sample.throttled for sample in samples], where="post", color="#f38109", label="answers 429")
    errors.set_ylabel("so far")
    for axis, least in ((speed, 0.1), (files, 0.1), (errors, 1.0)):
        axis.set_ylim(0, max(least, axis.get_ylim()[1]))
    errors.legend(loc="upper left")
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    errors.xaxis.set_major_locator(locator)
    errors.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    figure.savefig(path, dpi=100)
