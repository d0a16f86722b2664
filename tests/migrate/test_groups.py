"""Jobs and versions: whatever becomes of one, its documents go on, and no other is kept back by it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from plangrep_async.emulator import Emulator, Fault
from plangrep_async.errors import (
    APIConnectionError,
    ConflictError,
    InvalidInputError,
    PermissionDeniedError,
    UnprocessableEntityError,
)
from plangrep_async.migrate import (
    DocumentEnded,
    Event,
    FolderTree,
    Found,
    Migration,
    MigrationOptions,
    MigrationStopped,
    PlangrepTarget,
    PlanGridSource,
    PlanGridTarget,
    Problem,
    Resumed,
    Source,
    State,
    Status,
    Waiting,
)
from plangrep_async.migrate.document import Document
from plangrep_async.migrate.journal import Journal
from plangrep_async.migrate.targets.job import completion_of
from plangrep_async.plangrep import Job, JobStatus, PlangrepClient
from plangrep_async.plangrid import PlanGridClient
from plangrep_async.testing import ScaledClock

SHEETS = MigrationOptions(pdfs="sheets")
Run = Callable[..., Migration]
Begun = Callable[[Migration], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """Twelve PDFs that differ."""
    root = tmp_path / "plans"
    root.mkdir()
    for number in range(12):
        (root / f"s{number:02}.pdf").write_bytes(b"%PDF-1.4 " + os.urandom(300))
    return root


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    """Thirty files that the service takes as they are."""
    root = tmp_path / "drawings"
    root.mkdir()
    for number in range(30):
        (root / f"s{number:02}.dwg").write_bytes(b"dwg " + os.urandom(300))
    return root


@pytest.fixture
def journal_file(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def begun(journal_file: Path) -> Begun:
    """Kills a migration into sheets when PlanGrid has two of the first version's files, and not all."""

    async def kill(migration: Migration) -> list[dict[str, Any]]:
        so_far = asyncio.Event()
        change_group = Journal.change_group

        async def last(self: Journal, group_id: int, **changes: Any) -> None:
            await change_group(self, group_id, **changes)
            files = (changes.get("memo") or {}).get("unfinished", {}).get("files", ())
            if sum(bool(place["stored"]) for place in files) == 2:
                so_far.set()
                await asyncio.Event().wait()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Journal, "change_group", last)
            await interrupted(migration, so_far.wait())
        return await places(journal_file)

    return kill


@pytest.fixture
def to_sheets(plangrid: PlanGridClient, empty_project: str, journal_file: Path) -> Run:
    """Makes migrations of a source into versions of sheets."""

    def make(source: Source | Path, options: MigrationOptions = SHEETS) -> Migration:
        target = PlanGridTarget(plangrid, empty_project, options=options)
        source = FolderTree(source) if isinstance(source, Path) else source
        return Migration(source, target, journal=journal_file, options=options, clock=ScaledClock(200.0))

    return make


@pytest.fixture
def to_jobs(to_plangrep: PlangrepTarget, drawings: Path, journal_file: Path) -> Run:
    """Makes migrations of the drawings into jobs."""

    def make(**options: Any) -> Migration:
        chosen = MigrationOptions(**options)
        source = FolderTree(drawings)
        return Migration(source, to_plangrep, journal=journal_file, options=chosen, clock=ScaledClock(200.0))

    return make


async def ended(migration: Migration, **how: Any) -> Status:
    """Runs it; one that never ends fails here."""
    return await asyncio.wait_for(migration.run(**how), 20)


async def interrupted(migration: Migration, come_so_far: Awaitable[Any]) -> None:
    """Runs it and kills it in the middle."""
    running = asyncio.create_task(migration.run())
    reached = asyncio.ensure_future(come_so_far)
    await asyncio.wait((running, reached), return_when=asyncio.FIRST_COMPLETED)
    if not reached.done():
        pytest.fail(f"it ended before it came so far: {running.exception() or running.result()}")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def places(journal_file: Path) -> list[dict[str, Any]]:
    """The files of the version that was begun first, as the journal has them."""
    async with Journal(journal_file) as journal:
        groups = await journal.groups()
    return list(dict((groups[0].memo if groups else None) or {}).get("unfinished", {}).get("files", ()))


async def documents_of(journal_file: Path) -> list[Document]:
    async with Journal(journal_file) as journal:
        return [document async for document in journal.documents()]


def completed(status: Status) -> int:
    return status.tally.count(State.COMPLETED)


