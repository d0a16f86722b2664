"""How long scanning and planning a large folder takes, and how much memory: ``python benchmarks/migrate_scan.py``."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path

from plangrep_async.migrate import FolderTree, Found, Migration
from plangrep_async.migrate.journal import Journal
from plangrep_async.migrate.targets import PlangrepTarget
from plangrep_async.plangrep import PlangrepClient

QUICK = ["--files", "5000"]


def make_tree(root: Path, files: int) -> None:
    for number in range(files):
        folder = root / f"{number // 1000:03}" / f"{number // 100 % 10}"
        if number % 100 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"drawing {number:06}.pdf").write_bytes(b"%PDF")


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(root: Path, journal: Path) -> None:
    async with PlangrepClient("not-used", base_url="http://127.0.0.1:9") as client:
        source, target = FolderTree(root), PlangrepTarget(client, "proj_1")
        print(f"before: {peak_megabytes():.0f} MB")
        began = time.perf_counter()
        plan = await Migration(source, target, journal=journal).plan()
        print(f"plan: {plan.documents:,} files in {time.perf_counter() - began:.1f} s, {peak_megabytes():.0f} MB peak")
        for title in ("scan into a new journal", "scan again"):
            began = time.perf_counter()
            new = 0
            async with Journal(journal) as opened:
                async for batch in source.scan():
                    found: list[Found] = [target.adopt(item) for item in batch]
                    new += await opened.discover(found)
            took = time.perf_counter() - began
            print(f"{title}: {new:,} new in {took:.1f} s, {peak_megabytes():.0f} MB peak")
    print(f"journal: {os.path.getsize(journal) / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="migrate-scan-") as folder:
        root = Path(folder) / "tree"
        make_tree(root, options.files)
        # In a process of its own, so that making the tree does not count.
        process = multiprocessing.get_context("spawn").Process(target=_child, args=(str(root), f"{folder}/journal.db"))
        process.start()
        process.join()


def _child(root: str, journal: str) -> None:
    asyncio.run(measure(Path(root), Path(journal)))


if __name__ == "__main__":
    main()
