"""``plangrep-async migrate`` over real sockets: what each command shows, writes and returns."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from plangrep_async.emulator import Emulator, Fault
from plangrep_async.migrate.spool import Spool
from plangrep_async.migrate.targets import folder
from plangrep_async.testing import ScaledClock

Command = Callable[..., Any]

STATUS = {
    "event",
    "source",
    "target",
    "documents",
    "bytes",
    "problems",
    "groups",
    "open",
    "scanned",
    "listed",
    "complete",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Six PDFs in two folders and a photo; beside them a twin, an empty file and what PlanGrid does not take."""
    root = tmp_path / "drawings"
    for number in range(6):
        path = root / f"floor {number % 2}" / f"plan {number}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%PDF-1.4\n" + bytes([number]) * (1_000 + number))
    (root / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\nphoto")
    (root / "twin.pdf").write_bytes((root / "floor 0" / "plan 0.pdf").read_bytes())
    (root / "empty.pdf").touch()
    (root / "notes.txt").write_text("no drawing")
    return root


SIZE = sum(9 + 1_000 + number for number in range(6)) + 13 + 1_009


@frozen
class Move:
    """A migration into an empty PlanGrid project, with its journal."""

    command: Command
    source: Path
    target: str
    journal: Path

    def __call__(self, name: str, *arguments: object) -> Any:
        ends = [self.source, "--to", self.target] if name in ("run", "plan") else []
        journal = [] if name == "plan" else ["--journal", self.journal]
        return self.command("migrate", name, *ends, *arguments, *journal)


@pytest.fixture
def move(command: Command, tree: Path, empty_project: str, tmp_path: Path) -> Move:
    return Move(command, tree, f"plangrid:{empty_project}", tmp_path / "move.db")


# plan


def test_a_plan_counts_and_does_nothing(move: Move, services: Emulator, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    ended = move("plan")
    assert (ended.code, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines == [
        f"From {move.source} to {move.target}",
        "documents 8 (7 attachments, 1 photos)",
        f"bytes {SIZE / 1000:.1f} kB, the largest file 1.0 kB",
        "API calls 1 (no more than 16), beside retries",
        "time up to 2 minutes under the documented limits of calls",
        "empty 1 left out: empty.pdf",
        "unsupported 1 left out: notes.txt",
    ]
    assert services.requests.count("GET /projects/{project_uid}") == 1, "is it there?"
    assert {method for _, method, _, _ in services.requests.counts()} == {"GET"}
    assert sorted(tmp_path.rglob("*")) == before


def test_a_plan_in_json_has_the_documented_keys(move: Move) -> None:
    ended = move("plan", "--json")
    (plan,) = ended.events
    assert plan == {
        "event": "result",
        "source": str(move.source),
        "target": move.target,
        "documents": 8,
        "bytes": SIZE,
        "sizes_known": True,
        "largest": 1_014,
        "kinds": {"attachment": 7, "photo": 1},
        "problems": {"empty": 1, "unsupported": 1},
        "examples": {"empty": ["empty.pdf"], "unsupported": ["notes.txt"]},
        "estimate": {
            "calls": 1,
            "calls_most": 16,
            "batches": 0,
            "days": pytest.approx(1e-4),
            "credits": None,
            "days_most": pytest.approx(16e-4),
            "records": False,
        },
        "source_calls": 0,
        "source_calls_most": 0,
        "days": pytest.approx(1e-4),
        "days_most": pytest.approx(16e-4),
    }


def test_a_plan_for_plangrep_tells_batches_and_credits(command: Command, ready_project: str, tmp_path: Path) -> None:
    for number in range(205):
        (tmp_path / f"{number}.dwg").write_bytes(b"x")
    ended = command("migrate", "plan", tmp_path, "--to", f"plangrep:{ready_project}")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert "documents 205 (205 files)" in lines
    assert "batches 3" in lines
    assert "API calls 12 (no more than 214), beside retries" in lines
    assert any(line.startswith("credits 205 at least: by default 1 for each page") for line in lines)
    assert not any(line.startswith("time") for line in lines), "Plangrep documents no limits of calls"
    (plan,) = command("migrate", "plan", tmp_path, "--to", f"plangrep:{ready_project}", "--json").events
    assert (plan["estimate"]["batches"], plan["estimate"]["calls"]) == (3, 12)


def test_a_plan_of_a_project_lists_it_and_fetches_nothing(
    command: Command, services: Emulator, full_project: str, ready_project: str
) -> None:
    ended = command("migrate", "plan", f"plangrid:{full_project}", "--to", f"plangrep:{ready_project}")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert "documents 34 (24 attachments, 8 photos, 2 sheets)" in lines
    assert "bytes not known: PlanGrid does not tell sizes" in lines
    reading = "API calls 10 (no more than 43) to read and fetch the source, beside retries and waiting for packets"
    assert reading in lines
    assert "time between 1 minute and 6 minutes under the documented limits of calls" in lines
    assert "packets 2: PlanGrid prints each sheet before it can be fetched, in its own time" in lines
    assert services.requests.count(service="storage") == 0
    chosen = command("migrate", "plan", f"plangrid:{full_project}", "--to", "x", "--kinds", "photo", "--json")
    assert chosen.events[0]["kinds"] == {"photo": 8}
    late = command("migrate", "plan", f"plangrid:{full_project}", "--to", "x", "--since", "2099-01-01", "--json")
    assert late.events[0]["documents"] == 0


@pytest.mark.parametrize(
    ("options", "documents"),
    [
        (["--include", "*.PDF"], 7),
        (["--include", "*.png", "--include", "floor 1/*"], 4),
        (["--exclude", "floor 0"], 5),
        (["--include", "*.pdf", "--exclude", "twin*"], 6),
        (["--since", "2030-01-01"], 1),
        (["--since", "2030-01-01 12:00:01"], 0),
    ],
)
def test_what_to_take_can_be_chosen(move: Move, options: list[str], documents: int) -> None:
    noon = time.mktime((2030, 1, 1, 12, 0, 0, 0, 0, -1))
    os.utime(move.source / "photo.png", (noon, noon))
    assert move("plan", *options, "--json").events[0]["documents"] == documents


def test_the_choice_of_a_run_is_that_of_the_plan(move: Move, services: Emulator) -> None:
    ended = move("run", "--include", "*.pdf", "--exclude", "floor 0/*", "--json")
    assert ended.events[-1]["documents"] == {"completed": 4, "skipped": 1}
    names = {record.name for record in services.plangrid.records("attachments", move.target.partition(":")[2])}
    assert names == {"plan 1.pdf", "plan 3.pdf", "plan 5.pdf", "twin.pdf"}


def test_files_that_are_fetched_at_once_are_asked_for_together(
    command: Command, services: Emulator, full_project: str, tmp_path: Path
) -> None:
    source, journal = f"plangrid:{full_project}", tmp_path / "out.db"
    ended = command("migrate", "export", source, tmp_path / "out", "--kinds", "attachment", "--journal", journal)
    assert ended.code == 0, ended.err
    alone = services.requests.count("GET /projects/{project_uid}/attachments/{uid}")
    assert alone + services.requests.count("POST /batch") <= 24 / 2


# run, status, resume, retry, verify


def test_a_run_says_what_it_did_and_status_repeats_it(move: Move, services: Emulator) -> None:
    ended = move("run")
    assert ended.code == 0, ended.err
    assert "Found 10 documents, 10 of them new" in ended.err
    assert "7 of 7 files, 6.1 kB confirmed, 3 left out" in ended.err
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines == [
        f"{move.source} to {move.target}",
        "completed 7 6.1 kB",
        "skipped 3 1.0 kB",
        "duplicate 1",
        "empty 1",
        "unsupported 1",
        "Complete.",
    ]
    assert move("status").out == ended.out
    assert stat_mode(move.journal) == 0o600, "upload tokens are in it"
    again = move("run", "--quiet")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert list(services.violations) == []


def stat_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_json_is_one_object_a_line_with_the_documented_keys(move: Move) -> None:
    ended = move("run", "--json")
    assert (ended.code, ended.err) == (0, "")
    *events, result = ended.events
    assert set(result) == STATUS
    assert result["event"] == "result"
    assert result["documents"] == {"completed": 7, "skipped": 3}
    assert result["bytes"]["completed"] == SIZE - 1_009
    assert result["problems"] == {"duplicate": 1, "empty": 1, "unsupported": 1}
    assert (result["open"], result["complete"]) == (0, True)
    assert {event["event"] for event in events} == {"scanned", "document_ended", "progress"}
    assert {"event": "scanned", "documents": 10, "new": 10, "final": True} in events
    ends = [event for event in events if event["event"] == "document_ended"]
    assert all(set(event) == {"event", "key", "state", "target_id", "problem", "error"} for event in ends)
    assert Counter((event["state"], event["problem"]) for event in ends) == {
        ("completed", None): 7,
        ("skipped", "duplicate"): 1,
    }
    progress = [event for event in events if event["event"] == "progress"]
    assert set(progress[-1]) == {
        *("event", "documents", "arrived", "failed", "skipped", "bytes_total", "bytes_confirmed", "rate"),
        *("limiter_waiters", "limiter_waited", "groups", "seconds", "seconds_left", "final"),
    }
    assert progress[-1]["final"]
    assert [event["final"] for event in progress].count(True) == 1
    assert progress[-1]["bytes_confirmed"] == progress[-1]["bytes_total"] == SIZE - 1_009

    (status,) = move("status", "--json").events
    assert status == result
    (verified,) = move("verify", "--deep", "--json").events
    assert verified == {
        "event": "result",
        "checked": 7,
        "good": 7,
        "digests": 7,
        "differing": 0,
        "unknown": 0,
        "missing": [],
        "different": {},
        "notes": [],
        "reopened": 0,
        "ok": True,
        "complete": True,
    }


def test_a_document_that_fails_is_exit_code_1_until_it_is_mended(move: Move, services: Emulator) -> None:
    bad = move.source / "bad.pdf"
    bad.write_bytes(b"<html>")
    ended = move("run")
    assert ended.code == 1
    assert "bad.pdf: " in ended.err
    assert "Not complete: 1 have failed (`migrate retry` begins them anew)." in ended.out
    quiet = move("retry", "--quiet")
    assert (quiet.code, quiet.out) == (1, "")
    assert quiet.err.startswith("bad.pdf: "), "a problem is shown all the same"
    assert move("resume").code == 1, "resume leaves the failed ones alone"
    verified = move("verify")
    assert verified.code == 1, "what did not arrive is no proof"
    assert "7 of 7 documents are there and the same" in verified.out
    assert "Not complete: 1 have failed" in verified.out
    bad.write_bytes(b"%PDF-1.4 mended")
    (*_, result) = move("retry", "--json").events
    assert result["complete"]
    assert move("verify").code == 0


def test_what_differs_at_the_target_is_found(move: Move, services: Emulator, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    assert move.command("migrate", "run", move.source, "--to", folder, "--journal", move.journal).code == 0
    (folder / "files" / "photo.png").unlink()
    (folder / "files" / "floor 1" / "plan 1.pdf").write_bytes(b"another")
    ended = move("verify")
    assert ended.code == 1
    assert "missing: photo.png" in ended.out
    assert "different: floor 1/plan 1.pdf: size: 1010 was sent, 7 is there" in ended.out
    (verified,) = move("verify", "--json").events
    assert (verified["ok"], verified["checked"] - verified["good"]) == (False, 2)
    assert verified["missing"] == ["photo.png"]
    assert list(verified["different"]) == ["floor 1/plan 1.pdf"]
    move("report", tmp_path / "report")
    assert "size: 1010 was sent, 7 is there" in (tmp_path / "report" / "documents.csv").read_text()


@pytest.mark.parametrize("service", ["plangrid", "plangrep", "folder"])
def test_what_is_missing_can_be_sent_again(
    service: str,
    move: Move,
    services: Emulator,
    empty_project: str,
    ready_project: str,
    tmp_path: Path,
) -> None:
    target = {"plangrid": f"plangrid:{empty_project}", "plangrep": f"plangrep:{ready_project}"}.get(
        service, tmp_path / "backup"
    )
    run = ["migrate", "run", move.source, "--to", target, "--journal", move.journal]
    assert move.command(*run, "--wait").code == 0
    if service == "plangrid":
        gone = services.plangrid.created("attachment")[0].uid
        services.plangrid.edit("attachments", empty_project, gone, deleted=True)
    elif service == "folder":
        (tmp_path / "backup" / "files" / "photo.png").unlink()
    else:
        result = services.plangrep.jobs[0].result
        assert result is not None
        photo = next(each for each in result["documents"] if each["fileName"] == "photo.png")
        result["documents"].remove(photo)
    ended = move("verify", "--reopen")
    assert ended.code == 1
    assert "1 missing documents are open again: `migrate resume` sends them" in ended.out
    assert move("resume").code == 0
    (verified,) = move("verify", "--json").events
    assert (verified["ok"], verified["complete"], verified["reopened"]) == (True, True, 0)


def test_what_differs_is_told_apart_from_what_is_missing_however_much_it_is(command: Command, tmp_path: Path) -> None:
    tree, folder, journal = tmp_path / "many", tmp_path / "backup", tmp_path / "many.db"
    tree.mkdir()
    for number in range(230):
        (tree / f"{number:03}.pdf").write_bytes(b"%PDF-1.4 " + str(number).encode())
    assert command("migrate", "run", tree, "--to", folder, "--journal", journal).code == 0
    for number in range(225):
        path = folder / "files" / f"{number:03}.pdf"
        path.unlink() if number < 105 else path.write_bytes(b"another")
    (verified,) = command("migrate", "verify", "--json", "--journal", journal).events
    assert (verified["checked"], verified["good"], verified["differing"]) == (230, 5, 120)
    assert verified["missing"] == [f"{number:03}.pdf" for number in range(100)]
    assert list(verified["different"]) == [f"{number:03}.pdf" for number in range(105, 205)]
    told = command("migrate", "verify", "--journal", journal).out.splitlines()
    assert "missing: 5 more" in told
    assert "different: 20 more" in told
    what = "225 are missing or different at the target (`migrate report` names them)"
    assert told[-1] == f"Not complete: {what}."
    status = command("migrate", "status", "--journal", journal)
    assert status.out.splitlines()[-3:] == [
        "  different          120",
        "  missing            105",
        f"Not complete: {what}.",
    ]
    assert command("migrate", "report", tmp_path / "report", "--journal", journal).code == 0
    text = (tmp_path / "report" / "report.md").read_text()
    assert "## Missing at the target (105)\n\n* `000.pdf`: it was not found at the target\n" in text
    assert "## Different at the target (120)\n\n* `105.pdf`: size: " in text
    with (tmp_path / "report" / "documents.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter((row["problem"], bool(row["error"])) for row in rows) == {
        ("missing", True): 105,
        ("different", True): 120,
        ("", False): 5,
    }
    (verified,) = command("migrate", "verify", "--reopen", "--json", "--journal", journal).events
    assert (verified["reopened"], verified["differing"]) == (105, 120)
    ended = command("migrate", "resume", "--journal", journal)
    assert (ended.code, ended.out.splitlines()[-1]) == (1, f"Not complete: {what.replace('225', '120')}.")


def test_too_many_failures_stop_the_run(move: Move) -> None:
    for number in range(5):
        (move.source / f"bad {number}.pdf").write_bytes(b"<html>%d" % number)
    ended = move("run", "--max-errors", "1", "--json")
    assert ended.code == 1
    problem = ended.events[-1]
    assert (problem["event"], problem["error"]) == ("problem", "TooManyFailuresError")
    assert "--max-errors allows 1" in problem["text"]
    assert move("run", "--max-errors", "5").code == 1, "the same command goes on"
    assert move("run", "--max-errors", "0").code == 1, "only what fails in this run counts"


def test_resume_keeps_the_options_of_the_run(move: Move, services: Emulator) -> None:
    gone = services.faults.add("POST *", Fault.answer(401, b"{}"), service="plangrid")
    assert move("run", "--dedupe", "keep", "--pdfs", "sheets", "--version-name", "IFC").code == 3
    services.faults.remove(gone)
    ended = move("resume", "--json")
    assert ended.code == 0
    assert ended.events[-1]["documents"] == {"completed": 8, "skipped": 2}, "the twin is kept"
    assert {version.name for version in services.plangrid.version_uploads()} == {"IFC"}
    assert ended.events[-1]["groups"] == {"done": 1}


@pytest.mark.parametrize(
    ("choice", "sent", "code"), [("send", 0, 0), ("send-again", 1, 0), ("skip", 0, 0), ("fail", 0, 0)]
)
def test_what_changed_after_it_arrived(move: Move, services: Emulator, choice: str, sent: int, code: int) -> None:
    assert move("run").code == 0
    before = len(services.plangrid.created("attachment"))
    (move.source / "floor 0" / "plan 2.pdf").write_bytes(b"%PDF-1.4 changed since")
    ended = move("run", "--on-changed", choice, "--json")
    assert ended.code == code
    assert len(services.plangrid.created("attachment")) - before == sent
    assert ended.events[-1]["problems"].get("changed", 0) == 1 - sent


@pytest.mark.parametrize("dedupe", ["skip", "keep"])
def test_twins_go_once_or_each(move: Move, services: Emulator, dedupe: str) -> None:
    ended = move("run", "--dedupe", dedupe, "--json")
    assert ended.code == 0
    assert len(services.plangrid.created("attachment")) == (6 if dedupe == "skip" else 7)
    assert ended.events[-1]["problems"].get("duplicate", 0) == (dedupe == "skip")


def test_transfers_bound_the_files_on_their_way(move: Move, services: Emulator) -> None:
    services.faults.add("POST *", Fault.latency(0.05), service="storage")
    assert move("run", "--transfers", "2").code == 0
    assert 1 <= services.requests.peak["storage"] <= 2
    assert services.requests.count(service="storage") == 7


def test_bandwidth_bounds_the_bytes_a_second(move: Move) -> None:
    (move.source / "large.pdf").write_bytes(b"%PDF-1.4\n" + os.urandom(150_000))
    ended = move("run", "--max-bandwidth", "100000", "--json")
    assert ended.code == 0
    seconds = ended.events[-2]["seconds"]
    assert 1.0 < seconds < 10, "156 kB, of which the first block may go at once"


def test_jobs_are_waited_for_where_that_is_wanted(
    command: Command, services: Emulator, ready_project: str, tree: Path, tmp_path: Path
) -> None:
    for path in list(tree.rglob("*.pdf")):
        path.rename(path.with_suffix(".dwg"))  # what is no PDF can be processed here
    arguments = (tree, "--to", f"plangrep:{ready_project}", "--journal", tmp_path / "move.db", "--json")
    ended = command("migrate", "run", *arguments, "--wait")
    assert ended.code == 0, ended
    *_, group = [event for event in ended.events if event["event"] == "group_ended"]
    assert set(group) == {"event", "target_id", "state", "documents", "error"}
    assert (group["documents"], group["error"]) == (8, None)
    assert group["state"].startswith("completed")
    assert ended.events[-1]["groups"] == {"done": 1}


def test_the_journal_beside_the_drawings_stays_at_home(
    command: Command, services: Emulator, ready_project: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    for _ in range(2):
        assert command("migrate", "run", ".", "--to", f"plangrep:{ready_project}").code == 0
    assert (tree / "migration.db").exists()
    names = {document.file_name for job in services.plangrep.jobs for document in job.chosen}
    assert len(names) == 8
    assert not any("migration" in name for name in names)
    (plan,) = command("migrate", "plan", ".", "--to", f"plangrep:{ready_project}", "--json").events
    assert plan["documents"] == 9


def test_a_name_that_is_not_utf8_stops_nothing(move: Move) -> None:
    (move.source / os.fsdecode(b"caf\xe9.pdf")).write_bytes(b"%PDF")
    ended = move("run", "--json")
    assert ended.code == 1, "it has not arrived, and nobody has left it out on purpose"
    assert (ended.events[-1]["problems"]["unreadable"], ended.events[-1]["documents"]["failed"]) == (1, 1)
    assert ended.events[-1]["documents"]["completed"] == 7
    assert "unreadable 1 left out: caf\\xe9.pdf (not UTF-8)" in " ".join(move("plan").out.split())


# export and report


def test_an_export_can_be_imported_again(
    command: Command, services: Emulator, full_project: str, empty_project: str, tmp_path: Path
) -> None:
    out = tmp_path / "export"
    ended = command("migrate", "export", f"plangrid:{full_project}", out, "--journal", tmp_path / "out.db", "--json")
    assert ended.code == 0, ended
    arrived = ended.events[-1]["documents"]["completed"]
    assert sum(ended.events[-1]["documents"].values()) == 34
    records = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    manifest = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert sum("file" in line for line in records) == len(manifest) == arrived == 34
    assert {line["kind"] for line in records if "file" in line} == {"attachment", "photo", "sheet"}
    assert {"issue", "rfi", "comment", "user"} < {line["kind"] for line in records if "file" not in line}
    assert all("url" not in line["record"] and line["record"]["uid"] for line in records)
    for line in manifest:
        assert (out / line["path"]).stat().st_size == line["size"]
    assert sorted(line["path"] for line in manifest) == sorted(
        str(path.relative_to(out)) for path in (out / "files").rglob("*") if path.is_file()
    )
    with (out / "manifest.csv").open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [line["path"] for line in manifest]
    assert command("migrate", "verify", "--journal", tmp_path / "out.db").code == 0

    back = ["migrate", "run", out / "manifest.jsonl", "--to", f"plangrid:{empty_project}", "--dedupe", "keep"]
    assert command(*back, "--journal", tmp_path / "in.db").code == 0
    (verified,) = command("migrate", "verify", "--deep", "--json", "--journal", tmp_path / "in.db").events
    assert (verified["ok"], verified["checked"], verified["complete"]) == (True, arrived, True)
    (plan,) = command("migrate", "plan", out / "manifest.csv", "--to", "plangrid:" + empty_project, "--json").events
    assert (plan["documents"], plan["problems"]) == (arrived, {})


def test_an_export_without_its_lists_is_not_complete(command: Command, full_project: str, tmp_path: Path) -> None:
    journal = tmp_path / "out.db"
    export = ["migrate", "export", f"plangrid:{full_project}", tmp_path / "export", "--journal", journal]
    assert "Complete." in command(*export).out

    with contextlib.closing(sqlite3.connect(journal)) as opened, opened:
        opened.execute("UPDATE facts SET value = 'false' WHERE name = 'listed'")
    for asked in ("status", "verify"):
        told = command("migrate", asked, "--journal", journal).out
        assert "Not complete: the lists of the export are not written yet" in told
    assert "Complete." in command(*export).out


def test_an_export_keeps_to_the_bandwidth_and_the_transfers(
    command: Command, services: Emulator, full_project: str, tmp_path: Path
) -> None:
    arguments = ("migrate", "export", f"plangrid:{full_project}", tmp_path / "out", "--journal", tmp_path / "out.db")
    ended = command(*arguments, "--kinds", "photo", "--max-bandwidth", "2000", "--transfers", "2", "--json")
    assert ended.code == 0
    last = ended.events[-2]
    # The first two begin at once; all that come later have waited for what came before.
    assert last["seconds"] > (last["bytes_confirmed"] - 1_500) / 2_000 * 0.8
    assert services.requests.peak["storage"] <= 2


def test_a_folder_into_a_folder_keeps_to_the_bandwidth_and_the_transfers(
    command: Command, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, most, lock = Counter[str](), Counter[str](), threading.Lock()
    copy = folder.copy

    def counted(*arguments: Any, **options: Any) -> Any:
        with lock:
            now["copies"] += 1
            most["copies"] = max(most["copies"], now["copies"])
        time.sleep(0.02)
        try:
            return copy(*arguments, **options)
        finally:
            with lock:
                now["copies"] -= 1

    monkeypatch.setattr(folder, "copy", counted)
    (tree / "empty.pdf").unlink()
    arguments = ("migrate", "export", tree, tmp_path / "out", "--journal", tmp_path / "out.db", "--dedupe", "keep")
    ended = command(*arguments, "--transfers", "1", "--max-bandwidth", "8000", "--json")
    assert ended.code == 0
    last = ended.events[-2]
    assert last["seconds"] > (last["bytes_confirmed"] - 1_100) / 8_000 * 0.8
    assert most["copies"] == 1
    wide = ("migrate", "export", tree, tmp_path / "wide", "--journal", tmp_path / "wide.db", "--dedupe", "keep")
    assert command(*wide, "--transfers", "9").code == 0
    assert most["copies"] > 4, "more than go at once by default"


def test_a_report_tells_what_became_of_each(move: Move, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (move.source / "bad.pdf").write_bytes(b"<html>")
    move("run")
    ended = move("report", tmp_path / "report")
    assert ended.code == 0
    assert ended.out.split() == [
        str(tmp_path / "report" / name) for name in ("report.md", "documents.csv", "course.png")
    ]
    text = (tmp_path / "report" / "report.md").read_text()
    assert f"From `{move.source}` to `{move.target}`." in text
    assert f"| completed | 7 | {SIZE - 1_009:,} |" in text
    assert "## Failed (1)\n\n* `bad.pdf`: " in text
    assert "## Left out (3)" in text
    assert "duplicate of `" in text
    with (tmp_path / "report" / "documents.csv").open(newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    assert len(rows) == 11
    assert rows["photo.png"]["target_id"]
    assert Counter(row["state"] for row in rows.values()) == {"completed": 7, "skipped": 3, "failed": 1}
    head = (tmp_path / "report" / "course.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (1000, 600)
    monkeypatch.setattr("plangrep_async.migrate.report.draw_chart", lambda samples, path: None)
    (facts,) = move("report", tmp_path / "report", "--json").events
    assert [Path(file).name for file in facts["files"]] == ["report.md", "documents.csv", "course.png"]


def test_a_report_that_cannot_be_written_is_a_sentence(
    move: Move, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move("run")
    (tmp_path / "report.md").mkdir()
    ended = move("report", tmp_path)
    assert ended.code == 2
    assert ended.err == f"the report cannot be written into {tmp_path}: Is a directory.\n"
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ended = move("report", tmp_path / "report")
    assert ended.code == 2
    assert ended.err == "the chart needs matplotlib.figure: pip install 'plangrep-async[migrate]'.\n"
    assert (tmp_path / "report" / "documents.csv").exists()


# Wrong usage, and trouble


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "{tree}"], "--to"),
        (["plan", "{nowhere}", "--to", "x"], "is no folder; name one that exists"),
        (["plan", "{tree}", "--to", "{tree}"], "both source and target"),
        (["plan", "{tree}", "--to", "plangrid:"], "is no uid"),
        (["plan", "plangrep:proj_1", "--to", "x"], "Plangrep can be a target"),
        (["plan", "{tree}", "--to", "x", "--kinds", "photo"], "--kinds cannot choose from a folder"),
        (["plan", "plangrid:{uid}", "--to", "x", "--include", "*.pdf"], "--include cannot choose from a PlanGrid"),
        (["plan", "{list}", "--to", "x", "--exclude", "a", "--since", "2024-01-01"], "--exclude and --since cannot"),
        (["plan", "{tree}", "--to", "x", "--since", "yesterday"], "yesterday"),
        (["run", "{tree}", "--to", "x", "--transfers", "0"], "0"),
        (["run", "{tree}", "--to", "x", "--max-errors", "-1"], "-1"),
        (["run", "{tree}", "--to", "x", "--max-bandwidth", "0"], "0"),
        (["run", "{tree}", "--to", "x", "--spool-bytes", "0"], "0"),
        (["run", "{tree}", "--to", "x", "--on-changed", "laugh"], "laugh"),
        (["run", "{tree}", "--to", "x", "--dedupe", "maybe"], "maybe"),
        (["run", "{tree}", "--to", "x", "--journal", "nosuch://host/db"], "the journal's location cannot be used"),
        (["status", "--journal", "{nowhere}"], "there is no journal"),
        (["report", "--journal", "{nowhere}"], "begin with `migrate run`"),
        (["resume", "--journal", "{empty}"], "is no journal of a migration"),
        (["verify", "--journal", "{nowhere}"], "there is no journal"),
        (["export", "{tree}", "{list}"], "is a file"),
        (["dance"], "dance"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_a_sentence(
    command: Command, services: Emulator, tree: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "list.csv").write_text("path\n")
    (tmp_path / "empty.db").touch()
    names = {
        "tree": tree,
        "nowhere": tmp_path / "nowhere",
        "list": tmp_path / "list.csv",
        "empty": tmp_path / "empty.db",
        "uid": "bd2894bf-c724-5bfa-e774-45accfb8bb7e",
    }
    ended = command("migrate", *(argument.format(**names) for argument in arguments))
    assert ended.code == 2, ended
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert services.requests.count() == 0


@pytest.mark.parametrize("name", ["plan", "run"])
@pytest.mark.parametrize(
    ("source", "target", "service"),
    [
        ("{tree}", "plangrid:0c0ffee0-0000-4000-8000-000000000001", "PlanGrid"),
        ("{tree}", "plangrep:proj_00000000000000000000", "Plangrep"),
        ("plangrid:0c0ffee0-0000-4000-8000-000000000001", "{out}", "PlanGrid"),
    ],
)
def test_a_project_that_does_not_exist_is_one_sentence(
    command: Command, services: Emulator, tree: Path, tmp_path: Path, name: str, source: str, target: str, service: str
) -> None:
    out = tmp_path / "out"
    source, target = source.format(tree=tree), target.format(out=out)
    journal = ["--journal", tmp_path / "move.db"] if name == "run" else []
    ended = command("migrate", name, source, "--to", target, *journal)
    located = target if ":" in target else source
    assert ended.code == 2
    assert ended.err.splitlines()[-1] == (
        f"{service} has no project {located.partition(':')[2]} for this key; is {located} right?"
    )
    assert services.requests.count() <= 2, "the limits and the project"
    if journal:
        assert not out.exists()
        assert "no project" not in command("migrate", "status", *journal).out


def test_a_service_that_is_away_is_told_by_a_plan(move: Move, services: Emulator) -> None:
    services.faults.add("GET *", Fault.answer(503, b"{}"), service="plangrid")
    ended = move("plan")
    assert ended.code == 3
    assert "503" in ended.err


def test_a_mistaken_source_does_not_spoil_the_journal(move: Move, tmp_path: Path) -> None:
    wrong = move.command("migrate", "run", tmp_path / "drawnigs", "--to", move.target, "--journal", move.journal)
    assert wrong.code == 2
    assert move("run").code == 0
    other = move.command("migrate", "run", tmp_path, "--to", move.target, "--journal", move.journal)
    assert other.code == 2
    assert "this journal belongs to the source" in other.err


@pytest.mark.parametrize("name", ["plan", "verify"])
def test_a_wrong_key_names_the_variable(
    name: str, move: Move, services: Emulator, full_project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    move("run")
    services.faults.add("GET *", Fault.answer(401, b"{}"), service="plangrid")
    arguments = ["plan", f"plangrid:{full_project}", "--to", "x"] if name == "plan" else ["verify"]
    ended = move.command("migrate", *arguments, *([] if name == "plan" else ["--journal", move.journal]))
    assert ended.code == 3
    assert "Is PLANGRID_API_KEY the right key" in ended.err
    monkeypatch.delenv("PLANGRID_API_KEY")
    assert move.command("migrate", "status", "--journal", move.journal).code == 0, "the journal alone is asked"


def test_a_revoked_key_is_told_to_machines_too(move: Move, services: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = services.faults.add("POST *", Fault.answer(401, b"{}"), service="plangrid")
    ended = move("run", "--json")
    assert ended.code == 3
    assert ended.events[-1]["event"] == "problem"
    assert ended.events[-1]["error"] == "MigrationStopped"
    assert "does not accept the key (" in ended.events[-1]["text"]
    assert services.api_key not in ended.out
    services.faults.remove(gone)
    assert move("resume").code == 0


def test_used_up_credits_have_their_sentence_and_resume_goes_on(
    command: Command,
    services: Emulator,
    ready_project: str,
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("plangrep_async.plangrep.client.SystemClock", lambda: ScaledClock(100))
    for path in list(tree.rglob("*.pdf")):
        path.rename(path.with_suffix(".dwg"))
    (tree / "photo.png").unlink()
    services.plangrep.set_credits(0)
    journal = ("--journal", tmp_path / "move.db")
    ended = command("migrate", "run", tree, "--to", f"plangrep:{ready_project}", *journal, "--wait")
    assert ended.code == 3
    assert "the credits are used up: 1 jobs wait for more" in ended.err
    assert "Add credits, then run `migrate resume`" in ended.err
    assert "1 batches are blocked" in command("migrate", "status", *journal).out
    sent = services.requests.count(service="storage")
    services.plangrep.add_credits(100_000)
    assert command("migrate", "resume", *journal).code == 0
    assert services.requests.count(service="storage") == sent


def test_no_password_of_a_database_is_shown(move: Move) -> None:
    location = "postgresql://me:secret@127.0.0.1:9/moves"
    for name in ("run", "status"):
        ends = [move.source, "--to", move.target] if name == "run" else []
        ended = move.command("migrate", name, *ends, "--journal", location)
        assert ended.code == 3
        assert "the journal cannot be used" in ended.err
        assert "secret" not in ended.err + ended.out


def test_every_command_has_help_and_most_have_json(command: Command) -> None:
    shown = command("migrate", "--help").out
    for name in ("plan", "run", "export", "resume", "retry", "status", "verify", "report"):
        assert f"\n  {name} " in shown
        ended = command("migrate", name, "--help")
        assert ended.code == 0
        assert "--json" in ended.out
        assert ("--journal" in ended.out) == (name != "plan")


# In a process of its own


def test_json_is_json_whatever_the_output_can_show(
    move: Move, services: Emulator, executable: list[str], tmp_path: Path
) -> None:
    (move.source / "grüße ☃.pdf").write_bytes(b"<html>")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    ended = subprocess.run(
        [
            *executable,
            "migrate",
            "run",
            str(move.source),
            "--to",
            move.target,
            "--journal",
            str(move.journal),
            "--json",
        ],
        capture_output=True,
        env=environment,
        timeout=50,
    )
    assert ended.returncode == 1, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    (failed,) = [event for event in events if event.get("state") == "failed"]
    assert failed["key"] == "grüße ☃.pdf"
    assert events[-1]["event"] == "result"


def test_what_does_not_write_can_be_interrupted_too(
    services: Emulator, full_project: str, executable: list[str]
) -> None:
    services.faults.add("GET *", Fault.stall(), service="plangrid")
    process = subprocess.Popen(
        [*executable, "migrate", "plan", f"plangrid:{full_project}", "--to", "x"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not services.requests.in_flight["plangrid"]:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")


def test_without_the_extra_it_says_what_to_install(executable: list[str]) -> None:
    hidden = "import sys; sys.modules['sqlalchemy'] = None; from plangrep_async.cli import main; main()"
    ended = subprocess.run([executable[0], "-c", hidden, "migrate", "status"], capture_output=True, text=True)
    assert ended.returncode == 2
    assert "pip install 'plangrep-async[cli,migrate]'" in ended.stderr


@pytest.mark.parametrize("interrupted", [False, True], ids=["closed", "with a log"])
def test_a_journal_that_may_not_be_written_can_be_read(
    move: Move, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    move("run")
    archive = tmp_path / "an archive? 100%"
    archive.mkdir()
    with contextlib.closing(sqlite3.connect(move.journal)) as writer:
        if interrupted:  # what was written last lies in the log alone
            writer.execute("PRAGMA wal_autocheckpoint=0")
            writer.execute("UPDATE documents SET state = 'completed' WHERE state = 'completed'")
            writer.commit()
        for path in tmp_path.glob("move.db*"):
            if path.is_file() and (interrupted or path.name == "move.db"):
                (archive / path.name).write_bytes(path.read_bytes())
    kept = {path.name: path.read_bytes() for path in archive.iterdir()}
    assert len(kept) == (3 if interrupted else 1)
    access = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: not (mode & os.W_OK and str(path).startswith(str(archive))) and access(path, mode),
    )
    journal = ("--journal", archive / "move.db")
    status = move.command("migrate", "status", *journal)
    assert (status.code, status.out) == (0, move("status").out)
    assert move.command("migrate", "report", tmp_path / "report", *journal).code == 0
    verified = move.command("migrate", "verify", "--deep", *journal)
    assert verified.code == 0
    assert verified.out.startswith("7 of 7 documents are there and the same; 7 by SHA-256\n")
    assert "the journal is read-only: what was found is not noted in it" in verified.out
    for name in ("resume", "retry"):
        ended = move.command("migrate", name, *journal)
        assert (ended.code, ended.err.count("its file or folder is read-only")) == (3, 1)
    if not interrupted:
        assert {path.name: path.read_bytes() for path in archive.iterdir()} == kept


def test_what_is_missing_is_found_by_a_journal_that_may_not_be_written(
    move: Move, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = ("migrate", "export", move.source, tmp_path / "out", "--journal", move.journal)
    assert move.command(*export).code == 0
    assert move("verify").code == 0
    (tmp_path / "out" / "files" / "photo.png").unlink()
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    ended = move("verify")
    assert ended.code == 1
    assert "missing: photo.png" in ended.out


def test_the_size_of_the_spool_can_be_chosen_and_is_remembered(
    command: Command, services: Emulator, full_project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds: list[int] = []
    make = Spool.__init__

    def noted(self: Spool, folder: Path, most_bytes: int) -> None:
        bounds.append(most_bytes)
        make(self, folder, most_bytes)

    monkeypatch.setattr(Spool, "__init__", noted)
    journal = ("--journal", tmp_path / "out.db")
    export = ("migrate", "export", f"plangrid:{full_project}", tmp_path / "out", *journal, "--spool-bytes", "2000")
    assert command(*export).code == 0
    assert command("migrate", "resume", *journal).code == 0
    assert bounds == [2_000, 2_000]


def test_the_emulator_has_projects_to_rehearse_with(executable: list[str]) -> None:
    process = subprocess.Popen([*executable, "emulator", "--json"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        there = json.loads(process.stdout.readline())
        environment = {**os.environ, **{name: value for name, value in there.items() if name.isupper()}}
        for source, target, documents in (
            (f"plangrid:{there['PLANGRID_PROJECT']}", f"plangrid:{there['PLANGRID_EMPTY_PROJECT']}", range(150, 226)),
            (f"plangrid:{there['PLANGRID_EMPTY_PROJECT']}", f"plangrep:{there['PLANGREP_PROJECT']}", range(1)),
        ):
            plan = [*executable, "migrate", "plan", source, "--to", target, "--json"]
            ended = subprocess.run(plan, env=environment, capture_output=True, text=True)
            assert ended.returncode == 0, ended.stderr
            assert json.loads(ended.stdout)["documents"] in documents
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