def versions(services: Emulator) -> Counter[tuple[str, int]]:
    return Counter((version.status, len(version.files)) for version in services.plangrid.version_uploads())


# The journal


async def test_what_a_closed_group_does_not_list_begins_anew(journal: Journal) -> None:
    await journal.discover([Found(key=f"{number}", name=f"{number}") for number in range(4)])
    ids = [document.id async for document in journal.documents()]
    group = await journal.open_group(ids, memo={"name": "x"})
    await journal.change_group(group.id, error="once")
    await journal.change(ids[1], state=State.SENT.value, memo={"document_id": "d"}, resume={"x": 1})
    await journal.change(ids[2], state=State.FAILED.value, group_id=None)
    await journal.close_group(group.id, {ids[0]: "a"}, state="done", target_id="job")
    (closed,) = await journal.groups()
    assert (closed.state, closed.target_id, closed.error) == ("done", "job", None)
    documents = [document async for document in journal.documents()]
    assert [(document.state, document.group_id) for document in documents] == [
        (State.COMPLETED, group.id),
        (State.DISCOVERED, None),
        (State.FAILED, None),
        (State.DISCOVERED, None),
    ]
    assert (documents[0].target_id, documents[1].memo, documents[1].resume) == ("a", None, None)


@pytest.mark.parametrize("state", ["abandoned", "empty", "done", "processing", "failed", "something new"])
async def test_documents_that_a_closed_group_holds_are_released(journal: Journal, state: str) -> None:
    await journal.discover([Found(key=f"{number}", name=f"{number}") for number in range(4)])
    ids = [document.id async for document in journal.documents()]
    closed = await journal.open_group(ids[:2])
    busy = await journal.open_group(ids[2:3])
    await journal.change(ids[0], state=State.COMPLETED.value)
    await journal.change_group(closed.id, state=state)
    assert await journal.release_strays() == 1
    groups = [document.group_id async for document in journal.documents()]
    assert groups == [closed.id, None, busy.id, None]


async def test_a_retry_begins_what_a_failed_group_took_anew(journal: Journal) -> None:
    await journal.discover([Found(key=f"{number}", name=f"{number}") for number in range(3)])
    ids = [document.id async for document in journal.documents()]
    lost = await journal.open_group(ids[:2])
    good = await journal.open_group(ids[2:])
    await journal.close_group(lost.id, {ids[0]: "a", ids[1]: "b"}, state="failed", error="its job ended as failed")
    await journal.close_group(good.id, {ids[2]: "c"}, state="done")
    assert await journal.revive() == 2
    documents = [document async for document in journal.documents()]
    assert [(document.state, document.target_id, document.group_id) for document in documents] == [
        (State.DISCOVERED, None, None),
        (State.DISCOVERED, None, None),
        (State.COMPLETED, "c", good.id),
    ]
    assert [group.state for group in await journal.groups()] == ["abandoned", "done"]


# Versions of sheets


async def test_a_stop_while_a_begun_version_is_looked_at_strands_nothing(
    to_sheets: Run, begun: Begun, plans: Path, services: Emulator
) -> None:
    await begun(to_sheets(plans))
    source = FolderTree(plans)
    migration = to_sheets(source)
    fetch, fetched = source.fetch, 0

    async def stopping(document: Document, folder: Path) -> Path:
        nonlocal fetched
        fetched += 1
        if fetched == 2:
            migration.stop()
        return await fetch(document, folder)

    source.fetch = stopping  # type: ignore[method-assign]  # a source that misbehaves
    status = await ended(migration)
    assert (status.open, status.groups) == (12, {"open": 1})
    assert completed(await ended(to_sheets(plans))) == 12
    assert versions(services) == {("complete", 12): 1}


async def test_a_file_that_cannot_be_had_this_time_keeps_its_version_back(
    to_sheets: Run, begun: Begun, plans: Path, services: Emulator
) -> None:
    await begun(to_sheets(plans))
    source = FolderTree(plans)
    fetch, failures = source.fetch, iter(range(2))

    async def failing(document: Document, folder: Path) -> Path:
        if next(failures, None) is not None:
            raise APIConnectionError("the network is gone")
        return await fetch(document, folder)

    source.fetch = failing  # type: ignore[method-assign]  # a source that misbehaves
    assert completed(await ended(to_sheets(source))) == 12
    assert versions(services) == {("complete", 12): 1}


