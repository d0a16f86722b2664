"""The jobs of a Plangrep project against the journal."""

from __future__ import annotations

from collections import Counter, defaultdict

from ...errors import GoneError, NotFoundError
from ...plangrep import Job, PlangrepClient
from ..checking import ARRIVED, Checking, differences
from ..document import Document
from ..journal import Journal
from .job import fate_of
from .target import Verified

__all__ = ["verify_jobs"]

_SHOWN = 10


async def verify_jobs(client: PlangrepClient, journal: Journal) -> Verified:
    """Read each job, and its result where it has one, and compare what they list with what was sent."""
    checking = Checking(journal)
    await checking.begin()
    without_result = 0
    for group in await journal.groups("processing", "done", "blocked", "failed"):
        assert group.target_id is not None
        try:
            job = await client.jobs.get(group.target_id)
            if (fate := fate_of(job)) is not None:
                async for document in journal.documents(*ARRIVED, group_id=group.id):
                    checking.different(document, fate)
            elif job.status.has_result:
                await _by_result(client, journal, checking, job, group.id)
            else:
                without_result += 1
                await _by_names(journal, checking, job, group.id)
        except (NotFoundError, GoneError) as error:
            checking.note(f"job {group.target_id} cannot be read any more: {error}")
    if without_result:
        checking.note(f"{without_result} jobs have no result yet: their files were compared by name and number only")
    checking.note("every file was registered with its SHA-256; the service itself shows none")
    return await checking.end()


async def _by_result(client: PlangrepClient, journal: Journal, checking: Checking, job: Job, group_id: int) -> None:
    result = await client.jobs.result(job.id)
    there = {document.document_id: document for document in result.documents}
    unprocessed = [document.file_name or "?" for document in result.documents if document.status == "failed"]
    if unprocessed:
        shown = ", ".join(unprocessed[:_SHOWN]) + (", …" if len(unprocessed) > _SHOWN else "")
        checking.note(f"job {job.id} has {len(unprocessed)} files that the service could not process: {shown}")
    async for document in journal.documents(*ARRIVED, group_id=group_id):
        found = there.get(document.target_id)
        if found is None:
            continue
        # Equal bytes in one job are one document of the service, under the name that came first.
        size = found.file_size if found.file_size is not None else document.size
        wrong = differences([("size", document.size, size)])
        if wrong is None:
            await checking.good(document)
        else:
            checking.different(document, wrong)


async def _by_names(journal: Journal, checking: Checking, job: Job, group_id: int) -> None:
    names = Counter(file.file_name for file in job.files or ())
    # Equal bytes in one job are one document of the service, under the name of one of them.
    twins: defaultdict[str | None, list[Document]] = defaultdict(list)
    async for document in journal.documents(*ARRIVED, group_id=group_id):
        twins[document.target_id].append(document)
    for documents in twins.values():
        name = next((document.name for document in documents if names[document.name] > 0), None)
        if name is None:
            continue
        names[name] -= 1
        for document in documents:
            await checking.good(document)
