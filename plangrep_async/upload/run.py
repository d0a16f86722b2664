"""One run of many uploads: takes them from an iterable as fast as they end, and keeps their outcomes for the caller."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Generic, TypeVar

from .entry import Entry
from .outcome import Outcome
from .task import Upload

__all__ = ["Run"]

R = TypeVar("R")


class Run(Generic[R]):
    """Belongs to one consumer.

    Args:
        uploads: of any length.
        start: begins one upload, and sees to it that :meth:`ended` is called at its end, not before ``start`` returns.
        all_known: called when the iterable has ended.
        window: uploads that were taken from the iterable and whose outcomes were not taken yet, at most.
    """

    def __init__(
        self,
        uploads: Iterable[Upload[R]] | AsyncIterable[Upload[R]],
        start: Callable[[Upload[R]], Entry[R]],
        *,
        all_known: Callable[[], None],
        window: int,
    ) -> None:
        self._start = start
        self._all_known = all_known
        self._window = window
        self._outcomes: deque[Outcome[R]] = deque()
        self._entries: set[Entry[R]] = set()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._failure: BaseException | None = None
        self._stopped = False
        self._feeder = asyncio.get_running_loop().create_task(self._feed(uploads))
        self._feeder.add_done_callback(self._fed)

    async def next(self) -> Outcome[R] | None:
        """The next outcome, or ``None`` after the last. Raises what the iterable raised, after all outcomes."""
        while not self._outcomes:
            if self._feeder.done() and not self._entries:
                if self._failure is not None:
                    raise self._failure
                return None
            self._changed.clear()
            await self._changed.wait()
        self._room.set()
        return self._outcomes.popleft()

    def ended(self, entry: Entry[R], outcome: Outcome[R] | None) -> None:
        """An upload is over."""
        self._entries.discard(entry)
        if outcome is not None:
            self._outcomes.append(outcome)
        self._changed.set()

    def stop(self, error: Exception) -> None:
        """Take no more uploads and cancel what still runs; if that is anything, :meth:`next` ends with ``error``."""
        if self._entries or not self._feeder.done():
            self._failure = error
        self._cancel()

    async def aclose(self) -> None:
        """Cancel what still runs and wait for it. Harmless at the end."""
        self._cancel()
        stopped: asyncio.CancelledError | None = None
        while self._entries or not self._feeder.done():
            self._changed.clear()
            try:
                await self._changed.wait()
            except asyncio.CancelledError as error:
                stopped = error  # threads still hold files and sockets of this run: they are waited for first
        if stopped is not None:
            raise stopped

    def _cancel(self) -> None:
        self._stopped = True
        self._feeder.cancel()
        for entry in self._entries:
            entry.stop()

    async def _feed(self, uploads: Iterable[Upload[R]] | AsyncIterable[Upload[R]]) -> None:
        try:
            if isinstance(uploads, AsyncIterable):
                async for upload in uploads:
                    await self._take(upload)
            else:
                for upload in uploads:
                    await self._take(upload)
        except Exception as error:  # noqa: BLE001 - the consumer gets it, after the outcomes
            self._failure = error
        except asyncio.CancelledError as error:
            if self._stopped:
                raise
            self._failure = error  # the iterable's own
        else:
            self._all_known()

    async def _take(self, upload: Upload[R]) -> None:
        while len(self._entries) + len(self._outcomes) >= self._window:
            self._room.clear()
            await self._room.wait()
        self._entries.add(self._start(upload))

    def _fed(self, feeder: asyncio.Task[None]) -> None:
        self._changed.set()
