"""The jobs of a Plangrep project against the journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from ...errors import GoneError, NotFoundError
from ...plangrep import Job, JobResult, JobStatus, PlangrepClient
from ..checking import ARRIVED, Checking, differences
from ..document import FINDINGS, Document
from ..journal import Group, Journal
from .target import Verified
from .watch import FULL, GONE, state_of

__all__ = ["verify_jobs"]

_SHOWN = 10


async def verify_jobs(client: PlangrepClient, journal: Journal) -> Verified:
    """Read each job, and its result where it has one, and compare what they list with what was sent. What became of
    the job is noted.

    A result that has expired, and a job that is gone, prove nothing: what was verified before stays so, and nothing is
    taken for missing.
    """
    checking = Checking(journal)
    met: defaultdict[str, list[str]] = defaultdict(list)
    for group in await journal.groups(*FULL):
        assert group.target_id is not None
        met[await _verify(client, journal, checking, group)].append(group.target_id)
    for kind, text in _NOTES.items():
        if jobs := met[kind]:
            checking.note(text.format(number=len(jobs), jobs=_some(jobs)))
    checking.note("every file was registered with its SHA-256; the service itself shows none")
    return await checking.end()


_NOTES = {
    "unfinished": "{number} jobs have no result yet: their files were compared by name and number only",
    "blocked": "{number} jobs wait for credits ({jobs}): their files were compared by name and number only. Add some, "
    "then run `migrate resume`",
    "expired": "the results of {number} jobs have expired ({jobs}): their files were compared by name and number only, "
    "and none is taken for missing",
    "gone": "{number} jobs cannot be read any more ({jobs}): what was verified of them before stays so, and nothing is "
    "taken for missing",
}


async def _verify(client: PlangrepClient, journal: Journal, checking: Checking, group: Group) -> str:
    """How a group was compared."""
    try:
        job = await client.jobs.get(str(group.target_id))
    except (NotFoundError, GoneError):
        return await _gone(journal, checking, group)
    state, error = state_of(group, job)
    await _note(journal, group, state, error)
    if state == "failed":
        async for document in journal.documents(*ARRIVED, group_id=group.id):
            checking.different(document, str(error))
        return state
    if state != "done":
        await _by_names(journal, checking, job, group.id)
        return "blocked" if job.status == JobStatus.BLOCKED_INSUFFICIENT_CREDITS else "unfinished"
    try:
        result = await client.jobs.result(job.id)
    except (NotFoundError, GoneError):
        await _by_names(journal, checking, job, group.id, expired=True)
        return "expired"
    await checking.begin(group.id)
    await _by_result(journal, checking, job.id, result, group.id)
    return "done"


async def _gone(journal: Journal, checking: Checking, group: Group) -> str:
    if group.state in ("processing", "blocked"):  # of the others it is known how they ended
        await _note(journal, group, "gone", GONE)
    async for document in journal.documents(*ARRIVED, group_id=group.id):
        if group.state == "failed":
            checking.different(document, group.error or "its job has failed")
        else:
            await checking.keep(document)
    return "gone"


async def _note(journal: Journal, group: Group, state: str, error: str | None) -> None:
    if (state, error) != (group.state, group.error) and not journal.database.read_only:
        await journal.change_group(group.id, state=state, error=error)


async def _by_result(journal: Journal, checking: Checking, job_id: str, result: JobResult, group_id: int) -> None:
    there = {document.document_id: document for document in result.documents}
    unprocessed = [document.file_name or "?" for document in result.documents if document.status == "failed"]
    if unprocessed:
        number = len(unprocessed)
        checking.note(f"job {job_id} has {number} files that the service could not process: {_some(unprocessed)}")
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


async def _by_names(journal: Journal, checking: Checking, job: Job, group_id: int, *, expired: bool = False) -> None:
    proof = not expired and job.files is not None
    if proof:
        await checking.begin(group_id)
    names = Counter(file.file_name for file in job.files or ())
    # Equal bytes in one job are one document of the service, under the name of one of them.
    twins: defaultdict[str | None, list[Document]] = defaultdict(list)
    async for document in journal.documents(*ARRIVED, group_id=group_id):
        twins[document.target_id].append(document)
    for documents in twins.values():
        name = next((document.name for document in documents if names[document.name] > 0), None)
        if name is not None:
            names[name] -= 1
        for document in documents:
            # A name proves less than a result did.
            if not proof and (name is None or document.problem in FINDINGS):
                await checking.keep(document)
            elif name is not None:
                await checking.good(document)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
