"""One run over a journal: what sources and targets share while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from attrs import evolve

from .._clock import Clock
from ..errors import PlangrepAsyncError, SourceChangedError, TransferCancelledError
from ..upload import PreparedFile, SendAgain, StartOver, UploadState
from .document import ARRIVED, Document, Problem, State
from .errors import TooManyFailuresError
from .events import DocumentEnded, Event, GroupEnded
from .failure import Verdict, judge, sentence_of
from .fingerprint import fingerprint
from .journal import Journal, Tally
from .meter import Meter
from .options import MigrationOptions
from .outage import Outage
from .pace import Pace
from .sources import Source
from .spool import Spool
from .targets.target import Target

__all__ = ["Duplicate", "Run", "Stopping"]


R = TypeVar("R")


class Duplicate(Exception):
    """The same bytes go with another document."""

    def __init__(self, document_id: int) -> None:
        super().__init__(f"the same bytes as document {document_id}")
        self.document_id = document_id


class Stopping(Exception):
    """The run ends; what has not begun does not begin."""


class Run:
    """What everything in a run needs.

    Attributes:
        stopped_by: what ended the run before its end.
        steps: that documents and groups have taken, failed attempts among them.

    Args:
        journal: open, and leased.
        spool: for files that are fetched before they are sent.
        emit: takes events; must not block.
    """

    def __init__(
        self,
        journal: Journal,
        source: Source,
        target: Target,
        options: MigrationOptions,
        *,
        spool: Spool,
        tally: Tally,
        emit: Callable[[Event], None],
        clock: Clock,
    ) -> None:
        self.journal = journal
        self.source = source
        self.target = target
        self.options = options
        self.spool = spool
        self.emit = emit
        self.clock = clock
        self.meter = Meter(tally, clock.monotonic())
        self._stop = asyncio.Event()
        self.stopped_by: Exception | None = None
        self.steps = 0
        self.pace = Pace(options.max_bandwidth, clock, self.pause)
        self.outage = Outage(
            self._probe, emit, self.pause, lambda: self.stopping, clock=clock, patience=options.patience
        )

    async def _probe(self) -> None:
        await self.target.probe()
        if self.source.is_remote:
            await self.source.probe()

    # Stopping

    @property
    def stopping(self) -> bool:
        """Whether nothing new is to begin."""
        return self._stop.is_set()

    def stop(self, reason: Exception | None = None) -> None:
        """Begin nothing new, finish what is on the wire. ``reason`` is raised at the end of the run."""
        self.stopped_by = self.stopped_by or reason
        self._stop.set()
        self.spool.wake()
        self.target.stop_waiting()

    def check(self) -> None:
        """Raise :class:`Stopping` when nothing new is to begin."""
        if self.stopping:
            raise Stopping

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the wish to stop."""
        await self.unless_stopped(self.clock.sleep(seconds))

    async def unless_stopped(self, work: Coroutine[Any, Any, R]) -> R | None:
        """What ``work`` gives or raises; ``None`` when the run is to stop before, and ``work`` is cancelled."""
        both = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return both[0].result() if both[0].done() else None
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    # Steps of a document

    async def digested(self, document: Document, prepared: PreparedFile) -> None:
        """Note what a file's bytes are, before a slot is asked for.

        Raises:
            Duplicate: they go with another document; this one is skipped.
            Stopping: the run is to end.
        """
        self.check()
        assert prepared.sha256 is not None
        twin = await self.journal.digest(
            document.id, prepared.sha256, prepared.size, claim=self.options.dedupe == "skip", before=document.sha256
        )
        if twin is not None:
            raise Duplicate(twin)

    async def reached(self, document: Document, state: UploadState) -> None:
        """Note how far an upload is; nothing that depends on it has happened yet."""
        step = State.SENT if state.stored else State.SLOT_ASKED
        await self.journal.change(document.id, state=step.value, resume=state.to_json(), memo=state.memo)
        self.meter.confirmed(document.id, state.confirmed, whole=state.stored)

    async def completed(self, document: Document, target_id: str, size: int) -> None:
        """The document has arrived."""
        await self.journal.change(
            document.id, state=State.COMPLETED.value, target_id=target_id, error=None, resume=None, memo=None
        )
        await self.arrived(document, target_id, size)

    async def arrived(self, document: Document, target_id: str | None, size: int) -> None:
        """Tell that a document has arrived, which the journal knows already."""
        self.outage.succeeded()
        self._ended(document, State.COMPLETED, size, target_id=target_id)
        await self.discard(document)

    def opened_again(self, document: Document, duplicates: int) -> None:
        """Duplicates of a document's bytes must be sent themselves, since these do not arrive with it."""
        self.meter.opened_again(duplicates, duplicates * document.size)

    async def skipped(self, document: Document, problem: Problem, error: str | None = None) -> None:
        """The document is left out on purpose."""
        duplicates = await self.journal.change(
            document.id, state=State.SKIPPED.value, problem=problem.value, error=error, group_id=None
        )
        self.opened_again(document, duplicates)
        self._ended(document, State.SKIPPED, document.size, problem=problem, error=error)
        await self.discard(document)

    async def excuse(self, error: BaseException) -> bool:
        """Whether a failure counts against nobody, for it was the network's. Returns once it is worth trying again.

        Raises what stops the whole run.
        """
        try:
            return await self.outage.blame(judge(error))
        except PlangrepAsyncError as worse:
            raise sentence_of(worse) from error

    async def failed(self, document: Document, error: BaseException, *, excused: bool | None = None) -> None:
        """An attempt at the document has failed: decide whether it is tried again.

        Args:
            excused: what :meth:`excuse` says, where one failure concerns several documents.

        Raises what stops the whole run.
        """
        if isinstance(error, Duplicate):
            self._ended(document, State.SKIPPED, document.size, problem=Problem.DUPLICATE)
            await self.discard(document)
            return
        judgement = judge(error)
        # Whether a refusal is the key's or the document's is asked of the service; a run that ends asks no more.
        in_doubt = self.stopping and judgement.verdict is Verdict.SUSPECT
        if isinstance(error, Stopping | TransferCancelledError) or self.stopped_by is not None or in_doubt:
            self.spool.rest(document.id)  # it stays as it is in the journal
            return
        if judgement.verdict is Verdict.STOP:
            raise sentence_of(error)
        if judgement.problem is Problem.VANISHED:
            await self.source.probe()  # has everything vanished, as a disk that is not mounted?
        if judgement.verdict is not Verdict.FAILED:
            excused = await self.excuse(error) if excused is None else excused
            if judgement.verdict is Verdict.LATER:
                await self.again(document, error, judgement.problem, counted=not excused)
                return
        await self.end(document, error, judgement.problem)

    async def end(self, document: Document, error: BaseException, problem: Problem | None) -> None:
        """The document has failed for good (``retry`` begins it anew)."""
        current = await self.journal.get(document.id)
        if current.state in ARRIVED:
            return  # what went wrong came after its arrival
        text = str(error) or type(error).__name__
        # A name that it was only about to have is not its own.
        unnamed = {"target_id": None} if current.state is State.SENT else {}
        duplicates = await self.journal.change(
            document.id,
            state=State.FAILED.value,
            problem=None if problem is None else problem.value,
            error=text,
            attempts=document.attempts + 1,
            group_id=None,
            **unnamed,
        )
        self.opened_again(document, duplicates)
        self._ended(document, State.FAILED, document.size, problem=problem, error=text)
        await self.discard(document)
        most = self.options.max_errors
        if most is not None and self.meter.new_failures > most:
            self.stop(
                TooManyFailuresError(
                    f"{self.meter.new_failures} documents have failed, and --max-errors allows {most}. Look at them "
                    "with `migrate report`; `migrate retry` begins them anew, and the same command goes on with the "
                    "others"
                )
            )

    async def again(
        self, document: Document, error: BaseException, problem: Problem | None, *, counted: bool = True
    ) -> None:
        """The document is tried again, until its attempts are used up."""
        current = await self.journal.get(document.id)
        if current.state in ARRIVED:
            return
        attempts = current.attempts + counted
        if attempts >= self.options.attempts:
            await self.end(evolve(current, attempts=attempts - 1), error, problem)
            return
        text = str(error) or type(error).__name__
        # What an unfinished upload has reached stays; what the service disowned begins anew.
        fresh: dict[str, Any] = {}
        if not _may_go_on(error):
            fresh = {"state": State.DISCOVERED.value, "resume": None, "memo": None}
            fresh |= {"target_id": None} if current.state is State.SENT else {}
        await self.journal.change(document.id, attempts=attempts, error=text, **fresh)
        self.spool.rest(document.id)
        self.steps += 1
        self.emit(DocumentEnded(document.key, State(fresh.get("state") or current.state), error=text))

    def group_ended(self, target_id: str | None, state: str, documents: int) -> None:
        """Tell of a job or a version that has all its files."""
        self.steps += 1
        self.meter.groups += 1
        self.emit(GroupEnded(target_id, state, documents))

    def _ended(
        self,
        document: Document,
        state: State,
        size: int,
        *,
        target_id: str | None = None,
        problem: Problem | None = None,
        error: str | None = None,
    ) -> None:
        self.steps += 1
        self.meter.ended(document.id, state, size)
        self.emit(DocumentEnded(document.key, state, target_id, problem, error))

    # Files

    async def discard(self, document: Document) -> None:
        """Remove what was fetched for a document that has ended."""
        await self.spool.remove(document.id)


def _may_go_on(error: BaseException) -> bool:
    return not isinstance(error, SendAgain | StartOver | SourceChangedError)


def resume_of(document: Document, path: str) -> UploadState | None:
    """What an earlier run has reached with this very file."""
    if document.resume is None:
        return None
    state = UploadState.from_json(document.resume)
    then = state.fingerprint
    before = (then.path, *fingerprint(then.size, then.mtime_ns, then.inode))
    return state if before == (path, document.size, document.mtime_ns, document.inode) else None
