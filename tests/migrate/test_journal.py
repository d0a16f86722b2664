from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection

from plangrep_async.errors import ConfigurationError
from plangrep_async.migrate import database, lease
from plangrep_async.migrate.database import location_text
from plangrep_async.migrate.document import Found, Problem, State
from plangrep_async.migrate.errors import JournalError, JournalLockedError
from plangrep_async.migrate.journal import Journal, Sample
from plangrep_async.migrate.lease import Lease, process_identity
from plangrep_async.testing import ManualClock, settle


def found(number: int, **changes: Any) -> Found:
    values: dict[str, Any] = {
        "key": f"folder/{number}.pdf",
        "name": f"{number}.pdf",
        "path": f"/data/folder/{number}.pdf",
        "size": number,
        "mtime_ns": 1_700_000_000_000_000_000 + number,
        "inode": number,
    }
    return Found(**(values | changes))


async def test_documents_are_discovered_once(journal: Journal) -> None:
    assert await journal.discover([found(number) for number in range(1, 4)]) == 3
    assert await journal.discover([found(number) for number in range(2, 6)]) == 2
    assert await journal.discover([]) == 0
    documents = [document async for document in journal.documents()]
    assert [document.key for document in documents] == [f"folder/{number}.pdf" for number in range(1, 6)]
    assert {document.state for document in documents} == {State.DISCOVERED}
    assert documents[0].mtime_ns == 1_700_000_000_000_000_001
    tally = await journal.tally()
    assert (tally.total, tally.size(State.DISCOVERED)) == (5, 15)


async def test_what_was_begun_keeps_its_fingerprint_and_what_was_not_takes_the_new_one(journal: Journal) -> None:
    await journal.discover([found(1), found(2)])
    first, second = [document async for document in journal.documents()]
    await journal.change(first.id, state=State.SENT.value, sha256="a" * 64)
    await journal.discover([found(1, size=100), found(2, size=200)])
    assert (await journal.get(first.id)).size == 1
    assert (await journal.get(second.id)).size == 200


async def test_what_was_skipped_comes_back_when_its_problem_has_gone(journal: Journal) -> None:
    await journal.discover([found(1, problem=Problem.EMPTY, size=0)])
    (document,) = [document async for document in journal.documents()]
    assert (document.state, document.problem) == (State.SKIPPED, Problem.EMPTY)
    await journal.discover([found(1, size=5)])
    assert (await journal.get(document.id)).state is State.DISCOVERED
    assert (await journal.get(document.id)).problem is None


async def test_pages_do_not_lose_or_repeat_documents(journal: Journal) -> None:
    await journal.discover([found(number) for number in range(1, 1_251)])
    seen = [document.size async for document in journal.documents(State.DISCOVERED)]
    assert seen == list(range(1, 1_251))
    halfway = []
    async for document in journal.documents(State.DISCOVERED):
        halfway.append(document.id)
        # A run changes the state of what it has seen, while it reads on.
        if len(halfway) % 100 == 0:
            await journal.change_all(halfway[-100:], state=State.COMPLETED.value)
    assert len(halfway) == len(set(halfway)) == 1_250


async def test_columns_of_every_kind_come_back(journal: Journal) -> None:
    await journal.discover([found(1, source={"uid": "ü"}, attributes={"created": None}, folder="", title="Tür")])
    (document,) = [document async for document in journal.documents()]
    await journal.change(
        document.id, state=State.SLOT_ASKED.value, memo={"a": [1, "x"]}, resume={"parts": [1]}, attempts=3, error="no"
    )
    again = await journal.get(document.id)
    assert (again.source, again.attributes, again.folder, again.title) == ({"uid": "ü"}, {"created": None}, "", "Tür")
    assert (again.memo, again.resume, again.attempts, again.error) == ({"a": [1, "x"]}, {"parts": [1]}, 3, "no")
    with pytest.raises(KeyError):
        await journal.get(99)


async def test_duplicates_are_found_by_their_bytes(journal: Journal) -> None:
    await journal.discover([found(1, size=7), found(2, size=7), found(3, size=7)])
    one, two, three = [document async for document in journal.documents()]
    assert await journal.digest(one.id, "d" * 64, 7, claim=True) is None
    assert await journal.digest(three.id, "e" * 64, 7, claim=True) is None
    assert await journal.digest(two.id, "d" * 64, 7, claim=False) is None
    assert await journal.digest(two.id, "d" * 64, 7, claim=True) == one.id
    again = await journal.get(two.id)
    assert (again.state, again.problem, again.duplicate_of) == (State.SKIPPED, Problem.DUPLICATE, one.id)
    assert await journal.digest(one.id, "d" * 64, 7, claim=True) is None  # what was skipped is nobody's twin
    assert (await journal.tally()).problems == {Problem.DUPLICATE: 1}


