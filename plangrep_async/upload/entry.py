"""One upload of a run, from the moment it is taken to its outcome.

Two ways lead there. In general a task carries it (:class:`Courier`). An upload that asks for nothing but its bytes sent
once to a known place, and that is small, needs none: its request goes straight to the lane of its host. Should that not
end well, a task goes on from there, with what came of the first attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from ..errors import TransferCancelledError
from .bodies import single_request
from .courier import Courier
from .delivery import log_attempt
from .engine import Engine, host_of
from .meter import Meter
from .netjob import NetworkJob
from .ordering import LARGE
from .outcome import Outcome
from .readers import Source
from .single import stored_statuses
from .source import is_foreign
from .targets import FormTarget, PostFormTarget, PutTarget
from .task import PreparedFile, Stored, Upload
from .verdict import STORED, says_stored
from .wire import WireAnswer

__all__ = ["Entry"]

R = TypeVar("R")
_Status: TypeAlias = Literal["stored", "failed", "cancelled"]


class Entry(Generic[R]):
    """Begins at once.

    Args:
        engine: what all uploads share.
        upload: what to deliver.
        order: its place among all uploads.
        ended: called on the loop, once, later than this returns: with the outcome, or with ``None`` when it was
            stopped.

    Attributes:
        meter: its counters.
    """

    __slots__ = ("_asked", "_ended", "_engine", "_files", "_job", "_order", "_source", "_task", "meter", "upload")

    def __init__(
        self,
        engine: Engine,
        upload: Upload[R],
        order: int,
        ended: Callable[[Entry[R], Outcome[R] | None], None],
    ) -> None:
        self.upload = upload
        self.meter = Meter(upload.file.name, engine.clock.monotonic())
        self._engine = engine
        self._order = order
        self._ended = ended
        self._files: tuple[PreparedFile, ...] = ()
        self._source: Source | None = None
        self._job: NetworkJob[WireAnswer] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._asked: Literal["stop", "cancel"] | None = None
        if _is_plain(upload):
            engine.look(upload.file, self._found)
        else:
            self._carry()

    def stop(self, *, outcome: bool = False) -> None:
        """Cancel it. With ``outcome`` that is an outcome, too: ``"cancelled"``, unless it was stored meanwhile."""
        self._asked = "cancel" if outcome else self._asked or "stop"
        if self._task is not None:
            self._task.cancel()
        elif self._job is not None:
            self._job.stop()
            if self._job.dropped:
                self.meter.ended(self._job)
                self._job = None
                self._engine.loop.call_soon(self._cancelled)

    @property
    def begun(self) -> bool:
        """Whether bytes of it have left, or are about to."""
        return self.meter.attempts > 0 or self.meter.confirmed > 0 or any(job.taken for job in self.meter.running)

    # The short way

    def _found(self, source: Source | Exception) -> None:
        if self._asked:
            self._cancelled()
            return
        if isinstance(source, Exception):  # the task looks again, and tells
            self._carry()
            return
        self._source = source
        fingerprint = source.fingerprint
        if fingerprint.size >= LARGE or not source.quick:
            self._carry()
            return
        try:
            self._post(source)
        except Exception as error:  # noqa: BLE001 - it must not be lost, nor stop those that were looked at with it
            self._end("failed", error=error)

    def _post(self, source: Source) -> None:
        upload, target = self.upload, self.upload.target
        assert isinstance(target, (PutTarget, PostFormTarget, FormTarget))
        self.meter.size = source.fingerprint.size
        self._files = (PreparedFile(upload.file, source.fingerprint),)
        build = partial(single_request, target, self._files)
        job = self._engine.attempt((source,), build, meter=self.meter, order=self._order)
        job.on_settled = self._answered
        self._job = job
        self.meter.running.add(job)
        self._engine.lanes.post(host_of(target.url), job)

    def _answered(self) -> None:
        job, source, target = self._job, self._source, self.upload.target
        assert job is not None
        assert source is not None
        assert isinstance(target, (PutTarget, PostFormTarget, FormTarget))
        self._job = None
        self.meter.ended(job)
        answer = job.result
        if answer is not None and not answer.early and says_stored(answer, stored_statuses(target)):
            log_attempt(self.upload.file.name, target.url, job, STORED)
            self.meter.confirmed = self.meter.size
            source.close()
            stored = Stored(self._files, target.memo, target, answer)
            self._end("stored", result=stored)
        elif self._asked:
            self._cancelled()
        else:
            self._carry(job)

    # The way of all others

    def _carry(self, first: NetworkJob[WireAnswer] | None = None) -> None:
        found = () if self._source is None else (self._source,)
        courier = Courier(self._engine, self.upload, self._order, self.meter, found)
        if first is not None:
            courier.resend(first)
        self._task = self._engine.loop.create_task(courier.deliver())
        self._task.add_done_callback(partial(self._delivered, courier))

    def _delivered(self, courier: Courier, task: asyncio.Task[Any]) -> None:
        self._files = courier.files
        if task.cancelled():
            self._cancelled()
            return
        error = task.exception()
        if error is None:
            self._end("stored", result=task.result())
        elif isinstance(error, Exception):
            self._end("failed", error=error)
        else:  # the loop itself is being stopped by it
            self._ended(self, None)

    # The end of both

    def _cancelled(self) -> None:
        if self._source is not None:
            self._source.close()
        if self._asked == "stop":
            self._ended(self, None)
        else:
            name = self.upload.file.name
            self._end("cancelled", error=TransferCancelledError(f"{name}: cancelled", file_name=name))

    def _end(self, status: _Status, *, result: Any = None, error: Exception | None = None) -> None:
        meter = self.meter
        outcome: Outcome[R] = Outcome(
            upload=self.upload,
            status=status,
            result=result,
            error=error,
            files=self._files,
            size=meter.size,
            bytes_sent=meter.wire,
            seconds=self._engine.clock.monotonic() - meter.began,
            attempts=meter.attempts,
        )
        self._ended(self, outcome)


def _is_plain(upload: Upload[Any]) -> bool:
    """Whether it asks for nothing but its bytes sent once to a known place."""
    target = upload.target
    if isinstance(target, FormTarget) and (target.before or target.on_answer):
        return False
    return (
        isinstance(target, (PutTarget, PostFormTarget, FormTarget))
        and len(upload.files) == 1
        and not is_foreign(upload.file)
        and not upload.digests
        and upload.complete is None
        and upload.on_state is None
        and upload.resume is None
        and upload.deadline is None
    )
