"""What stops a run has its own sentence, and the same again goes on."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.cli.app import run
from plangrep_async.emulator import Emulator, Fault
from plangrep_async.errors import (
    APIConnectionError,
    AuthenticationError,
    ConflictError,
    InvalidInputError,
    RateLimitError,
    ServerError,
    SourceChangedError,
    SourceNotFoundError,
    StorageError,
    TransferConnectionError,
)
from plangrep_async.migrate import (
    Event,
    FolderTarget,
    FolderTree,
    JournalError,
    Migration,
    MigrationOptions,
    MigrationStopped,
    PlangrepTarget,
    PlanGridTarget,
    Problem,
    Resumed,
    State,
    Target,
    Waiting,
)
from plangrep_async.migrate.document import UNSENT, Document
from plangrep_async.migrate.failure import Judgement, Verdict, judge
from plangrep_async.migrate.journal import Journal
from plangrep_async.migrate.targets import folder
from plangrep_async.plangrep import PlangrepClient
from plangrep_async.plangrid import PlanGridClient
from plangrep_async.testing import ScaledClock
from plangrep_async.upload import UploadSettings


async def test_a_revoked_key_stops_the_run_and_fails_no_document(
    tree: Path, to_plangrep: PlangrepTarget, services: Emulator, tmp_path: Path
) -> None:
    unauthorized = services.faults.add("POST *", Fault.answer(401, b'{"error": {"code": "invalid_api_key"}}'))
    migration = Migration(FolderTree(tree), to_plangrep, journal=tmp_path / "journal.db")
    with pytest.raises(MigrationStopped, match=r"does not accept the key \(.*Nothing is lost"):
        await migration.run()
    status = await migration.status()
    assert (status.open, status.tally.count(State.FAILED)) == (31, 0)
    services.faults.remove(unauthorized)
    assert (await migration.run()).tally.count(State.COMPLETED) == 31


async def test_a_deactivated_key_of_plangrid_is_told_from_a_missing_right(
    tree: Path, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path
) -> None:
    services.plangrid.deactivate_key(services.api_key)  # PlanGrid answers 403, as for a missing right
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    with pytest.raises(MigrationStopped, match=r"does not accept the key \("):
        await migration.run()
    assert (await migration.status()).tally.count(State.FAILED) == 0


async def test_a_missing_right_fails_the_document_alone(
    tree: Path, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path
) -> None:
    services.faults.add("POST /projects/{project_uid}/photos/uploads", Fault.answer(403, b'{"message": "No"}'))
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    status = await migration.run()
    assert (status.tally.count(State.FAILED), status.tally.count(State.COMPLETED)) == (1, 30)
    assert status.tally.problems == {Problem.REFUSED: 1}


async def test_used_up_credits_stop_the_run_and_resume_goes_on(
    tree: Path, to_plangrep: PlangrepTarget, services: Emulator, tmp_path: Path
) -> None:
    for path in tree.rglob("*.pdf"):
        path.rename(path.with_suffix(".dwg"))  # what is no PDF can be processed here
    services.plangrep.set_credits(0)
    options = MigrationOptions(wait=True)
    migration = Migration(FolderTree(tree), to_plangrep, journal=tmp_path / "journal.db", options=options)
    with pytest.raises(MigrationStopped, match=r"credits are used up: 1 jobs wait.*none is sent again"):
        await migration.run()
    status = await migration.status()
    assert (status.groups, status.open) == ({"blocked": 1}, 0)
    assert not status.is_complete
    sent = services.requests.count(service="storage")
    services.plangrep.add_credits(100_000)
    assert (await migration.run(scan=False)).is_complete
    assert services.requests.count(service="storage") == sent


async def test_a_lost_network_is_waited_for_and_fails_nothing(
    tree: Path, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path, blocking_kill: None
) -> None:
    events: list[Event] = []
    clock = ScaledClock(200.0)
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db", clock=clock)
    services.kill()
    running = asyncio.create_task(migration.run(events.append))
    while sum(isinstance(event, Waiting) for event in events) < 7:
        await asyncio.sleep(0.01)
    await asyncio.to_thread(services.start)
    status = await running
    assert (status.tally.count(State.COMPLETED), status.tally.count(State.FAILED)) == (31, 0)
    waits = [event.seconds for event in events if isinstance(event, Waiting)]
    assert waits[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert any(isinstance(event, Resumed) for event in events)
    assert "nothing is lost" in next(event.reason for event in events if isinstance(event, Waiting))


async def test_an_outage_can_be_interrupted(
    tree: Path, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path, blocking_kill: None
) -> None:
    services.kill()
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")

    events: list[Event] = []

    def stop(event: Event) -> None:
        events.append(event)
        if isinstance(event, Waiting):
            migration.stop()

    status = await migration.run(stop)
    assert (status.open, status.tally.count(State.FAILED)) == (31, 0)
    assert not any(isinstance(event, Resumed) for event in events), "it is still away"


async def test_storage_that_is_away_fails_nothing(
    tree: Path, to_plangrid: PlanGridTarget, services: Emulator, tmp_path: Path
) -> None:
    gone = services.faults.add("POST *", Fault.reset(), service="storage")
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if isinstance(event, Waiting) and "storage" in event.reason:
            services.faults.remove(gone)

    options = MigrationOptions(attempts=4)
    clock = ScaledClock(200.0)
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "j.db", options=options, clock=clock)
    status = await migration.run(watch)
    assert (status.tally.count(State.COMPLETED), status.tally.count(State.FAILED)) == (31, 0)
    assert any(isinstance(event, Waiting) for event in events)


async def test_a_full_disk_stops_an_export(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = folder.copy
    room = iter(range(5))

    def copy(document: Document, source: str, part: Path, *, move: bool) -> Any:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")  # what a write says
        return real(document, source, part, move=move)

    monkeypatch.setattr(folder, "copy", copy)
    migration = Migration(FolderTree(tree), FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db")
    with pytest.raises(MigrationStopped, match=rf"disk that holds {tmp_path}/export is full.*Nothing is lost"):
        await migration.run()
    assert (await migration.status()).tally.count(State.FAILED) == 0
    monkeypatch.undo()
    assert (await migration.run()).is_complete


async def test_a_full_disk_under_the_journal_stops_the_run(
    tree: Path, to_plangrid: PlanGridTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plangrep_async.migrate.journal import Journal

    real = Journal.change
    room = iter(range(20))

    async def change(self: Journal, document_id: int, **changes: Any) -> None:
        if next(room, None) is None:
            raise JournalError.of(OSError(errno.ENOSPC, "No space left on device"))
        await real(self, document_id, **changes)

    monkeypatch.setattr(Journal, "change", change)
    migration = Migration(FolderTree(tree), to_plangrid, journal=tmp_path / "journal.db")
    with pytest.raises(JournalError, match=r"disk that holds the journal is full\. Nothing is lost"):
        await migration.run()
    monkeypatch.undo()
    assert (await migration.run()).tally.count(State.COMPLETED) == 31


def test_a_journal_that_meets_a_limit_of_size_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    """In a process of its own: the limit is the process's."""
    code = f"""
import asyncio, resource
from plangrep_async.migrate.journal import Journal

async def main():
    async with Journal({str(tmp_path / "journal.db")!r}) as journal:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        await journal.note(long="x" * 1_000_000)

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "JournalError: the journal cannot be written (" in ended.stderr
    assert "ulimit -f" in ended.stderr
    assert "Nothing is lost" in ended.stderr


@pytest.mark.parametrize(
    ("error", "judgement"),
    [
        (AuthenticationError("x", status=401), Judgement(Verdict.STOP)),
        (JournalError("x"), Judgement(Verdict.STOP)),
        (OSError(errno.ENOSPC, "x"), Judgement(Verdict.STOP)),
        (OSError(errno.EIO, "x"), Judgement(Verdict.FAILED, Problem.UNREADABLE)),
        (SourceNotFoundError("x"), Judgement(Verdict.FAILED, Problem.VANISHED)),
        (SourceChangedError("x"), Judgement(Verdict.LATER, Problem.CHANGED)),
        (TransferConnectionError("x"), Judgement(Verdict.LATER, network=True)),
        (APIConnectionError("x"), Judgement(Verdict.LATER, network=True)),
        (ServerError("x", status=500), Judgement(Verdict.LATER)),
        (ServerError("x", status=503), Judgement(Verdict.LATER, network=True)),
        (RateLimitError("x", status=429), Judgement(Verdict.LATER, network=True)),
        (StorageError("x", status=500), Judgement(Verdict.LATER)),
        (StorageError("x", status=503), Judgement(Verdict.LATER, network=True)),
        (StorageError("x", status=403), Judgement(Verdict.FAILED, Problem.REFUSED)),
        (ConflictError("x", status=409), Judgement(Verdict.FAILED, Problem.REFUSED)),
        (InvalidInputError("x"), Judgement(Verdict.FAILED, Problem.UNSUPPORTED)),
        (RuntimeError("x"), Judgement(Verdict.FAILED)),
    ],
)
def test_failures_are_judged(error: Exception, judgement: Judgement) -> None:
    assert judge(error) == judgement


# The command, in a process of its own


@pytest.fixture
def journal_at(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the journal is: in a file, unless the test says ``location``."""
    return str(request.getfixturevalue("location") if "location" in request.fixturenames else tmp_path / "journal.db")


