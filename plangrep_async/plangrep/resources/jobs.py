"""``client.jobs``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from ...errors import (
    APIConnectionError,
    APIStatusError,
    JobBlockedError,
    JobFailedError,
    PlangrepAsyncError,
    ServerError,
)
from ...session.call import Call, CallKeywords
from .._context import Context, WireKeywords, api_path
from ..limits import check_https, check_idempotency_key, check_text
from ..models.enums import JobStatus
from ..models.job import Job, JobCreated
from ..models.result import JobResult
from ..webhooks.inbox import WebhookInbox
from .pace import MIN_INTERVAL, Pace
from .polling import check_waiting, poll

__all__ = ["Jobs"]


class Jobs:
    """Jobs: files in, a result out. Every method raises the errors of :mod:`plangrep_async.errors`."""

    def __init__(self, context: Context, inbox: WebhookInbox, pace: Pace) -> None:
        self._context = context
        self._inbox = inbox
        self._pace = pace

    async def create(
        self,
        project_id: str,
        *,
        external_id: str | None = None,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        **keywords: Unpack[CallKeywords],
    ) -> JobCreated:
        """Create a job in a project that is ready ("Create a job").

        Args:
            external_id: yours, at most 180 characters; comes back unchanged and need not be unique.
            webhook_url: told of each change of status; https, reachable from outside.
            idempotency_key: at most 256 characters; made when not given. Within the service's window the same key
                gives the same job, whether it is sent again by this call or by another program.

        Raises:
            InvalidInputError: an argument breaks these rules.

        Cancelled: whether the job was made is unknown; the same key tells.
        """
        if external_id is not None:
            check_text(external_id, "external_id", longest=180)
        if webhook_url is not None:
            check_https(webhook_url, "webhook_url", or_loopback=self._context.on_loopback)
        body = {"externalId": external_id, "webhookUrl": webhook_url}
        call = Call(
            "POST",
            api_path("projects", project_id, "jobs"),
            self._context.codec.reader(JobCreated),
            json={name: value for name, value in body.items() if value is not None},
            idempotency_key=check_idempotency_key(idempotency_key or self._context.new_key()),
        )
        return await self._context.send(call, keywords)

    async def list(self, project_id: str, **keywords: Unpack[CallKeywords]) -> tuple[Job, ...]:
        """All jobs of a project, the newest first; the route has no pages ("List jobs")."""
        call = Call("GET", api_path("projects", project_id, "jobs"), self._context.codec.list_reader(Job, "jobs"))
        return await self._context.send(call, keywords)

    async def get(self, job_id: str, **keywords: Unpack[CallKeywords]) -> Job:
        """One job ("Get a job"). To wait for a job, use :meth:`wait`: it keeps the pace that the service asks for."""
        call = self._job_call("GET", job_id)
        self._pace.note(job_id)
        try:
            return await self._context.send(call, keywords)
        finally:
            self._pace.note(job_id)

    async def resume(self, job_id: str, **keywords: Unpack[CallKeywords]) -> Job:
        """Go on with a job that was blocked, after credits were added; nothing is uploaded again ("Resume a job").

        A job in another status is refused with an :class:`~plangrep_async.APIStatusError`. When an answer is lost, the
        job is read: one that is no longer blocked was resumed.
        """
        return await self._move(
            job_id, "resume", lambda job: job.status != JobStatus.BLOCKED_INSUFFICIENT_CREDITS, keywords
        )

    async def cancel(self, job_id: str, **keywords: Unpack[CallKeywords]) -> Job:
        """Cancel a job that has not ended ("Cancel a job"). Pages that are done may be billed.

        The job may need a while to become ``cancelled``: ``jobs.wait(job_id, raise_on_failure=False)`` waits for it.
        A job that has ended is refused with an :class:`~plangrep_async.APIStatusError`. When an answer is lost, the
        job is read: one that is ``cancelled`` was cancelled.
        """
        return await self._move(job_id, "cancel", lambda job: job.status == JobStatus.CANCELLED, keywords)

    async def result(self, job_id: str, **keywords: Unpack[CallKeywords]) -> JobResult:
        """The result of a completed job; it never changes, and is gone after the job's ``expires_at``."""
        path = api_path("jobs", job_id, "result")
        return await self._context.send(Call("GET", path, self._context.codec.reader(JobResult)), keywords)

    async def wait(
        self,
        job_id: str,
        *,
        interval: float = 15.0,
        deadline: float | None = 3600.0,
        raise_on_failure: bool = True,
        wait_when_blocked: bool = False,
        on_update: Callable[[Job], None] | None = None,
        **keywords: Unpack[WireKeywords],
    ) -> Job:
        """Wait until a job has ended.

        The job is read at once, then every ``interval`` seconds. A webhook that ``client.webhooks`` is told of brings
        the next reading forward; the job is read all the same, and never within 5 s of the last reading ("Polling and
        webhooks"). A status that is not documented is no end.

        Args:
            interval: seconds between two readings, at least 5; the service recommends 10 to 30.
            deadline: seconds for all; ``None`` for no end. A job itself expires (after 7 days, in the samples).
            raise_on_failure: ``False`` returns a job that is ``failed``, ``cancelled`` or ``expired``.
            wait_when_blocked: ``True`` waits on while credits are missing, for somebody to add them and to resume.
            on_update: called with each reading.

        Returns:
            The job, ``completed`` or ``completed_with_errors``.

        Raises:
            InvalidInputError: an interval below 5 s.
            JobBlockedError: ``blocked_insufficient_credits``: add credits, then :meth:`resume`.
            JobFailedError: it ended without a result.
            WaitTimeoutError: ``deadline`` has passed; the job goes on at the service.

        Cancelled: the job itself goes on at the service.
        """
        check_waiting(interval, deadline, least=MIN_INTERVAL, rule='; the service asks for it ("Polling and webhooks")')
        with self._inbox.listen(job_id) as alarm:

            def ended(job: Job) -> bool:
                if job.status == JobStatus.BLOCKED_INSUFFICIENT_CREDITS and not wait_when_blocked:
                    raise JobBlockedError(
                        f"job {job_id} is blocked: credits are missing. Add some, then jobs.resume({job_id!r})", job=job
                    )
                return job.status.is_terminal

            job = await poll(
                lambda options: self.get(job_id, **options),
                ended,
                lambda job: str(job.status),
                what=f"job {job_id}",
                advice=f"it goes on at the service: jobs.wait({job_id!r}) waits on",
                clock=self._context.clock,
                interval=interval,
                deadline=deadline,
                keywords=keywords,
                on_update=on_update,
                sleep=lambda seconds: alarm.wait(self._context.clock, seconds),
                allowed_in=lambda: self._pace.allowed_in(job_id),
            )
        if raise_on_failure and not job.status.has_result:
            reason = f": {job.error}" if job.error else ""
            raise JobFailedError(f"job {job_id} ended as {job.status.value!r}{reason}", job=job)
        return job

    async def wait_until_open(
        self,
        job_id: str,
        *,
        interval: float = MIN_INTERVAL,
        deadline: float | None = 300.0,
        **keywords: Unpack[WireKeywords],
    ) -> Job:
        """Wait while a new job is ``provisioning``, until it takes uploads or has moved past them ("Create a job").

        Raises:
            InvalidInputError: an interval below 5 s.
            WaitTimeoutError: still ``provisioning`` after ``deadline`` seconds.
        """
        check_waiting(interval, deadline, least=MIN_INTERVAL, rule='; the service asks for it ("Polling and webhooks")')
        return await poll(
            lambda options: self.get(job_id, **options),
            lambda job: job.status != JobStatus.PROVISIONING,
            lambda job: str(job.status),
            what=f"job {job_id}",
            advice="create another job, or wait on",
            clock=self._context.clock,
            interval=interval,
            deadline=deadline,
            keywords=keywords,
            allowed_in=lambda: self._pace.allowed_in(job_id),
        )

    async def turn(self, job_id: str) -> None:
        """Wait until 5 s have passed since this client last read the job ("Polling and webhooks")."""
        while (pause := self._pace.allowed_in(job_id)) > 0:
            await self._context.clock.sleep(pause)

    def _job_call(self, method: str, *segments: str) -> Call[Job]:
        return Call(method, api_path("jobs", *segments), self._context.codec.reader(Job, "job"))

    async def _move(self, job_id: str, verb: str, moved: Callable[[Job], bool], keywords: CallKeywords) -> Job:
        # Doing it twice harms nothing: the second is refused. So it is repeated, and a refusal after a lost answer is
        # settled by reading the job.
        rest = self._context.countdown(keywords)
        try:
            return await self._context.send(self._job_call("POST", job_id, verb).replace(repeatable=True), rest())
        except (APIConnectionError, APIStatusError) as error:
            arrived = isinstance(error, APIConnectionError | ServerError) or (error.attempts or 1) > 1
            if not arrived:
                raise
            try:
                job = await self.get(job_id, **rest())
            except PlangrepAsyncError:
                raise error from None
            if moved(job):
                return job
            raise
