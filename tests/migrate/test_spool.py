"""Fetched files are bounded by their bytes, and nobody waits for room that never comes."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import stat
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster

from plangrep_async.emulator import Emulator, Fault
from plangrep_async.errors import ConfigurationError
from plangrep_async.migrate import (
    FolderTarget,
    Migration,
    MigrationOptions,
    MigrationStopped,
    PlangrepTarget,
    PlanGridSource,
    PlanGridTarget,
    State,
    Target,
)
from plangrep_async.migrate.document import Document, Found
from plangrep_async.migrate.journal import Journal
from plangrep_async.migrate.sources.source import no_records
from plangrep_async.migrate.spool import Spool
from plangrep_async.plangrid import PlanGridClient
from plangrep_async.session.landing import LandingFile


def document(number: int, size: int = 0) -> Document:
    return Document(id=number, key=str(number), name=f"{number}.pdf", state=State.DISCOVERED, size=size)


def put(spool: Spool, number: int, size: int) -> Path:
    path = spool.folder / f"{number}.pdf"
    path.write_bytes(bytes(size))
    spool.arrived(number, path, size)
    return path


@pytest.fixture
def spool(tmp_path: Path, no_blocking_calls: BlockBuster) -> Spool:
    for function in no_blocking_calls.functions.values():
        function.can_block_in("tests/migrate/test_spool.py", {"put", "fetch"})
    (tmp_path / "spool").mkdir()
    return Spool(tmp_path / "spool", 100)


async def test_what_is_known_to_be_too_much_is_not_let_in(spool: Spool) -> None:
    assert await spool.admit(document(1, 60))
    assert not await spool.admit(document(2, 41))
    assert await spool.admit(document(3, 40))
    assert not await spool.admit(document(4, 1))
    await spool.remove(3)
    assert await spool.admit(document(4, 1))
    assert spool.held == 61


async def test_a_file_larger_than_the_bound_passes_alone(spool: Spool) -> None:
    assert await spool.admit(document(1, 1))
    assert not await spool.admit(document(2, 500))
    await spool.remove(1)
    assert await spool.admit(document(2, 500))
    assert not await spool.admit(document(3, 1))
    assert await spool.admit(document(3, 1), at_once=True)


async def test_a_size_that_nobody_told_is_taken_as_the_mean(spool: Spool) -> None:
    assert await spool.admit(document(1))
    assert spool.held == 0
    put(spool, 1, 40)
    assert await spool.admit(document(2))
    assert spool.held == 80
    assert not await spool.admit(document(3))
    put(spool, 2, 10)
    assert spool.held == 50
    assert await spool.admit(document(3))
    assert spool.held == 75


async def test_what_rests_goes_when_room_is_needed_the_oldest_first(spool: Spool) -> None:
    paths = {}
    for number in (1, 2, 3):
        assert await spool.admit(document(number, 30))
        paths[number] = put(spool, number, 30)
    spool.rest(2)
    spool.rest(1)
    assert await spool.admit(document(1, 30)), "it is there already"
    assert await spool.admit(document(4, 20))
    assert {number: path.exists() for number, path in paths.items()} == {1: True, 2: False, 3: True}
    assert not await spool.admit(document(5, 30))
    spool.rest(4)  # it was never fetched
    assert spool.held == 60


async def test_what_a_former_run_left_rests_and_halves_of_files_go(tmp_path: Path) -> None:
    folder = tmp_path / "journal.db.files" / "1"
    folder.mkdir(parents=True)
    for name in ("7.pdf", "8", ".9.pdf.part", "notes.txt"):
        (folder / name).write_bytes(bytes(45))
    spool = Spool(folder, 100)
    await spool.open()
    assert spool.held == 90
    assert sorted(path.name for path in folder.iterdir()) == ["7.pdf", "8", "notes.txt"]
    assert await spool.admit(document(7, 45))
    await spool.clear()
    assert sorted(path.name for path in folder.iterdir()) == ["7.pdf", "notes.txt"]
    (folder / "notes.txt").unlink()
    await spool.remove(7)
    await spool.clear()
    assert not folder.parent.exists()
    await spool.open()
    assert [stat.S_IMODE(made.stat().st_mode) for made in (folder.parent, folder)] == [0o700, 0o700]


async def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal.db.files").write_text("")
    with pytest.raises(ConfigurationError, match=r"journal\.db\.files/1 cannot be used for files that are fetched"):
        await Spool(tmp_path / "journal.db.files" / "1", 100).open()


@pytest.mark.parametrize("event", ["removed", "rests", "smaller", "stopped"])
async def test_who_waits_for_room_is_woken(event: str, spool: Spool) -> None:
    assert await spool.admit(document(1, 90))
    assert not await spool.admit(document(2, 90))
    waiting = asyncio.create_task(spool.freed())
    await asyncio.sleep(0)
    assert not waiting.done()
    if event == "removed":
        await spool.remove(1)
    elif event == "rests":
        put(spool, 1, 90)
        spool.rest(1)
    elif event == "smaller":
        put(spool, 1, 10)
    else:
        spool.wake()
    await waiting
    assert await spool.admit(document(2, 90)) is (event != "stopped")


# Whole runs


class Remote:
    """PDFs of the sizes that are told, made when they are fetched."""

    is_remote = True
    location = "remote:"

    def __init__(self, sizes: list[int], *, told: bool) -> None:
        self.sizes = sizes
        self.told = told
        self.fetched: Counter[str] = Counter()

    async def probe(self) -> None:
        """It is there."""

    async def scan(self) -> AsyncGenerator[list[Found], None]:
        yield [Found(key=str(n), name=f"{n}.pdf", size=size if self.told else 0) for n, size in enumerate(self.sizes)]

    async def calls(self, kinds: Mapping[str, int], *, records: bool) -> tuple[int, int]:
        return 0, 0

    async def fetch(self, document: Document, folder: Path) -> Path:
        to = folder / f"{document.id}.pdf"
        if not to.exists():
            self.fetched[document.key] += 1
            await asyncio.sleep(0.001)
            to.write_bytes(f"%PDF-1.4 {document.key} ".encode().ljust(self.sizes[int(document.key)], b"x"))
        return to

    def records(self) -> AsyncGenerator[list[dict[str, Any]], None]:
        return no_records()


@pytest.fixture
def most_held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The most that lay in the spool, files alone left out."""
    held = [0]
    real = Spool.arrived

    def arrived(self: Spool, document_id: int, path: Path, size: int) -> None:
        real(self, document_id, path, size)
        if size < self.held:
            held[0] = max(held[0], self.held)

    monkeypatch.setattr(Spool, "arrived", arrived)
    return held


