"""Does a migration into PlanGrid use its allowance of calls, without ever being refused?

A run moves tiny files into the emulator, which enforces limits as windows that are fixed, or that slide. Each case is
bound by another limit, and ends when some windows of it are over; there are more files than can be moved by then.

*second*: 40 calls a second, as documented. *writes*: 2,000 writes in 6 minutes, as documented, on clocks that run 10
times as fast. *day*: the day is cut down to a quarter of an hour with 2,000 calls, on clocks that run 20 times as fast;
what is left of it when they are used up is more than the deadline of a call. In these three each call travels alone, or
the limits would bind nothing on this machine. *batches*: calls travel together, as they do by default, under the
documented rate of writes in shorter windows: 100 in 18 s.

Where clocks run fast, so do the unevenness of the network and of this machine; the emulator enforces no window of a
second there, and the client keeps to 40 a second all the same.

The allowance is what a perfect client, which knows the windows and needs no time, sends from the first request that the
server saw to the end: one that asks for a slot and completes it, for each file in turn. Of both, those calls count that
the binding limit counts. Server and client both count all calls, and what was refused with 429.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

from attrs import evolve, frozen

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.plangrid import PlangridSettings, WindowLimit
from plangrep_async.migrate import FolderTree, Migration, PlanGridTarget
from plangrep_async.plangrid import PlanGridClient
from plangrep_async.testing import ScaledClock

from .harness.emulated import Emulated, emulated
from .harness.table import Columns, save, table

QUICK = ["--cases", "second", "batches", "--windows", "sliding", "--share", "0.33"]

Mode = Literal["fixed", "sliding"]
MODES: tuple[Mode, ...] = ("fixed", "sliding")
GOAL = 0.95
_SLACK = 2.0  # real seconds for the scan, before the first call


@frozen
class Case:
    """What is run.

    Attributes:
        limits: that the emulator enforces.
        windows: of the last of these limits; then it ends.
        speed: of both clocks.
        writes: whether the calls write, in turn.
    """

    title: str
    limits: tuple[WindowLimit, ...]
    windows: int
    speed: float = 1.0
    coalesce: bool = False
    writes: tuple[bool, ...] = (True, False)

    @property
    def binding(self) -> WindowLimit:
        """The limit that the calls meet."""
        return self.limits[-1]

    @property
    def documents(self) -> int:
        """More than can be moved: at best, 25 for each batch, or one for two calls or one write."""
        alone = self.binding.limit // (1 if self.binding.request_type == "write" else 2)
        return (self.windows + 4) * (25 * self.binding.limit if self.coalesce else alone)

    def counts(self, *, write: bool) -> bool:
        """Whether the binding limit counts such a call."""
        return write or self.binding.request_type != "write"

    def end(self, mode: Mode, begin: float) -> float:
        """When the windows are over that begin, or have begun, at ``begin``."""
        interval = self.binding.interval
        whole = begin // interval * interval if mode == "fixed" else begin
        return whole + self.windows * interval


_SECOND = WindowLimit("all", 1, 40)
CASES = {
    "second": Case("40 a second", (_SECOND,), 60),
    "writes": Case("2,000 writes in 360 s", (WindowLimit("write", 360, 2_000),), 2, speed=10.0),
    "day": Case("2,000 in 900 s", (WindowLimit("all", 900, 2_000),), 2, speed=20.0),
    "batches": Case(
        "100 writes in 18 s, batches", (_SECOND, WindowLimit("write", 18, 100)), 3, coalesce=True, writes=(True,)
    ),
}


@frozen
class Seen:
    """A request as the server saw it: when, by its clock, whether it writes, whether it was refused."""

    at: float
    write: bool
    refused: bool


def perfect(limits: Sequence[WindowLimit], mode: Mode, begin: float, writes: Iterable[bool]) -> Iterator[float]:
    """When the calls of a perfect client leave.

    Args:
        begin: seconds; fixed windows end where this is a multiple of their interval.
        writes: for each call, whether it does.
    """
    now = begin
    logs: list[deque[float]] = [deque(maxlen=limit.limit) for limit in limits]
    for write in writes:
        counting = [pair for pair in zip(limits, logs, strict=True) if write or pair[0].request_type != "write"]
        for limit, log in counting:
            if len(log) == limit.limit:
                now = max(now, _free(log[0], limit.interval, mode))
        for _, log in counting:
            log.append(now)
        yield now


def _free(taken: float, interval: float, mode: Mode) -> float:
    """When a call that was made at ``taken`` counts no longer."""
    return taken + interval if mode == "sliding" else (math.floor(taken / interval) + 1) * interval


def allowance(case: Case, mode: Mode, begin: float, end: float) -> int:
    """How many calls that the binding limit counts a perfect client makes from ``begin`` to ``end``."""
    allowed = 0
    for moment, write in zip(perfect(case.limits, mode, begin, cycle(case.writes)), cycle(case.writes), strict=False):
        if moment >= end:
            break
        allowed += case.counts(write=write)
    return allowed


def _start(case: Case, mode: Mode) -> Emulator:
    settings = PlangridSettings(limits=case.limits, window_mode=mode)
    return Emulator(speed=case.speed, plangrid=settings, sink=True, log_size=1_000_000)


def _begin(emulator: Emulator) -> tuple[str, float]:
    """A project, and the moment at which fixed windows have begun: now, so that the first of them is almost whole."""
    (uid,) = emulator.plangrid.seed(1, attachments=0, photos=0, sheets=0)
    emulator.plangrid.settings.window_phase = now = emulator.clock.time()
    emulator.plangrid.reset_rate_limits()
    return uid, now


def _look(since: float, emulator: Emulator) -> tuple[list[Seen], int]:
    """The requests for the API in their order, their times from ``since`` on, and how many documents there are."""
    records = emulator.requests.records(service="plangrid")
    seen = [Seen(each.at - since, each.method != "GET", each.status == 429) for each in records]
    return seen, len(emulator.plangrid.created("attachment"))


async def _move(far: Emulated, case: Case, tree: Path, journal: Path, project: str) -> tuple[int, int]:
    """Calls and refusals as the client counts them."""
    clock = ScaledClock(case.speed)
    client = PlanGridClient(far.api_key, base_url=far.plangrid_url, coalesce=case.coalesce, clock=clock)
    async with client:
        migration = Migration(FolderTree(tree), PlanGridTarget(client, project), journal=journal, clock=clock)
        run = asyncio.create_task(migration.run())
        seconds = case.windows * case.binding.interval / case.speed
        await asyncio.wait((run,), timeout=seconds + _SLACK)
        if run.done():
            raise RuntimeError(f"it ended before the windows did: {run.result()}")
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        counted = client.statistics()[0]
        return counted.calls, counted.refusals


def run(case: Case, mode: Mode) -> dict[str, Any]:
    """One case."""
    with (
        tempfile.TemporaryDirectory(prefix="migrate-limits-") as folder,
        emulated(partial(_start, case, mode)) as far,
    ):
        tree = Path(folder, "tree")
        tree.mkdir()
        for number in range(case.documents):
            (tree / f"{number:05}.pdf").write_bytes(b"%PDF-1.4\n%" + str(number).encode())
        project, since = far.ask(_begin)
        calls, refusals = asyncio.run(_move(far, case, tree, Path(folder, "journal.db"), project))
        seen, documents = far.ask(partial(_look, since))
    begin = seen[0].at
    end = case.end(mode, begin)
    admitted = sum(not each.refused for each in seen if each.at < end and case.counts(write=each.write))
    refused = sum(each.refused for each in seen)
    allowed = allowance(case, mode, begin, end)
    share = admitted / allowed
    return {
        "case": case.title,
        "windows": f"{case.windows} {mode}",
        "stretch": f"{end - begin:,.0f}",
        "calls": f"{calls:,} / {len(seen):,}",
        "admitted": f"{admitted:,} of {allowed:,}",
        "share": f"{share:.1%}",
        "429": f"{refusals} / {refused}",
        "documents": f"{documents:,}",
        "verdict": "met" if share >= GOAL and not refused and not refusals else "**missed**",
    }


COLUMNS: Columns = {
    "limit that binds": "case",
    "windows": "windows",
    "seconds of the service": "stretch",
    "calls in all, client / server": "calls",
    "counted in these windows": "admitted",
    "share": "share",
    "429, client / server": "429",
    "documents": "documents",
    f"at least {GOAL:.0%}, no 429": "verdict",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks migrate_limits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--windows", nargs="+", default=list(MODES), choices=list(MODES))
    parser.add_argument("--share", type=float, default=1.0, help="of the windows of each case")
    parser.add_argument("--save-as", help="name of the results, if they are to be kept")
    options = parser.parse_args()
    rows = []
    for name in options.cases:
        for mode in options.windows:
            case = CASES[name]
            rows.append(run(evolve(case, windows=max(1, round(case.windows * options.share))), mode))
            print(f"  {', '.join(rows[-1].values())}", file=sys.stderr, flush=True)
    text = table(rows, COLUMNS)
    print(text)
    if options.save_as:
        save(options.save_as, {"share": options.share}, rows, text)
    return 0 if all(row["verdict"] == "met" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