async def test_facts_groups_and_samples(journal: Journal) -> None:
    await journal.note(source="tree:/data", options={"transfers": 8})
    await journal.note(source="tree:/other")
    assert await journal.fact("source") == "tree:/other"
    assert await journal.fact("options") == {"transfers": 8}
    assert await journal.fact("nothing") is None
    group = await journal.open_group(idempotency_key="key-1")
    await journal.discover([found(1), found(2)])
    ids = [document.id async for document in journal.documents()]
    await journal.change_all(ids, group_id=group.id)
    assert await journal.group_count(group.id) == 2
    await journal.change(ids[0], state=State.FAILED.value)
    assert await journal.group_count(group.id) == 1
    await journal.change_group(group.id, state="completed", target_id="job_1", memo={"x": 1})
    (again,) = await journal.groups("completed")
    assert (again.target_id, again.idempotency_key, again.memo) == ("job_1", "key-1", {"x": 1})
    assert await journal.groups("open") == []
    await journal.sample(Sample(1.5, 2, 3, 4, 5))
    assert await journal.samples() == [Sample(1.5, 2, 3, 4, 5)]
    await journal.change(ids[0], state=State.COMPLETED.value)
    await journal.change(ids[1], state=State.FAILED.value)
    tally = await journal.tally()
    assert (tally.count(State.COMPLETED), tally.size(State.COMPLETED), tally.count(State.FAILED)) == (1, 1, 1)


async def test_writes_share_commits_and_each_is_durable_when_it_returns(journal: Journal, location: str) -> None:
    await journal.discover([found(number) for number in range(1, 301)])
    before = journal.database.commits
    await asyncio.gather(*(journal.change(number, state=State.DIGESTED.value) for number in range(1, 301)))
    assert journal.database.commits - before <= 60
    async with Journal(location) as other:
        assert (await other.tally()).count(State.DIGESTED) == 300


async def test_one_bad_write_fails_alone(journal: Journal) -> None:
    await journal.discover([found(1), found(2)])
    results = await asyncio.gather(
        journal.change(1, state=State.DIGESTED.value),
        journal.change(2, name=None),
        journal.change(2, state=State.DIGESTED.value),
        return_exceptions=True,
    )
    assert results[0] == results[2] == 0
    assert isinstance(results[1], JournalError)
    assert (await journal.tally()).count(State.DIGESTED) == 2


