"""One job of Plangrep, from its creation to its completion."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing

from ...errors import (
    APIStatusError,
    ConflictError,
    GoneError,
    NotFoundError,
    PermissionDeniedError,
    PlangrepAsyncError,
)
from ...plangrep import (
    Completion,
    DirectUpload,
    Job,
    JobStatus,
    MultipartCompletion,
    PlangrepClient,
    RegisteredRoute,
    UploadedFile,
)
from ...upload import Stored, Upload, UploadFile
from ..document import OPEN, UNSENT, Document, Problem, State
from ..failure import Verdict, judge, sentence_of
from ..feed import Ready
from ..groups import BUSY
from ..journal import Group
from ..packing import Crew, Pile
from ..run import Run, Stopping
from .journalled import journalled

__all__ = ["JobFiller", "fate_of"]

_RENEWALS = 3
_NEVER_BEGUN = (JobStatus.PROVISIONING, JobStatus.CANCELLED, JobStatus.EXPIRED)


class JobFiller:
    """Fills jobs.

    Args:
        run: the run.
        client: of Plangrep.
        project_id: where jobs are created.
        failures: by group, how often its own calls have failed; it is given up when they do too often.
    """

    def __init__(self, run: Run, client: PlangrepClient, project_id: str, failures: Counter[int]) -> None:
        self._failures = failures
        self._run = run
        self._client = client
        self._project_id = project_id

    @staticmethod
    def new_key() -> str:
        """Names a job before it exists; also the external id that it is found by."""
        return f"migration-{uuid.uuid4()}"

    async def carry(self, group: Group, pile: Pile) -> None:
        """Take a job as far as it can be taken. Raises what stops the run."""
        try:
            job = await self._job(group)
            if job is None:
                return
            if job.status.takes_uploads:
                async for document in self._run.journal.documents(State.SENT, group_id=group.id):
                    self._run.meter.began(document.id, document.size, whole=True)
                await self._upload(job, pile.items)
                if not await self._is_full(group):
                    return
                job = await self._complete(group, job)
                if job is None:
                    return
            await self._arrived(group, job)
        except PlangrepAsyncError as error:
            await self._failed(group, error)
        finally:
            for ready in pile.items:
                self._run.spool.rest(ready.document.id)

    async def _failed(self, group: Group, error: PlangrepAsyncError) -> None:
        """One of the job's own calls failed, and so no single document is to blame."""
        run = self._run
        judgement = judge(error)
        if judgement.verdict is Verdict.STOP:
            raise sentence_of(error) from error
        if judgement.verdict is Verdict.SUSPECT and run.stopping:
            return  # a run that ends does not ask whether the key still works
        await run.journal.change_group(group.id, error=str(error))
        if judgement.verdict is not Verdict.FAILED:
            excused = await run.excuse(error)
            if judgement.verdict is Verdict.LATER:
                run.steps += 1
                self._failures[group.id] += not excused
                if self._failures[group.id] < run.options.attempts:
                    return
        await self._give_up(group, error, judgement.problem)

    async def _give_up(self, group: Group, error: PlangrepAsyncError, problem: Problem | None) -> None:
        """What keeps one job back does not keep the others back: its documents go into another, some times."""
        run, jobs = self._run, self._client.jobs
        now = next(known for known in await run.journal.groups(*BUSY) if known.id == group.id)
        if now.target_id is None:
            raise sentence_of(error) from error  # where no job can be made, no document is to blame
        try:
            job = await jobs.get(now.target_id)
            if not (job.status.takes_uploads or job.status in _NEVER_BEGUN):
                await self._arrived(now, job)  # it was completed all the same
                return
            await jobs.cancel(job.id)
        except APIStatusError as worse:
            if judge(worse).verdict not in (Verdict.FAILED, Verdict.SUSPECT):
                raise
        documents = [document async for document in run.journal.documents(*OPEN, group_id=group.id)]
        await run.journal.close_group(group.id, {}, state="abandoned", error=str(error))
        for document in documents:
            await run.again(document, error, problem)

    async def _job(self, group: Group) -> Job | None:
        """The group's job, made if there is none. ``None`` when it is gone and the group begins anew."""
        run, jobs = self._run, self._client.jobs
        assert group.idempotency_key is not None
        if group.target_id is None:
            key = group.idempotency_key
            job = None
            if group.state == "completing" or group.memo is not None:
                # A former run may have asked for it; its answer was lost.
                job = next((job for job in await jobs.list(self._project_id) if job.external_id == key), None)
            if job is None:
                await run.journal.change_group(group.id, memo={"asked": True})
                job = (await jobs.create(self._project_id, external_id=key, idempotency_key=key)).job
            await run.journal.change_group(group.id, target_id=job.id)
        else:
            try:
                job = await jobs.get(group.target_id)
            except (NotFoundError, GoneError):
                job = None
        if job is not None and job.status == JobStatus.PROVISIONING:
            job = await run.unless_stopped(jobs.wait_until_open(job.id))
            if job is None:
                return None
        if job is None or job.status in (JobStatus.CANCELLED, JobStatus.EXPIRED):
            why = "the job has expired or was cancelled before it was full"
            await run.journal.close_group(group.id, {}, state="abandoned", error=why)
            return None
        return job

    async def _upload(self, job: Job, files: Sequence[Ready]) -> None:
        run = self._run
        # Failures are judged side by side: those of one outage wait for its end together.
        async with self._client.uploads.registered_route(job.id) as route, Crew(len(files) or 1) as judges:
            uploads = (self._one(route, ready) for ready in files if not run.stopping)
            async with aclosing(self._client.scheduler.run(uploads)) as outcomes:
                async for outcome in outcomes:
                    if not outcome.ok:
                        document = outcome.upload.key.document
                        error = outcome.error or Stopping()
                        await judges.take(run.failed, document, error)

    def _one(self, route: RegisteredRoute, ready: Ready) -> Upload[UploadedFile]:
        document = ready.document

        async def stored(_uploaded: UploadedFile, _stored: Stored) -> None:
            self._run.outage.succeeded()

        file = UploadFile(ready.path, name=document.name, classification=document.classification)
        return journalled(self._run, ready, route.make_upload(file), stored)

    async def _is_full(self, group: Group) -> bool:
        """Whether all files that the job is to have are stored."""
        run = self._run
        waiting = [document.id async for document in run.journal.documents(*UNSENT, group_id=group.id)]
        return not waiting

    async def _complete(self, group: Group, job: Job) -> Job | None:
        run = self._run
        sent = [document async for document in run.journal.documents(State.SENT, group_id=group.id)]
        if not sent:
            await self._client.jobs.cancel(job.id)
            await run.journal.close_group(group.id, {}, state="empty")
            return None
        await run.journal.change_group(group.id, state="completing")
        try:
            return await self._client.uploads.complete(
                job.id,
                completion_of(sent),
                idempotency_key=f"{group.idempotency_key}-{(group.memo or {}).get('renewed', 0)}",
            )
        except (ConflictError, PermissionDeniedError, NotFoundError) as error:
            now = await self._client.jobs.get(job.id)
            if not now.status.takes_uploads:
                return now
            if isinstance(error, PermissionDeniedError):
                await self._client.projects.get(self._project_id)  # does the key still work?
            await self._send_again(group, sent, error)
            return None

    async def _send_again(self, group: Group, sent: Sequence[Document], error: APIStatusError) -> None:
        """The service does not have what its storage had confirmed (or a token has run out): register anew."""
        journal = self._run.journal
        renewed = int((group.memo or {}).get("renewed", 0)) + 1
        if renewed > _RENEWALS:
            raise error
        self._run.steps += 1
        ids = [document.id for document in sent]
        await journal.change_all(ids, state=State.DIGESTED.value, resume=None, memo=None)
        # The body will be another one, so its key must be, too.
        await journal.change_group(group.id, state="open", error=str(error), memo={"asked": True, "renewed": renewed})

    async def _arrived(self, group: Group, job: Job) -> None:
        run = self._run
        sent = [document async for document in run.journal.documents(State.SENT, group_id=group.id)]
        arrived = {document.id: str((document.memo or {})["document_id"]) for document in sent}
        await run.journal.close_group(group.id, arrived, state="processing", target_id=job.id)
        for document in sent:
            await run.arrived(document, arrived[document.id], document.size)
        run.group_ended(job.id, job.status.value, len(sent))


def fate_of(job: Job) -> str | None:
    """Why nothing became of a job's documents; ``None`` while something may, or has."""
    if not job.status.is_terminal or job.status.has_result:
        return None
    return f"its job ended as {job.status.value}" + (f": {job.error}" if job.error else "")


def completion_of(sent: Sequence[Document]) -> Completion:
    """The body of the completion, from the journal; the same documents give the same body."""
    direct: dict[str, DirectUpload] = {}
    multipart: dict[str, MultipartCompletion] = {}
    for document in sent:
        memo, resume = document.memo or {}, document.resume or {}
        name, token = str(memo["document_id"]), str(memo["upload_token"])
        if resume.get("upload_id"):
            multipart[name] = MultipartCompletion(
                document_id=name, upload_token=token, upload_id=str(memo["upload_id"])
            )
        else:
            direct[name] = DirectUpload(document_id=name, upload_token=token)
    return Completion(
        document_ids=tuple(sorted({*direct, *multipart})),
        direct_uploads=tuple(direct.values()) or None,
        multipart_uploads=tuple(multipart.values()) or None,
    )
