"""One piece of work for a thread, awaited from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar, cast

from .wire import CancelToken

__all__ = ["Job"]

T = TypeVar("T")


class Job(Generic[T]):
    """Runs once, unless it is stopped before a thread has taken it.

    Args:
        work: what a thread calls with this job. It passes :attr:`cancel` on and keeps :attr:`sent` up to date.
        size: bytes of the whole upload that it belongs to: what the order of work looks at.
        order: that upload's place in the run.
        on_stop: called when a running job is to be stopped, beside cancelling the token.
        on_handed: called when a thread is free for it, or will be in a moment.

    Attributes:
        cancel: stops it in mid-work.
        sent: bytes of its body that have gone out; written by its thread, read by anybody.
        epoch: see :class:`AdaptiveLimit`; set when a thread takes it.
        on_settled: called on the loop, once, when its thread has left it; :meth:`wait` sets its own.
        settled: its thread has left it.
        dropped: it was stopped before a thread took it, and none will.
    """

    __slots__ = (
        "_claim",
        "_error",
        "_result",
        "cancel",
        "dropped",
        "epoch",
        "on_handed",
        "on_settled",
        "on_stop",
        "order",
        "sent",
        "settled",
        "size",
        "work",
    )

    def __init__(
        self,
        work: Callable[[Job[T]], T],
        *,
        size: int = 0,
        order: int = 0,
        on_stop: Callable[[], None] | None = None,
        on_handed: Callable[[], None] | None = None,
    ) -> None:
        self.work = work
        self.size = size
        self.order = order
        self.on_stop = on_stop
        self.on_handed = on_handed
        self.on_settled: Callable[[], None] | None = None
        self.cancel = CancelToken()
        self.sent = 0
        self.epoch = 0
        self.settled = False
        self.dropped = False
        self._claim = [True]
        self._result: T | None = None
        self._error: BaseException | None = None

    def note_sent(self, sent: int) -> None:
        """What a transfer calls with the bytes sent so far."""
        self.sent = sent

    def claim(self) -> bool:
        """Whether the caller is the first: a thread that is to run it, or the loop that is to drop it. Atomic."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        return True

    @property
    def taken(self) -> bool:
        """Whether a thread has taken it, or it was dropped."""
        return not self._claim

    def execute(self) -> None:
        """Run it, in a thread that has claimed it."""
        try:
            self._result = self.work(self)
        except BaseException as error:  # noqa: BLE001 - it is handed to the awaiting task
            self._error = error

    def done(self, result: T | None, error: BaseException | None) -> None:
        """Note how it ended, in place of :meth:`execute`."""
        self._result = result
        self._error = error

    def settle(self) -> None:
        """Tell who waits, on the loop, that no thread has to do with it any more."""
        if self.dropped:
            return
        self.settled = True
        if self.on_settled is not None:
            self.on_settled()

    @property
    def result(self) -> T | None:
        """What its work gave, once it is settled; ``None`` when that failed."""
        return self._result

    def take(self) -> tuple[T | None, BaseException | None]:
        """Its result or its error, once it is settled; kept here no longer."""
        result, error = self._result, self._error
        self._result = self._error = None
        return result, error

    def stop(self) -> None:
        """Drop it when no thread has taken it yet; else tell its thread to stop: it settles when that has left it."""
        if self.claim():
            self.dropped = True
            return
        self.cancel.cancel()
        if self.on_stop is not None:
            self.on_stop()

    async def wait(self) -> T:
        """Its result, or its error.

        Cancellation: a job that no thread has taken is dropped; else the thread is told to stop, and the call returns
        only when it has.
        """
        stopped: asyncio.CancelledError | None = None
        while not (self.settled or self.dropped):
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.on_settled = partial(_wake, settled)
            try:
                await settled
            except asyncio.CancelledError as error:
                if stopped is None:  # cancelled again: the thread still holds its socket
                    stopped = error
                    self.stop()
        result, failure = self.take()
        try:
            if stopped is not None:
                raise stopped
            if failure is not None:
                raise failure
        finally:
            del stopped, failure  # a traceback that holds its own error would be garbage for the collector
        return cast(T, result)


def _wake(settled: asyncio.Future[None]) -> None:
    if not settled.done():
        settled.set_result(None)
