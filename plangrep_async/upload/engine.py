"""What all uploads of a scheduler share: threads, the data plane, bounds, known digests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from .._clock import Clock
from ..errors import TransferError
from .adaptive import AdaptiveLimit
from .admission import Admission
from .digest import DigestCache, compute_digests
from .disk import Disk
from .file import UploadFile
from .job import Job
from .lanes import Lanes
from .meter import Meter
from .netjob import NetworkJob
from .readers import OpenSource, Source
from .settings import UploadSettings
from .source import is_foreign, survey
from .transfer import Transfer
from .wire import Steps, WireAnswer, WireRequest

__all__ = ["Engine", "host_of"]

_Found: TypeAlias = Callable[["Source | Exception"], None]

_SURVEY_AT_ONCE = 64
# A hop to the disk's thread costs more than looking at ten files: while this many jobs wait for the wire anyway, files
# are gathered for this many seconds.
_SURVEY_BACKLOG = 32
_SURVEY_PAUSE = 0.004


class Engine:
    """Create and use it on one event loop.

    Args:
        settings: the bounds.
        transfer: sends the bytes.
        clock, random: time and chance.
    """

    def __init__(
        self, settings: UploadSettings, transfer: Transfer, *, clock: Clock, random: Callable[[], float]
    ) -> None:
        self.settings = settings
        self.transfer = transfer
        self.clock = clock
        self.random = random
        self.loop = asyncio.get_running_loop()
        self.digests = DigestCache()
        self.admission = Admission(uploads=settings.ready_uploads, size=settings.ready_bytes)
        self.lanes = Lanes(
            max_on_wire=settings.on_wire,
            make_limit=lambda: AdaptiveLimit(
                low=settings.min_transfers, start=settings.start_transfers, high=settings.on_wire
            ),
            clock=clock,
        )
        self.disk = Disk(hashers=settings.disk_threads, callers=settings.on_wire)
        self._unseen: list[tuple[UploadFile, _Found]] = []
        self._surveying: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        """Wait for the threads and end them."""
        if self._surveying is not None:
            await asyncio.wait([self._surveying])
        await self.lanes.aclose()
        await self.disk.aclose()

    def look(self, file: UploadFile, found: Callable[[Source | Exception], None]) -> None:
        """Look at a file, which is not foreign, and call ``found`` on the loop with what is there or is wrong with it.

        Many that are asked for at the same time cost one hop to a thread together, and are found together.
        """
        self._unseen.append((file, found))
        if self._surveying is None:
            self._surveying = self.loop.create_task(self._survey_all())

    async def survey(self, file: UploadFile) -> Source:
        """The same, awaited, for any file.

        Cancellation: returns at once; a thread inside a function or a file object of the user's is left to itself.
        """
        if not is_foreign(file):
            source: asyncio.Future[Source] = self.loop.create_future()
            self.look(file, partial(_pass_on, source))
            return await source
        looking = self.loop.create_task(self.disk.run(lambda _job: survey(file), foreign=True))
        try:
            return await asyncio.shield(looking)
        except asyncio.CancelledError:
            looking.cancel()  # before its turn: nobody is called
            raise

    async def _survey_all(self) -> None:
        try:
            while self._unseen:
                batch, self._unseen = self._unseen[:_SURVEY_AT_ONCE], self._unseen[_SURVEY_AT_ONCE:]
                for (_, found), result in zip(batch, await self.disk.run(partial(_survey, batch)), strict=True):
                    found(result)
                if len(self._unseen) < _SURVEY_AT_ONCE and self.lanes.backlog >= _SURVEY_BACKLOG:
                    await asyncio.sleep(_SURVEY_PAUSE)
        finally:
            self._surveying = None

    async def digest(self, source: Source, names: Sequence[str]) -> dict[str, str]:
        """The digests of a source, computed in a thread unless they are known.

        Cancellation: the thread stops at the next block.
        """
        known = self.digests.get(source.fingerprint)
        missing = [name for name in names if name not in known]
        if missing:
            block = self.settings.block_size
            fresh = await self.disk.hash(
                lambda job: compute_digests(source, missing, cancel=job.cancel, block_size=block),
                source.fingerprint.size,
                foreign=not source.quick,
            )
            self.digests.put(source.fingerprint, fresh)
            known = {**known, **fresh}
        return {name: known[name] for name in names}

    def attempt(
        self,
        sources: Sequence[Source],
        build: Callable[[Sequence[OpenSource]], WireRequest],
        *,
        meter: Meter,
        order: int,
        on_handed: Callable[[], None] | None = None,
    ) -> NetworkJob[WireAnswer]:
        """A job that opens the sources, builds the request and sends it once. Whoever runs it tells the meter."""

        def steps(job: NetworkJob[WireAnswer]) -> Steps[WireAnswer]:
            opened: list[OpenSource] = []
            try:
                for source in sources:
                    opened.append(source.open())  # noqa: PERF401 - those before one that fails must be closed
                request = build(opened)
                job.total = request.body.total
                return (yield from self.transfer.steps(request, cancel=job.cancel, on_sent=job.note_sent))
            finally:
                for one in opened:
                    one.close()

        made: NetworkJob[WireAnswer] = NetworkJob(steps, size=meter.size, order=order, on_handed=on_handed)
        for source in sources:
            if not source.quick:
                made.alone = True
                made.on_stop = partial(_stop, sources)
        return made

    async def transmit(self, url: str, job: NetworkJob[WireAnswer], meter: Meter) -> WireAnswer | TransferError:
        """Run an attempt in the lane of its host.

        Gives the answer or the error of the transfer; the job's counters tell how far it came. Other errors (of a
        source) are raised.

        Cancellation: the thread stops at the next block and closes its socket before this returns.
        """
        meter.running.add(job)
        try:
            return await self.lanes.run(host_of(url), job)
        except TransferError as error:
            return error
        finally:
            meter.ended(job)

    def complain(self, url: str, job: NetworkJob[WireAnswer], retry_after: float | None) -> None:
        """The host of ``url`` was too slow for ``job``, or said that it is overloaded."""
        if retry_after is not None and retry_after > self.settings.retry.max_retry_after:
            retry_after = None  # the upload gives up; the others find out for themselves
        self.lanes.complain(host_of(url), job.epoch, retry_after=retry_after)


def _survey(
    batch: Sequence[tuple[UploadFile, _Found]], _job: Job[list[Source | Exception]]
) -> list[Source | Exception]:
    results: list[Source | Exception] = []
    for file, _ in batch:
        try:
            results.append(survey(file))
        except Exception as error:  # noqa: BLE001 - one bad file does not stop its batch
            results.append(error)
    return results


def _stop(sources: Sequence[Source]) -> None:
    for source in sources:
        source.stop()


def _pass_on(future: asyncio.Future[Source], result: Source | Exception) -> None:
    if future.done():  # cancelled meanwhile
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def host_of(url: str) -> str:
    """What lanes are kept for: scheme, host and port."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0].rpartition('@')[2]}".lower()
