"""One piece of work for a thread, awaited from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

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
        epoch: see :class:`AdaptiveLimit`; set when it is handed to a thread.
        settled: its thread has left it.
    """

    __slots__ = (
        "_claim",
        "_error",
        "_left",
        "_result",
        "cancel",
        "epoch",
        "future",
        "on_handed",
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
        self.cancel = CancelToken()
        self.sent = 0
        self.epoch = 0
        self.settled = False
        self.future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._claim = [True]
        self._left: asyncio.Future[None] | None = None
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
        """Tell those who wait, on the loop, that no thread has to do with it any more."""
        self.settled = True
        if not self.future.done():
            if self._error is not None:
                self.future.set_exception(self._error)
            else:
                self.future.set_result(self._result)  # type: ignore[arg-type]
        self._result = self._error = None
        if self._left is not None and not self._left.done():
            self._left.set_result(None)

    async def wait(self) -> T:
        """Its result, or its error.

        Cancellation: a job that no thread has taken is dropped; else the thread is told to stop, and the call returns
        only when it has.
        """
        try:
            return await self.future
        except asyncio.CancelledError:
            if not self.claim():
                self.cancel.cancel()
                if self.on_stop is not None:
                    self.on_stop()
                await self._thread_has_left()
            raise

    async def _thread_has_left(self) -> None:
        while not self.settled:
            self._left = asyncio.get_running_loop().create_future()
            try:
                await self._left
            except asyncio.CancelledError:
                continue  # cancelled again: the thread still holds its socket
