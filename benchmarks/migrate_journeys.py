"""Does a PlanGrid project arrive elsewhere whole: in a folder, in Plangrep, in another PlanGrid project?

A project is filled with attachments in folders, photos and sheets, and with issues, RFIs and the like, which have no
files. Then the command itself moves it, under the documented limits: *export* into a folder; *export to Plangrep* and
*export to PlanGrid*, the import of that folder's manifest; *PlanGrid to Plangrep*, the direct way. Every journey is
verified by the command (the way into PlanGrid with ``--deep``), and then held against what the emulator has: the bytes
of each document, and in the second PlanGrid project also names, folders and titles.

Sheets leave PlanGrid as packets, which the service makes anew; theirs are compared with what a packet of that sheet has
to be. Their way back is a version that an administrator has yet to publish.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen
from pypdf import PdfWriter

from plangrep_async.emulator import Emulator, PlangrepSettings
from plangrep_async.emulator.plangrid.asset import blank_pdf, blank_png

from .harness.emulated import Emulated, emulated
from .harness.table import Columns, save, table
from .migrate_memory import plangrep_project

QUICK = ["--attachments", "60", "--photos", "30", "--sheets", "10"]

_FOLDERS = ("Architecture", "Structure/Details", "Closeout/As-builts", "Fachpläne", "")
_SMALLEST, _LARGEST = 300, 3_000_000
_TWINS = 50  # every so-manieth file has the bytes of another


def drawing(title: str, filling: bytes) -> bytes:
    """A PDF that can be read, of about this size."""
    writer = PdfWriter()
    writer.add_blank_page(1224, 792)
    writer.add_attachment(f"{title}.bin", filling)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def make_tree(root: Path, attachments: int, photos: int, seed: int) -> Counter[str]:
    """The files that the first project is filled with; their digests."""
    chance = random.Random(seed)
    digests: Counter[str] = Counter()
    before = b""
    for number in range(attachments + photos):
        folder = root / _FOLDERS[number % len(_FOLDERS)]
        folder.mkdir(parents=True, exist_ok=True)
        size = int(_SMALLEST * (_LARGEST / _SMALLEST) ** chance.random() ** 2)
        if number < attachments:
            path, data = folder / f"A-{number:04}.pdf", drawing(f"A-{number:04}", chance.randbytes(size))
            if number % _TWINS == _TWINS - 1:
                data = before
            before = data
        else:
            path, data = folder / f"site {number:04}.png", blank_png(str(number)) + chance.randbytes(size)
        path.write_bytes(data)
        digests[hashlib.sha256(data).hexdigest()] += 1
    return digests


def _start(directory: Path) -> Emulator:
    return Emulator(plangrep=PlangrepSettings.instant(), directory=directory)


@frozen
class Seeded:
    """The first project, the empty one, the digests of the packets of its sheets, and the uids of records without
    files by their kind."""

    full: str
    empty: str
    packets: Counter[str]
    others: dict[str, set[str]]


_OTHERS = {
    "issue": "issues",
    "rfi": "rfis",
    "comment": "comments",
    "annotation": "annotations",
    "snapshot": "snapshots",
    "issue list": "issue_lists",
    "user": "users",
}


def _seed(sheets: int, emulator: Emulator) -> Seeded:
    (full,) = emulator.plangrid.seed(1, attachments=0, photos=0, sheets=sheets, version_sets=3)
    (empty,) = emulator.plangrid.seed(1, attachments=0, photos=0, sheets=0, issues=0, rfis=0)
    packets = Counter(
        hashlib.sha256(blank_pdf([sheet.name])).hexdigest()
        for sheet in emulator.plangrid.records("sheets", full)
        if not sheet.deleted
    )
    others = {kind: {each.uid for each in _living(emulator, name, full)} for kind, name in _OTHERS.items()}
    return Seeded(full, empty, packets, others)


def _living(emulator: Emulator, name: str, project: str) -> list[Any]:
    return [record for record in emulator.plangrid.records(name, project) if not getattr(record, "deleted", False)]


def _shown(project: str, emulator: Emulator) -> Counter[tuple[str, str, str | None]]:
    """What people see of attachments and photos."""
    attachments, photos = (_living(emulator, name, project) for name in ("attachments", "photos"))
    return Counter(
        [("attachment", record.name, record.folder or None) for record in attachments]
        + [("photo", record.title, None) for record in photos]
    )


def _in_plangrid(project: str, emulator: Emulator) -> Counter[str]:
    """Digests of the files of a project, those of versions that were completed among them."""
    view = emulator.plangrid
    uids = [record.uid for name in ("attachments", "photos") for record in _living(emulator, name, project)]
    for version in view.version_uploads():
        if version.project_uid == project and version.status == "complete":
            uids += version.files
    return Counter(view.stored(uid).sha256 for uid in uids)


def _in_plangrep(project: str, emulator: Emulator) -> Counter[str]:
    chosen = [document for job in emulator.plangrep.jobs if job.project == project for document in job.chosen]
    return Counter(emulator.plangrep.stored(document.id).sha256 or "" for document in chosen)


def _in_folder(root: Path, names: Iterable[str]) -> Counter[str]:
    return Counter(hashlib.sha256((root / name).read_bytes()).hexdigest() for name in names)


def _defects(emulator: Emulator) -> list[str]:
    return sorted(emulator.violations.kinds()) + list(map(repr, emulator.failures))


class Traveller:
    """Runs the command against the emulator, in a folder of its own."""

    def __init__(self, root: Path, far: Emulated) -> None:
        self.root = root
        self._environment = {
            **os.environ,
            "PLANGREP_API_KEY": far.api_key,
            "PLANGRID_API_KEY": far.api_key,
            "PLANGREP_BASE_URL": far.plangrep_url,
            "PLANGRID_BASE_URL": far.plangrid_url,
        }

    def command(self, *arguments: str) -> tuple[int, str]:
        """``plangrep-async migrate``: its exit code, and what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "plangrep_async", "migrate", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def journey(self, title: str, arguments: Sequence[str], *verify: str) -> dict[str, Any]:
        """Run it, with a journal of its own, and verify it."""
        journal = ["--journal", str(self.root / f"{title}.db")]
        began = time.monotonic()
        code, said = self.command(*arguments, *journal)
        seconds = time.monotonic() - began
        verified, told = self.command("verify", "--json", *verify, *journal)
        result = json.loads(told.splitlines()[-1])
        if code or verified:
            print(f"{title}: {code}\n{said[-1500:]}\nverify: {verified}\n{told[-1500:]}", file=sys.stderr, flush=True)
        return {
            "journey": title,
            "seconds": seconds,
            "checked": result.get("checked"),
            "verified": result.get("good"),
            "digests": result.get("digests"),
            "exits": (code, verified),
        }


