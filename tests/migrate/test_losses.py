"""What could be lost, doubled or believed too early: each once happened."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from plangrep_async.emulator import Emulator, Fault, s3_fault
from plangrep_async.errors import ConfigurationError
from plangrep_async.migrate import (
    DocumentEnded,
    Event,
    FolderTarget,
    FolderTree,
    Found,
    JournalLockedError,
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
    Waiting,
)
from plangrep_async.migrate.journal import Journal
from plangrep_async.migrate.sources import tree as tree_source
from plangrep_async.migrate.targets import folder
from plangrep_async.plangrid import PlanGridClient
from plangrep_async.testing import ScaledClock

PDF = b"%PDF-1.4\n%"


@pytest.fixture(autouse=True)
def blocking_tests(no_blocking_calls: BlockBuster) -> None:
    """The test's own callbacks may touch the disk."""
    for function in no_blocking_calls.functions.values():
        function.can_block_in("tests/migrate/test_losses.py", {"change", "watch", "changing"})


@pytest.fixture
def twins(tmp_path: Path) -> Path:
    """Two files with the same bytes, and another."""
    root = tmp_path / "twins"
    root.mkdir()
    for name, text in {"a.pdf": b"same", "b.pdf": b"same", "c.pdf": b"other"}.items():
        (root / name).write_bytes(PDF + text)
    return root


async def until_skipped(target: PlanGridTarget, root: Path, journal: Path, change: Callable[[], None]) -> None:
    """Run it until ``b`` is left out for the sake of ``a``, which is not sent; then let ``a`` change."""
    async with Journal(journal) as opened:
        await opened.note(source=str(root), scanned=True)
        async for batch in FolderTree(root).scan():
            await opened.discover([target.adopt(found) for found in batch])
        documents = {document.key: document async for document in opened.documents()}
        a, b = documents["a.pdf"], documents["b.pdf"]
        assert await opened.digest(a.id, "5" * 64, a.size, claim=True) is None
        assert await opened.digest(b.id, "5" * 64, b.size, claim=True) == a.id
    change()


@pytest.mark.parametrize("scan", [True, False], ids=["run", "resume"])
@pytest.mark.parametrize("what", ["changes", "vanishes"])
async def test_a_twin_is_sent_when_the_one_that_stood_for_it_is_not(
    what: str,
    scan: bool,
    twins: Path,
    to_plangrid: PlanGridTarget,
    arrived: Callable[[str], Counter[str]],
    digests_of: Callable[[Path], Counter[str]],
    tmp_path: Path,
) -> None:
    migration = Migration(FolderTree(twins), to_plangrid, journal=tmp_path / "journal.db")

    def change() -> None:
        if what == "vanishes":
            (twins / "a.pdf").unlink()
        else:
            (twins / "a.pdf").write_bytes(PDF + b"changed")
            os.utime(twins / "a.pdf", (1, 1))

    await until_skipped(to_plangrid, twins, tmp_path / "journal.db", change)
    events: list[Event] = []
    status = await migration.run(events.append, scan=scan)
    assert arrived("plangrid") == digests_of(twins)
    assert status.tally.count(State.SKIPPED) == 0
    assert status.is_complete == (what == "changes")
    final = events[-1]
    assert isinstance(final, Progress)
    assert (final.arrived, final.skipped) == (len(digests_of(twins)), 0)
    verified = await migration.verify(deep=True)
    assert (verified.ok, verified.good) == (True, len(digests_of(twins)))


async def test_what_is_sent_again_leaves_its_twin_somewhere(
    twins: Path, digests_of: Callable[[Path], Counter[str]], tmp_path: Path
) -> None:
    export = FolderTarget(tmp_path / "export")
    options = MigrationOptions(on_changed="send-again")
    migration = Migration(FolderTree(twins), export, journal=tmp_path / "journal.db", options=options)
    assert (await migration.run()).tally.problems == {Problem.DUPLICATE: 1}
    (twins / "a.pdf").write_bytes(PDF + b"changed")
    os.utime(twins / "a.pdf", (1, 1))
    assert (await migration.run()).is_complete
    assert set(digests_of(export.root / "files")) == set(digests_of(twins))


