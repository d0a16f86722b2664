"""What becomes of jobs after they are full, and what that proves of their documents."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from plangrep_async.emulator import Emulator, Fault
from plangrep_async.migrate import FolderTree, Migration, MigrationOptions, MigrationStopped, PlangrepTarget, State
from plangrep_async.migrate.journal import Group, Journal
from plangrep_async.migrate.targets.watch import state_of
from plangrep_async.plangrep import Job, JobStatus, PlangrepClient
from plangrep_async.testing import ScaledClock

Run = Callable[..., Migration]
LATER = 8 * 86_400.0
NOT_FOUND = Fault.answer(404, b'{"error": {"code": "not_found"}}')


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    """Five files that the service takes as they are."""
    root = tmp_path / "drawings"
    root.mkdir()
    for number in range(5):
        (root / f"{number}.dwg").write_bytes(b"dwg " + os.urandom(300))
    return root


@pytest.fixture
def journal_file(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def to_jobs(to_plangrep: PlangrepTarget, drawings: Path, journal_file: Path) -> Run:
    """Makes migrations of the drawings into jobs."""

    def make(**options: Any) -> Migration:
        chosen = MigrationOptions(**options)
        return Migration(
            FolderTree(drawings), to_plangrep, journal=journal_file, options=chosen, clock=ScaledClock(200.0)
        )

    return make


@pytest.fixture
def under_way(to_jobs: Run, plangrep: PlangrepClient, services: Emulator) -> Callable[[str], Awaitable[None]]:
    """Ends a run while its job is being processed, and waits until the job has come to a status."""

    async def run(status: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            reading(plangrep, patch, status=JobStatus.PROCESSING)
            assert (await to_jobs().run()).groups == {"processing": 1}
        while services.plangrep.jobs[0].status != status:
            await asyncio.sleep(0.01)

    return run


def reading(plangrep: PlangrepClient, patch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Jobs that take no files any more read otherwise than they are."""
    get = plangrep.jobs.get

    async def answer(*arguments: Any, **keywords: Any) -> Job:
        job = await get(*arguments, **keywords)
        return job if job.status.takes_uploads else attrs.evolve(job, **changes)

    patch.setattr(plangrep.jobs, "get", answer)


async def groups_of(journal_file: Path) -> list[tuple[str, str | None]]:
    async with Journal(journal_file) as journal:
        return [(group.state, group.error) for group in await journal.groups()]


async def nothing_is_sent(migration: Migration, services: Emulator) -> None:
    """Neither by a resume nor by a retry."""
    jobs, stored = len(services.plangrep.jobs), services.requests.count(service="storage")
    for retry in (False, True):
        await migration.run(scan=False, retry=retry)
    assert (len(services.plangrep.jobs), services.requests.count(service="storage")) == (jobs, stored)


# What proves nothing


@pytest.mark.parametrize("before", [False, True], ids=["never verified", "verified before"])
async def test_a_result_that_has_expired_is_no_evidence_of_loss(before: bool, to_jobs: Run, services: Emulator) -> None:
    await to_jobs(wait=True).run()
    if before:
        assert (await to_jobs().verify()).ok
    await asyncio.to_thread(services.clock.advance, LATER)
    verified = await to_jobs().verify(reopen=True)
    assert (verified.good, verified.unknown, verified.missing, verified.reopened) == (5, 0, (), 0)
    assert verified.ok
    (job,) = services.plangrep.jobs
    assert any(f"the results of 1 jobs have expired ({job.id})" in note for note in verified.notes)
    await nothing_is_sent(to_jobs(), services)


