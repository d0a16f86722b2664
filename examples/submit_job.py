"""One job, step by step: project, job, uploads with progress, completion, result.

python examples/submit_job.py plan.pdf spec.pdf              with PLANGREP_API_KEY (and PLANGREP_BASE_URL) set
python examples/submit_job.py --emulator examples/documents/*.pdf      on this machine, without an account
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from plangrep_async import PlangrepAsyncError, PlangrepClient, UploadFile, UploadProgress
from plangrep_async.plangrep import Job, JobResult, Project

SPEED = 120.0  # the emulator's clock, and the client's with it


def show(progress: UploadProgress) -> None:
    sent, confirmed, known = (
        f"{size / 1000:,.0f}" for size in (progress.bytes_sent, progress.bytes_confirmed, progress.bytes_known)
    )
    print(f"  {progress.uploads_done} files, {sent} kB sent, {confirmed} of {known} kB confirmed")


async def ready_project(client: PlangrepClient, name: str) -> Project:
    """The project of this name, made when it is not there. Names are unique in an organization."""
    project = await client.projects.find(name)
    if project is None:
        created = await client.projects.create(name)
        project = created.project
        if created.billing is not None:
            print(f"created project {name!r} for {created.billing.credits_charged:g} credits")
    return await client.projects.wait_until_ready(project.id)


async def submit(client: PlangrepClient, project: Project, files: list[UploadFile]) -> tuple[Job, JobResult]:
    created = await client.jobs.create(project.id, external_id="submit_job.py")
    print(f"job {created.job.id} in project {project.name!r}")

    report = await client.uploads.send(created.job.id, files, on_progress=show)
    for stored in report.uploaded:
        print(f"  {stored.file_name}: stored as {stored.document_id} by {stored.mode}")
    for failed in report.failed:
        print(f"  {failed.file_name}: {failed.error}", file=sys.stderr)

    job = await client.uploads.complete(created.job.id, report)
    job = await client.jobs.wait(job.id, on_update=lambda seen: print(f"job is {seen.status.value}"))
    return job, await client.jobs.result(job.id)


async def main() -> int:
    parser = argparse.ArgumentParser(description="Submit documents to Plangrep.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--project", default="plangrep-async examples", help="its name; made when it is not there")
    parser.add_argument("--classification", help="plans, specifications, documents, addenda, mixed or other")
    parser.add_argument("--out", type=Path, help="write the result there, as JSON")
    parser.add_argument("--emulator", action="store_true", help="against an emulator that is started for it")
    arguments = parser.parse_args()

    async with AsyncExitStack() as stack:
        if arguments.emulator:
            from plangrep_async.emulator import Emulator
            from plangrep_async.testing import ScaledClock

            emulator = await stack.enter_async_context(Emulator(speed=SPEED))
            client = PlangrepClient(emulator.api_key, base_url=emulator.plangrep_url, clock=ScaledClock(SPEED))
        else:
            client = PlangrepClient()
        await stack.enter_async_context(client)

        project = await ready_project(client, arguments.project)
        files = [UploadFile(path, classification=arguments.classification) for path in arguments.files]
        job, result = await submit(client, project, files)

    for document in result.documents:
        print(f"{document.file_name}: {document.status}, {document.page_count} pages")
    for problem in result.errors:
        print(f"{problem.file_name}: {problem.message}", file=sys.stderr)
    if result.usage is not None:
        print(f"{result.usage.page_count} pages for {result.usage.credits_debited:g} credits")
    if arguments.out is not None:
        await asyncio.to_thread(arguments.out.write_text, json.dumps(result.to_dict(), indent=2))
    return 0 if job.status == "completed" else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except PlangrepAsyncError as error:
        sys.exit(f"{type(error).__name__}: {error}")
