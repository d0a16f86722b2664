"""Does a migration need more memory for more files, and does its journal hold it up?

Tiny files, all different, go from a tree into the emulator, which is another process and whose limits are far away. The
run is a process of its own, too: its memory before the first file, at its peak, and the growth between the two, which
should be the same for any number of files (a cache of digests fills with the first 4,096). Of the journal: how many
commits and writes there are for a file, and what it takes alone: as many of the same writes, by as many writers at
once, with nothing else going on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from plangrep_async.emulator import Emulator, PlangrepSettings
from plangrep_async.emulator.plangrid import DOCUMENTED_LIMITS, PlangridSettings
from plangrep_async.migrate import (
    FolderTree,
    Found,
    Migration,
    PlangrepTarget,
    PlanGridTarget,
    State,
    Target,
    migration,
)
from plangrep_async.migrate.journal import Journal
from plangrep_async.plangrep import PlangrepClient
from plangrep_async.plangrid import PlanGridClient

from .harness.child import memory
from .harness.emulated import Emulated, emulated
from .harness.table import Columns, save, table

QUICK = ["--files", "500", "2000"]

TARGETS = ("plangrid", "plangrep")
MOST = 1.15  # the peak with the most files, of that with the fewest
_DEPTH = 500  # files of a folder
_FAR = 10**9
_WRITERS, _ALONE = 100, 5_000  # at once, and files, of a journal that is alone


def make_tree(root: Path, files: int) -> None:
    """Tiny files that differ; no PDFs, but nobody looks."""
    for number in range(files):
        folder = root / f"{number // _DEPTH:04}"
        if not number % _DEPTH:
            folder.mkdir(parents=True)
        (folder / f"plan {number:06}.pdf").write_bytes(b"%PDF-1.4\n%" + str(number).encode())


class _Watched(Journal):
    """Keeps its counters where they can be read after the run."""

    last: Journal

    async def __aenter__(self) -> Journal:  # type: ignore[override]  # it gives itself, as its base does
        _Watched.last = self
        return await super().__aenter__()


async def _target(stack: contextlib.AsyncExitStack, service: str, url: str, key: str, project: str) -> Target:
    if service == "plangrid":
        return PlanGridTarget(await stack.enter_async_context(PlanGridClient(key, base_url=url)), project)
    return PlangrepTarget(await stack.enter_async_context(PlangrepClient(key, base_url=url)), project)


async def _move(tree: Path, journal: Path, service: str, url: str, key: str, project: str) -> dict[str, Any]:
    migration.Journal = _Watched  # type: ignore[attr-defined]  # the run opens its journal itself
    async with contextlib.AsyncExitStack() as stack:
        target = await _target(stack, service, url, key, project)
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is that of imports
        began = time.perf_counter()
        status = await Migration(FolderTree(tree), target, journal=journal).run()
        seconds = time.perf_counter() - began
    database = _Watched.last.database
    return {
        "complete": status.is_complete,
        "before": before / 1e6,
        "peak": memory("VmHWM") / 1e6,
        "seconds": seconds,
        "commits": database.commits,
        "writes": database.writes,
    }


async def alone(path: Path, files: int) -> float:
    """Files a second that a journal takes: the steps of an upload to PlanGrid, nothing else."""
    found = [Found(key=str(number), name=f"plan {number:06}.pdf", size=number) for number in range(1, files + 1)]
    memo = {"uid": "u" * 36, "token": "t" * 200, "url": "h" * 300}
    async with Journal(path) as journal:
        await journal.discover(found)
        left = iter(range(1, files + 1))

        async def write() -> None:
            for number in left:
                await journal.digest(number, f"{number:064x}", number, claim=True)
                await journal.change(number, state=State.SLOT_ASKED.value, resume=memo, memo=memo)
                await journal.change(number, state=State.SENT.value, resume=memo, memo=memo)
                await journal.change(number, state=State.COMPLETED.value, target_id="r" * 36, resume=None, memo=None)

        began = time.perf_counter()
        await asyncio.gather(*(write() for _ in range(_WRITERS)))
        return files / (time.perf_counter() - began)


def _run(pipe: Any, *arguments: Any) -> None:
    pipe.send(asyncio.run(_move(*arguments)))


def _start() -> Emulator:
    # Without a word of the service the documented limits would hold, which 60,000 files meet.
    limits = [evolve(limit, limit=_FAR) for limit in DOCUMENTED_LIMITS]
    return Emulator(
        plangrep=PlangrepSettings.instant(), plangrid=PlangridSettings(limits=limits), sink=True, log_size=9
    )


def _plangrid_project(emulator: Emulator) -> str:
    (uid,) = emulator.plangrid.seed(1, attachments=0, photos=0, sheets=0)
    return uid


async def plangrep_project(far: Emulated, name: str = "Migration") -> str:
    """A project that is ready."""
    async with PlangrepClient(far.api_key, base_url=far.plangrep_url) as client:
        created = await client.projects.create(name)
        return (await client.projects.wait_until_ready(created.project.id)).id


def run(service: str, files: int) -> dict[str, Any]:
    """One migration."""
    with tempfile.TemporaryDirectory(prefix="migrate-memory-") as folder, emulated(_start) as far:
        make_tree(Path(folder, "tree"), files)
        url = far.plangrid_url if service == "plangrid" else far.plangrep_url
        project = far.ask(_plangrid_project) if service == "plangrid" else asyncio.run(plangrep_project(far))
        ours, theirs = multiprocessing.Pipe()
        arguments = (theirs, Path(folder, "tree"), Path(folder, "journal.db"), service, url, far.api_key, project)
        process = multiprocessing.get_context("spawn").Process(target=_run, args=arguments)
        process.start()
        theirs.close()
        found: dict[str, Any] = ours.recv()
        process.join()
        by_itself = asyncio.run(alone(Path(folder, "alone.db"), min(files, _ALONE)))
    return {"target": service, "files": files, **found, "alone": by_itself}


def verdict(rows: Sequence[dict[str, Any]]) -> str:
    """Whether the peak stays what it is, in a sentence for each target."""
    sentences = []
    for service in dict.fromkeys(row["target"] for row in rows):
        few, *_, many = sorted((row for row in rows if row["target"] == service), key=lambda row: int(row["files"]))
        each = (many["peak"] - few["peak"]) / (many["files"] - few["files"]) * 1e6
        word = "met" if many["peak"] <= few["peak"] * MOST else "**missed**"
        sentences.append(
            f"{service}: {many['files'] / few['files']:.0f} times the files, {many['peak'] / few['peak']:.2f} times "
            f"the peak ({each:,.0f} bytes a file): {word}"
        )
    return "\n".join(sentences)


COLUMNS: Columns = {
    "target": "target",
    "files": lambda row: f"{row['files']:,}",
    "before, MB": lambda row: f"{row['before']:.1f}",
    "peak, MB": lambda row: f"{row['peak']:.1f}",
    "growth, MB": lambda row: f"{row['peak'] - row['before']:.1f}",
    "files a second": lambda row: f"{row['files'] / row['seconds']:,.0f}",
    "writes a file": lambda row: f"{row['writes'] / row['files']:.2f}",
    "commits a file": lambda row: f"{row['commits'] / row['files']:.2f}",
    "journal alone, files a second": lambda row: f"{row['alone']:,.0f}",
    "complete": lambda row: "yes" if row["complete"] else "**no**",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks migrate_memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--files", type=int, nargs="+", default=[2_000, 20_000, 60_000])
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--save-as", help="name of the results, if they are to be kept")
    options = parser.parse_args()
    rows = []
    for service in options.targets:
        for files in options.files:
            rows.append(run(service, files))
            print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    judged = verdict(rows)
    text = f"{table(rows, COLUMNS)}\n\n{judged}"
    print(text)
    if options.save_as:
        save(options.save_as, {"files": options.files}, rows, text)
    return 0 if "missed" not in judged and all(row["complete"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
