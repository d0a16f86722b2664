"""One upload under way: what its senders need of it, whichever way its bytes go."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from attrs import evolve

from ..errors import BodyNotReplayableError, InvalidInputError, TransferError, UploadExpiredError
from ..session.redaction import redact_url
from .admission import Ticket
from .engine import Engine
from .job import Job
from .meter import Meter
from .netjob import NetworkJob
from .plan import Path
from .readers import OpenSource, Source
from .retries import Retries
from .state import UploadState
from .statekeeper import StateKeeper
from .targets import MultipartTarget, PostFormTarget, PutTarget, Target, check_target
from .task import UNKNOWN, Confirmation, PreparedFile, SlotRequest, Unconfirmed, Upload
from .verdict import Judgement
from .wire import WireAnswer, WireRequest

__all__ = ["Delivery", "log_attempt"]

_log = logging.getLogger(__name__)


def log_attempt(name: str, url: str, job: NetworkJob[WireAnswer], judgement: Judgement) -> None:
    """One line at DEBUG."""
    if _log.isEnabledFor(logging.DEBUG):
        _log.debug(
            "%s to %s: %d bytes sent, %s%s",
            name,
            redact_url(url),
            job.sent,
            judgement.verdict.value,
            "" if judgement.error is None else f" ({judgement.error})",
        )


class Delivery:
    """Belongs to one upload and one task (and the tasks that this one starts for parts).

    Attributes:
        files: as they were found, with digests; filled before the first slot is asked for.
        sources: one for each file; closed by the owner.
        ticket: given back when the first byte leaves.
        state: what is known of the upload's progress.
        sha256: of the first file, where it was computed, now or by a former process.
        session: the multipart target in use.
        begun: multipart sessions that may hold parts of this source already, and the size of these; 0 for several.
        first: an attempt that was made before: what :meth:`transmit` gives the first time.
        renewals: new targets since the last confirmed byte.
    """

    def __init__(self, engine: Engine, upload: Upload[Any], meter: Meter, order: int) -> None:
        self.engine = engine
        self.upload = upload
        self.meter = meter
        self.order = order
        self.files: tuple[PreparedFile, ...] = ()
        self.sources: list[Source] = []
        self.ticket: Ticket | None = None
        self.state: UploadState | None = None
        self.sha256: str | None = None
        self.begun: dict[str, int] = {}
        self.first: NetworkJob[WireAnswer] | None = None
        self.session: MultipartTarget | None = None
        self.renewals = 0
        self._renewed_at = 0
        self._slots = 0
        self._keeper = StateKeeper(upload.on_state) if upload.on_state is not None else None

    @property
    def name(self) -> str:
        """What errors call it: its first file's name."""
        return self.upload.file.name

    def now(self) -> float:
        """Seconds since 1970, as this machine believes."""
        return self.engine.clock.time()

    def retries(self) -> Retries:
        """A fresh count of failures."""
        return Retries(self.engine.settings.retry, self.engine.random)

    @property
    def renewable(self) -> bool:
        """Whether another target can be asked for."""
        return callable(self.upload.target)

    @property
    def keeps_state(self) -> bool:
        """Whether anybody is told of states."""
        return self._keeper is not None

    async def slot(self, previous: Target | None = None, reason: Exception | None = None) -> Target:
        """Ask where to send. Raises what the user's function raises."""
        target = self.upload.target
        if callable(target):
            request = SlotRequest(self.files, self._slots, previous, reason, self.state)
            self._slots += 1
            answer: Any = target(request)
            if not inspect.isawaitable(answer):
                raise InvalidInputError(
                    f"Upload(target=): the function gave {type(answer).__name__} at once; write it with async def"
                )
            target = await answer
            check_target(target, "the function gave")
        self.session = target if isinstance(target, MultipartTarget) else None
        self.state = self._state_for(target)
        await self.save()
        return target

    async def renew(self, previous: Target, reason: Exception) -> Target:
        """A new target in place of one that ran out.

        Raises:
            UploadExpiredError: there is no function to ask, or it was asked too often without a byte confirmed since.
        """
        if self.meter.confirmed > self._renewed_at:
            self._renewed_at = self.meter.confirmed
            self.renewals = 0
        allowed = self.engine.settings.max_renewals
        if not self.renewable or self.renewals >= allowed:
            if isinstance(reason, UploadExpiredError):
                raise reason
            why = f"{allowed} new ones did not help" if self.renewable else "its target was given as a fixed value"
            raise UploadExpiredError(
                f"{self.name}: the upload has to start over, and {why}: {reason}", file_name=self.name
            ) from reason
        self.renewals += 1
        return await self.slot(previous, reason)

    async def settle(self, target: Target, reason: Exception) -> Confirmation:
        """Ask whether bytes whose answer was lost are stored; "unknown", with the error, when asking fails."""
        if self.upload.confirm is None:
            return UNKNOWN
        try:
            return await self.upload.confirm(Unconfirmed(target, self.files, reason))
        except Exception as error:  # noqa: BLE001 - what happened to the bytes is the news, not what hid it
            return Confirmation(None, error)

    async def transmit(
        self, url: str, build: Callable[[Sequence[OpenSource]], WireRequest]
    ) -> tuple[WireAnswer | TransferError, NetworkJob[WireAnswer]]:
        """See :meth:`Engine.transmit`."""
        ticket = self.ticket
        if (job := self.first) is not None:
            self.first = None
            if ticket is not None:
                ticket.release()
            answer, error = job.take()
            if isinstance(error, TransferError):
                return error, job
            if error is not None:
                raise error
            assert answer is not None
            return answer, job
        job = self.engine.attempt(
            self.sources,
            build,
            meter=self.meter,
            order=self.order,
            on_handed=None if ticket is None else ticket.release,
        )
        return await self.engine.transmit(url, job, self.meter), job

    def note(self, url: str, job: NetworkJob[WireAnswer], judgement: Judgement) -> None:
        """Write an attempt down, and tell the host's lane when it was asked to slow down."""
        log_attempt(self.name, url, job, judgement)
        if judgement.slow_down:
            self.engine.complain(url, job, judgement.retry_after)

    async def pause(self, seconds: float) -> None:
        """Wait before an attempt."""
        await self.engine.clock.sleep(seconds)

    def check_replayable(self, cause: Exception) -> None:
        """Raise :class:`~plangrep_async.errors.BodyNotReplayableError` when bytes cannot be read again."""
        for file, source in zip(self.files, self.sources, strict=True):
            if not source.replayable:
                raise BodyNotReplayableError(
                    f"{file.name}: sending failed ({cause}), and its bytes came from an iterator that can be read only "
                    "once; spool=True keeps them for another attempt"
                ) from cause

    async def verify(self) -> None:
        """Raise :class:`~plangrep_async.errors.SourceChangedError` when a source is not what it was."""
        await self.engine.disk.run(self._open_all, foreign=not all(source.quick for source in self.sources))

    def _open_all(self, _job: Job[None]) -> None:
        for source in self.sources:
            with closing(source.open()) as opened:
                opened.verify()

    async def save(self, **changes: Any) -> None:
        """Take over changes of the state and tell the user. Raises what the user's callback raises."""
        if self.state is not None:
            if changes:
                self.state = evolve(self.state, **changes)
            if self._keeper is not None:
                await self._keeper.tell(self.state)

    def _state_for(self, target: Target) -> UploadState:
        old = self.state
        mixed = False
        if isinstance(target, MultipartTarget):
            if old is not None and (old.upload_id, old.part_size) == (target.upload_id, target.part_size):
                return evolve(old, memo=target.memo)
            mixed = self.begun.get(target.upload_id, target.part_size) != target.part_size
            kind = Path.MULTIPART
        elif isinstance(target, PutTarget):
            kind = Path.PUT
        else:
            kind = Path.POST_FORM if isinstance(target, PostFormTarget) else Path.FORM
        first = self.files[0]
        return UploadState(
            file_name=first.name,
            fingerprint=first.fingerprint,
            kind=kind.value,
            upload_id=target.upload_id if isinstance(target, MultipartTarget) else None,
            part_size=target.part_size if isinstance(target, MultipartTarget) else None,
            sha256=self.sha256,
            mixed=mixed,
            memo=target.memo,
        )
