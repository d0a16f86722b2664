"""Which goals are met? Puts the latest results of the other questions together: writes ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from . import clients, concurrency, loop_lag, memory, sink_cost, uploads
from .harness.goals import Goal, concurrency_goals, lag_goals, memory_goals, upload_goals
from .harness.table import load_all, table

QUICK = ["--out", "benchmarks/results/report.md"]

_INTRODUCTION = """\
# Benchmarks of the upload engine

What `python -m benchmarks` found, question by question; `python -m benchmarks report` makes this page of the latest
results.

Client and far end share {cores} cores of one machine (loopback, Python {python}{weather}): absolute figures are
small and move from run to run; read the ratios. Every client runs in a process of its own, in turns with the others;
figures are medians, with least and most in brackets; ratios are taken between neighbours in one round. CPU is user and
system time of the client's process and its children. The files are sparse and in the page cache, the same for all. The
far end drops what it gets; over TLS it has to decrypt it, on the same cores.

Rivals: {rivals}. "lean" means: without the hashing that is the rival's default and that the protocol does not need (a
presigned URL needs none); the goals were set against the defaults.

Scale of the loads: {scales}. 1.0 is: {loads}.
"""

_VERSIONS = {
    "obstore": "obstore",
    "boto3": "boto3",
    "boto3 CRT": "awscrt",
    "aioboto3": "aioboto3",
    "aiohttp": "aiohttp",
    "httpx": "httpx",
}


def _rivals() -> str:
    words = []
    for name in clients.CLIENTS:
        if name == clients.OURS or "lean" in name:
            continue
        if reason := clients.missing(name):
            words.append(f"{name} (**missing**: {reason})")
        elif name == "curl":
            line = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
            words.append(f"curl {line.split()[1]}")
        else:
            words.append(f"{name} {importlib.metadata.version(_VERSIONS[name])}")
    return ", ".join(words)


def _goals(results: dict[str, Any]) -> list[Goal]:
    goals: list[Goal] = []
    goals += upload_goals(results["uploads"]["rows"])
    goals += lag_goals(results["loop_lag"]["rows"])
    goals += memory_goals(results["memory"]["rows"], memory.BUDGET)
    goals += concurrency_goals(results["concurrency"]["rows"])
    return goals


def _goals_table(goals: list[Goal]) -> str:
    as_set = [goal for goal in goals if not goal.lean]
    lean = [goal for goal in goals if goal.lean]
    met = sum(goal.met for goal in as_set)
    text = f"{met} of {len(as_set)} figures meet their goal.\n\n{_rows(as_set)}"
    if lean:
        met = sum(goal.met for goal in lean)
        text += f"\n\nHeld against the lean rivals, {met} of {len(lean)} do.\n\n{_rows(lean)}"
    return text


def _rows(goals: list[Goal]) -> str:
    lines = ["| goal | where | wanted | found | |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(goal.cells())} |" for goal in goals)])


def _notes(path: Path) -> str:
    """What was written by hand stays: the section with this heading."""
    heading = "## What the profiles show"
    text = path.read_text() if path.exists() else ""
    return heading + text.partition(heading)[2].partition("\n## ")[0]


def compose(results: dict[str, Any], notes: str, weather: str) -> str:
    """The page."""
    from .harness.loads import LOADS

    scales = "; ".join(
        f"{name} {', '.join(f'{scale:g}' for scale in found['scales'])}" for name, found in results.items()
    )
    introduction = _INTRODUCTION.format(
        cores=os.cpu_count(),
        python=platform.python_version(),
        weather=f"; {weather}" if weather else "",
        rivals=_rivals(),
        scales=scales,
        loads="; ".join(each.title for each in LOADS.values()),
    )
    sections = [
        introduction,
        "## Goals\n\n" + _goals_table(_goals(results)),
        notes.rstrip(),
        "## Uploads\n\n" + uploads.markdown(results["uploads"]["rows"]),
        "## Event-loop lag while 8 large uploads run\n\n" + table(results["loop_lag"]["rows"], loop_lag.COLUMNS),
        "## Memory\n\n" + table(results["memory"]["rows"], memory.COLUMNS),
        "## Concurrency\n\nGB/s, single PUT.\n\n" + concurrency.markdown(results["concurrency"]["rows"]),
        "## The far end\n\nWhat the cheapest possible clients reach with it.\n\n"
        + table(results["sink_cost"]["rows"], sink_cost.COLUMNS),
    ]
    return "\n\n".join(section.rstrip() for section in sections) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks report", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--weather", default="", help="what else the machine did meanwhile")
    options = parser.parse_args()
    names = ("uploads", "loop_lag", "memory", "concurrency", "sink_cost")
    results = {name: load_all(name) for name in names}
    uploads.plot(results["uploads"]["rows"])
    concurrency.plot(results["concurrency"]["rows"])
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(compose(results, _notes(options.out), options.weather))
    print(_goals_table(_goals(results)))


if __name__ == "__main__":
    main()
