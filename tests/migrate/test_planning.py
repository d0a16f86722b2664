"""Plans: counted from what the source shows, without a call."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from blockbuster import BlockBuster
from hypothesis import given, settings
from hypothesis import strategies as st

from plangrep_async.errors import ConfigurationError
from plangrep_async.migrate import (
    Document,
    FolderTarget,
    FolderTree,
    Found,
    Migration,
    MigrationOptions,
    PlangrepTarget,
    PlanGridTarget,
    Problem,
    State,
    Target,
)
from plangrep_async.migrate.own_files import OwnFiles
from plangrep_async.migrate.planning import Plan, make_plan
from plangrep_async.plangrid import PlanGridClient

UID = "bd2894bf-c724-5bfa-e774-45accfb8bb7e"


class Listed:
    """A source that has what it is told to have."""

    def __init__(self, found: list[Found], *, takes: tuple[int, int] = (0, 0)) -> None:
        self.found, self.takes = found, takes
        self.is_remote = takes != (0, 0)
        self.location = "plangrid:source" if self.is_remote else "/data"
        self.asked_for_records: bool | None = None

    async def scan(self) -> AsyncGenerator[list[Found], None]:
        for start in range(0, len(self.found), 7):
            yield self.found[start : start + 7]

    async def calls(self, kinds: Mapping[str, int], *, records: bool) -> tuple[int, int]:
        self.asked_for_records = records
        return self.takes

    async def fetch(self, document: Document, folder: Path) -> Path:
        raise AssertionError("a plan fetches nothing")


class Nobody:
    """A client that must not be asked for anything."""

    def project(self, uid: str) -> Any:
        return type("Project", (), {"uid": uid})()


def plan(source: Listed, target: Target) -> Plan:
    own = OwnFiles(cast(Any, source), "journal.db", Path("spool"), target.location)
    return asyncio.run(make_plan(source, target, own))


def to_plangrid(pdfs: Any = "attachments") -> PlanGridTarget:
    return PlanGridTarget(cast(PlanGridClient, Nobody()), UID, options=MigrationOptions(pdfs=pdfs))


def to_plangrep() -> PlangrepTarget:
    return PlangrepTarget(cast(Any, Nobody()), "proj_1")


names = st.sampled_from(["a.pdf", "b.PDF", "c.png", "d.jpeg", "e.dwg", "f"])
files = st.lists(
    st.builds(
        lambda name, size, problem: (name, size, problem),
        names,
        st.integers(1, 30_000_000_000),
        st.sampled_from([None, None, None, Problem.EMPTY, Problem.UNREADABLE]),
    ),
    max_size=400,
).map(
    lambda rows: [
        Found(key=f"{number}/{name}", name=name, size=size, problem=problem)
        for number, (name, size, problem) in enumerate(rows)
    ]
)


@given(files)
@settings(max_examples=40)
def test_every_file_is_counted_once(found: list[Found]) -> None:
    for target in (to_plangrid(), to_plangrid("sheets"), to_plangrep(), FolderTarget("/backup")):
        seen = plan(Listed(found), target)
        assert seen.documents + sum(seen.problems.values()) == len(found)
        assert seen.documents == sum(seen.kinds.values())
        going = [file for file in map(target.adopt, found) if file.problem is None]
        assert seen.bytes == sum(file.size for file in going)
        assert seen.largest == max((file.size for file in going), default=0)
        assert all(len(seen.examples[problem]) == min(20, number) for problem, number in seen.problems.items())
        assert (seen.source_calls, seen.sizes_known) == (0, True)


@given(files)
@settings(max_examples=40)
def test_jobs_suffice_for_a_hundred_files_and_ten_gigabytes_each(found: list[Found]) -> None:
    seen = plan(Listed(found), to_plangrep())
    jobs = seen.estimate.batches
    assert jobs * 100 >= seen.documents > (jobs - 1) * 100 or jobs * 10_000_000_000 >= seen.bytes
    assert jobs * 100 >= seen.documents
    assert jobs * 10_000_000_000 >= seen.bytes
    assert (jobs == 0) == (seen.documents == 0)
    assert seen.estimate.calls_most >= seen.estimate.calls >= jobs
    assert (seen.estimate.credits is None) == (seen.documents == 0)
    assert {Problem.TOO_LARGE: seen.problems.get(Problem.TOO_LARGE, 0)} == {
        Problem.TOO_LARGE: sum(file.problem is None and file.size > 10_000_000_000 for file in found)
    }


@given(st.integers(0, 300_000), st.integers(0, 300_000), st.integers(0, 300_000))
def test_no_plan_breaks_the_limits_of_a_day(attachments: int, photos: int, sheets: int) -> None:
    kinds = {"attachment": attachments, "photo": photos, "sheet": sheets}
    documents = sum(kinds.values())
    estimate = to_plangrid().estimate(documents, documents, kinds)
    # 10,000 calls a day, 2,000 writes in six minutes; a batch of fifty counts as one.
    assert estimate.days * 10_000 >= estimate.calls - 1e-6
    assert estimate.days * 480_000 >= estimate.calls - 1e-6
    assert estimate.calls * 50 >= 2 * documents
    assert estimate.calls_most >= estimate.calls
    assert estimate.days_most * 10_000 >= estimate.calls_most - 1e-6
    assert estimate.batches == math.ceil(sheets / 100)
    assert (estimate.days == 0) == (documents == 0)


@given(st.integers(1, 10_000), st.integers(0, 10_000))
@settings(max_examples=30)
def test_reading_a_project_takes_calls_and_days_too(least: int, more: int) -> None:
    found = [Found(key=f"attachment/{number}", kind="attachment", name=f"{number}.pdf") for number in range(9)]
    takes = (least, least + more)
    seen = plan(Listed(found, takes=takes), to_plangrep())
    assert (seen.source_calls, seen.source_calls_most) == takes
    assert (seen.sizes_known, seen.bytes) == (False, 0)
    assert (seen.days, seen.days_most) == pytest.approx((least / 10_000, (least + more) / 10_000))
    both = plan(Listed(found, takes=takes), to_plangrid())
    assert both.days == pytest.approx(seen.days + both.estimate.days), "one key pays for both"
    assert both.days_most == pytest.approx(seen.days_most + both.estimate.days_most)


def test_only_an_export_asks_for_records_too() -> None:
    for target, wanted in ((to_plangrid(), False), (to_plangrep(), False), (FolderTarget("/backup"), True)):
        source = Listed([], takes=(1, 1))
        plan(source, target)
        assert source.asked_for_records is wanted


def test_a_hundred_thousand_drawings_take_half_a_day_of_plangrid() -> None:
    estimate = to_plangrid().estimate(100_000, 0, {"attachment": 100_000})
    assert (estimate.calls, estimate.calls_most) == (4_000, 200_000)
    assert (estimate.days, estimate.days_most) == pytest.approx((0.4, 20.0))


async def test_what_a_migration_makes_itself_is_no_document(tmp_path: Path) -> None:
    root = tmp_path / "drawings"
    (root / "out" / "files").mkdir(parents=True)
    for name in ("a.pdf", "move.db", "move.db-wal", "move.db-shm", "out/files/a.pdf", "other.db"):
        (root / name).write_text(name)
    (root / "move.db.files").mkdir()
    (root / "move.db.files" / "7.pdf").write_bytes(b"x")
    migration = Migration(FolderTree(root), FolderTarget(root / "out"), journal=root / "move.db")
    assert (await migration.plan()).documents == 2  # a.pdf, and a file that is none of ours
    (root / "move.db").unlink()
    for _ in range(2):
        status = await migration.run()
        assert status.tally.total == 2
    assert sorted(os.listdir(root / "out" / "files")) == ["a.pdf", "a~1.pdf", "other.db"]


@pytest.mark.parametrize("how", ["the source is a link", "the journal is named by a link", "a link in the source"])
async def test_no_link_makes_a_document_of_the_journal(
    how: str, tmp_path: Path, no_blocking_calls: BlockBuster
) -> None:
    for function in no_blocking_calls.functions.values():
        function.can_block_in("plangrep_async/migrate/own_files.py", "holds")  # for a file of the journal's name alone
    real, link = tmp_path / "real", tmp_path / "link"
    (real / "drawings").mkdir(parents=True)
    (real / "drawings" / "a.pdf").write_bytes(b"%PDF-1.4")
    link.symlink_to(real)
    source, journal = real / "drawings", real / "drawings" / "move.db"
    if how == "the source is a link":
        source = link / "drawings"
    elif how == "the journal is named by a link":
        journal = link / "drawings" / "move.db"
    else:
        journal = tmp_path / "journals" / "move.db"
        journal.parent.mkdir()
        (source / "others").symlink_to(journal.parent)
    migration = Migration(FolderTree(source), FolderTarget(tmp_path / "out"), journal=journal)
    for _ in range(2):
        assert (await migration.run()).tally.documents == {State.COMPLETED: 1}


async def test_a_place_is_not_its_own_target(tmp_path: Path) -> None:
    migration = Migration(FolderTree(tmp_path), FolderTarget(tmp_path), journal=tmp_path / "journal.db")
    with pytest.raises(ConfigurationError, match="both source and target"):
        await migration.plan()
    with pytest.raises(ConfigurationError, match="both source and target"):
        await migration.run()