@pytest.fixture(params=["folder", "plangrep", "attachments", "sheets"])
def target(request: pytest.FixtureRequest, tmp_path: Path, empty_project: str) -> Target:
    if request.param == "folder":
        return FolderTarget(tmp_path / "export")
    if request.param == "plangrep":
        found: PlangrepTarget = request.getfixturevalue("to_plangrep")
        return found
    client: PlanGridClient = request.getfixturevalue("plangrid")
    return PlanGridTarget(client, empty_project, options=MigrationOptions(pdfs=request.param))


SIZES = [200 + 37 * (number % 11) for number in range(40)] + [9_000] + [300] * 10


@pytest.mark.parametrize("told", [True, False], ids=["sizes told", "sizes not told"])
async def test_a_run_with_little_room_moves_everything(
    told: bool, target: Target, spool: Spool, most_held: list[int], tmp_path: Path
) -> None:
    source = Remote(SIZES, told=told)
    options = MigrationOptions(spool_bytes=2_000)
    migration = Migration(source, target, journal=tmp_path / "journal.db", options=options)
    status = await asyncio.wait_for(migration.run(), 30)
    assert status.tally.count(State.COMPLETED) == len(SIZES), status
    assert set(source.fetched.values()) == {1}
    assert 0 < most_held[0] <= (2_000 if told else 2_000 + 8 * max(SIZES))
    assert not await asyncio.to_thread((tmp_path / "journal.db.files").exists)


