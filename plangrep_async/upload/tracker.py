"""From the counters of many uploads to :class:`UploadProgress`, at most ten times a second."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable

from .._clock import Clock, TimerHandle
from ..errors import InvalidInputError
from .meter import Meter
from .progress import FileProgress, UploadProgress

__all__ = ["Tracker"]

_INTERVAL = 0.1  # seconds between callbacks
_WINDOW = 5.0  # seconds over which the rate is taken

_log = logging.getLogger(__name__)


class Tracker:
    """One run's uploads. Lives on the event loop; keeps nothing of an upload that has ended but its sums.

    Args:
        clock: time.
        callback: told of the progress; an error that it raises is logged once and does not stop the run.

    Raises:
        InvalidInputError: the callback is a coroutine function, which nobody would await.
    """

    def __init__(self, clock: Clock, callback: Callable[[UploadProgress], None] | None) -> None:
        if inspect.iscoroutinefunction(callback):
            raise InvalidInputError("on_progress is called and not awaited: give a plain function, without async")
        self._clock = clock
        self._callback = callback
        self._meters: dict[Meter, None] = {}
        self._began = clock.monotonic()
        self._samples: deque[tuple[float, int]] = deque([(self._began, 0)])
        self._timer: TimerHandle | None = None
        self._known = self._done = self._failed = 0
        self._bytes_ended = self._bytes_sent = self._bytes_confirmed = self._bytes_given_up = 0
        self.all_known = False

    def start(self) -> None:
        """Begin to call back."""
        if self._callback is not None:
            self._timer = self._clock.call_later(_INTERVAL, self._tick)

    def add(self, meter: Meter) -> None:
        """An upload was taken from the iterable."""
        self._known += 1
        self._meters[meter] = None

    def end(self, meter: Meter, *, stored: bool) -> None:
        """It has ended; what a failed one has sent counts no more."""
        del self._meters[meter]
        self._bytes_ended += meter.size
        self._bytes_confirmed += meter.confirmed
        if stored:
            self._done += 1
            self._bytes_sent += meter.size
        else:
            self._failed += 1
            self._bytes_sent += meter.confirmed
            self._bytes_given_up += meter.size - meter.confirmed

    def all_uploads_known(self) -> None:
        """No more will come: what is known so far is all."""
        self.all_known = True

    def finish(self) -> None:
        """Call back for the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._callback is not None:
            self._call(self.snapshot(final=True))
            self._callback = None

    def snapshot(self, *, final: bool = False) -> UploadProgress:
        """The progress at this moment."""
        now = self._clock.monotonic()
        files: list[FileProgress] = []
        known, sent, confirmed = self._bytes_ended, self._bytes_sent, self._bytes_confirmed
        for meter in self._meters:
            meter_sent = meter.sent
            known += meter.size
            sent += meter_sent
            confirmed += meter.confirmed
            if meter.running or meter.confirmed:
                files.append(FileProgress(meter.name, meter.size, meter_sent, meter.confirmed))
        return UploadProgress(
            uploads_done=self._done,
            uploads_failed=self._failed,
            uploads_known=self._known,
            all_known=self.all_known,
            bytes_known=known,
            bytes_sent=sent,
            bytes_confirmed=confirmed,
            seconds=now - self._began,
            rate=self._rate(now, sent),
            bytes_given_up=self._bytes_given_up,
            active=tuple(files),
            final=final,
        )

    def _rate(self, now: float, sent: int) -> float:
        since, before = self._samples[0]
        return max(0.0, (sent - before) / (now - since)) if now > since else 0.0

    def _tick(self) -> None:
        self._timer = self._clock.call_later(_INTERVAL, self._tick)
        progress = self.snapshot()
        self._samples.append((self._clock.monotonic(), progress.bytes_sent))
        while len(self._samples) > 2 and self._samples[1][0] <= self._samples[-1][0] - _WINDOW:
            self._samples.popleft()
        self._call(progress)

    def _call(self, progress: UploadProgress) -> None:
        if self._callback is None:
            return
        try:
            self._callback(progress)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - a broken display must not stop the uploads
            _log.exception("the progress callback failed; it is not called again in this run")
            self._callback = None
