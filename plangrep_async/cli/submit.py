"""``plangrep-async submit``: files in, a result out."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import Factory, define, evolve, frozen

from ..errors import InvalidInputError, JobBlockedError, JobFailedError, SourceError, UploadError
from ..plangrep import FailedFile, Job, JobResult, JobStatus, PlangrepClient, Project, UploadedFile
from ..plangrep.limits import check_https, check_text
from ..upload import UploadFile, UploadSettings
from .display import Display, size_text
from .exits import FAILED_DOCUMENTS, OK
from .service import Service

__all__ = ["Submission", "SubmitOptions", "submit"]

DEFAULT_PROJECT = "plangrep-async"


@frozen
class SubmitOptions:
    """What the command line chose.

    Attributes:
        project: a name or an id; a name that does not exist yet is created.
        job: an existing job to go on with, instead of a new one.
        deadline: seconds for the whole job to end; ``None`` for no end.
    """

    files: Sequence[Path]
    project: str = DEFAULT_PROJECT
    job: str | None = None
    classification: str | None = None
    external_id: str | None = None
    webhook_url: str | None = None
    out: Path | None = None
    wait: bool = True
    transfers: int | None = None
    max_bandwidth: int | None = None
    deadline: float | None = None


@define
class Submission:
    """What has been reached so far, for the sentence after Ctrl-C or a failure.

    Attributes:
        pending: files that are not confirmed: all of them at first.
    """

    options: SubmitOptions
    base_url: str | None = None
    job: Job | None = None
    pending: list[Path] = Factory(lambda self: list(self.options.files), takes_self=True)
    completed: bool = False

    def how_to_go_on(self) -> str | None:
        """The command that continues, or ``None`` when nothing was begun at the service."""
        if self.job is None or (self.job.status.is_terminal and not self.job.status.has_result):
            return None
        command = ["plangrep-async", "submit", "--job", self.job.id]
        if self.base_url is not None:
            command += ["--base-url", self.base_url]
        if self.options.out is not None:
            command += ["--out", str(self.options.out)]
        if self.completed:
            return f"Job {self.job.id} goes on at the service. To wait for its result: {shlex.join(command)}"
        if not self.pending:
            return f"All files are stored. To start processing job {self.job.id}: {shlex.join(command)}"
        if self.options.classification is not None:
            command += ["--classification", self.options.classification]
        command += map(str, self.pending)
        return (
            f"{len(self.pending)} of {len(self.options.files)} files are not confirmed. "
            f"To go on with job {self.job.id}: {shlex.join(command)}"
        )


async def submit(service: Service, submission: Submission, display: Display) -> int:
    """Run the whole job and return the exit code.

    Raises:
        PlangrepAsyncError: what stopped it; ``submission`` says how far it came.
    """
    options = submission.options
    await asyncio.to_thread(_check, options)
    settings = UploadSettings(max_bandwidth=options.max_bandwidth)
    if options.transfers is not None:
        settings = evolve(
            settings,
            max_transfers=options.transfers,
            start_transfers=min(options.transfers, settings.start_transfers),
        )
    async with PlangrepClient(service.api_key, base_url=service.base_url, uploads=settings) as client:
        job = await _open_job(client, service, submission, display)
        code = OK
        submission.completed = not (job.status == JobStatus.PROVISIONING or job.status.takes_uploads)
        if not submission.completed:
            code = await _upload(client, submission, display)
        elif options.files:
            raise InvalidInputError(f"job {job.id} is {job.status} and takes no more files; leave the files out")
        submission.completed = True
        if not options.wait:
            display.table("Submitted", ["job", "status"], [[job.id, str(job.status)]], {"job": job.id})
            return code
        try:
            job = await _wait(client, service, submission, display)
        except JobFailedError as error:
            submission.job = error.job or submission.job
            raise
        result = await client.jobs.result(job.id)
        if options.out is not None:
            try:
                await asyncio.to_thread(_write_result, options.out, result.to_dict())
            except OSError as error:
                raise InvalidInputError(f"the result could not be written to {options.out}: {error}") from error
            display.step(f"Result written to {options.out}", out=str(options.out))
        _show(result, job, display)
        bad = bool(result.errors) or any(document.failed_page_count for document in result.documents)
        return FAILED_DOCUMENTS if bad or job.status != JobStatus.COMPLETED else code


def _check(options: SubmitOptions) -> None:
    """What would otherwise come out only after a project was charged for, or pages."""
    if options.external_id is not None:
        check_text(options.external_id, "--external-id", longest=180)
    if options.webhook_url is not None:
        check_https(options.webhook_url, "--webhook-url", or_loopback=True)
    if options.out is not None:
        folder = options.out.absolute().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise InvalidInputError(
                f"--out {options.out}: {folder} is no folder that can be written to; nothing was sent"
            )


async def _open_job(client: PlangrepClient, service: Service, submission: Submission, display: Display) -> Job:
    options = submission.options
    if options.job is not None:
        submission.job = job = await client.jobs.get(options.job)
        display.step(f"Job {job.id} is {job.status}", job=job.id, status=str(job.status))
        return job
    project = await _project(client, options.project, display)
    if not project.is_ready:
        project = await client.projects.wait_until_ready(
            project.id,
            interval=service.ready_interval,
            on_update=lambda seen: display.step(
                f"Project {seen.name!r} is {seen.status}", project=seen.id, status=str(seen.status)
            ),
        )
    created = await client.jobs.create(project.id, external_id=options.external_id, webhook_url=options.webhook_url)
    submission.job = job = created.job
    display.step(f"Job {job.id} created", job=job.id)
    if job.status == JobStatus.PROVISIONING:
        submission.job = job = await client.jobs.wait_until_open(job.id)
    return job


async def _project(client: PlangrepClient, wanted: str, display: Display) -> Project:
    for project in await client.projects.list():
        if wanted in (project.id, project.name):
            return project
    created = await client.projects.create(wanted)
    cost = created.billing.credits_charged if created.billing else None
    charged = f", {cost:g} credits charged" if cost else ""
    display.step(f"Project {wanted!r} created{charged}", project=created.project.id, credits=cost)
    return created.project


async def _upload(client: PlangrepClient, submission: Submission, display: Display) -> int:
    options = submission.options
    assert submission.job is not None
    job_id = submission.job.id
    if not options.files:
        submission.job = await client.uploads.complete(job_id)
        return OK
    files = [UploadFile(path, classification=options.classification) for path in options.files]
    paths = {id(file): path for file, path in zip(files, options.files, strict=True)}

    def ended(item: UploadedFile | FailedFile) -> None:
        # A registered file counts only with the token that completes it, which this process alone has: to go on in
        # another one, it is sent again.
        if isinstance(item, UploadedFile) and item.completion is None:
            submission.pending.remove(paths[id(item.file)])

    report = await client.uploads.send(job_id, files, job=submission.job, on_progress=display.progress, on_file=ended)
    for item in report.failed:
        display.problem(f"{item.file_name}: {item.error}", file=item.file_name, error=str(item.error))
    if not report.uploaded:
        at_fault = all(isinstance(item.error, SourceError | InvalidInputError) for item in report.failed)
        kind = SourceError if at_fault else UploadError
        raise kind(f"none of the {len(files)} files could be uploaded; job {job_id} was not started")
    submission.job = await client.uploads.complete(job_id, report)
    return FAILED_DOCUMENTS if report.failed else OK


async def _wait(client: PlangrepClient, service: Service, submission: Submission, display: Display) -> Job:
    assert submission.job is not None
    seen: list[JobStatus] = []

    def show(job: Job) -> None:
        submission.job = job
        if job.status not in seen:
            seen.append(job.status)
            display.step(f"Job {job.id} is {job.status}", job=job.id, status=str(job.status))

    try:
        return await client.jobs.wait(
            submission.job.id,
            interval=service.poll_interval,
            deadline=submission.options.deadline,
            on_update=show,
        )
    except JobBlockedError as error:
        submission.job = error.job
        raise


def _write_result(path: Path, result: dict[str, Any]) -> None:
    # Under a temporary name first: a result file is whole or not there.
    temporary = path.with_name(f".{path.name}.part")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(result, file, ensure_ascii=False, indent=2, default=str)
        file.write("\n")
    os.replace(temporary, path)


def _show(result: JobResult, job: Job, display: Display) -> None:
    rows = [
        [
            document.file_name or document.document_id or "?",
            str(document.classification or ""),
            "" if document.file_size is None else size_text(document.file_size),
            "" if document.page_count is None else str(document.page_count),
            str(document.failed_page_count or ""),
            document.status or "",
        ]
        for document in result.documents
    ]
    usage = result.usage
    credits = usage.credits_debited if usage else None
    pages = usage.page_count if usage else None
    title = f"Job {job.id} {job.status}"
    if pages is not None:
        title += f": {pages} pages"
    if credits is not None:
        title += f", {credits:g} credits"
    for problem in (*result.errors, *result.warnings):
        display.problem(f"{problem.file_name or 'job'}: {problem.message or problem.code or problem.extra}")
    display.table(
        title,
        ["document", "classification", "size", "pages", "failed", "status"],
        rows,
        {
            "job": job.id,
            "status": str(job.status),
            "documents": len(result.documents),
            "pages": pages,
            "credits": credits,
            "errors": len(result.errors),
        },
    )
