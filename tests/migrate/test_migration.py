"""Whole migrations against the emulator: what goes in comes out, once."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster

from plangrep_async.emulator import Emulator, Fault
from plangrep_async.errors import ConfigurationError
from plangrep_async.migrate import (
    DocumentEnded,
    Event,
    FolderTarget,
    FolderTree,
    GroupEnded,
    JournalLockedError,
    Manifest,
    Migration,
    MigrationOptions,
    MigrationStopped,
    PlangrepTarget,
    PlanGridSource,
    PlanGridTarget,
    Problem,
    Progress,
    Scanned,
    State,
    Target,
)
from plangrep_async.migrate.journal import Journal
from plangrep_async.migrate.lease import Lease
from plangrep_async.plangrid import PlanGridClient
from plangrep_async.testing import ScaledClock


@pytest.fixture
def blocking_tests(no_blocking_calls: BlockBuster) -> None:
    """The test's own callbacks may touch the disk."""
    for function in no_blocking_calls.functions.values():
        function.can_block_in("tests/migrate/test_migration.py", {"change", "remove"})


@pytest.fixture(params=["plangrid", "plangrep", "folder"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    if request.param == "folder":
        return FolderTarget(tmp_path / "export")
    found: Target = request.getfixturevalue(f"to_{request.param}")
    return found


@pytest.fixture
def there(
    target: Target, arrived: Callable[[str], Counter[str]], digests_of: Callable[[Path], Counter[str]]
) -> Callable[[], Counter[str]]:
    """Digests of what has arrived, each as often as it did."""
    if isinstance(target, FolderTarget):
        return lambda: digests_of(target.root / "files")
    return lambda: arrived(target.location.partition(":")[0])


async def test_a_tree_arrives_once_byte_for_byte_and_is_verified(
    tree: Path,
    target: Target,
    there: Callable[[], Counter[str]],
    location: str,
    tmp_path: Path,
    digests_of: Callable[[Path], Counter[str]],
) -> None:
    migration = Migration(FolderTree(tree), target, journal=location, spool=tmp_path / "files")
    plan = await migration.plan()
    assert (plan.documents, plan.problems) == (31, {})
    assert not os.path.exists(location)
    events: list[Event] = []
    status = await migration.run(events.append)
    assert status.tally.count(State.COMPLETED) == 31
    assert there() == digests_of(tree)
    assert sum(isinstance(event, DocumentEnded) and event.state is State.COMPLETED for event in events) == 31
    assert Scanned(31, 31, final=True) in events
    assert isinstance(events[-1], Progress)
    assert events[-1].final
    assert (events[-1].arrived, events[-1].bytes_confirmed) == (31, plan.bytes)
    verified = await migration.verify(deep=True)
    assert (verified.ok, verified.checked, verified.good) == (True, 31, 31)
    # Again: there is nothing left to do, and nothing is done.
    again = await migration.run()
    assert again.tally.count(State.VERIFIED) == 31
    assert there() == digests_of(tree)


async def test_folders_and_titles_reach_plangrid(
    tree: Path, to_plangrid: PlanGridTarget, services: Emulator, empty_project: str, tmp_path: Path
) -> None:
    await Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db").run()
    attachments = services.plangrid.records("attachments", empty_project)
    assert Counter(record.folder for record in attachments) == {"level 0": 10, "level 1": 10, "level 2": 10}
    assert {record.name for record in attachments} == {f"plan {number}.pdf" for number in range(10)}
    assert [record.title for record in services.plangrid.records("photos", empty_project)] == ["photo.png"]


async def test_pdfs_become_sheets_of_a_version(
    tree: Path, plangrid: PlanGridClient, services: Emulator, empty_project: str, tmp_path: Path
) -> None:
    options = MigrationOptions(pdfs="sheets", version_name="IFC 3")
    target = PlanGridTarget(plangrid, empty_project, options=options)
    (tree / "broken.pdf").write_bytes(b"no PDF at all")
    migration = Migration(FolderTree(tree), target, journal=tmp_path / "journal.db", options=options)
    status = await migration.run()
    # The names of a version's files differ, and each name is in three folders here.
    versions = services.plangrid.version_uploads()
    assert (
        sorted((version.status, version.name, len(version.files)) for version in versions)
        == [("complete", "IFC 3", 10)] * 3
    )
    assert status.tally.count(State.FAILED) == 1
    assert status.tally.problems == {Problem.UNSUPPORTED: 1}
    assert status.groups == {"done": 3}
    assert (await migration.verify()).ok


async def test_jobs_hold_a_hundred_files_and_each_is_completed(
    to_plangrep: PlangrepTarget, services: Emulator, tmp_path: Path
) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for number in range(230):
        (root / f"{number}.pdf").write_bytes(b"%PDF" + bytes([number]) * (number + 1))
    events: list[Event] = []
    await Migration(FolderTree(root), to_plangrep, journal=tmp_path / "journal.db").run(events.append)
    assert sorted(len(job.chosen) for job in services.plangrep.jobs) == [30, 100, 100]
    assert all(job.status not in ("awaiting_uploads", "uploading") for job in services.plangrep.jobs)
    assert sum(isinstance(event, GroupEnded) for event in events) >= 3
    assert services.requests.count("POST /api/open/v1/jobs/{jobId}/files") == 0


async def test_large_files_go_in_parts(
    to_plangrep: PlangrepTarget,
    services: Emulator,
    tmp_path: Path,
    digests_of: Callable[[Path], Counter[str]],
    arrived: Callable[[str], Counter[str]],
) -> None:
    root = tmp_path / "large"
    root.mkdir()
    (root / "large.pdf").write_bytes(os.urandom(11 << 20))
    migration = Migration(FolderTree(root), to_plangrep, journal=tmp_path / "journal.db")
    assert (await migration.run()).tally.count(State.COMPLETED) == 1
    assert arrived("plangrep") == digests_of(root)
    assert services.plangrep.documents[0].mode == "multipart"


async def test_what_is_wrong_with_files_is_found(tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path) -> None:
    (tree / "empty.pdf").touch()
    (tree / "notes.txt").write_text("x")
    (tree / "twin.pdf").write_bytes((tree / "level 0" / "plan 0.pdf").read_bytes())
    (tree / "nowhere.pdf").symlink_to(tree / "missing.pdf")
    (tree / "loop").symlink_to(tree)
    (tree / "not really.pdf").write_bytes(b"<html>")
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    status = await migration.run()
    assert status.tally.problems == {
        Problem.EMPTY: 1,
        Problem.UNSUPPORTED: 2,
        Problem.DUPLICATE: 1,
        Problem.VANISHED: 1,
    }
    assert (status.tally.count(State.FAILED), status.tally.count(State.SKIPPED)) == (2, 3)
    assert not status.is_complete
    (tree / "not really.pdf").write_bytes(b"%PDF-1.4 after all")
    (tree / "missing.pdf").write_bytes(b"%PDF-1.4 found at last")
    status = await migration.run(retry=True)
    assert status.tally.count(State.FAILED) == 0
    assert status.is_complete


async def test_duplicates_can_be_kept(tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path) -> None:
    (tree / "twin.pdf").write_bytes((tree / "level 0" / "plan 0.pdf").read_bytes())
    options = MigrationOptions(dedupe="keep")
    status = await Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "j.db", options=options).run()
    assert status.tally.count(State.COMPLETED) == 32


@pytest.mark.parametrize("choice", ["send", "send-again", "skip", "fail"])
async def test_files_that_change(
    blocking_tests: None,
    tree: Path,
    to_plangrid: PlanGridTarget,
    services: Emulator,
    empty_project: str,
    tmp_path: Path,
    choice: Any,
    arrived: Callable[[str], Counter[str]],
) -> None:
    options = MigrationOptions(on_changed=choice)
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db", options=options)
    # One changes between the scan and the sending, one after it has arrived.
    changing, old = tree / "level 0" / "plan 0.pdf", tree / "level 1" / "plan 1.pdf"

    def change(event: Event) -> None:
        if isinstance(event, Scanned) and event.final and not services.plangrid.created("attachment"):
            changing.write_bytes(b"%PDF-1.4 another")

    status = await migration.run(change)
    expected = {"skip": State.SKIPPED, "fail": State.FAILED}.get(choice, State.COMPLETED)
    async with Journal(tmp_path / "journal.db") as journal:
        states = {document.key: document async for document in journal.documents()}
        assert states["level 0/plan 0.pdf"].state is expected
    assert status.tally.total == 31
    old.write_bytes(b"%PDF-1.4 changed when it had arrived")
    before = sum(arrived("plangrid").values())
    status = await migration.run()
    now = sum(arrived("plangrid").values())
    if choice == "send-again":
        assert now == before + 1
    else:
        assert status.tally.problems[Problem.CHANGED] >= 1
        assert now - before == (choice == "skip")  # the one that was skipped is seen as it is now


async def test_files_that_vanish_are_reported(
    blocking_tests: None, tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path
) -> None:
    def remove(event: Event) -> None:
        if isinstance(event, Scanned) and event.final:
            (tree / "level 0" / "plan 0.pdf").unlink()

    status = await Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db").run(remove)
    assert status.tally.problems == {Problem.VANISHED: 1}
    assert status.tally.count(State.COMPLETED) == 30


async def test_a_manifest_names_files_folders_and_titles(
    tree: Path, to_plangrid: PlanGridTarget, services: Emulator, empty_project: str, tmp_path: Path
) -> None:
    lines = [
        {"path": "tree/level 0/plan 0.pdf", "name": "A-101.pdf", "folder": "Architecture"},
        {"path": "tree/photo.png", "title": "Roof, north"},
        {"path": "tree/none.pdf"},
    ]
    (tmp_path / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    status = await Migration(Manifest(tmp_path / "list.jsonl"), to_plangrid, journal=tmp_path / "journal.db").run()
    assert status.tally.problems == {Problem.VANISHED: 1}
    (attachment,) = services.plangrid.records("attachments", empty_project)
    assert (attachment.name, attachment.folder) == ("A-101.pdf", "Architecture")
    assert [record.title for record in services.plangrid.records("photos", empty_project)] == ["Roof, north"]


async def test_plangrid_to_a_folder_and_back_into_plangrid(
    plangrid: PlanGridClient, services: Emulator, empty_project: str, tmp_path: Path
) -> None:
    (full,) = services.plangrid.seed(1, seed=3, attachments=25, photos=15, sheets=6, deleted=0.1)
    keep = MigrationOptions(dedupe="keep")
    export = FolderTarget(tmp_path / "export")
    out = Migration(PlanGridSource(plangrid, full), export, journal=tmp_path / "out.db", options=keep)
    status = await out.run()
    assert status.is_complete
    assert (await out.verify()).ok
    lines = [json.loads(line) for line in (export.root / "records.jsonl").read_text().splitlines()]
    records = [line for line in lines if "file" in line]
    assert len(records) == status.tally.total
    assert {line["kind"] for line in records} == {"attachment", "photo", "sheet"}
    assert not (tmp_path / "out.db.files").exists()
    back = PlanGridTarget(plangrid, empty_project)
    journey = Migration(Manifest(export.root / "manifest.jsonl"), back, journal=tmp_path / "in.db", options=keep)
    status = await journey.run()
    assert status.is_complete, status
    assert (await journey.verify(deep=True)).ok

    def shown(project: str) -> Counter[Any]:
        attachments = [r for r in services.plangrid.records("attachments", project) if not r.deleted]
        photos = [r for r in services.plangrid.records("photos", project) if not r.deleted]
        return Counter([(r.name, r.folder or None) for r in attachments] + [r.title for r in photos])

    assert shown(empty_project) == shown(full)
    assert sum(len(version.files) for version in services.plangrid.version_uploads()) == sum(
        line["kind"] == "sheet" for line in records
    )


async def test_plangrid_to_plangrep(
    plangrid: PlanGridClient, to_plangrep: PlangrepTarget, services: Emulator, tmp_path: Path
) -> None:
    (full,) = services.plangrid.seed(1, seed=3, attachments=20, photos=8, sheets=5, deleted=0.0)
    migration = Migration(PlanGridSource(plangrid, full), to_plangrep, journal=tmp_path / "journal.db")
    plan = await migration.plan()
    assert plan.kinds == {"attachment": 20, "photo": 8, "sheet": 5}
    # The project and the limits, a page of each kind, and then the files: a sheet takes two or three.
    assert (plan.source_calls, plan.source_calls_most) == (2 + 3 + 5, 2 + 3 + 20 + 8 + 15)
    status = await migration.run()
    assert status.open == 0
    assert status.tally.count(State.FAILED) == 0
    assert (await migration.verify()).ok
    async with Journal(tmp_path / "journal.db") as journal:
        dates = [document.attributes.get("created_at") async for document in journal.documents(State.VERIFIED)]
    assert sum(date is not None for date in dates) >= 20


async def test_faults_of_all_kinds_and_a_storm_of_429_lose_nothing(
    tree: Path,
    target: Target,
    there: Callable[[], Counter[str]],
    services: Emulator,
    tmp_path: Path,
    digests_of: Callable[[Path], Counter[str]],
) -> None:
    for fault in (
        Fault.reset(),
        Fault.cut(),
        Fault.answer(500),
        Fault.answer(503),
        Fault.answer(500, when="after"),
        Fault.truncated_json(),
        Fault.html(502),
    ):
        services.faults.add("*", fault, probability=0.03)
    services.faults.add("POST *", Fault.answer(429, retry_after=0.1), times=4)
    options = MigrationOptions(attempts=50)
    migration = Migration(
        FolderTree(tree), target, journal=tmp_path / "journal.db", options=options, clock=ScaledClock(20.0)
    )
    status = await migration.run()
    assert status.tally.count(State.COMPLETED) == 31, status
    assert there() == digests_of(tree)


async def test_events_come_as_an_iterator(tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path) -> None:
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    kinds = Counter([type(event).__name__ async for event in migration.events()])
    assert kinds["DocumentEnded"] == 31
    async with aclosing(migration.events()) as events:
        async for _ in events:
            break
    left = await migration.status()
    assert (left.open, left.tally.count(State.COMPLETED)) == (0, 31)


async def test_a_run_that_is_stopped_goes_on_later(
    tree: Path,
    target: Target,
    there: Callable[[], Counter[str]],
    tmp_path: Path,
    digests_of: Callable[[Path], Counter[str]],
) -> None:
    migration = Migration(FolderTree(tree), target, journal=tmp_path / "journal.db")
    ended = 0

    def stop(event: Event) -> None:
        nonlocal ended
        ended += isinstance(event, DocumentEnded)
        if isinstance(event, Scanned | DocumentEnded):
            first.stop()

    first = Migration(FolderTree(tree), target, journal=tmp_path / "journal.db")
    status = await first.run(stop)
    assert status.tally.count(State.COMPLETED) < 31
    status = await migration.run()
    assert status.tally.count(State.COMPLETED) == 31
    assert there() == digests_of(tree)


async def test_a_cancelled_run_goes_on_later(
    tree: Path,
    target: Target,
    there: Callable[[], Counter[str]],
    tmp_path: Path,
    digests_of: Callable[[Path], Counter[str]],
) -> None:
    for delay in (0.02, 0.05, 0.1):
        migration = Migration(FolderTree(tree), target, journal=tmp_path / "journal.db")
        task = asyncio.create_task(migration.run())
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    status = await Migration(FolderTree(tree), target, journal=tmp_path / "journal.db").run()
    assert status.tally.count(State.COMPLETED) == 31
    assert there() == digests_of(tree)


async def test_two_runs_on_one_journal_are_kept_apart(tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path) -> None:
    location = tmp_path / "journal.db"
    async with Journal(location) as journal, Lease(journal.database, owner="elsewhere/1/1"):
        with pytest.raises(JournalLockedError, match="process 1 on elsewhere"):
            await Migration(FolderTree(tree), to_plangrid, journal=location).run()


async def test_a_journal_belongs_to_its_source_and_target(
    tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path
) -> None:
    await Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db").run()
    other = Migration(FolderTree(tmp_path), to_plangrid, journal=tmp_path / "journal.db")
    with pytest.raises(ConfigurationError, match="belongs to the source"):
        await other.run()


async def test_too_many_failures_stop_the_run(tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path) -> None:
    for path in tree.rglob("*.pdf"):
        path.write_bytes(b"no PDF " + os.urandom(8))
    options = MigrationOptions(max_errors=3)
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db", options=options)
    with pytest.raises(MigrationStopped, match="--max-errors allows 3"):
        await migration.run()
    async with Journal(tmp_path / "journal.db") as journal:
        assert (await journal.tally()).count(State.FAILED) >= 4