def compared(row: dict[str, Any], wanted: Counter[str], there: Counter[str], *, alike: bool = True) -> dict[str, Any]:
    """A journey, and what the emulator or the disk has of it."""
    lost, extra = (wanted - there).total(), (there - wanted).total()
    good = row["exits"] == (0, 0) and not lost and not extra and alike and row["verified"] == row["checked"]
    return {
        **row,
        "there": there.total(),
        "lost": lost,
        "extra": extra,
        "verdict": "whole" if good else "**not whole**",
    }


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All journeys."""
    with tempfile.TemporaryDirectory(prefix="migrate-journeys-") as folder:
        root = Path(folder)
        (root / "stored").mkdir()
        files = make_tree(root / "tree", options.attachments, options.photos, options.seed)
        with emulated(partial(_start, root / "stored")) as far:
            seeded = far.ask(partial(_seed, options.sheets))
            one, two = (asyncio.run(plangrep_project(far, name)) for name in ("Imported", "Direct"))
            full, empty = f"plangrid:{seeded.full}", f"plangrid:{seeded.empty}"
            traveller = Traveller(root, far)
            fill = traveller.journey("fill", ["run", str(root / "tree"), "--to", full, "--dedupe", "keep"], "--deep")
            rows = [compared(fill, files, far.ask(partial(_in_plangrid, seeded.full)))]

            every = files + seeded.packets
            distinct = Counter(dict.fromkeys(every, 1))
            export = root / "export"
            out = traveller.journey("export", ["export", full, str(export)])
            lines = [json.loads(line) for line in (export / "manifest.jsonl").read_text().splitlines()]
            records = [json.loads(line) for line in (export / "records.jsonl").read_text().splitlines()]
            told = {
                kind: {line["record"]["uid"].lower() for line in records if line["kind"] == kind}
                for kind in seeded.others
            }
            with_files = sum("file" in line for line in records)
            alike = told == seeded.others and with_files == len(lines)
            rows.append(compared(out, every, _in_folder(export, (line["path"] for line in lines)), alike=alike))

            manifest = str(export / "manifest.jsonl")
            there = traveller.journey("export to Plangrep", ["run", manifest, "--to", f"plangrep:{one}", "--wait"])
            rows.append(compared(there, distinct, far.ask(partial(_in_plangrep, one))))

            moving = ["run", manifest, "--to", empty, "--dedupe", "keep"]
            back = traveller.journey("export to PlanGrid", moving, "--deep")
            alike = far.ask(partial(_shown, seeded.empty)) == far.ask(partial(_shown, seeded.full))
            rows.append(compared(back, every, far.ask(partial(_in_plangrid, seeded.empty)), alike=alike))

            direct = traveller.journey("PlanGrid to Plangrep", ["run", full, "--to", f"plangrep:{two}", "--wait"])
            rows.append(compared(direct, distinct, far.ask(partial(_in_plangrep, two))))
            if defects := far.ask(_defects):
                print(defects, file=sys.stderr)
                rows[-1]["verdict"] = "**the client broke rules**"
    return rows


COLUMNS: Columns = {
    "journey": "journey",
    "seconds": lambda row: f"{row['seconds']:,.0f}",
    "documents": lambda row: f"{row['checked']:,}",
    "verified": lambda row: f"{row['verified']:,}, {row['digests']:,} by digest",
    "there": lambda row: f"{row['there']:,}",
    "lost, too many": lambda row: f"{row['lost']}, {row['extra']}",
    "verdict": "verdict",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks migrate_journeys",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--attachments", type=int, default=1_300)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--sheets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-as", help="name of the results, if they are to be kept")
    options = parser.parse_args()
    rows = run(options)
    text = table(rows, COLUMNS)
    print(text)
    if options.save_as:
        chosen = {name: getattr(options, name) for name in ("attachments", "photos", "sheets", "seed")}
        save(options.save_as, chosen, rows, text)
    return 0 if all(row["verdict"] == "whole" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
