"""What became of a migration, as people and programs read it."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.errors import ConfigurationError
from plangrep_async.migrate import Found, Problem, State
from plangrep_async.migrate.journal import Journal, Sample
from plangrep_async.migrate.report import write_report


def found(number: int, **changes: Any) -> Found:
    values: dict[str, Any] = {
        "key": f"floor/{number}.pdf",
        "name": f"{number}.pdf",
        "folder": "floor",
        "kind": "attachment",
        "size": 1_000 * number,
        "attributes": {"created_at": "2019-05-01T00:00:00+00:00"},
    }
    return Found(**(values | changes))


@pytest.fixture
async def moved(tmp_path: Path) -> AsyncIterator[Journal]:
    """Five documents: one arrived, one is its twin, one failed, one is empty, one is in a job that failed."""
    async with Journal(tmp_path / "journal.db") as journal:
        await journal.note(source="/data/`old`", target="plangrep:proj_1", scanned=True)
        await journal.discover(
            [
                found(1),
                found(2),
                found(3, key="a `b`\nc|d.pdf"),
                found(4, problem=Problem.EMPTY, size=0),
                found(5, title="Größe, ☃", classification="plans"),
            ]
        )
        first, second, third, _, fifth = [document async for document in journal.documents()]
        await journal.digest(first.id, "a" * 64, 1_000, claim=True)
        await journal.change(first.id, state=State.COMPLETED.value, target_id="doc_1", attempts=2)
        assert await journal.digest(second.id, "a" * 64, 1_000, claim=True) == first.id
        await journal.change(
            third.id, state=State.FAILED.value, problem="refused", error="422:\n<html>\n no", attempts=5
        )
        group = await journal.open_group([fifth.id])
        await journal.close_group(group.id, {fifth.id: "doc_5"}, state="failed", target_id="job_9")
        await journal.change_group(group.id, error="the job ended\nas failed")
        for number in range(4):
            await journal.sample(Sample(1_700_000_000 + 10 * number, number, 500_000 * number, number // 2, number))
        yield journal


async def test_the_report_counts_and_names(moved: Journal, tmp_path: Path) -> None:
    paths = await write_report(moved, tmp_path / "deep" / "report")
    assert [path.name for path in paths] == ["report.md", "documents.csv", "course.png"]
    text = paths[0].read_text(encoding="utf-8")
    assert text.startswith("# Migration\n\nFrom `` /data/`old` `` to `plangrep:proj_1`.\n")
    for line in (
        "| completed | 2 | 6,000 |",
        "| failed | 1 | 3,000 |",
        "| skipped | 2 | 1,000 |",
        "| all | 5 | 10,000 |",
        "| duplicate | 1 |",
        "| empty | 1 |",
        "| refused | 1 |",
        "| failed | 1 |",
        "## Failed (1)",
        "* `` a `b` c|d.pdf ``: 422: <html> no",
        "## Left out (2)",
        "* `floor/2.pdf`: duplicate of `floor/1.pdf`",
        "* `floor/4.pdf`: empty",
        "* `job_9` (failed): the job ended as failed",
        "![Throughput and errors over time](course.png)",
    ):
        assert line in text.splitlines()
    assert (
        "Runs from 2023-11-14 22:13:20 UTC to 2023-11-14 22:13:50 UTC: 3 documents and 1,500,000 bytes arrived, "
        "0.05 MB/s over all." in text
    )
    assert "… all of them" not in text


async def test_the_table_has_a_line_for_each_document(moved: Journal, tmp_path: Path) -> None:
    _, table, _ = await write_report(moved, tmp_path / "report")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [
        "floor/1.pdf",
        "floor/2.pdf",
        "a `b`\nc|d.pdf",
        "floor/4.pdf",
        "floor/5.pdf",
    ]
    first, twin, failed, empty, grouped = rows
    assert (first["state"], first["target_id"], first["sha256"], first["attempts"]) == (
        "completed",
        "doc_1",
        "a" * 64,
        "2",
    )
    assert first["created_at"] == "2019-05-01T00:00:00+00:00"
    assert (twin["state"], twin["problem"], twin["duplicate_of"]) == ("skipped", "duplicate", "floor/1.pdf")
    assert (failed["error"], failed["problem"]) == ("422:\n<html>\n no", "refused")
    assert (empty["state"], empty["size"], empty["duplicate_of"]) == ("skipped", "0", "")
    assert (grouped["group"], grouped["title"], grouped["classification"]) == ("job_9", "Größe, ☃", "plans")


async def test_the_table_keeps_whatever_is_known_of_a_document(tmp_path: Path) -> None:
    sheet = {
        "version_name": "Issue 3",
        "tags": ["Größe", "fire"],
        "published_at": "2020-02-03T00:00:00+00:00",
        "published_by": "ann@example.org",
        "history_set_uid": "set-1",
    }
    own = {
        "created_at": "2019",
        "created_by": "bob@example.org",
        "drawing_no": "A-101",
        "state": "as built",
        "sha256": "x",
    }
    async with Journal(tmp_path / "journal.db") as journal:
        await journal.discover([found(1, attributes=sheet), found(2, attributes=own), found(3, attributes={})])
        _, table, _ = await write_report(journal, tmp_path / "report")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["created_at"], row["created_by"]) for row in rows] == [
        ("2020-02-03T00:00:00+00:00", "ann@example.org"),
        ("2019", "bob@example.org"),
        ("", ""),
    ]
    assert json.loads(rows[0]["other"]) == {
        "version_name": "Issue 3",
        "tags": ["Größe", "fire"],
        "history_set_uid": "set-1",
    }
    assert json.loads(rows[1]["other"]) == {"drawing_no": "A-101", "state": "as built", "sha256": "x"}
    assert rows[2]["other"] == ""
    assert (rows[1]["state"], rows[1]["sha256"]) == ("discovered", "")


async def test_a_long_list_is_cut_and_says_so(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.db") as journal:
        await journal.discover([found(number, problem=Problem.EMPTY) for number in range(1, 701)])
        text, table, _ = await write_report(journal, tmp_path / "report")
    lines = text.read_text().splitlines()
    assert sum(line.endswith(": empty") for line in lines) == 50
    assert "* … all of them stand in documents.csv" in lines
    assert len(table.read_text().splitlines()) == 701


async def test_a_journal_without_a_run_has_a_report_too(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.db") as journal:
        text, table, chart = await write_report(journal, tmp_path / "report")
    assert "| all | 0 | 0 |" in text.read_text()
    assert len(table.read_text().splitlines()) == 1
    assert chart.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


async def test_without_matplotlib_the_rest_is_written(
    moved: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigurationError, match="the chart needs matplotlib"):
        await write_report(moved, tmp_path / "report")
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["documents.csv", "report.md"]