@pytest.mark.parametrize("of", ["documents", "everything"])
async def test_who_cannot_show_an_event_fails_no_document(
    of: str, tree: Path, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path
) -> None:
    def broken(event: Event) -> None:
        if of == "everything" or isinstance(event, DocumentEnded):
            raise BrokenPipeError(32, "Broken pipe")

    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    status = await migration.run(broken)
    assert (status.is_complete, status.tally.count(State.COMPLETED)) == (True, 31)
    await migration.run(retry=True)
    assert len(services.plangrid.created("attachment")) + len(services.plangrid.created("photo")) == 31


def test_a_reader_that_has_gone_changes_nothing(tree: Path, services: Emulator, empty_project: str) -> None:
    environment = {**os.environ, "PLANGRID_API_KEY": services.api_key, "PLANGRID_BASE_URL": services.plangrid_url}
    command = [sys.executable, "-m", "plangrep_async", "migrate", "run", str(tree), "--to", f"plangrid:{empty_project}"]
    process = subprocess.Popen(
        [*command, "--json", "--journal", str(tree.parent / "move.db")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert (process.stderr.read(), process.wait(45)) == ("", 0)
    process.stderr.close()
    assert len(services.plangrid.created("attachment")) + len(services.plangrid.created("photo")) == 31


def test_output_that_cannot_be_written_is_a_sentence(tree: Path, services: Emulator, empty_project: str) -> None:
    environment = {**os.environ, "PLANGRID_API_KEY": services.api_key, "PLANGRID_BASE_URL": services.plangrid_url}
    ends = [str(tree), "--to", f"plangrid:{empty_project}"]
    command = [sys.executable, "-m", "plangrep_async", "migrate", "plan", *ends]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (3, "This machine refuses: [Errno 28] No space left on device.\n")


async def test_two_runs_in_one_process_are_kept_apart(
    tree: Path, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path
) -> None:
    ends = await asyncio.gather(
        *(Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db").run() for _ in range(2)),
        return_exceptions=True,
    )
    assert [type(end) for end in ends].count(JournalLockedError) == 1
    assert len(services.plangrid.created("attachment")) + len(services.plangrid.created("photo")) == 31


async def test_a_document_whose_fate_is_not_known_is_asked_for_before_it_is_sent_again(
    twins: Path, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path
) -> None:
    # Each completion works, and nobody is told; nor can the record be read.
    completion = "GET /projects/{project_uid}/attachments/uploads/completions/{upload_token}"
    record = "GET /projects/{project_uid}/attachments/{attachment_uid}"
    rules = [
        services.faults.add(route, fault, service=service)
        for route, fault in ((completion, Fault.answer(500, when="after")), (record, Fault.answer(500)))
        for service in ("plangrid", "plangrid.batch")
    ]
    clock = ScaledClock(200.0)
    migration = Migration(FolderTree(twins), to_plangrid, journal=tmp_path / "journal.db", clock=clock)
    status = await migration.run()
    assert status.tally.count(State.FAILED) >= 2
    for rule in rules:
        services.faults.remove(rule)
    made = len(services.plangrid.created("attachment"))
    assert made >= 2
    status = await migration.run(retry=True)
    assert status.is_complete
    assert len(services.plangrid.created("attachment")) == made


@pytest.mark.parametrize("again", ["run", "retry"])
async def test_what_could_not_be_read_is_not_done_and_is_tried_again(
    again: str, tmp_path: Path, to_plangrid: PlanGridTarget
) -> None:
    root = tmp_path / "drawings"
    root.mkdir()
    (root / "here.pdf").write_bytes(PDF + b"here")
    (root / "away.pdf").symlink_to(tmp_path / "unmounted" / "away.pdf")
    options = MigrationOptions(on_changed="fail")
    migration = Migration(FolderTree(root), to_plangrid, journal=tmp_path / "journal.db", options=options)
    status = await migration.run()
    assert status.tally.problems == {Problem.VANISHED: 1}
    assert (status.is_complete, status.tally.count(State.FAILED)) == (False, 1)
    (tmp_path / "unmounted").mkdir()
    (tmp_path / "unmounted" / "away.pdf").write_bytes(PDF + b"away")
    status = await (migration.run() if again == "run" else migration.run(scan=False, retry=True))
    assert (status.is_complete, status.tally.count(State.COMPLETED)) == (True, 2)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_a_disk_that_is_not_mounted_fails_no_document(
    when: str, tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")

    def watch(event: Event) -> None:
        if isinstance(event, Scanned) and event.final:
            migration.stop()
            tree.rename(elsewhere)

    def change(event: Event) -> None:
        if isinstance(event, Scanned) and event.final:
            tree.rename(elsewhere)

    if when == "before":
        await migration.run(watch)
    with pytest.raises(ConfigurationError, match="is no folder; name one that exists, or mount its disk again"):
        await migration.run(change, scan=when == "meanwhile")
    assert (await migration.status()).tally.count(State.FAILED) == 0
    elsewhere.rename(tree)
    assert (await migration.run()).tally.count(State.COMPLETED) == 31


async def test_documents_that_no_target_takes_end_the_run(
    tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path
) -> None:
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db", clock=ScaledClock(200.0))
    async with Journal(tmp_path / "journal.db") as journal:
        await journal.discover([Found(key="odd", name="odd.bin", kind="hologram", size=1, path=str(tree))])
        await journal.note(scanned=True, source=str(tree), target=to_plangrid.location)
    with pytest.raises(MigrationStopped, match=r"1 documents are open, and plangrid:.* takes none of them"):
        await migration.run(scan=False)


async def test_a_list_whose_pages_shift_hides_nothing_and_invents_nothing(
    tree: Path, to_plangrid: PlanGridTarget, plangrid: PlanGridClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    await migration.run()
    attachments = await to_plangrid._project.attachments.list()

    class Shifted:
        """One record twice, another not at all."""

        async def __aenter__(self) -> Shifted:
            return self

        async def __aexit__(self, *_: object) -> None:
            return None

        def __aiter__(self) -> Shifted:
            self.left = iter([attachments[0], *attachments[:-1]])
            return self

        async def __anext__(self) -> object:
            for record in self.left:
                return record
            raise StopAsyncIteration

    monkeypatch.setattr(to_plangrid._project.attachments, "list", Shifted)
    verified = await migration.verify()
    assert (verified.ok, verified.good, verified.missing) == (True, 31, ())
    # One that really is not there is missing, though another is met twice.
    await to_plangrid._project.attachments.remove(attachments[-1].uid)
    verified = await migration.verify()
    assert (verified.ok, verified.good, len(verified.missing)) == (False, 30, 1)


async def test_a_file_that_cannot_be_fetched_is_different_and_ends_no_verification(
    tree: Path, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path
) -> None:
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    await migration.run()
    services.faults.add("GET *", s3_fault("NoSuchKey"), service="storage", times=1)
    verified = await migration.verify(deep=True)
    assert (verified.ok, verified.good, verified.differing) == (False, 30, 1)
    (told,) = verified.different.values()
    assert told.startswith("its file cannot be fetched: ")


@pytest.fixture(params=["plangrid", "plangrep"])
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.getfixturevalue(f"to_{request.param}")
    return found


async def test_storage_that_is_overrun_fails_nothing(
    tree: Path, target: Target, services: Emulator, tmp_path: Path
) -> None:
    away = services.faults.add("*", s3_fault("SlowDown"), service="storage")
    waits = 0

    def watch(event: Event) -> None:
        nonlocal waits
        if isinstance(event, Waiting):
            waits += 1
            if waits == 5:
                services.faults.remove(away)

    migration = Migration(FolderTree(tree), target, journal=tmp_path / "journal.db", clock=ScaledClock(200.0))
    status = await migration.run(watch)
    assert (status.open, status.tally.count(State.FAILED)) == (0, 0)
    assert waits >= 5


async def test_an_outage_while_the_source_is_gone_through_is_waited_for(
    plangrid: PlanGridClient, services: Emulator, to_plangrep: PlangrepTarget, tmp_path: Path
) -> None:
    (full,) = services.plangrid.seed(1, seed=3, attachments=120, photos=3, sheets=0, deleted=0.0)
    away = services.faults.add("GET /projects/{project_uid}/photos", Fault.answer(503))
    services.faults.add("GET /projects/{project_uid}", Fault.answer(503), skip=1, times=3)
    waits: list[float] = []

    def watch(event: Event) -> None:
        if isinstance(event, Waiting):
            waits.append(event.seconds)
            services.faults.remove(away)

    source = PlanGridSource(plangrid, full)
    migration = Migration(source, to_plangrep, journal=tmp_path / "journal.db", clock=ScaledClock(200.0))
    status = await migration.run(watch)
    assert (status.tally.total, status.open, status.tally.count(State.FAILED)) == (123, 0, 0)
    assert waits[:2] == [1.0, 2.0]


async def test_a_second_look_that_was_stopped_is_not_taken_for_the_whole(
    tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    assert (await migration.run()).is_complete
    for number in range(3):
        (tree / f"later {number}.pdf").write_bytes(PDF + str(number).encode())

    def stop(event: Event) -> None:
        if isinstance(event, Scanned):
            migration.stop()

    monkeypatch.setattr(tree_source, "_BATCH", 5)
    status = await migration.run(stop)
    assert (status.scanned, status.is_complete) == (False, False)
    migration.stop()  # nothing goes on, so nothing is stopped
    assert (await migration.run(scan=False)).tally.count(State.COMPLETED) == 34, "resume looks again, too"


async def test_a_changed_file_that_failed_is_taken_as_it_is_when_it_is_retried(
    twins: Path, to_plangrid: PlanGridTarget, tmp_path: Path
) -> None:
    options = MigrationOptions(on_changed="fail", dedupe="keep")
    migration = Migration(FolderTree(twins), to_plangrid, journal=tmp_path / "journal.db", options=options)

    async with Journal(tmp_path / "journal.db") as journal:
        async for batch in FolderTree(twins).scan():
            await journal.discover([to_plangrid.adopt(found) for found in batch])
        await journal.note(scanned=True)
    (twins / "a.pdf").write_bytes(PDF + b"changed")
    status = await migration.run(scan=False)
    assert status.tally.problems == {Problem.CHANGED: 1}
    assert status.tally.count(State.FAILED) == 1
    status = await migration.run(scan=False, retry=True)
    assert (status.is_complete, status.tally.count(State.COMPLETED)) == (True, 3)


async def test_events_that_are_left_early_leave_no_task(
    tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path
) -> None:
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    before = asyncio.all_tasks()
    events = migration.events()
    async for _ in events:
        break
    await events.aclose()
    others = {task for task in asyncio.all_tasks() - before if "Migration" in repr(task) or "Queue" in repr(task)}
    assert not others


@pytest.mark.parametrize("number", [3, 4, 7])
async def test_twins_that_failed_together_do_not_wait_for_each_other_for_ever(
    number: int, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path
) -> None:
    root = tmp_path / "twins"
    root.mkdir()
    for each in range(number):
        (root / f"{each}.pdf").write_bytes(PDF + b"same")
    refusal = services.faults.add("POST *", Fault.answer(400), service="storage")
    migration = Migration(FolderTree(root), to_plangrid, journal=tmp_path / "journal.db", clock=ScaledClock(200.0))
    status = await migration.run()
    assert status.tally.count(State.FAILED) >= 1
    services.faults.remove(refusal)
    events: list[Event] = []
    status = await asyncio.wait_for(migration.run(events.append, retry=True), 20)
    assert status.tally.documents == {State.COMPLETED: 1, State.SKIPPED: number - 1}
    assert sum(isinstance(event, DocumentEnded) for event in events) <= number


async def test_a_place_that_was_only_asked_for_is_not_taken_for_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, export = tmp_path / "drawings", FolderTarget(tmp_path / "export")
    root.mkdir()
    (root / "a.pdf").write_bytes(PDF + b"one")
    own = export.root / "files" / "a.pdf"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"somebody's")

    def cut(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    migration = Migration(FolderTree(root), export, journal=tmp_path / "journal.db", clock=ScaledClock(200.0))
    monkeypatch.setattr(folder, "place", cut)  # the journal has the name, and the disk not yet
    with pytest.raises(MigrationStopped):
        await migration.run()
    monkeypatch.undo()
    (root / "a.pdf").write_bytes(PDF + b"another")
    os.utime(root / "a.pdf", (1, 1))
    assert (await migration.run()).is_complete
    assert own.read_bytes() == b"somebody's"
    assert (own.parent / "a~1.pdf").read_bytes() == PDF + b"another"