@pytest.mark.parametrize("files", [None, ()], ids=["no list", "an empty list"])
@pytest.mark.parametrize("before", [False, True], ids=["never verified", "verified before"])
async def test_what_an_expired_job_does_not_list_is_not_missing(
    before: bool,
    files: tuple[Any, ...] | None,
    to_jobs: Run,
    plangrep: PlangrepClient,
    services: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await to_jobs(wait=True).run()
    if before:
        assert (await to_jobs().verify()).ok
    await asyncio.to_thread(services.clock.advance, LATER)
    reading(plangrep, monkeypatch, files=files)
    verified = await to_jobs().verify(reopen=True)
    assert (verified.good, verified.unknown) == ((5, 0) if before else (0, 5))
    assert (verified.ok, verified.missing, verified.reopened) == (before, (), 0)
    assert (await to_jobs().status()).is_complete
    await nothing_is_sent(to_jobs(), services)


async def test_what_a_result_did_not_have_stays_missing_when_it_has_expired(to_jobs: Run, services: Emulator) -> None:
    await to_jobs(wait=True).run()
    result = services.plangrep.jobs[0].result
    assert result is not None
    lost = result["documents"].pop()["fileName"]
    assert (await to_jobs().verify()).missing == (lost,)
    await asyncio.to_thread(services.clock.advance, LATER)
    verified = await to_jobs().verify(reopen=True)
    assert (verified.good, verified.missing, verified.reopened) == (4, (lost,), 1)


@pytest.mark.parametrize("before", [False, True], ids=["never verified", "verified before"])
async def test_a_job_that_is_gone_after_its_end_proves_nothing(
    before: bool, to_jobs: Run, services: Emulator, journal_file: Path
) -> None:
    await to_jobs(wait=True).run()
    if before:
        assert (await to_jobs().verify()).ok
    (job,) = services.plangrep.jobs
    services.faults.add("GET *", NOT_FOUND, match=job.id)
    verified = await to_jobs().verify(reopen=True)
    assert (verified.good, verified.unknown) == ((5, 0) if before else (0, 5))
    assert (verified.missing, verified.reopened) == ((), 0)
    assert any(f"1 jobs cannot be read any more ({job.id})" in note for note in verified.notes)
    assert await groups_of(journal_file) == [("done", None)]
    assert (await to_jobs().status()).is_complete
    await nothing_is_sent(to_jobs(), services)


async def test_a_job_that_is_gone_before_its_end_was_seen_is_told_and_not_paid_twice(
    to_jobs: Run,
    under_way: Callable[[str], Awaitable[None]],
    services: Emulator,
    journal_file: Path,
) -> None:
    await under_way("completed")
    rule = services.faults.add("GET *", NOT_FOUND, match=services.plangrep.jobs[0].id)
    verified = await to_jobs().verify(reopen=True)
    assert (verified.ok, verified.unknown, verified.missing, verified.reopened) == (False, 5, (), 0)
    ((state, error),) = await groups_of(journal_file)
    assert (state, "nobody can tell" in str(error)) == ("gone", True)
    assert not (await to_jobs().status()).is_complete
    await nothing_is_sent(to_jobs(), services)
    services.faults.remove(rule)  # it was not so bad
    assert (await to_jobs().run(scan=False)).is_complete
    assert await groups_of(journal_file) == [("done", None)]


def test_what_had_a_result_has_not_failed_since() -> None:
    job = Job(id="job_1", project_id="proj_1", status=JobStatus.EXPIRED)
    assert state_of(Group(1, "done", "job_1"), job) == ("done", None)
    assert state_of(Group(1, "processing", "job_1"), job) == ("failed", "its job ended as expired")


# Credits


async def test_the_first_resume_after_credits_were_added_goes_on(
    to_jobs: Run, under_way: Callable[[str], Awaitable[None]], services: Emulator
) -> None:
    services.plangrep.set_credits(0)
    await under_way("blocked_insufficient_credits")
    services.plangrep.set_credits(100_000)
    assert (await to_jobs(wait=True).run(scan=False)).groups == {"done": 1}


async def test_a_resume_without_credits_says_so_without_a_wait(
    to_jobs: Run, under_way: Callable[[str], Awaitable[None]], services: Emulator
) -> None:
    services.plangrep.set_credits(0)
    await under_way("blocked_insufficient_credits")
    for _ in range(2):
        with pytest.raises(MigrationStopped, match="the credits are used up: 1 jobs wait for more"):
            await to_jobs().run(scan=False)
        assert (await to_jobs().status()).groups == {"blocked": 1}


async def test_a_resume_that_is_refused_is_the_end_of_the_credits(
    to_jobs: Run, under_way: Callable[[str], Awaitable[None]], services: Emulator
) -> None:
    services.plangrep.set_credits(0)
    await under_way("blocked_insufficient_credits")
    services.faults.add("POST /api/open/v1/jobs/{job_id}/resume", Fault.answer(409, b'{"error": {"code": "no"}}'))
    with pytest.raises(MigrationStopped, match="the credits are used up"):
        await to_jobs().run(scan=False)


async def test_a_verification_names_the_jobs_that_wait_for_credits(
    to_jobs: Run, under_way: Callable[[str], Awaitable[None]], services: Emulator
) -> None:
    services.plangrep.set_credits(0)
    await under_way("blocked_insufficient_credits")
    assert (await to_jobs().status()).is_complete, "nobody has looked"
    verified = await to_jobs().verify()
    assert (verified.ok, verified.good) == (True, 5)
    assert any(f"1 jobs wait for credits ({services.plangrep.jobs[0].id})" in note for note in verified.notes)
    status = await to_jobs().status()
    assert (status.groups, status.is_complete) == ({"blocked": 1}, False)


# Failure


async def test_the_first_retry_sends_the_files_of_a_job_that_failed_meanwhile(
    to_jobs: Run, under_way: Callable[[str], Awaitable[None]], services: Emulator
) -> None:
    services.plangrep.set_credits(0)
    await under_way("blocked_insufficient_credits")
    services.plangrep.fail_job(services.plangrep.jobs[0].id)
    services.plangrep.set_credits(100_000)
    status = await to_jobs(wait=True).run(scan=False, retry=True)
    assert (status.groups, status.is_complete) == ({"abandoned": 1, "done": 1}, True)
    assert len(services.plangrep.jobs) == 2
    assert (await to_jobs().verify()).ok


async def test_a_verification_notes_that_a_job_has_failed(
    to_jobs: Run, under_way: Callable[[str], Awaitable[None]], services: Emulator, journal_file: Path
) -> None:
    services.plangrep.set_credits(0)
    await under_way("blocked_insufficient_credits")
    assert (await to_jobs().verify()).ok
    (job,) = services.plangrep.jobs
    services.plangrep.fail_job(job.id)
    verified = await to_jobs().verify(reopen=True)
    assert (verified.good, verified.differing, verified.reopened) == (0, 5, 0)
    status = await to_jobs().status()
    assert (status.groups, status.wrong, status.is_complete) == ({"failed": 1}, 5, False)
    services.faults.add("GET *", NOT_FOUND, match=job.id)  # how it ended is known all the same
    assert (await to_jobs().verify()).differing == 5
    assert {document.state for document in await documents_of(journal_file)} == {State.COMPLETED}


async def documents_of(journal_file: Path) -> list[Any]:
    async with Journal(journal_file) as journal:
        return [document async for document in journal.documents()]
