"""Plots, where matplotlib is installed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .table import RESULTS

__all__ = ["bars", "lines"]


def _axes(title: str, x: str, y: str) -> Any:
    try:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot
    except ImportError:
        print("matplotlib is not installed: no plots", file=sys.stderr)
        return None
    figure, axes = pyplot.subplots(figsize=(9, 5), layout="constrained")
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Any, name: str) -> None:
    from matplotlib import pyplot

    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / f"{name}.png", dpi=120)
    pyplot.close(figure)


def lines(
    name: str, series: Mapping[str, Sequence[tuple[float, float] | tuple[int, float]]], *, title: str, x: str, y: str
) -> None:
    """One line for each series; x is logarithmic."""
    made = _axes(title, x, y)
    if made is None:
        return
    figure, axes = made
    for label, points in series.items():
        axes.plot(*zip(*sorted(points), strict=True), marker="o", label=label)
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small")
    _save(figure, name)


def bars(name: str, groups: Mapping[str, Mapping[str, float]], *, title: str, y: str) -> None:
    """One group of bars for each key, one colour for each inner key."""
    made = _axes(title, "", y)
    if made is None:
        return
    figure, axes = made
    labels = list(dict.fromkeys(label for group in groups.values() for label in group))
    width = 0.8 / max(1, len(labels))
    for at, label in enumerate(labels):
        places = [place for place, group in enumerate(groups.values()) if label in group]
        heights = [group[label] for group in groups.values() if label in group]
        axes.bar([place + (at - len(labels) / 2 + 0.5) * width for place in places], heights, width, label=label)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.legend(fontsize="small", ncols=2)
    _save(figure, name)