@pytest.mark.parametrize("state", ["abandoned", "empty", "done"])
async def test_what_an_older_version_has_stranded_is_sent(
    state: str, to_sheets: Run, begun: Begun, plans: Path, services: Emulator, journal_file: Path
) -> None:
    await begun(to_sheets(plans))
    async with Journal(journal_file) as journal:
        (group,) = await journal.groups()
        await journal.change_group(group.id, state=state)
    assert completed(await ended(to_sheets(plans))) == 12
    assert versions(services)["complete", 12] == 1


async def test_a_version_without_a_name_is_refused_before_anything_begins() -> None:
    with pytest.raises(InvalidInputError, match=r"version_name.*give at least one character"):
        MigrationOptions(pdfs="sheets", version_name=" ")


async def test_a_name_that_no_version_may_have_stops_the_run_with_its_sentence(
    to_sheets: Run, plans: Path, journal_file: Path
) -> None:
    unchecked = attrs.evolve(SHEETS)
    object.__setattr__(unchecked, "version_name", "")  # as a manifest could give it
    with pytest.raises(InvalidInputError, match="version_name"):
        await ended(to_sheets(plans, unchecked))
    assert {document.state for document in await documents_of(journal_file)} == {State.DIGESTED}
    assert completed(await ended(to_sheets(plans))) == 12


@pytest.mark.parametrize("which", ["waiting", "stored"])
async def test_a_file_that_changes_after_its_version_was_begun_costs_no_other(
    which: str, to_sheets: Run, begun: Begun, plans: Path, services: Emulator, journal_file: Path
) -> None:
    known = await begun(to_sheets(plans))
    chosen = next(place["name"] for place in known if place["stored"] is (which == "stored"))
    (plans / chosen).write_bytes(b"%PDF-1.4 it has changed since then")
    status = await ended(to_sheets(plans))
    documents = await documents_of(journal_file)
    assert (completed(status), status.tally.count(State.FAILED)) == (12, 0)
    assert {document.attempts for document in documents if document.name != chosen} <= {0, 1}
    # What PlanGrid had before it changed is in the version, and is told as changed by the next look at the source.
    assert versions(services)["complete", 12] == 1
    assert status.groups == ({"done": 1, "abandoned": 1} if which == "waiting" else {"done": 1})
    if which == "stored":
        assert (await ended(to_sheets(plans))).tally.problems == {Problem.CHANGED: 1}


