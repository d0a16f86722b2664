"""Does a large set of documents arrive once, byte for byte, on a bad day?

5,000 files of 1 KB to 200 MB, some 8 GB, their sizes log-normal, go from a tree into each service by the command
itself. The emulator, in a process of its own, lets three of a hundred requests meet a fault (every kind that it has, in
equal shares; entries of batches meet them too), and once refuses all calls of the API for some seconds with 429. It
keeps the bytes on disk; at the end each stored document is compared with its file, byte for byte.

Needs some 17 GB of disk in the temporary directory at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from plangrep_async.emulator import Emulator, Fault, PlangrepSettings, s3_fault
from plangrep_async.emulator.content import Content
from plangrep_async.emulator.faults import Incoming

from .harness.emulated import Emulated, emulated
from .harness.table import Columns, save, table
from .migrate_memory import plangrep_project

QUICK = ["--files", "300", "--largest", "20000000", "--storm", "3"]

TARGETS = ("plangrid", "plangrep")
SHARE = 0.03
_SMALLEST = 1_000
_MEDIAN, _SIGMA = 100e3, 2.4
_LARGEST = 5  # files of the full size
_MIB = 1 << 20
_STORM_AFTER = 30  # calls of the API

# What a service answers by mistake, and what happens to connections on the way.
EVERYWHERE = {
    "late": Fault.latency(2.0),
    "stalled before": Fault.stall(),
    "stalled in the body": Fault.stall("in_body"),
    "stalled in the answer": Fault.stall("in_answer", seconds=5.0),
    "cut before": Fault.cut(),
    "cut in the body": Fault.cut("in_body"),
    "cut after": Fault.cut("after"),
    "cut in the answer": Fault.cut("in_answer"),
    "reset before": Fault.reset(),
    "reset in the body": Fault.reset("in_body"),
    "reset after": Fault.reset("after"),
    "reset in the answer": Fault.reset("in_answer"),
    "500": Fault.answer(500),
    "500 after": Fault.answer(500, when="after"),
    "503": Fault.answer(503, retry_after=1),
    "503 in the body": Fault.early(503, close=True),
    "an HTML page": Fault.html(502),
}
API = {"half of the JSON": Fault.truncated_json(), "nothing": Fault.empty()}
STORAGE = {
    "SlowDown": s3_fault("SlowDown"),
    "InternalError": s3_fault("InternalError"),
    "RequestTimeout": s3_fault("RequestTimeout", when="read"),
}


class Storm:
    """Befalls calls of the API for some seconds, beginning with one in the middle."""

    def __init__(self, after: int, seconds: float) -> None:
        self._left = after
        self._seconds = seconds
        self._ends = math.inf

    def __call__(self, request: Incoming) -> bool:
        if request.service not in TARGETS:
            return False
        self._left -= 1
        if not self._left:
            self._ends = time.monotonic() + self._seconds
        return self._left <= 0 and time.monotonic() < self._ends


def sizes(files: int, largest: int, seed: int) -> list[int]:
    """Log-normal; what is outside of the bounds is on them, and a few of the largest there are for certain."""
    chance = random.Random(seed)
    drawn = [int(chance.lognormvariate(math.log(_MEDIAN), _SIGMA)) for _ in range(files)]
    full = min(_LARGEST, files)
    return [largest] * full + [min(largest, max(_SMALLEST, size)) for size in drawn[full:]]


def make_tree(root: Path, service: str, wanted: Sequence[int], seed: int) -> dict[str, Path]:
    """The files, each with bytes of its own in every block, by their SHA-256."""
    # Random bytes are no PDF that can be processed, and a job that cannot process its files fails.
    head, ending = (b"%PDF-1.4\n", "pdf") if service == "plangrid" else (b"AC1027\n", "dwg")
    block = random.Random(seed).randbytes(_MIB)
    made: dict[str, Path] = {}
    for number, size in enumerate(wanted):
        path = root / f"{number % 50:02}" / f"plan {number:05}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for at in range(0, size, _MIB):
                stamp = (head if not at else b"") + f"{number}:{at}\n".encode()
                piece = (stamp + block[len(stamp) :])[: size - at]
                file.write(piece)
                digest.update(piece)
        made[digest.hexdigest()] = path
    return made


def _start(directory: Path, seed: int) -> Emulator:
    settings = PlangrepSettings.instant(multipart_threshold=64 * _MIB, part_size=16 * _MIB)
    return Emulator(plangrep=settings, directory=directory, seed=seed)


def _project(emulator: Emulator) -> str:
    (uid,) = emulator.plangrid.seed(1, attachments=0, photos=0, sheets=0)
    return uid


def _spoil(storm: float, emulator: Emulator) -> None:
    emulator.requests.clear()
    emulator.faults.add("*", Fault.answer(429, retry_after=1), predicate=Storm(_STORM_AFTER, storm))
    services = [("plangrid", API), ("plangrid.batch", API), ("plangrep", API), ("storage", STORAGE)]
    for service, own in services:
        faults = [*EVERYWHERE.values(), *own.values()]
        for fault in faults:
            emulator.faults.add("*", fault, service=service, probability=SHARE / len(faults))


@frozen
class Met:
    """What the emulator saw: requests and 429s of the API and of the storage, faults in all and of how many kinds."""

    api: int
    storage: int
    refused: int
    faults: int
    kinds: int
    violations: tuple[str, ...]
    defects: tuple[str, ...]


def _calm(service: str, emulator: Emulator) -> Met:
    rules = [rule for rule in emulator.faults if rule.fault.status != 429]
    emulator.faults.clear()
    requests = emulator.requests
    return Met(
        api=requests.count(service=service),
        storage=requests.count(service="storage"),
        refused=requests.count(service=service, status=429),
        faults=sum(rule.fired for rule in rules),
        kinds=len({rule.fault for rule in rules if rule.fired}),
        violations=tuple(sorted(emulator.violations.kinds())),
        defects=tuple(map(repr, emulator.failures)),
    )


@frozen
class Compared:
    """Documents that the service has, and of the files: how many are not there, more than once, or not the same."""

    stored: int
    lost: int
    twice: int
    different: int


def _compare(service: str, project: str, files: dict[str, Path], emulator: Emulator) -> Compared:
    contents: list[Content]
    if service == "plangrid":
        created = [each for each in emulator.plangrid.created("attachment") if each.project_uid == project]
        contents = [emulator.plangrid.stored(each.uid).content for each in created]
    else:
        chosen = [document for job in emulator.plangrep.jobs for document in job.chosen]
        contents = [emulator.plangrep.stored(document.id) for document in chosen]
    counts = Counter(content.sha256 or "" for content in contents)
    different = sum(not _same(files.get(content.sha256 or ""), content) for content in contents)
    return Compared(
        stored=len(contents),
        lost=len(files.keys() - counts.keys()),
        twice=sum(count - 1 for count in counts.values()),
        different=different,
    )


def _same(path: Path | None, content: Content) -> bool:
    if path is None or path.stat().st_size != content.size:
        return False
    with path.open("rb") as file:
        return all(file.read(len(block)) == block for block in content.blocks())


def _command(arguments: list[str], far: Emulated) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PLANGREP_API_KEY": far.api_key,
        "PLANGRID_API_KEY": far.api_key,
        "PLANGREP_BASE_URL": far.plangrep_url,
        "PLANGRID_BASE_URL": far.plangrid_url,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "plangrep_async", "migrate", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(process: subprocess.Popen[str], patience: float) -> tuple[int, float, str]:
    """Exit code, peak memory in MB, and the last of what it said."""
    peak = 0
    status = Path(f"/proc/{process.pid}/status")
    ends = time.monotonic() + patience
    while process.poll() is None:
        if time.monotonic() > ends:
            process.kill()
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        peak = max(peak, int(found[1]) if found else 0)
        time.sleep(0.2)
    said = process.communicate()[1]
    return process.returncode, peak * 1024 / 1e6, said[-600:].strip()


def run(service: str, options: argparse.Namespace) -> dict[str, Any]:
    """One target."""
    wanted = sizes(options.files, options.largest, options.seed)
    with tempfile.TemporaryDirectory(prefix="migrate-faults-") as folder:
        root = Path(folder)
        files = make_tree(root / "tree", service, wanted, options.seed)
        with emulated(partial(_start, root, options.seed)) as far:
            project = far.ask(_project) if service == "plangrid" else asyncio.run(plangrep_project(far))
            far.ask(partial(_spoil, options.storm))
            journal = str(root / "journal.db")
            began = time.monotonic()
            moving = ["run", str(root / "tree"), "--to", f"{service}:{project}", "--journal", journal, "--quiet"]
            code, peak, said = _finish(_command(moving, far), options.patience)
            seconds = time.monotonic() - began
            met = far.ask(partial(_calm, service))
            verified, _, _ = _finish(_command(["verify", "--journal", journal], far), options.patience)
            there = far.ask(partial(_compare, service, project, files))
    good = not (code or verified or there.lost or there.twice or there.different or met.violations or met.defects)
    if not good:
        print(f"{service}: {code}, verify {verified}, {there}, {met}\n{said}", file=sys.stderr, flush=True)
    return {
        "target": service,
        "files": len(files),
        "gb": sum(wanted) / 1e9,
        "seconds": seconds,
        **asdict(met),
        **asdict(there),
        "peak": peak,
        "verdict": "all there once" if good and there.stored == len(files) else "**not all right**",
    }


COLUMNS: Columns = {
    "target": "target",
    "files": lambda row: f"{row['files']:,}",
    "GB": lambda row: f"{row['gb']:.2f}",
    "seconds": lambda row: f"{row['seconds']:,.0f}",
    "calls of the API": lambda row: f"{row['api']:,}",
    "429": lambda row: f"{row['refused']:,}",
    "requests for storage": lambda row: f"{row['storage']:,}",
    "faults met": lambda row: f"{row['faults']:,} of {row['kinds']} kinds",
    "lost, twice, different": lambda row: f"{row['lost']}, {row['twice']}, {row['different']}",
    "peak of the run, MB": lambda row: f"{row['peak']:.0f}",
    "verdict": "verdict",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks migrate_faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--largest", type=int, default=200_000_000, help="bytes")
    parser.add_argument("--storm", type=float, default=20.0, help="seconds for which every call gets a 429")
    parser.add_argument("--patience", type=float, default=3_600.0, help="seconds until a run is given up")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-as", help="name of the results, if they are to be kept")
    options = parser.parse_args()
    rows = [run(service, options) for service in options.targets]
    text = table(rows, COLUMNS)
    print(text)
    if options.save_as:
        chosen = {name: getattr(options, name) for name in ("files", "largest", "storm", "seed")}
        save(options.save_as, chosen, rows, text)
    return 0 if all(row["verdict"] == "all there once" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
