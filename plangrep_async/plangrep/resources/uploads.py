"""``client.uploads``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Literal, Unpack

from ...errors import DeadlineExceededError, InvalidInputError
from ...session.call import options_from
from ...session.deadline import Deadline
from ...session.session import Session
from ...upload import UploadFile, UploadProgress, UploadScheduler
from .._context import Context, WireKeywords, api_path
from ..limits import check_files, check_range
from ..models.enums import JobStatus
from ..models.job import Job
from ..uploads.arrivals import Arrivals
from ..uploads.files import Files, as_files, sizes_of
from ..uploads.form_route import FormRoute, Forms
from ..uploads.ledger import Ledger
from ..uploads.report import FailedFile, JobUploadReport, UploadedFile
from .jobs import Jobs
from .upload_steps import UploadSteps

__all__ = ["FORM_BELOW", "Uploads"]

FORM_BELOW = 100_000_000
"""Bytes; files of this size or larger are registered ("Submit a job")."""

_ASK_DEADLINE = 60.0
"""Seconds for reading the job when an answer was lost."""


class Uploads(UploadSteps):
    """Files into a job. :meth:`send` does all; the other methods are its steps, each alone."""

    def __init__(
        self, context: Context, session: Session, scheduler: UploadScheduler, forms: Forms, jobs: Jobs
    ) -> None:
        super().__init__(context, session, scheduler, forms)
        self._jobs = jobs

    async def send(
        self,
        job_id: str,
        files: Files,
        *,
        route: Literal["auto", "form", "registered"] = "auto",
        form_below: int = FORM_BELOW,
        job: Job | None = None,
        idempotency_key: str | None = None,
        on_progress: Callable[[UploadProgress], None] | None = None,
        on_file: Callable[[UploadedFile | FailedFile], None] | None = None,
        deadline: float | None = None,
        **keywords: Unpack[WireKeywords],
    ) -> JobUploadReport:
        """Upload files into a job, in parallel. :meth:`complete` then starts it.

        Files below 100 MB go as a form each. Larger ones (and all that share their names) are hashed and registered, up
        to 100 in one call, and sent to storage by one PUT or in parts, as the service chooses; when a signed URL has
        run out, its file is registered anew. When the answer to a form is lost, the job is read, and the form is sent
        again only if its file is not there. The job shows files by name: two calls at once for one job must not share
        names.

        One bad file never stops the others: it stands in ``report.failed`` with its error. A job that is still
        ``provisioning`` is waited for.

        Args:
            files: paths, or :class:`~plangrep_async.UploadFile` where more is to be said (classification, another
                name, bytes, a stream).
            route: ``form`` or ``registered`` for all, whatever their size.
            form_below: bytes, instead of 100,000,000.
            job: its record, when you have it already; saves one request.
            idempotency_key: of the completion; made when not given.
            on_progress: called from the event loop, at most ten times a second, with the bytes sent and the bytes
                confirmed.
            on_file: called from the event loop with each file as it ends; it must not fail.
            deadline: seconds for all files together; without one, a file ends when its retries do.
            keywords: ``timeout`` and ``max_attempts`` of the small calls; the transfers have
                :class:`~plangrep_async.UploadSettings`.

        Raises:
            InvalidInputError: no files, more than the job takes, too many bytes, an unknown classification, a job that
                takes no files any more; before a byte is sent.
            UploadDeadlineExceededError: the deadline has passed; names the files that are not confirmed, and has the
                report of all.

        Cancelled: threads stop at the next block, their connections are closed; the job stays as it is.
        """
        ledger = Ledger(job_id, as_files(files), idempotency_key or self._context.new_key(), on_file)
        await self._send_within(deadline, ledger, job, route, form_below, on_progress, keywords)
        return ledger.report()

    async def send_again(
        self,
        report: JobUploadReport,
        *,
        route: Literal["auto", "form", "registered"] = "auto",
        form_below: int = FORM_BELOW,
        on_progress: Callable[[UploadProgress], None] | None = None,
        on_file: Callable[[UploadedFile | FailedFile], None] | None = None,
        deadline: float | None = None,
        **keywords: Unpack[WireKeywords],
    ) -> JobUploadReport:
        """Send the files of ``report.failed`` again: after a deadline, after an outage, or when they were mended.

        The job is read first. A form that was given up while its answer was on its way, and that has arrived after
        all, is not sent a second time.

        Args:
            report: of :meth:`send`, or of an error that names unconfirmed files.
            route, form_below, on_progress, on_file, deadline, keywords: see :meth:`send`.

        Returns:
            The report of all files together, for one :meth:`complete`.

        Raises:
            InvalidInputError, UploadDeadlineExceededError: see :meth:`send`; the error's report is of all files.
        """
        files = [item.file for item in report.failed]
        if not files:
            return report
        ledger = Ledger(report.job_id, files, self._context.new_key(), on_file, report)
        await self._send_within(deadline, ledger, None, route, form_below, on_progress, keywords)
        return ledger.report()

    async def _send_within(
        self,
        deadline: float | None,
        ledger: Ledger,
        job: Job | None,
        route: str,
        form_below: int,
        on_progress: Callable[[UploadProgress], None] | None,
        keywords: WireKeywords,
    ) -> None:
        if not ledger.files:
            raise InvalidInputError("files: there is none; give at least one")
        if route not in ("auto", "form", "registered"):
            raise InvalidInputError(f'route must be "auto", "form" or "registered", not {route!r}')
        check_range(form_below, "form_below", 0)
        options_from({**keywords, "deadline": deadline})  # raises for what cannot be
        url = self._session.base_url + api_path("jobs", ledger.job_id, "files")
        try:
            with Deadline(self._context.clock, deadline, "POST", url):
                await self._send(ledger, job, route, form_below, on_progress, keywords)
        except DeadlineExceededError as error:
            if deadline is None or error.deadline != deadline:
                raise
            raise ledger.out_of_time(error) from error

    async def _send(
        self,
        ledger: Ledger,
        job: Job | None,
        route: str,
        form_below: int,
        on_progress: Callable[[UploadProgress], None] | None,
        keywords: WireKeywords,
    ) -> None:
        job_id, files = ledger.job_id, ledger.files
        job = await self._open_job(job_id, job, keywords)
        sizes = await sizes_of(files)
        large = _registered_names(files, sizes, route, form_below)
        ledger.settle(job, large)
        if not ledger.files:
            return
        left = {id(file) for file in ledger.files}
        check_files(
            [size for file, size in zip(files, sizes, strict=True) if id(file) in left],
            limits=job.limits,
            present=len(job.files or ()),
        )

        async def read() -> Job:
            return await self._jobs.get(job_id, deadline=_ASK_DEADLINE, **keywords)

        self._session.check_usable()
        arrivals = Arrivals(read, lambda: self._jobs.turn(job_id), ledger.known)
        forms = FormRoute(self._context, self._forms, job_id, arrivals)
        async with self.registered_route(job_id, **keywords) as registered:
            ledger.superseded, ledger.known = registered.superseded, arrivals.known
            uploads = [(registered if file.name in large else forms).make_upload(file) for file in ledger.files]
            async with aclosing(self._scheduler.run(uploads, on_progress=on_progress)) as outcomes:
                async for outcome in outcomes:
                    ledger.note(outcome, registered.ended(outcome) if outcome.upload.digests else forms.ended(outcome))

    async def _open_job(self, job_id: str, job: Job | None, keywords: WireKeywords) -> Job:
        if job is None:
            await self._jobs.turn(job_id)
            job = await self._jobs.get(job_id, **keywords)
        if job.status == JobStatus.PROVISIONING:
            job = await self._jobs.wait_until_open(job_id, **keywords)
        if job.status.is_known and not job.status.takes_uploads:
            raise InvalidInputError(
                f"job {job_id} is {job.status.value!r} and takes no files any more; create another one"
            )
        return job


def _registered_names(
    files: Sequence[UploadFile], sizes: Sequence[int | None], route: str, form_below: int
) -> set[str]:
    """The names of the files that are registered.

    Files of one name go one way: a form whose answer was lost is looked for by its name among the files of the job, and
    a registration puts a name there before its bytes have arrived.
    """
    if route == "form":
        return set()
    return {
        file.name for file, size in zip(files, sizes, strict=True) if route == "registered" or (size or 0) >= form_below
    }
