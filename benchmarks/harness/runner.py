"""Rounds: every client in a process of its own, in turns, so that all meet the same weather."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, field, frozen

from .. import clients
from ..sink import Sink
from .job import Job, Result

__all__ = ["Figures", "cpu_of", "far_ends", "in_turns", "run_once"]

_ROOT = Path(__file__).parents[2]


@frozen
class Figures:
    """All runs of one client with one load. Medians; ``spread`` gives least and most.

    Attributes:
        about: what was run; keys and values of the table.
        runs: their results.
        error: why there are fewer than asked for.
    """

    about: dict[str, Any]
    total: int
    files: int
    runs: list[Result] = field(factory=list)
    error: str | None = None

    def median(self, figure: Callable[[Figures, Result], float]) -> float | None:
        return statistics.median(figure(self, run) for run in self.runs) if self.runs else None

    def spread(self, figure: Callable[[Figures, Result], float]) -> tuple[float, float] | None:
        values = [figure(self, run) for run in self.runs]
        return (min(values), max(values)) if values else None

    def as_json(self) -> dict[str, Any]:
        """About, medians, spreads, and the runs themselves."""
        summary = {name: self.median(figure) for name, figure in FIGURES.items() if self.runs}
        spreads = {f"{name}_min_max": self.spread(figure) for name, figure in FIGURES.items() if self.runs}
        runs = [asdict(run) for run in self.runs]
        return {
            **self.about,
            "bytes": self.total,
            "files": self.files,
            **summary,
            **spreads,
            "error": self.error,
            "runs": runs,
        }


def _lag(at: int) -> Callable[[Figures, Result], float]:
    return lambda figures, run: run.lag[at] if run.lag else 0.0


#: What is worked out of each run.
FIGURES: dict[str, Callable[[Figures, Result], float]] = {
    "seconds": lambda figures, run: run.seconds,
    "gb_per_second": lambda figures, run: figures.total / run.seconds / 1e9,
    "cpu_per_gb": lambda figures, run: run.cpu / figures.total * 1e9,
    "files_per_second": lambda figures, run: figures.files / run.seconds,
    "cpu_ms_per_file": lambda figures, run: run.cpu / figures.files * 1000,
    "files_per_cpu_second": lambda figures, run: figures.files / max(run.cpu, 1e-6),
    "peak_mb": lambda figures, run: run.peak / 1e6,
    "growth_mb": lambda figures, run: run.growth / 1e6,
    "lag_median_ms": _lag(0),
    "lag_p99_ms": _lag(1),
    "lag_worst_ms": _lag(2),
    "sink_cpu_per_gb": lambda figures, run: run.sink_cpu / figures.total * 1e9,
}


@contextlib.contextmanager
def far_ends(wanted: Sequence[bool] = (False, True)) -> Iterator[dict[bool, Sink]]:
    """A sink without and one with TLS."""
    with contextlib.ExitStack() as stack:
        yield {tls: stack.enter_context(Sink(tls=tls)) for tls in wanted}


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_once(job: Job, sink: Sink, *, timeout: float) -> Result:
    """One process. Raises ``RuntimeError`` when it fails, is too slow, or did not send all bytes."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"PYTHONPATH": str(_ROOT), "AWS_EC2_METADATA_DISABLED": "true"}
    if job.ca_file:
        environment |= {"SSL_CERT_FILE": job.ca_file, "AWS_CA_BUNDLE": job.ca_file}
    before, busy = sink.counts()["bytes"], cpu_of(sink.pid)
    command = [sys.executable, "-m", "benchmarks.harness.child"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(asdict(job)),
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
            cwd=_ROOT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"not done after {timeout:.0f} s") from None
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1][:300])
    busy = cpu_of(sink.pid) - busy
    arrived = sink.counts()["bytes"] - before
    if arrived < job.total:
        raise RuntimeError(f"{arrived} of {job.total} bytes arrived")
    told = json.loads(done.stdout.splitlines()[-1])
    told["lag"] = told["lag"] and tuple(told["lag"])
    return evolve(Result(**told), sink_cpu=busy)


def in_turns(
    cases: Sequence[tuple[dict[str, Any], Job, Sink]],
    *,
    repeats: int,
    patience: float = 20.0,
    timeout: float = 120.0,
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
) -> list[Figures]:
    """Run all cases ``repeats`` times, round by round.

    Args:
        cases: what it is about, the job, and its far end.
        patience: seconds; a case that took longer than this is not repeated.
        timeout: seconds, after which a run is given up.
    """
    figures = [Figures(about, job.total, len(job.files)) for about, job, _ in cases]
    for _ in range(repeats):
        for at, (about, job, sink) in enumerate(cases):
            if figures[at].error or any(run.seconds > patience for run in figures[at].runs):
                continue
            words = ", ".join(str(value) for value in about.values())
            reason = clients.missing(job.client)
            try:
                if reason:
                    raise RuntimeError(reason)
                result = run_once(job, sink, timeout=timeout)
            except RuntimeError as error:
                figures[at] = evolve(figures[at], error=str(error))
                say(f"  {words}: {error}")
                continue
            figures[at].runs.append(result)
            say(f"  {words}: {result.seconds:.2f} s, {job.total / result.seconds / 1e9:.2f} GB/s")
    return figures