@pytest.mark.parametrize("target", ["plangrep", "attachments"], indirect=True)
async def test_files_that_wait_for_another_attempt_give_room(
    target: Target, services: Emulator, spool: Spool, tmp_path: Path
) -> None:
    services.faults.add("*", Fault.answer(500), service="storage", probability=0.6, times=150)
    source = Remote(SIZES, told=True)
    options = MigrationOptions(spool_bytes=1_500, attempts=1_000)
    migration = Migration(source, target, journal=tmp_path / "journal.db", options=options)
    status = await asyncio.wait_for(migration.run(), 50)
    assert status.tally.count(State.COMPLETED) == len(SIZES), status


async def test_a_run_that_waits_for_room_can_be_stopped(
    spool: Spool, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.faults.add("*", Fault.latency(0.3), service="storage")
    waits = asyncio.Event()
    freed = Spool.freed

    async def waiting(self: Spool) -> None:
        waits.set()
        await freed(self)

    monkeypatch.setattr(Spool, "freed", waiting)
    source = Remote(SIZES, told=True)
    migration = Migration(
        source, to_plangrid, journal=tmp_path / "journal.db", options=MigrationOptions(spool_bytes=400)
    )
    running = asyncio.create_task(migration.run())
    await waits.wait()
    while not services.requests.records(service="storage"):
        await asyncio.sleep(0.001)
    migration.stop()
    status = await asyncio.wait_for(running, 20)
    assert 0 < status.open < len(SIZES)
    assert sum(source.fetched.values()) <= 4


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), PermissionError(errno.EACCES, "No")])
async def test_a_spool_that_cannot_be_written_ends_the_run_and_no_document(
    error: OSError, plangrid: PlanGridClient, services: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (uid,) = services.plangrid.seed(1, attachments=3, photos=0, sheets=0, deleted=0.0)

    def away(*_: object) -> None:
        raise error

    source = PlanGridSource(plangrid, uid)
    migration = Migration(source, FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db")
    with monkeypatch.context() as patch:
        patch.setattr(LandingFile, "_create", away)
        with pytest.raises(MigrationStopped, match=r"journal\.db\.files/\w+ cannot be written \(.*Nothing is lost"):
            await migration.run()
    assert (await migration.run()).tally.count(State.COMPLETED) == 3


async def test_a_deleted_journal_leaves_no_files_to_its_successor(
    plangrid: PlanGridClient, services: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = services.plangrid.seed(2, seed=3, attachments=6, photos=0, sheets=0, deleted=0.0)
    journal = tmp_path / "journal.db"
    export = FolderTarget(tmp_path / "export")

    async def stopped(*_: object) -> None:
        raise MigrationStopped("enough was fetched")

    with monkeypatch.context() as patch:
        patch.setattr(FolderTarget, "_carry", stopped)
        with pytest.raises(MigrationStopped, match="enough"):
            await Migration(PlanGridSource(plangrid, first), export, journal=journal).run()
    left = await asyncio.to_thread(lambda: list((tmp_path / "journal.db.files").rglob("*.pdf")))
    assert left
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        await asyncio.to_thread((tmp_path / name).unlink, missing_ok=True)
    migration = Migration(PlanGridSource(plangrid, second), FolderTarget(tmp_path / "other"), journal=journal)
    assert (await migration.run()).is_complete
    async with Journal(journal) as opened:
        documents = [document async for document in opened.documents()]
    assert len(documents) == 6
    for document in documents:
        path = await plangrid.project(second).attachments.download(document.source["uid"], tmp_path / "again.pdf")
        content = await asyncio.to_thread(path.read_bytes)
        assert hashlib.sha256(content).hexdigest() == document.sha256
    assert await asyncio.to_thread(lambda: all(path.exists() for path in left))
