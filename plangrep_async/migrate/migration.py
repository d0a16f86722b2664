"""A whole migration: a source, a target, and the journal that outlives every run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

from attrs import evolve

from .._clock import Clock, SystemClock
from ..errors import ConfigurationError, PlangrepAsyncError
from .document import OPEN
from .errors import MigrationError, MigrationStopped
from .events import Event, Progress, Scanned
from .failure import judge, sentence_of
from .journal import Journal, Sample
from .lease import Lease
from .meter import Meter
from .options import MigrationOptions
from .outage import OUTAGES
from .own_files import OwnFiles
from .planning import Plan, make_plan
from .run import Run
from .sources import Source
from .sources.tree import absolute
from .spool import Spool
from .status import Status, read_status
from .targets import Target, Verified

__all__ = ["Migration"]

_logger = logging.getLogger("plangrep_async")

_SAMPLE_SECONDS = 10.0
_PROGRESS_SECONDS = 0.5
_EVENTS = 10_000
_IDLE_PASSES = 3  # one may do no more than give up a group that cannot be gone on with


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
        self._active = 0
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
        self._stopped = self._active > 0
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
            on_event: called from the event loop with each event; must not block. When it raises, that is logged, and it
                is not called any more: what a display cannot show is no document's failure.
            scan: go through the source for what is new first. Without it, what the journal knows is moved; a scan that
                never came to its end is always begun anew.
            retry: begin the failed documents anew, and those of jobs that have failed after they were full.
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
        emit = _guarded(on_event) if on_event is not None else lambda _: None
        self._active += 1
        try:
            async with Journal(self._location) as journal:
                lost = asyncio.Event()
                async with Lease(journal.database, on_lost=lost.set, clock=self._clock):
                    await self._bind(journal)
                    if command is not None:
                        await journal.note(command=dict(command))
                    await self._while_held(self._work(journal, emit, scan=scan, retry=retry), lost)
                    return await read_status(journal)
        finally:
            self._active -= 1
            self._stopped = self._stopped and self._active > 0

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
        getter = asyncio.create_task(queue.get())
        try:
            while True:
                await asyncio.wait((task, getter), return_when=asyncio.FIRST_COMPLETED)
                if getter.done():
                    event = getter.result()
                    getter = asyncio.create_task(queue.get())
                    assert event is not None
                    yield event
                elif task.done():
                    await task
                    return
        finally:
            task.cancel()
            getter.cancel()
            await asyncio.gather(task, getter, return_exceptions=True)

    async def verify(self, *, deep: bool = False, reopen: bool = False) -> Verified:
        """Compare what arrived with the target itself.

        A journal that may not be written is read, and nothing is noted in it. Cancelled: what was found good is noted.

        Args:
            deep: fetch files where the service tells no digest.
            reopen: let the next run send what is missing again.

        Raises:
            JournalLockedError: a run is under way. JournalError: ``reopen``, and the journal may not be written.
        """
        async with Journal(self._location, create=False) as journal, AsyncExitStack() as stack:
            if not journal.database.read_only:
                await stack.enter_async_context(Lease(journal.database, clock=self._clock))
            await self._bind(journal)
            found = await self._target.verify(journal, deep=deep)
            if reopen:  # which a journal that is read-only refuses
                found = evolve(found, reopened=await journal.reopen_missing())
            return found

    async def _while_held(self, work: Coroutine[Any, Any, None], lost: asyncio.Event) -> None:
        working = asyncio.create_task(work)
        watch = asyncio.create_task(lost.wait())
        try:
            await asyncio.wait((working, watch), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise MigrationStopped(
                    "this run could not renew its hold on the journal in time, and another may have begun; it "
                    "stopped at once. Nothing is lost: run the same command again"
                )
            await working
        finally:
            for task in (working, watch):
                task.cancel()
            await asyncio.gather(working, watch, return_exceptions=True)

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

    async def _work(self, journal: Journal, emit: Callable[[Event], None], *, scan: bool, retry: bool) -> None:
        await self._ask()
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
        try:
            await self._target.begin(journal)
            if retry:
                await self._target.look(run)  # what has failed meanwhile is begun anew, too
                await journal.revive()
            if scan or not await journal.fact("scanned"):
                await self._scan(run)
            run.meter = Meter(await journal.tally(), self._clock.monotonic())
            await self._move(run)
        except (PlangrepAsyncError, OSError) as error:
            raise sentence_of(error) from error
        finally:
            self._run = None
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

    async def _move(self, run: Run) -> None:
        watch = asyncio.create_task(self._observe(run))
        try:
            await self._passes(run)
            await self._target.finish(run)
            if self._source.is_remote and not await _open_documents(run.journal):
                await run.spool.clear()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            run.emit(self._progress(run, final=True))
            with contextlib.suppress(MigrationError):
                await self._sample(run)

    async def _passes(self, run: Run) -> None:
        """Until nothing is open. A pass takes every open document once; each failure counts, so this ends."""
        wait, idle = 1.0, 0
        while not run.stopping:
            steps = run.steps
            await self._target.deliver(run)
            number = 0 if run.stopping else await _open_documents(run.journal)
            if not number:
                return
            idle = idle + 1 if run.steps == steps else 0
            if idle == _IDLE_PASSES:
                raise MigrationStopped(
                    f"{number:,} documents are open, and {self._target.location} takes none of them; nothing is lost. "
                    "`migrate report` lists them"
                )
            await run.pause(wait)
            wait = min(30.0, wait * 2)

    async def _scan(self, run: Run) -> None:
        await run.journal.note(scanned=False)
        failures = 0
        while not run.stopping:
            try:
                await self._go_through(run)
                return
            except OUTAGES as error:
                failures += not await run.outage.blame(judge(error))
                if failures == self._options.attempts:
                    raise

    async def _go_through(self, run: Run) -> None:
        await self._own.look()
        documents = new = 0
        again = self._options.on_changed == "send-again"
        async with aclosing(self._source.scan()) as batches:
            async for batch in batches:
                if run.stopping:
                    return
                wanted = [self._target.adopt(found) for found in batch if not self._own.holds(found)]
                new += await run.journal.discover(wanted, send_changed_again=again)
                documents += len(wanted)
                run.emit(Scanned(documents, new))
        await run.journal.note(scanned=True)
        run.emit(Scanned(documents, new, final=True))

    async def _observe(self, run: Run) -> None:
        next_sample = self._clock.monotonic()
        while True:
            run.emit(self._progress(run))
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
        sample = Sample(self._clock.time(), now.arrived, now.bytes_confirmed, run.meter.failed, throttled)
        await run.journal.sample(sample)


def _guarded(emit: Callable[[Event], None]) -> Callable[[Event], None]:
    broken = False

    def tell(event: Event) -> None:
        nonlocal broken
        if broken:
            return
        try:
            emit(event)
        except Exception:
            broken = True
            _logger.exception("nothing more is told of this migration, which goes on: on_event has raised")

    return tell


async def _open_documents(journal: Journal) -> int:
    return (await journal.tally()).count(*OPEN)