@pytest.fixture
def command(services: Emulator, journal_at: str) -> Callable[..., subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "PLANGREP_API_KEY": services.api_key,
        "PLANGRID_API_KEY": services.api_key,
        "PLANGREP_BASE_URL": services.plangrep_url,
        "PLANGRID_BASE_URL": services.plangrid_url,
    }

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "plangrep_async", "migrate", *arguments, "--journal", journal_at],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def here(
    services: Emulator, journal_at: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The same command in this process, for what nobody kills: its exit code, stdout and stderr."""
    for name, url in (("PLANGREP", services.plangrep_url), ("PLANGRID", services.plangrid_url)):
        monkeypatch.setenv(f"{name}_BASE_URL", url)
        monkeypatch.setenv(f"{name}_API_KEY", services.api_key)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["migrate", *arguments, "--journal", journal_at])
        return code, *capsys.readouterr()

    return call


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 45
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("service", "location"),
    [("plangrid", "sqlite"), ("plangrep", "sqlite"), ("plangrid", "postgresql")],
    indirect=["location"],
)
def test_killed_at_any_moment_the_same_command_goes_on(
    service: str,
    location: str,
    tree: Path,
    services: Emulator,
    empty_project: str,
    command: Callable[..., subprocess.Popen[str]],
    here: Callable[..., tuple[int, str, str]],
    ready_project: str,
    arrived: Callable[[str], Counter[str]],
    digests_of: Callable[[Path], Counter[str]],
) -> None:
    project = empty_project if service == "plangrid" else ready_project
    arguments = ["run", str(tree), "--to", f"{service}:{project}", "--max-bandwidth", "60000", "--transfers", "4"]
    for stored in (1, 12):
        process = command(*arguments)
        until(lambda stored=stored: services.requests.count(service="storage") >= stored)  # type: ignore[misc]
        process.kill()
        process.communicate()
    _, _, err = here("resume")
    assert "31 of 31 files" in err
    assert arrived(service) == digests_of(tree)
    code, out, _ = here("verify")
    assert "31 of 31 documents are there and the same" in out
    assert code == 0


@pytest.mark.parametrize("service", ["plangrid", "plangrid sheets", "plangrep"])
async def test_a_stop_leaves_what_is_prepared_and_finishes_what_is_on_the_wire(
    service: str,
    tmp_path: Path,
    services: Emulator,
    empty_project: str,
    ready_project: str,
    digests_of: Callable[[Path], Counter[str]],
    arrived: Callable[[str], Counter[str]],
) -> None:
    root = tmp_path / "plans"
    root.mkdir()
    for number in range(40):
        (root / f"{number}.pdf").write_bytes(b"%PDF-1.4\n" + os.urandom(20_000))
    options = MigrationOptions(pdfs="sheets" if service == "plangrid sheets" else "attachments")
    uploads = UploadSettings(max_bandwidth=400_000, max_transfers=2, start_transfers=2)
    sent = services.requests

    async def run(target: Target) -> None:
        migration = Migration(FolderTree(root), target, journal=tmp_path / "journal.db", options=options)
        left = 0

        def stop(_: Event) -> None:
            nonlocal left
            if not left and sent.count(service="storage") >= 3:
                left = sent.count(service="storage")
                migration.stop()

        status = await migration.run(stop)
        # Two were on the wire, and each of their threads may have taken up another before it was told.
        assert 3 <= left <= sent.count(service="storage") <= left + 4
        assert not status.is_complete
        async with Journal(tmp_path / "journal.db") as journal:
            waiting = [document async for document in journal.documents(*UNSENT)]
        assert len(waiting) == 40 - (0 if options.pdfs == "sheets" else sent.count(service="storage"))
        assert {(document.attempts, document.error) for document in waiting} == {(0, None)}
        if service == "plangrid":
            assert any(document.state is State.SLOT_ASKED for document in waiting)
        assert (await migration.run()).is_complete or service == "plangrep"
        assert sent.count(service="storage") == 40, "none was sent twice"

    if service == "plangrep":
        async with PlangrepClient(services.api_key, base_url=services.plangrep_url, uploads=uploads) as client:
            await run(PlangrepTarget(client, ready_project))
    else:
        async with PlanGridClient(
            services.api_key, base_url=services.plangrid_url, uploads=uploads, upload_linger=0.01, learn_limits="never"
        ) as plangrid:
            await run(PlanGridTarget(plangrid, empty_project, options=options))
    if service != "plangrid sheets":
        assert arrived(service) == digests_of(root)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_is_in_flight(
    number: signal.Signals,
    tmp_path: Path,
    services: Emulator,
    empty_project: str,
    command: Callable[..., subprocess.Popen[str]],
    here: Callable[..., tuple[int, str, str]],
    grow: Callable[[Path, int], Path],
) -> None:
    many = grow(tmp_path / "many", 90)  # more than are prepared ahead
    process = command("run", str(many), "--to", f"plangrid:{empty_project}", "--max-bandwidth", "120000")
    until(lambda: len(services.plangrid.created("attachment")) >= 2)
    process.send_signal(number)
    out, err = process.communicate(timeout=50)
    assert process.returncode == 130, err
    assert "Finishing what is in flight" in err
    assert "documents are left. To go on: plangrep-async migrate resume --journal" in err
    assert "Not complete" in out
    done = len(services.plangrid.created("attachment"))
    assert 2 <= done < 90
    assert here("resume")[0] == 0
    assert len(services.plangrid.created("attachment")) == 90


def test_a_second_ctrl_c_stops_at_once(
    tmp_path: Path,
    services: Emulator,
    empty_project: str,
    command: Callable[..., subprocess.Popen[str]],
    here: Callable[..., tuple[int, str, str]],
) -> None:
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "large.pdf").write_bytes(b"%PDF-1.4" + os.urandom(1_000_000))
    arguments = ["run", str(tmp_path / "large"), "--to", f"plangrid:{empty_project}"]
    process = command(*arguments, "--max-bandwidth", "100000")
    until(lambda: services.requests.in_flight["storage"] >= 1)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any("Finishing what is in flight" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Stopped at once. The journal goes on" in err
    assert here(*arguments)[0] == 0
    assert len(services.plangrid.created("attachment")) == 1
