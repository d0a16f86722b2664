"""The life of one upload: look, wait, hash, ask for a slot, send, complete.

Cancellation may come at any await. Whatever runs in a thread has stopped before it goes on; what a service holds of a
multipart session is kept, unless the user wants it given up.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import Any

from ..errors import DeadlineExceededError, InvalidInputError, SourceChangedError, UploadError
from ..session.deadline import Deadline
from .delivery import Delivery
from .digest import check_algorithms
from .engine import Engine
from .meter import Meter
from .multipart import send_multipart
from .netjob import NetworkJob
from .readers import Source
from .single import send_single
from .spool import spool
from .stream import StreamSource
from .targets import FormTarget, MultipartTarget, Target
from .task import PreparedFile, SendAgain, StartOver, Stored, Upload
from .wire import WireAnswer

__all__ = ["Courier"]

_ABORT_SECONDS = 10.0


class Courier:
    """Runs one upload, once.

    Args:
        engine: what all uploads share.
        upload: what to deliver.
        order: its place among all uploads.
        meter: its counters.
        found: its sources, where they were looked at before.
    """

    def __init__(
        self, engine: Engine, upload: Upload[Any], order: int, meter: Meter, found: Sequence[Source] = ()
    ) -> None:
        self._engine = engine
        self._upload = upload
        self._found = found
        self.meter = meter
        self._deadline = Deadline(engine.clock, upload.deadline, "upload", upload.file.name)
        self._delivery = Delivery(engine, upload, meter, order)

    def resend(self, first: NetworkJob[WireAnswer]) -> None:
        """Before :meth:`deliver`: an attempt was made already, without luck; its answer or error is the first."""
        self._delivery.first = first

    @property
    def files(self) -> tuple[PreparedFile, ...]:
        """As they were found on disk, with digests once these are known."""
        return self._delivery.files

    async def deliver(self) -> Any:
        """Its result. Raises what :meth:`UploadScheduler.upload` raises."""
        try:
            with self._deadline:
                return await self._deliver()
        except DeadlineExceededError as error:
            if error.method == "upload":  # ours, not one of a call that the upload made
                error.method = error.url = None
            raise
        except UploadError as error:
            self._explain(error)
            raise

    def _explain(self, error: UploadError) -> None:
        if error.file_name not in {file.name for file in self._upload.files}:
            error.file_name = self._upload.file.name
        error.bytes_sent = self.meter.wire
        error.bytes_confirmed = self.meter.confirmed
        error.attempts = self.meter.attempts
        error.elapsed = self._engine.clock.monotonic() - self.meter.began

    def _phase(self, name: str) -> AbstractContextManager[None]:
        return nullcontext() if self._upload.deadline is None else self._deadline.phase(name)

    async def _deliver(self) -> Any:
        delivery = self._delivery
        try:
            with self._phase("disk"):
                await self._look()
            with self._phase("waiting"):
                delivery.ticket = await self._engine.admission.enter(self.meter.size, delivery.order)
            with self._phase("digest"):
                await self._prepare()
            resumed = self._upload.resume
            if resumed is not None and resumed.stored:
                delivery.ticket.release()
                self.meter.confirmed = self.meter.size
                return await self._complete(Stored(delivery.files, resumed.memo, parts=resumed.parts))
            return await self._send_and_complete()
        except BaseException as error:
            await self._give_up_session(error)
            raise
        finally:
            if delivery.ticket is not None:
                delivery.ticket.release()
            await self._close_sources()

    async def _look(self) -> None:
        delivery = self._delivery
        for file in self._upload.files:
            source: Source
            if self._found:
                source = self._found[len(delivery.sources)]
            elif isinstance(file.source, AsyncIterable):
                source = StreamSource(file, self._engine.loop, buffer=self._engine.settings.block_size)
            else:
                source = await self._engine.survey(file)
            delivery.sources.append(source)
        self._note_files({})
        resumed = self._upload.resume
        if resumed is None:
            return
        found = delivery.files[0].fingerprint
        if found != resumed.fingerprint:
            raise SourceChangedError(
                f"{delivery.name} is not the file whose upload was begun ({resumed.fingerprint}, now {found}); "
                "upload it anew",
                file_name=delivery.name,
            )
        if not found.inode and resumed.sha256 is None:
            raise SourceChangedError(
                f"{delivery.name} cannot be recognised: it is no file on disk, and the saved state has no sha256; "
                "upload it anew",
                file_name=delivery.name,
            )
        delivery.state = resumed
        delivery.sha256 = resumed.sha256
        if resumed.upload_id is not None:
            delivery.begun[resumed.upload_id] = 0 if resumed.mixed else resumed.part_size or 0

    def _note_files(self, digests: dict[int, dict[str, str]]) -> None:
        delivery = self._delivery
        delivery.files = tuple(
            PreparedFile(file, source.fingerprint, digests.get(place, {}))
            for place, (file, source) in enumerate(zip(self._upload.files, delivery.sources, strict=True))
        )
        self.meter.size = sum(file.size for file in delivery.files)

    async def _prepare(self) -> None:
        delivery, upload = self._delivery, self._upload
        asked = [upload.digests_for(file.size) for file in delivery.files]
        check_algorithms(chain.from_iterable(asked))
        digests: dict[int, dict[str, str]] = {}
        for place, file in enumerate(upload.files):
            names = self._with_recognition(place, asked[place])
            # Nothing of an empty one is ever sent, so that only keeping it shows whether it is empty.
            if isinstance(file.source, AsyncIterable) and (file.spool or names or not file.size):
                await self._spool(place)
            if names:
                digests[place] = await self._engine.digest(delivery.sources[place], names)
        if not digests:
            return
        fresh = digests[0].get("sha256")
        if fresh is not None and delivery.sha256 not in (None, fresh):
            raise SourceChangedError(
                f"{delivery.name} is not the file whose upload was begun: its bytes differ; upload it anew",
                file_name=delivery.name,
            )
        delivery.sha256 = fresh or delivery.sha256
        self._note_files({place: {name: found[name] for name in asked[place]} for place, found in digests.items()})

    def _with_recognition(self, place: int, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Those asked for, and the one by which a source that is no file is recognised when its upload is resumed."""
        upload = self._upload
        kept = upload.on_state is not None or upload.resume is not None
        if place or not kept or self._delivery.sources[place].fingerprint.inode or "sha256" in asked:
            return asked
        return (*asked, "sha256")

    async def _spool(self, place: int) -> None:
        sources = self._delivery.sources
        if isinstance(sources[place], StreamSource):
            sources[place] = await spool(self._upload.files[place], self._engine)
            self._note_files({at: dict(file.digests) for at, file in enumerate(self._delivery.files)})

    async def _send_and_complete(self) -> Any:
        delivery = self._delivery
        retries = delivery.retries()
        with self._phase("slot"):
            target = await delivery.slot()
        while True:
            try:
                with self._phase("transfer"):
                    stored = await self._send(target)
                if not isinstance(stored, Stored):
                    target = stored
                    continue
                await delivery.save(stored=True)
                return await self._complete(stored)
            except (SendAgain, StartOver) as request:
                again = request
            cause = again.__cause__ if isinstance(again.__cause__, Exception) else again
            pause = retries.wait(confirmed=0)
            if pause is None:
                raise UploadError(
                    f"{delivery.name}: the service asked {retries.failures} times to send it again: {cause}",
                    file_name=delivery.name,
                ) from cause
            delivery.check_replayable(cause)
            self.meter.confirmed = 0
            await delivery.save(stored=False, parts=())
            await delivery.pause(pause)
            if isinstance(again, StartOver):
                with self._phase("slot"):
                    target = await delivery.renew(target, cause)

    async def _send(self, target: Target) -> Stored | Target:
        if len(self._upload.files) > 1 and not isinstance(target, FormTarget):
            raise InvalidInputError(
                f"Upload(files=): {len(self._upload.files)} files, and {type(target).__name__} takes one; make one "
                "Upload for each"
            )
        if not isinstance(target, MultipartTarget):
            return await send_single(self._delivery, target)
        await self._spool(0)
        return await send_multipart(self._delivery, target)

    async def _complete(self, stored: Stored) -> Any:
        if self._upload.complete is None:
            return stored
        with self._phase("completion"):
            return await self._upload.complete(stored)

    async def _give_up_session(self, error: BaseException) -> None:
        target = self._delivery.session
        if target is None or target.abort is None:
            return
        stopped = isinstance(error, asyncio.CancelledError)
        if (stopped and self._upload.abort) or isinstance(error, SourceChangedError):
            await self._abort(target.abort)

    async def _abort(self, abort: Callable[[], Awaitable[None]]) -> None:
        """Give the session up, however often the upload is cancelled meanwhile."""

        async def within_seconds() -> None:
            # Failing to give it up must not hide why: the service lets sessions expire.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_ABORT_SECONDS):
                    await abort()

        aborting = asyncio.get_running_loop().create_task(within_seconds())
        cancelled: asyncio.CancelledError | None = None
        while not aborting.done():
            try:
                await asyncio.wait([aborting])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def _close_sources(self) -> None:
        streams: list[StreamSource] = []
        for source in self._delivery.sources:
            source.close()
            if isinstance(source, StreamSource):
                streams.append(source)
        for stream in streams:
            await stream.wait_closed()