async def test_a_file_that_goes_on_changing_fails_alone(
    to_sheets: Run, plans: Path, services: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_group = Journal.change_group

    async def changing(self: Journal, group_id: int, **changes: Any) -> None:
        if "memo" in changes:
            await asyncio.to_thread((plans / "s05.pdf").write_bytes, b"%PDF-1.4 " + os.urandom(300))
        await change_group(self, group_id, **changes)

    monkeypatch.setattr(Journal, "change_group", changing)
    status = await ended(to_sheets(plans, attrs.evolve(SHEETS, attempts=2)))
    assert (completed(status), status.tally.problems) == (11, {Problem.CHANGED: 1})
    assert versions(services)["complete", 11] == 1


async def test_sheets_that_must_be_fetched_again_go_into_another_version(
    to_sheets: Run, begun: Begun, plangrid: PlanGridClient, services: Emulator, journal_file: Path
) -> None:
    (uid,) = services.plangrid.seed(1, attachments=0, photos=0, sheets=6, deleted=0.0)
    source = PlanGridSource(plangrid, uid, kinds=("sheet",))
    await begun(to_sheets(source))
    await asyncio.to_thread(shutil.rmtree, f"{journal_file}.files")
    status = await ended(to_sheets(source))
    assert (status.is_complete, status.groups) == (True, {"abandoned": 1, "done": 1})
    assert [number for (state, number) in versions(services) if state == "complete"] == [completed(status)]


async def test_a_file_that_plangrid_refuses_costs_no_other(to_sheets: Run, plans: Path, services: Emulator) -> None:
    place = "POST /projects/{project}/sheets/uploads/{version}/files/{place}"
    services.faults.add(place, Fault.answer(400, b'{"message": "No"}'), nth=5)
    status = await ended(to_sheets(plans))
    assert (completed(status), status.tally.count(State.FAILED)) == (11, 1)
    assert versions(services)["complete", 11] == 1


async def test_a_version_that_plangrid_refuses_fails_and_ends(to_sheets: Run, plans: Path, services: Emulator) -> None:
    services.faults.add("POST /projects/{project}/sheets/uploads/{version}", Fault.answer(409, b'{"message": "No"}'))
    status = await ended(to_sheets(plans))
    assert status.tally.problems == {Problem.REFUSED: 12}
    assert status.groups == {"abandoned": 1}


async def test_an_unfinished_version_waits_once(to_sheets: Run, plans: Path, services: Emulator) -> None:
    services.faults.add("POST *", Fault.reset(), service="storage")
    waits: list[float] = []
    attempts = 0
    migration = to_sheets(plans, attrs.evolve(SHEETS, attempts=50))

    def watch(event: Event) -> None:
        nonlocal attempts
        if isinstance(event, Waiting):
            waits.append(event.seconds)
        attempts += isinstance(event, DocumentEnded)
        if attempts == 12 * 5:
            migration.stop()

    await ended(migration, on_event=watch)
    assert waits == [1.0, 2.0], "three attempts may fail by chance; then there is one wait for each"


# Jobs


async def test_a_job_that_somebody_else_completes_releases_the_rest(
    to_jobs: Run,
    plangrep: PlangrepClient,
    services: Emulator,
    journal_file: Path,
    arrived: Callable[[str], Counter[str]],
    digests_of: Callable[[Path], Counter[str]],
    drawings: Path,
) -> None:
    failing = services.faults.add("PUT *", Fault.reset(), service="storage", skip=8)

    async def sent() -> list[Document]:
        return [document for document in await documents_of(journal_file) if document.state is State.SENT]

    async def five() -> None:
        while len(await sent()) < 5:
            await asyncio.sleep(0.01)

    await interrupted(to_jobs(), five())
    services.faults.remove(failing)
    async with Journal(journal_file) as journal:
        (group,) = await journal.groups()
    await plangrep.uploads.complete(str(group.target_id), completion_of(await sent()))
    assert completed(await ended(to_jobs())) == 30
    assert arrived("plangrep") == digests_of(drawings)


def refusing(
    plangrep: PlangrepClient, monkeypatch: pytest.MonkeyPatch, error: Exception, *, jobs: int = 1, after: bool = False
) -> list[str]:
    """Lets the completion of the first jobs be refused; ``after`` it was done. Their ids."""
    complete = plangrep.uploads.complete
    refused: list[str] = []

    async def refuse(job_id: str, *arguments: Any, **keywords: Any) -> Job:
        if job_id not in refused and len(refused) < jobs:
            refused.append(job_id)
        if job_id not in refused:
            return await complete(job_id, *arguments, **keywords)
        if after:
            await complete(job_id, *arguments, **keywords)
        raise error

    monkeypatch.setattr(plangrep.uploads, "complete", refuse)
    return refused


@pytest.mark.parametrize(
    "error",
    [
        UnprocessableEntityError("s03.dwg is damaged", status=422),
        ConflictError("files are missing", status=409),  # for ever: the renewals are used up
        PermissionDeniedError("not this one", status=403),
    ],
)
async def test_a_job_that_is_refused_keeps_no_other_back(
    error: Exception,
    to_jobs: Run,
    plangrep: PlangrepClient,
    services: Emulator,
    journal_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    drawings: Path,
) -> None:
    for number in range(110):
        (drawings / f"t{number:03}.dwg").write_bytes(b"dwg " + os.urandom(300))
    refused = refusing(plangrep, monkeypatch, error)
    status = await ended(to_jobs(jobs=1))
    assert (completed(status), status.open, status.groups["abandoned"]) == (140, 0, 1)
    assert Counter(document.attempts for document in await documents_of(journal_file)) == {0: 40, 1: 100}
    jobs = {job.id: job for job in services.plangrep.jobs}
    assert jobs.pop(refused[0]).status == "cancelled"
    assert sum(len(job.chosen) for job in jobs.values()) == 140, "each is in one job that goes on"


async def test_jobs_that_are_always_refused_fail_their_documents(
    to_jobs: Run, plangrep: PlangrepClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(plangrep, monkeypatch, UnprocessableEntityError("damaged", status=422), jobs=100)
    status = await ended(to_jobs(attempts=3))
    assert (status.tally.problems, status.groups) == ({Problem.REFUSED: 30}, {"abandoned": 3})


async def test_a_job_that_was_completed_in_spite_of_a_refusal_is_not_sent_twice(
    to_jobs: Run,
    plangrep: PlangrepClient,
    monkeypatch: pytest.MonkeyPatch,
    arrived: Callable[[str], Counter[str]],
    digests_of: Callable[[Path], Counter[str]],
    drawings: Path,
) -> None:
    refusing(plangrep, monkeypatch, UnprocessableEntityError("no", status=422), after=True)
    status = await ended(to_jobs())
    assert (completed(status), status.groups.get("abandoned")) == (30, None)
    assert arrived("plangrep") == digests_of(drawings)


async def test_where_no_job_can_be_made_the_run_stops(to_jobs: Run, services: Emulator) -> None:
    services.faults.add("POST /api/open/v1/projects/{projectId}/jobs", Fault.answer(422, b'{"error": {"code": "no"}}'))
    migration = to_jobs()
    with pytest.raises(UnprocessableEntityError):
        await ended(migration)
    status = await migration.status()
    assert (status.open, status.tally.count(State.FAILED)) == (30, 0)


def reading(
    plangrep: PlangrepClient, monkeypatch: pytest.MonkeyPatch, status: JobStatus, *, from_reading: int = 0
) -> None:
    """Every job that takes no files any more reads as in this status."""
    get, readings = plangrep.jobs.get, 0

    async def answer(*arguments: Any, **keywords: Any) -> Job:
        nonlocal readings
        job = await get(*arguments, **keywords)
        if job.status.takes_uploads:
            return job
        readings += 1
        return attrs.evolve(job, status=status) if readings > from_reading else job

    monkeypatch.setattr(plangrep.jobs, "get", answer)


async def test_a_wait_for_jobs_can_be_stopped(
    to_jobs: Run, plangrep: PlangrepClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading(plangrep, monkeypatch, JobStatus.PROCESSING)
    migration = to_jobs(wait=True)

    get, looks = plangrep.jobs.get, 0

    async def watched(*arguments: Any, **keywords: Any) -> Job:
        nonlocal looks
        looks += 1
        if looks == 4:
            migration.stop()
        return await get(*arguments, **keywords)

    monkeypatch.setattr(plangrep.jobs, "get", watched)
    status = await ended(migration)
    assert status.groups == {"processing": 1}
    assert looks >= 4


async def test_a_job_that_was_blocked_is_resumed_and_not_waited_for(
    to_jobs: Run, plangrep: PlangrepClient, services: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.plangrep.set_credits(0)
    with pytest.raises(MigrationStopped, match="credits are used up"):
        await ended(to_jobs(wait=True))
    services.plangrep.add_credits(100_000)
    reading(plangrep, monkeypatch, JobStatus.PROCESSING, from_reading=1)
    assert (await ended(to_jobs())).groups == {"processing": 1}
    monkeypatch.undo()
    assert (await ended(to_jobs(wait=True))).is_complete


async def test_a_job_that_is_gone_keeps_no_other_from_being_looked_at(
    to_jobs: Run, plangrep: PlangrepClient, services: Emulator, drawings: Path, journal_file: Path
) -> None:
    await ended(to_jobs(wait=True))
    (drawings / "another.dwg").write_bytes(b"dwg")
    assert (await ended(to_jobs(wait=True))).groups == {"done": 2}
    async with Journal(journal_file) as journal:
        for group in await journal.groups():
            await journal.change_group(group.id, state="processing")
        gone = (await journal.groups())[0].target_id
    services.faults.add("GET *", Fault.answer(404, b'{"error": {"code": "not_found"}}'), match=str(gone))
    status = await ended(to_jobs())
    assert status.groups == {"gone": 1, "done": 1}
    async with Journal(journal_file) as journal:
        assert "not there any more" in str((await journal.groups("gone"))[0].error)
    assert not status.is_complete
    sent = services.requests.count(service="storage")
    assert (await ended(to_jobs(wait=True), retry=True)).groups == {"gone": 1, "done": 1}
    assert services.requests.count(service="storage") == sent, "its files may have been processed, and paid"


@pytest.mark.parametrize("wait", [False, True])
async def test_an_outage_while_jobs_are_looked_at_is_waited_for(
    wait: bool, to_jobs: Run, services: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_group = Journal.close_group

    async def cutting(self: Journal, *arguments: Any, **changes: Any) -> None:
        await close_group(self, *arguments, **changes)
        away.append(services.faults.add("GET *", Fault.reset(), service="plangrep"))

    away: list[Any] = []
    monkeypatch.setattr(Journal, "close_group", cutting)
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if isinstance(event, Waiting) and away:
            services.faults.remove(away.pop())

    status = await ended(to_jobs(wait=wait), on_event=watch)
    assert set(status.groups) <= ({"done"} if wait else {"done", "processing"})
    assert any(isinstance(event, Resumed) for event in events)


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED])
async def test_documents_of_a_failed_job_are_not_good_and_a_retry_sends_them_again(
    status: JobStatus, to_jobs: Run, plangrep: PlangrepClient, services: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading(plangrep, monkeypatch, status)
    assert (await ended(to_jobs(wait=True))).groups == {"failed": 1}
    verified = await to_jobs().verify()
    assert (verified.good, verified.differing, verified.ok) == (0, 30, False)
    assert set(verified.different.values()) == {f"its job ended as {status.value}"}
    monkeypatch.undo()
    found = await ended(to_jobs(wait=True), retry=True)
    assert (found.groups, found.is_complete) == ({"abandoned": 1, "done": 1}, True)
    assert len(services.plangrep.jobs) == 2
    assert (await to_jobs().verify()).good == 30


async def test_a_retry_sends_nothing_again_of_a_job_that_has_a_result(
    to_jobs: Run, plangrep: PlangrepClient, services: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading(plangrep, monkeypatch, JobStatus.COMPLETED_WITH_ERRORS)
    assert (await ended(to_jobs(wait=True))).groups == {"done": 1}
    sent = services.requests.count(service="storage")
    assert completed(await ended(to_jobs(wait=True), retry=True)) == 30
    assert (len(services.plangrep.jobs), services.requests.count(service="storage")) == (1, sent)


async def test_twins_in_one_job_are_there_before_it_has_a_result(
    to_jobs: Run, plangrep: PlangrepClient, drawings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (drawings / f"twin {number}.dwg").write_bytes(b"the same")
    reading(plangrep, monkeypatch, JobStatus.PROCESSING)
    assert completed(await ended(to_jobs(dedupe="keep"))) == 33
    verified = await to_jobs(dedupe="keep").verify()
    assert (verified.good, verified.missing) == (33, ())


async def test_what_the_service_could_not_process_is_noted(
    to_plangrep: PlangrepTarget, services: Emulator, tmp_path: Path
) -> None:
    root = tmp_path / "mixed"
    root.mkdir()
    (root / "good.dwg").write_bytes(b"AC1027 drawing")
    (root / "broken.pdf").write_bytes(b"%PDF-1.4 no pages at all")
    options = MigrationOptions(wait=True)
    migration = Migration(FolderTree(root), to_plangrep, journal=tmp_path / "journal.db", options=options)
    assert (await migration.run()).groups == {"done": 1}
    verified = await migration.verify()
    assert (verified.ok, verified.good) == (True, 2), "it has arrived, byte for byte"
    assert any("1 files that the service could not process: broken.pdf" in note for note in verified.notes)


async def test_a_file_that_changes_after_its_digest_is_not_sent_for_its_twin(
    to_sheets: Run, tmp_path: Path, services: Emulator, empty_project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "twins"
    root.mkdir()
    for name in ("a.pdf", "b.pdf"):
        (root / name).write_bytes(b"%PDF-1.4 same")
    open_group = Journal.open_group

    async def changing(self: Journal, *arguments: Any, **values: Any) -> Any:
        monkeypatch.undo()
        await asyncio.to_thread((root / "a.pdf").write_bytes, b"%PDF-1.4 quite another")
        return await open_group(self, *arguments, **values)

    monkeypatch.setattr(Journal, "open_group", changing)
    status = await ended(to_sheets(root))
    assert (status.is_complete, status.tally.count(State.COMPLETED)) == (True, 2)
    stored = {
        services.plangrid.stored(file).content.segments[0].data
        for version in services.plangrid.version_uploads()
        if version.status == "complete"
        for file in version.files
    }
    assert stored == {b"%PDF-1.4 same", b"%PDF-1.4 quite another"}


async def test_a_completion_that_is_refused_three_times_takes_one_run(to_jobs: Run, services: Emulator) -> None:
    refusal = Fault.answer(409, b'{"error": {"code": "conflict", "message": "Not yet"}}')
    services.faults.add("POST /api/open/v1/jobs/{job_id}/uploads/complete", refusal, times=3)
    status = await ended(to_jobs(wait=True))
    assert (status.groups, status.is_complete) == ({"done": 1}, True)
