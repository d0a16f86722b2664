"""What becomes of the jobs of Plangrep once they are full."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Coroutine
from typing import Any

from ...errors import APIStatusError, GoneError, JobBlockedError, NotFoundError, PlangrepAsyncError
from ...plangrep import Job, JobStatus, PlangrepClient
from ..errors import MigrationStopped
from ..events import GroupEnded
from ..failure import Verdict, judge, sentence_of
from ..journal import Group
from ..run import Run
from .job import fate_of

__all__ = ["GONE", "FULL", "JobWatch", "state_of"]

FULL = ("processing", "blocked", "done", "failed", "gone")
"""The states of a group whose documents have arrived."""

GONE = "its job is not there any more, and so nobody can tell what became of its files; none of them is sent again"

_LOOKS = 12  # at a job that goes on: it checks the credits first, and nobody knows for how long


def state_of(group: Group, job: Job) -> tuple[str, str | None]:
    """The state of a group by its job, and what is wrong with it. What had a result once has not failed since."""
    if group.state == "done" or job.status.has_result:
        return "done", None
    if (fate := fate_of(job)) is not None:
        return "failed", fate
    if job.status == JobStatus.BLOCKED_INSUFFICIENT_CREDITS:
        return "blocked", "it waits for credits"
    return "processing", None


class JobWatch:
    """Looks at jobs for a run. What is wrong with one keeps no other from being looked at.

    A job that is gone (404, 410) has not failed for all that is known: its files may have been processed, and paid.

    Args:
        interval: seconds between two readings of a job that is waited for, at least 5.
    """

    def __init__(self, run: Run, client: PlangrepClient, interval: float) -> None:
        self._run = run
        self._jobs = client.jobs
        self._interval = interval
        self._looks: Counter[str] = Counter()
        self._trouble: Exception | None = None

    async def look(self) -> None:
        """Note which jobs have ended; one that cannot be read now is for :meth:`finish`."""
        for group in await self._run.journal.groups("processing", "blocked"):
            job = await self._ask(group, self._jobs.get)
            if job is not None:
                await self._note(group, job)

    async def finish(self) -> None:
        """Look at each job that has not ended, or wait for its end, and let go on what has waited for credits.

        Stops the run (see :meth:`Run.stop`) where credits are missing for jobs, or a job cannot be read.
        """
        run = self._run
        blocked: list[str] = []
        groups = deque(await run.journal.groups("processing", "blocked", "gone"))
        while groups and not run.stopping:
            group = groups.popleft()
            job = await self._ask(group, self._go_on)
            if job is None:
                continue
            if job.status == JobStatus.PREFLIGHTING and 0 < self._looks[job.id] < _LOOKS:
                groups.append(group)  # the others first: it needs its time
                continue
            await self._note(group, job)
            if job.status == JobStatus.BLOCKED_INSUFFICIENT_CREDITS:
                blocked.append(job.id)
        trouble = self._trouble
        if blocked:
            trouble = MigrationStopped(
                f"the credits are used up: {len(blocked)} jobs wait for more ({', '.join(blocked[:3])}"
                f"{', …' if len(blocked) > 3 else ''}). All their files are stored and none is sent again. Add "
                "credits, then run `migrate resume`"
            )
        if trouble is not None:
            run.stop(trouble)

    async def _go_on(self, job_id: str) -> Job:
        """The job after a look, or at its end where that is waited for; told to go on, once, when it is blocked."""
        if self._looks[job_id]:
            await self._jobs.turn(job_id)
        job = await self._jobs.get(job_id)
        if self._looks[job_id]:
            self._looks[job_id] += 1
        elif job.status == JobStatus.BLOCKED_INSUFFICIENT_CREDITS:
            job = await self._resume(job)
            self._looks[job_id] = 1
        if self._run.options.wait and not job.status.is_terminal:
            return await self._jobs.wait(job_id, interval=self._interval, deadline=None, raise_on_failure=False)
        return job

    async def _resume(self, job: Job) -> Job:
        try:
            return await self._jobs.resume(job.id)
        except APIStatusError as error:
            if judge(error).verdict is not Verdict.FAILED:
                raise
            await self._jobs.turn(job.id)
            return await self._jobs.get(job.id)  # it still waits, or somebody else has let it go on

    async def _ask(self, group: Group, read: Callable[[str], Coroutine[Any, Any, Job]]) -> Job | None:
        """The job; ``None`` where there is none to go by: it is gone or cannot be read, or the run is to stop."""
        run = self._run
        assert group.target_id is not None
        try:
            return await self._until_it_answers(read, group.target_id)
        except JobBlockedError as error:
            job: Job = error.job
            return job
        except (NotFoundError, GoneError):
            await run.journal.change_group(group.id, state="gone", error=GONE)
            run.emit(GroupEnded(group.target_id, "gone", await run.journal.group_count(group.id), GONE))
        except PlangrepAsyncError as error:
            if judge(error).verdict is Verdict.STOP:
                raise sentence_of(error) from error
            await run.journal.change_group(group.id, error=str(error))
            self._trouble = self._trouble or error
        return None

    async def _until_it_answers(self, read: Callable[[str], Coroutine[Any, Any, Job]], job_id: str) -> Job | None:
        run, failures = self._run, 0
        while not run.stopping:
            try:
                return await run.unless_stopped(read(job_id))
            except PlangrepAsyncError as error:
                verdict = judge(error).verdict
                if verdict not in (Verdict.LATER, Verdict.SUSPECT):
                    raise
                failures += not await run.excuse(error)
                if verdict is Verdict.SUSPECT or failures >= run.options.attempts:
                    raise
        return None

    async def _note(self, group: Group, job: Job) -> None:
        state, error = state_of(group, job)
        await self._run.journal.change_group(group.id, state=state, error=error)
        if job.status.is_terminal:
            count = await self._run.journal.group_count(group.id)
            self._run.emit(GroupEnded(job.id, job.status.value, count, error))  # counted when it was filled