async def test_a_cancelled_write_harms_no_other(journal: Journal) -> None:
    await journal.discover([found(1), found(2)])
    tasks = [asyncio.create_task(journal.change(number, state=State.SENT.value)) for number in (1, 2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    await tasks[1]
    assert (await journal.get(2)).state is State.SENT


async def test_a_journal_of_a_newer_version_is_left_alone(journal: Journal, location: str) -> None:
    await journal.note(version=999)
    with pytest.raises(ConfigurationError, match="format 999"):
        async with Journal(location):
            pass


async def test_locations_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nosuch"):
        await Journal("nosuch://host/db").__aenter__()
    with pytest.raises(ConfigurationError, match="migrate run"):
        await Journal(tmp_path / "none.db", create=False).__aenter__()


async def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "photos.db") as connection:
        connection.execute("CREATE TABLE documents (id INTEGER)")
    connection.close()
    with pytest.raises(ConfigurationError, match="holds tables of something else"):
        async with Journal(tmp_path / "photos.db"):
            pass
    with sqlite3.connect(tmp_path / "photos.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("documents",)]
    connection.close()


async def test_a_journal_behind_a_link_is_private_too(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    async with Journal(tmp_path / "link.db"):
        pass
    assert stat.S_IMODE((tmp_path / "real.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("trouble", ["no folder", "no journal", "read-only"])
async def test_a_journal_that_cannot_be_written_has_its_sentence(tmp_path: Path, trouble: str) -> None:
    path = tmp_path / "journal.db"
    words = {"no folder": "opened", "no journal": "no journal", "read-only": "read-only"}[trouble]
    if trouble == "no folder":
        path = tmp_path / "none" / "journal.db"
    elif trouble == "no journal":
        path.write_bytes(b"This is a letter to my grandmother. ")
    else:
        if os.geteuid() == 0:
            path = Path("/proc/self/journal.db")  # where even root cannot write
        else:
            tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(JournalError, match=words):
        async with Journal(path):
            pass
    if trouble == "no journal":
        assert path.read_bytes() == b"This is a letter to my grandmother. ", "what is no journal is left alone"


async def test_looking_at_what_is_no_journal_makes_none_of_it(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE poems (text)")
    connection.close()
    (tmp_path / "empty.db").touch()
    for path in (other, tmp_path / "empty.db"):
        before = path.read_bytes()
        with pytest.raises(ConfigurationError, match="is no journal of a migration"):
            async with Journal(path, create=False):
                pass
        assert path.read_bytes() == before


async def test_the_password_of_a_database_is_never_shown() -> None:
    assert location_text("postgresql://me:secret@db.example/moves") == "postgresql://me:***@db.example/moves"
    assert location_text("/data/move.db") == "/data/move.db"


class Opened:
    """A connection that refuses what it is asked first, with these codes."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def execute(self, _: str) -> Opened:
        if self.codes:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.codes.pop(0)
            raise error
        return self

    def close(self) -> None:
        """It was read."""


def test_a_journal_that_another_program_opens_at_the_same_moment_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(database, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    busy = sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY
    opened = Opened(*busy * 3)
    database._log_ahead(opened, None)
    assert not opened.codes
    for codes in ([sqlite3.SQLITE_FULL], busy * 10_000):
        with pytest.raises(sqlite3.OperationalError):
            database._log_ahead(Opened(*codes), None)
    assert 10 <= now < 11


# The lease


async def sleeping(clock: ManualClock) -> None:
    """Until the renewal waits for its time."""
    while clock.next_timer() is None:
        await asyncio.sleep(0.001)


async def test_two_runs_on_one_journal_are_kept_apart(journal: Journal, location: str) -> None:
    async with Journal(location) as other, Lease(journal.database, owner="elsewhere/1/1"):
        with pytest.raises(JournalLockedError, match="process 1 on elsewhere"):
            async with Lease(other.database):
                pass
    async with Lease(journal.database):
        pass


async def test_two_runs_of_one_process_are_kept_apart_too(journal: Journal, location: str) -> None:
    async with Journal(location) as other, Lease(journal.database) as first:
        with pytest.raises(JournalLockedError, match=f"process {os.getpid()} on "):
            async with Lease(other.database):
                pass
        # The one that was refused has not taken the other's lease with it.
        with pytest.raises(JournalLockedError):
            async with Lease(other.database):
                pass
        assert first is not None
    # A run that ended without a word in this very process holds nobody up.
    owner = f"{await asyncio.to_thread(process_identity)}/gone"
    async with Lease(journal.database, owner=owner):
        lease._held.discard(owner)
        async with Lease(journal.database):
            pass


async def test_a_run_that_is_cancelled_before_it_has_begun_holds_nobody_up(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_it, go_on = threading.Event(), threading.Event()
    take = Lease._take

    def slowly(self: Lease, connection: Connection) -> None:
        at_it.set()
        go_on.wait(30)
        take(self, connection)

    monkeypatch.setattr(Lease, "_take", slowly)
    entering = asyncio.create_task(Lease(journal.database).__aenter__())
    await asyncio.to_thread(at_it.wait)
    entering.cancel()
    await asyncio.wait([entering])
    go_on.set()
    monkeypatch.undo()
    async with Lease(journal.database):
        pass


async def test_a_run_that_is_cancelled_at_its_end_holds_nobody_up(journal: Journal) -> None:
    first = await Lease(journal.database).__aenter__()
    leaving = asyncio.create_task(first.__aexit__(None, None, None))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    async with Lease(journal.database):
        pass


async def test_a_run_elsewhere_that_gives_no_sign_of_life_loses_the_lease(journal: Journal) -> None:
    clock = ManualClock()
    lost: list[str] = []
    first = Lease(journal.database, owner="elsewhere/1/1", clock=clock, on_lost=lambda: lost.append("first"))
    await first.__aenter__()
    await sleeping(clock)
    clock.tick(31.0)
    async with Lease(journal.database, owner="elsewhere/2/2", clock=clock):
        while not lost:
            await settle()
            await asyncio.sleep(0.001)
    await first.__aexit__(None, None, None)
    assert lost == ["first"]


async def test_a_lease_that_is_renewed_stays(journal: Journal) -> None:
    clock = ManualClock()
    async with Lease(journal.database, owner="elsewhere/1/1", clock=clock):
        for _ in range(10):
            await sleeping(clock)
            writes = journal.database.writes
            clock.tick(10.1)
            while journal.database.writes == writes:
                await asyncio.sleep(0.001)
        with pytest.raises(JournalLockedError):
            async with Lease(journal.database, clock=clock):
                pass


async def test_a_run_that_was_killed_on_this_machine_loses_it_at_once(location: str) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from plangrep_async.migrate.journal import Journal\n"
        "from plangrep_async.migrate.lease import Lease\n"
        "async def main():\n"
        "    async with Journal(sys.argv[1]) as journal, Lease(journal.database):\n"
        "        os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program, location], check=False)
    assert ended.returncode == -9
    async with Journal(location) as journal, Lease(journal.database):
        pass


def test_a_process_is_named_by_its_start_too() -> None:
    assert process_identity() == process_identity()
    assert process_identity().split("/")[1] == str(os.getpid())


@pytest.mark.parametrize("groups", [(), ("open",), ("done",), ("open", "abandoned")])
async def test_strays_are_those_of_closed_groups_alone(groups: tuple[str, ...], journal: Journal) -> None:
    await journal.discover([found(number) for number in range(1, 4)])
    for number, state in enumerate(groups, 2):
        await journal.change_group((await journal.open_group([number])).id, state=state)
    for number in range(1, 4):
        await journal.change(number, state=State.SENT.value, memo={"uid": "u"}, resume={"stored": True})
    strays = sum(state != "open" for state in groups)
    assert await journal.release_strays() == strays
    kept = [document async for document in journal.documents(State.SENT)]
    assert len(kept) == 3 - strays
    assert all(document.memo == {"uid": "u"} for document in kept)
    assert 1 in {document.id for document in kept}, "what is in no group may have arrived, and is to be asked for"
