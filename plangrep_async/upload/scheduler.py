"""All uploads of a client: bounded, ordered, adapted to each host, cancellable."""

from __future__ import annotations

import asyncio
import itertools
import random as _random
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Hashable, Iterable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, TypeVar

from .._checks import check_kinds
from .._clock import Clock, SystemClock
from ..errors import ClientClosedError, InvalidInputError, TransferCancelledError
from ..session.guard import Guard
from .courier import Courier
from .engine import Engine
from .entry import Entry
from .lane import LaneStatistics
from .meter import Meter
from .outcome import Outcome, UploadReport
from .progress import UploadProgress
from .run import Run
from .settings import UploadSettings
from .small import send_small
from .task import Upload
from .tracker import Tracker
from .transfer import Transfer
from .wire import Pacer, TransferPool, WireAnswer, WireBody, WireRequest

__all__ = ["UploadScheduler"]

R = TypeVar("R")


class UploadScheduler:
    """Runs uploads. Opens nothing before its first use; belongs to one event loop in one process.

    Use it with ``async with``: leaving cancels what still runs and waits until every thread of it has stopped.

    Args:
        settings: the bounds.
        ssl_context: for https to storage hosts; default: the system's trust store, as httpx does.
        trust_env: obey the proxy and certificate variables of the environment.
        proxy: a proxy for every request; goes before the environment.
        transfer: what sends the bytes; default: a :class:`TransferPool` made of ``settings``, closed on exit. One that
            is given here stays open.
        clock, random: time and chance, for tests.
    """

    def __init__(
        self,
        settings: UploadSettings | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = True,
        proxy: str | None = None,
        transfer: Transfer | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = _random.random,
    ) -> None:
        check_kinds(
            settings=(settings, UploadSettings | None),
            ssl_context=(ssl_context, ssl.SSLContext | None),
            trust_env=(trust_env, bool),
            proxy=(proxy, str | None),
            clock=(clock, Clock | None),
        )
        self.settings = settings or UploadSettings()
        self.clock: Clock = clock or SystemClock()
        self._random = random
        self._given = transfer
        self._options: dict[str, Any] = {"ssl_context": ssl_context, "trust_env": trust_env, "proxy": proxy}
        self._guard = Guard("UploadScheduler")
        self._engine: Engine | None = None
        self._order = itertools.count()
        self._pool: TransferPool | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._entries: set[Entry[Any]] = set()
        self._runs: set[Run[Any]] = set()
        self._idle = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> UploadScheduler:
        self._guard.check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Cancel what still runs, wait until its threads have stopped, and end them. Harmless when done before.

        Cancellation: it goes on by itself; whoever closes again waits for it.
        """
        if self._closing is None:
            self._guard.check()
            self._guard.closed = True
            self._closing = asyncio.get_running_loop().create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        for run in self._runs:
            run.stop(ClientClosedError("the UploadScheduler was closed while uploads ran"))
        for task in self._tasks:
            task.cancel()
        while self._entries or self._tasks:
            self._idle.clear()
            await self._idle.wait()
        if self._engine is not None:
            await self._engine.aclose()
        if self._pool is not None:
            self._pool.close()

    def statistics(self) -> dict[Hashable, LaneStatistics]:
        """By host: transfers allowed and running, jobs waiting, complaints."""
        return {} if self._engine is None else self._engine.lanes.statistics()

    async def upload(self, upload: Upload[R], *, on_progress: Callable[[UploadProgress], None] | None = None) -> R:
        """Run one upload and give its result (see ``Upload.complete``).

        Args:
            upload: what to send, and where.
            on_progress: see :meth:`run`.

        Raises:
            SourceError, TransferError, StorageError, ChecksumMismatchError, UploadUnconfirmedError,
            BodyNotReplayableError, InvalidInputError, DeadlineExceededError: see :mod:`plangrep_async.errors`; and
            whatever the upload's own callbacks raise.

        Cancellation: its threads stop at the next block and their sockets are closed before the call returns. A
        multipart session is kept for resume, unless ``Upload.abort``.
        """
        self._guard.check()
        _check_upload(upload)
        tracker = Tracker(self.clock, on_progress)
        meter = Meter(upload.file.name, self.clock.monotonic())
        courier = Courier(self._ready_engine(), upload, next(self._order), meter)
        task: asyncio.Task[R] = asyncio.get_running_loop().create_task(courier.deliver())
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        tracker.add(meter)
        tracker.all_uploads_known()
        tracker.start()
        stored = False
        try:
            result = await task
            stored = True
            return result
        except asyncio.CancelledError:
            if self._guard.closed and not _is_being_cancelled():
                raise ClientClosedError("the UploadScheduler was closed while the upload ran") from None
            if not _is_being_cancelled():
                name = upload.file.name
                raise TransferCancelledError(
                    f"{name}: one of the upload's own functions was cancelled", file_name=name
                ) from None
            raise
        finally:
            tracker.end(meter, stored=stored)
            tracker.finish()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        content: bytes = b"",
        repeatable: bool = True,
    ) -> WireAnswer:
        """A small request to a storage host, through the same connections and under the same bounds.

        Repeated after failures and after answers that say "later", like the uploads' own; any other answer, errors
        included, is given back.

        Args:
            repeatable: whether sending it twice has the effect of sending it once.

        Raises:
            TransferError: no answer came.
            InvalidInputError: the URL or a header breaks a rule; nothing was sent.

        Cancellation: its connection is closed before the call returns.
        """
        if not (self._closing is not None and (self._entries or self._tasks)):  # what is being stopped may end its work
            self._guard.check()
        return await send_small(
            self._ready_engine(), WireRequest(method, url, tuple(headers), WireBody(content)), repeatable
        )

    async def run(
        self,
        uploads: Iterable[Upload[R]] | AsyncIterable[Upload[R]],
        *,
        on_progress: Callable[[UploadProgress], None] | None = None,
    ) -> AsyncGenerator[Outcome[R], None]:
        """Run uploads and give each outcome when it is there; one bad file never stops the others.

        Args:
            uploads: of any length; read no further than ``settings.lookahead`` uploads ahead of the outcomes that were
                taken. A plain iterable is read on the event loop and should not block.
            on_progress: called from the event loop, at most ten times a second, and once at the end.

        Leaving the loop early, or cancelling it, cancels what still runs (use ``contextlib.aclosing`` to wait for it).
        An error raised by ``uploads`` itself is raised here after the outcomes of what was already taken; so is
        ``InvalidInputError`` for what is no :class:`Upload`.
        """
        self._guard.check()
        engine = self._ready_engine()
        tracker = Tracker(self.clock, on_progress)

        def start(upload: Upload[R]) -> Entry[R]:
            _check_upload(upload)
            entry = Entry(engine, upload, next(self._order), ended)
            self._entries.add(entry)
            tracker.add(entry.meter)
            return entry

        def ended(entry: Entry[R], outcome: Outcome[R] | None) -> None:
            self._entries.discard(entry)
            self._idle.set()
            tracker.end(entry.meter, stored=outcome is not None and outcome.ok)
            run.ended(entry, outcome)

        run = Run(uploads, start, all_known=tracker.all_uploads_known, window=self.settings.lookahead)
        self._runs.add(run)
        tracker.start()
        try:
            while (outcome := await run.next()) is not None:
                yield outcome
        finally:
            self._runs.discard(run)
            await run.aclose()
            tracker.finish()

    async def run_all(
        self,
        uploads: Iterable[Upload[R]] | AsyncIterable[Upload[R]],
        *,
        on_progress: Callable[[UploadProgress], None] | None = None,
    ) -> UploadReport[R]:
        """:meth:`run`, with all outcomes in one report."""
        uploaded: list[Outcome[R]] = []
        failed: list[Outcome[R]] = []
        async with aclosing(self.run(uploads, on_progress=on_progress)) as outcomes:
            async for outcome in outcomes:
                (uploaded if outcome.ok else failed).append(outcome)
        return UploadReport(tuple(uploaded), tuple(failed))

    def cancel(self, upload: Upload[Any]) -> bool:
        """Stop one upload of a :meth:`run`; its outcome is ``"cancelled"``. ``False`` when it is not running here.

        One that was given several times is stopped wherever it runs.
        """
        running = [entry for entry in self._entries if entry.upload is upload]
        for entry in running:
            entry.stop(outcome=True)
        return bool(running)

    def cancel_waiting(self) -> int:
        """Stop those uploads of every :meth:`run` of which no byte has begun to leave: they end ``"cancelled"``.

        For a program that is to end soon and would finish what it has begun. What a service was asked for them (a slot,
        a presigned URL) stays asked.

        Returns:
            How many were stopped.
        """
        waiting = [entry for entry in self._entries if not entry.begun]
        for entry in waiting:
            entry.stop(outcome=True)
        return len(waiting)

    def _ready_engine(self) -> Engine:
        if self._engine is None:
            transfer = self._given
            if transfer is None:
                transfer = self._pool = _pool(self.settings, **self._options)
            self._engine = Engine(self.settings, transfer, clock=self.clock, random=self._random)
        return self._engine

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._idle.set()


def _check_upload(upload: object) -> None:
    if not isinstance(upload, Upload):
        raise InvalidInputError(f"uploads: an Upload is needed, not {type(upload).__name__}: Upload(file, target)")


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _pool(settings: UploadSettings, **options: Any) -> TransferPool:
    bandwidth = settings.max_bandwidth
    return TransferPool(
        connect_timeout=settings.connect_timeout,
        stall_timeout=settings.stall_timeout,
        answer_timeout=settings.answer_timeout,
        min_rate=settings.min_rate,
        block_size=settings.block_size,
        max_idle=settings.max_transfers,
        pacer=None if bandwidth is None else Pacer(bandwidth),
        **options,
    )
