"""Into a Plangrep project: jobs of at most 100 files, each filled, completed and by choice waited for.

All files are registered by their SHA-256 ("Register uploads"), whatever their size: a registration may be repeated, the
PUT of the same bytes too, and one call places up to 100 files. So a crash leaves nothing in doubt but the creation and
the completion of a job; the first is repeated with its idempotency key and found by its external id, the second is
settled by reading the job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import evolve

from ...errors import ConfigurationError, NotFoundError
from ...plangrep import PlangrepClient
from ...plangrep.limits import MAX_DECLARED_BYTES, MAX_FILES
from ...ratelimit import LimiterStatistics
from ..document import OPEN, UNSENT, Document, Found, Problem
from ..feed import feed
from ..groups import BUSY
from ..journal import Group, Journal
from ..packing import Crew, Pile, pack
from ..run import Run
from .job import JobFiller
from .plangrep_verify import verify_jobs
from .target import Estimate, Verified
from .watch import JobWatch

__all__ = ["PlangrepTarget"]

_CALLS_A_JOB = 4  # create, read, register, complete


class PlangrepTarget:
    """A project that documents go into.

    Args:
        client: stays open. Its ``uploads`` settings bound the transfers.
        project_id: of a project that is ready.
        interval: seconds between two readings of a job that is waited for, at least 5.
    """

    def __init__(self, client: PlangrepClient, project_id: str, *, interval: float = 15.0) -> None:
        self._client = client
        self._project_id = project_id
        self._interval = interval
        self._failures: Counter[int] = Counter()

    @property
    def location(self) -> str:
        """``plangrep:`` and the project's id."""
        return f"plangrep:{self._project_id}"

    def adopt(self, found: Found) -> Found:
        """Any kind of file; one that is larger than a job takes is left out ("Uploads")."""
        if found.problem is None and found.size > MAX_DECLARED_BYTES:
            return evolve(found, problem=Problem.TOO_LARGE)
        return found

    def estimate(self, documents: int, size: int, kinds: Mapping[str, int]) -> Estimate:
        """Jobs by files and by bytes, whichever are more."""
        jobs = max(-(-documents // MAX_FILES), -(-size // MAX_DECLARED_BYTES))
        return Estimate(
            calls=_CALLS_A_JOB * jobs,
            calls_most=3 * jobs + documents,
            batches=jobs,
            credits=(
                f"{documents:,} at least: by default 1 for each page of a document and 10 for each page of drawings; "
                "the number of pages is not known before the service has read them"
                if documents
                else None
            ),
        )

    async def probe(self) -> None:
        """Read the project, once."""
        try:
            await self._client.projects.get(self._project_id, deadline=15.0, max_attempts=1)
        except NotFoundError as error:
            raise ConfigurationError(
                f"Plangrep has no project {self._project_id} for this key; is plangrep:{self._project_id} right?"
            ) from error

    async def begin(self, journal: Journal) -> None:
        """Nothing is to be made ready."""

    async def settle(self, document: Document) -> str | None:
        """Nothing of a single document is ever in doubt here."""
        return None

    async def deliver(self, run: Run) -> None:
        """One pass: goes on with the jobs that were begun, then packs new ones; several are filled side by side."""
        await run.journal.release_strays()
        files = JobFiller(run, self._client, self._project_id, self._failures)
        async with Crew(run.options.jobs) as crew:
            for group in await run.journal.groups(*BUSY):
                await run.outage.gate()
                if run.stopping:
                    return
                await crew.take(self._again, run, files, group)
        documents = run.journal.documents(*OPEN, grouped=False)
        async with Crew(run.options.jobs) as crew:
            piles = pack(feed(run, documents), lambda _: None, most_files=MAX_FILES, most_bytes=MAX_DECLARED_BYTES)
            async for pile in piles:
                await run.outage.gate()
                if run.stopping:
                    return
                ids = [ready.document.id for ready in pile.items]
                group = await run.journal.open_group(ids, idempotency_key=files.new_key())
                await crew.take(files.carry, group, pile)

    async def _again(self, run: Run, files: JobFiller, group: Group) -> None:
        pile = Pile()
        async for ready in feed(run, run.journal.documents(*UNSENT, group_id=group.id), at_once=True):
            if ready is not None:
                pile.add(ready)
        if not run.stopping:
            await files.carry(group, pile)

    def stop_waiting(self) -> None:
        """Uploads of which no byte has left end; so do those that others have waiting in the same client."""
        self._client.scheduler.cancel_waiting()

    async def look(self, run: Run) -> None:
        """Note which jobs have ended."""
        await JobWatch(run, self._client, self._interval).look()

    async def finish(self, run: Run) -> None:
        """Look at each job that is being processed once, or wait for its end; see :meth:`JobWatch.finish`."""
        await JobWatch(run, self._client, self._interval).finish()

    async def verify(self, journal: Journal, *, deep: bool) -> Verified:
        """By each job's result, or its list of files while it has none: document id, name and size."""
        return await verify_jobs(self._client, journal)

    def statistics(self) -> LimiterStatistics | None:
        """Of the client's limiter."""
        return self._client.limiter.statistics()

    async def aclose(self) -> None:
        """The client belongs to whoever made it."""
