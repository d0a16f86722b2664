"""A whole migration: a source, a target, and the journal that outlives every run."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

from attrs import frozen

from .._clock import Clock, SystemClock
from ..errors import ConfigurationError, PlangrepAsyncError
from .document import OPEN, State
from .errors import MigrationError, MigrationStopped
from .events import Event, Progress, Scanned
from .failure import sentence_of
from .journal import Journal, Sample, Tally
from .lease import Lease
from .options import MigrationOptions
from .outage import OUTAGES
from .own_files import OwnFiles
from .planning import Plan, make_plan
from .run import Run
from .sources import Source
from .sources.tree import absolute
from .spool import Spool
from .targets import Target, Verified

__all__ = ["Migration", "Status"]

_SAMPLE_SECONDS = 10.0
_PROGRESS_SECONDS = 0.5
_EVENTS = 10_000


@frozen
class Status:
    """A migration as its journal has it.

    Attributes:
        source, target: locations; ``None`` before the first run.
        tally: documents and bytes by state and by problem.
        groups: jobs or versions by state.
        scanned: whether the source was gone through to its end.
    """

    source: str | None
    target: str | None
    tally: Tally
    groups: dict[str, int]
    scanned: bool

    @property
    def open(self) -> int:
        """Documents that a run still has work with."""
        return self.tally.count(*(state for state in State if state.is_open))

    @property
    def is_complete(self) -> bool:
        """Whether everything that was found has arrived or was left out on purpose."""
        waiting = sum(self.groups.get(state, 0) for state in ("open", "completing", "blocked", "failed"))
        return self.scanned and not self.open and not self.tally.count(State.FAILED) and not waiting


class Migration:
    """Moves the documents of a source into a target.

    ::

        async with PlangrepClient() as client:
            migration = Migration(FolderTree("drawings"), PlangrepTarget(client, project_id), journal="move.db")
            print(await migration.plan())
            async for event in migration.events():
                ...

    Killed at any moment, the same again goes on: nothing is lost and nothing is there twice. The journal belongs to
    this source and this target; others need a journal of their own.

    Args:
        source, target: see :mod:`plangrep_async.migrate.sources` and ``targets``. Their clients stay open.
        journal: a file (SQLite), or a ``postgresql://`` URL.
        options: see :class:`MigrationOptions`.
        spool: a folder for files on their way from a remote source; beside the journal by default.
        clock: for tests.
    """

    def __init__(
        self,
        source: Source,
        target: Target,
        *,
        journal: str | os.PathLike[str],
        options: MigrationOptions | None = None,
        spool: str | os.PathLike[str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._source = source
        self._target = target
        self._location = os.fspath(journal)
        self._options = options or MigrationOptions()
        beside = "migration.files" if "://" in self._location else f"{self._location}.files"
        self._spool = Path(absolute(spool if spool is not None else beside))
        self._clock = clock or SystemClock()
        self._own = OwnFiles(source, self._location, self._spool, target.location)
        self._run: Run | None = None
        self._stopped = False

    async def plan(self) -> Plan:
        """A dry run; see :class:`Plan`. Needs no journal.

        Raises:
            ConfigurationError: source and target are the same place, or a service has no such project.

        And what the source and the services raise.
        """
        self._check_ends()
        for end in (self._source, self._target):
            await end.probe()
        return await make_plan(self._source, self._target, self._own)

    async def status(self) -> Status:
        """How far it is, from the journal; may be asked while a run goes on.

        Raises:
            ConfigurationError: there is no journal yet.
            JournalError: it cannot be read.
        """
        async with Journal(self._location, create=False) as journal:
            return await read_status(journal)

    def stop(self) -> None:
        """Begin nothing new, finish the files of which bytes are on the wire; the run then returns.

        All others stay open in the journal, also those whose slot was asked for. Uploads that something else has
        waiting in the same client end as well (:meth:`UploadScheduler.cancel_waiting`). Harmless when no run goes on.
        """
        self._stopped = True
        if self._run is not None:
            self._run.stop()

    async def run(
        self,
        on_event: Callable[[Event], None] | None = None,
        *,
        scan: bool = True,
        retry: bool = False,
        command: Mapping[str, Any] | None = None,
    ) -> Status:
        """Move everything that has not arrived yet.

        Args:
            on_event: called from the event loop with each event; must neither block nor fail.
            scan: go through the source for what is new first. Without it, what the journal knows is moved; a scan that
                never came to its end is always begun anew.
            retry: begin the failed documents anew.
            command: JSON values to find again in the journal, as ``journal.fact("command")``.

        Returns:
            How far it came: everything, or what a :meth:`stop` left.

        Raises:
            JournalLockedError: another run works on this journal.
            JournalError: the journal cannot be used; nothing was done that it does not hold.
            MigrationStopped: too many failures, missing credits, a key that is not accepted, a full disk. The same
                again goes on.
            ConfigurationError: the journal belongs to another source or target, both are the same place, or a service
                has no such project.

        Cancelled: transfers stop at once, and the journal goes on.
        """
        emit = on_event or (lambda _: None)
        async with Journal(self._location) as journal:
            lost = asyncio.Event()
            async with Lease(journal.database, on_lost=lost.set, clock=self._clock):
                await self._bind(journal)
                if command is not None:
                    await journal.note(command=dict(command))
                if retry:
                    await journal.revive()
                work = asyncio.create_task(self._work(journal, emit, scan=scan))
                watch = asyncio.create_task(lost.wait())
                try:
                    await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
                    if not work.done():
                        raise MigrationStopped(
                            "this run could not renew its hold on the journal in time, and another may have begun; it "
                            "stopped at once. Nothing is lost: run the same command again"
                        )
                    await work
                finally:
                    for task in (work, watch):
                        task.cancel()
                    await asyncio.gather(work, watch, return_exceptions=True)
                    self._stopped = False
                return await read_status(journal)

    async def events(self, *, scan: bool = True, retry: bool = False) -> AsyncGenerator[Event, None]:
        """:meth:`run` as an iterator of its events; raises at the end what ``run`` raises.

        Whoever reads slower than ten thousand events behind misses some of them. Leaving the loop early cancels the
        run (use ``contextlib.aclosing`` to wait for that).
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_EVENTS)

        def put(event: Event) -> None:
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(event)

        task = asyncio.create_task(self.run(put, scan=scan, retry=retry))
        try:
            getter = asyncio.create_task(queue.get())
            while True:
                await asyncio.wait((task, getter), return_when=asyncio.FIRST_COMPLETED)
                if getter.done():
                    event = getter.result()
                    getter = asyncio.create_task(queue.get())
                    assert event is not None
                    yield event
                elif task.done():
                    getter.cancel()
                    await task
                    return
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def verify(self, *, deep: bool = False) -> Verified:
        """Compare what arrived with the target itself. ``deep`` fetches files where the service tells no digest.

        A journal that may not be written is read, and nothing is noted in it.

        Raises:
            JournalLockedError: a run is under way.
        """
        async with Journal(self._location, create=False) as journal, AsyncExitStack() as stack:
            if not journal.database.read_only:
                await stack.enter_async_context(Lease(journal.database, clock=self._clock))
            await self._bind(journal)
            return await self._target.verify(journal, deep=deep)

    def _check_ends(self) -> None:
        if self._source.location == self._target.location:
            raise ConfigurationError(f"{self._source.location} is both source and target; name another target")

    async def _bind(self, journal: Journal) -> None:
        """The journal belongs to one source and one target."""
        self._check_ends()
        for name, location in (("source", self._source.location), ("target", self._target.location)):
            known = await journal.fact(name)
            if known is None or (known != location and not (await journal.tally()).total):
                await journal.note(**{name: location})  # one that holds nothing yet can begin anew
            elif known != location:
                raise ConfigurationError(
                    f"this journal belongs to the {name} {known}, not to {location}; give another with --journal"
                )

    async def _work(self, journal: Journal, emit: Callable[[Event], None], *, scan: bool) -> None:
        await self._ask()
        await self._target.begin(journal)
        if scan or not await journal.fact("scanned"):
            await self._scan(journal, emit)
        # Its files are named by ids of this journal: another one at the same place has others.
        spool = Spool(self._spool / str(await journal.fact("id")), self._options.spool_bytes)
        if self._source.is_remote:
            await spool.open()
        run = Run(
            journal,
            self._source,
            self._target,
            self._options,
            spool=spool,
            tally=await journal.tally(),
            emit=emit,
            clock=self._clock,
        )
        self._run = run
        if self._stopped:
            run.stop()
        watch = asyncio.create_task(self._observe(run, emit))
        try:
            await self._passes(run)
            await self._target.finish(run)
            if self._source.is_remote and not await _open_documents(journal):
                await spool.clear()
        except (PlangrepAsyncError, OSError) as error:
            raise sentence_of(error) from error
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            self._run = None
            emit(self._progress(run, final=True))
            with contextlib.suppress(MigrationError):
                await self._sample(run)
        if run.stopped_by is not None:
            raise run.stopped_by

    async def _ask(self) -> None:
        """A project that does not exist would fail each document by itself."""
        for end in (self._source, self._target):
            try:
                await end.probe()
            except OUTAGES:
                continue  # the run itself waits for the service
            except PlangrepAsyncError as error:
                raise sentence_of(error) from error

    async def _passes(self, run: Run) -> None:
        """Until nothing is open. A pass takes every open document once; each failure counts, so this ends."""
        wait = 1.0
        while not run.stopping:
            await self._target.deliver(run)
            if run.stopping or not await _open_documents(run.journal):
                return
            await run.pause(wait)
            wait = min(30.0, wait * 2)

    async def _scan(self, journal: Journal, emit: Callable[[Event], None]) -> None:
        documents = new = 0
        again = self._options.on_changed == "send-again"
        async with aclosing(self._source.scan()) as batches:
            async for batch in batches:
                if self._stopped:
                    return
                wanted = [self._target.adopt(found) for found in batch if not self._own.holds(found)]
                new += await journal.discover(wanted, send_changed_again=again)
                documents += len(wanted)
                emit(Scanned(documents, new))
        await journal.note(scanned=True)
        emit(Scanned(documents, new, final=True))

    async def _observe(self, run: Run, emit: Callable[[Event], None]) -> None:
        next_sample = self._clock.monotonic()
        while True:
            emit(self._progress(run))
            if self._clock.monotonic() >= next_sample:
                with contextlib.suppress(MigrationError):
                    await self._sample(run)
                next_sample += _SAMPLE_SECONDS
            await self._clock.sleep(_PROGRESS_SECONDS)

    def _progress(self, run: Run, *, final: bool = False) -> Progress:
        statistics = self._target.statistics()
        return run.meter.progress(
            self._clock.monotonic(),
            waiters=statistics.waiters if statistics else 0,
            waited=statistics.waited if statistics else 0.0,
            final=final,
        )

    async def _sample(self, run: Run) -> None:
        now = self._progress(run)
        statistics = self._target.statistics()
        throttled = statistics.refusals if statistics else 0
        await run.journal.sample(
            Sample(self._clock.time(), now.arrived, now.bytes_confirmed, run.meter.failed, throttled)
        )


async def _open_documents(journal: Journal) -> int:
    return (await journal.tally()).count(*OPEN)


async def read_status(journal: Journal) -> Status:
    """The status of an open journal."""
    groups: dict[str, int] = {}
    for group in await journal.groups():
        groups[group.state] = groups.get(group.state, 0) + 1
    return Status(
        await journal.fact("source"),
        await journal.fact("target"),
        await journal.tally(),
        groups,
        bool(await journal.fact("scanned")),
    )
