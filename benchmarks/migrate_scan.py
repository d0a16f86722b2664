"""How long does it take to scan and plan a large folder, and how much memory?

Tiny files in folders of a hundred are planned by ``Migration.plan()`` (the emulator, a process of its own, is asked
whether the project is there), then discovered into a new journal, then discovered once more, all in one process. Its
peak of memory has everything in it that the program imports.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from plangrep_async.emulator import Emulator, PlangrepSettings
from plangrep_async.migrate import FolderTree, Migration, PlangrepTarget
from plangrep_async.migrate.journal import Journal
from plangrep_async.plangrep import PlangrepClient

from .harness.emulated import emulated
from .harness.table import Columns, save, table
from .migrate_memory import plangrep_project

QUICK = ["--files", "5000"]

MOST_SECONDS, MOST_MB = 60.0, 150.0


def make_tree(root: Path, files: int) -> None:
    """Tiny files, ten folders of a hundred in each."""
    for number in range(files):
        folder = root / f"{number // 1000:03}" / f"{number // 100 % 10}"
        if number % 100 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"drawing {number:06}.pdf").write_bytes(b"%PDF")


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


async def measure(root: Path, journal: Path, url: str, key: str, project: str) -> list[dict[str, Any]]:
    """A row for each step."""
    rows: list[dict[str, Any]] = []

    def note(step: str, files: int, began: float) -> None:
        seconds = time.perf_counter() - began
        rows.append({"step": step, "files": files, "seconds": seconds, "peak": peak_megabytes()})

    async with PlangrepClient(key, base_url=url) as client:
        source, target = FolderTree(root), PlangrepTarget(client, project)
        began = time.perf_counter()
        plan = await Migration(source, target, journal=journal).plan()
        note("plan", plan.documents, began)
        for step in ("scan into a new journal", "scan again"):
            began, files = time.perf_counter(), 0
            async with Journal(journal) as opened:
                async for batch in source.scan():
                    await opened.discover([target.adopt(found) for found in batch])
                    files += len(batch)
            note(f"{step} ({os.path.getsize(journal) / 1e6:.0f} MB)", files, began)
    return rows


def _run(pipe: Any, *arguments: Any) -> None:
    pipe.send(asyncio.run(measure(*arguments)))


def _start() -> Emulator:
    return Emulator(plangrep=PlangrepSettings.instant())


COLUMNS: Columns = {
    "step": "step",
    "files": lambda row: f"{row['files']:,}",
    "seconds": lambda row: f"{row['seconds']:.1f}",
    "peak so far, MB": lambda row: f"{row['peak']:.0f}",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks migrate_scan",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--save-as", help="name of the results, if they are to be kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="migrate-scan-") as folder, emulated(_start) as far:
        root = Path(folder, "tree")
        make_tree(root, options.files)
        project = asyncio.run(plangrep_project(far))
        ours, theirs = multiprocessing.Pipe()
        arguments = (theirs, root, Path(folder, "journal.db"), far.plangrep_url, far.api_key, project)
        process = multiprocessing.get_context("spawn").Process(target=_run, args=arguments)
        process.start()
        theirs.close()
        rows: list[dict[str, Any]] = ours.recv()  # EOFError when it ended with an error, which it told
        process.join()
    good = rows[0]["seconds"] + rows[1]["seconds"] < MOST_SECONDS and rows[-1]["peak"] < MOST_MB
    good = good and all(row["files"] == options.files for row in rows)
    verdict = f"plan and scan in less than {MOST_SECONDS:g} s and {MOST_MB:g} MB: {'met' if good else '**missed**'}"
    text = f"{table(rows, COLUMNS)}\n\n{verdict}"
    print(text)
    if options.save_as:
        save(options.save_as, {"files": options.files}, rows, text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
