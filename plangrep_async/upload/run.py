"""One run of many uploads: takes them from an iterable as fast as they end, and keeps their outcomes for the caller."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Generic, TypeVar

from .outcome import Outcome
from .task import Upload
from .tracker import Tracker

__all__ = ["Run"]

R = TypeVar("R")


class Run(Generic[R]):
    """Belongs to one consumer.

    Args:
        uploads: of any length.
        start: makes the task that carries one upload; what it returns is its outcome.
        window: uploads that were taken from the iterable and whose outcomes were not taken yet, at most.
        tracker: told of what was taken.
    """

    def __init__(
        self,
        uploads: Iterable[Upload[R]] | AsyncIterable[Upload[R]],
        start: Callable[[Upload[R]], asyncio.Task[Outcome[R]]],
        *,
        window: int,
        tracker: Tracker,
    ) -> None:
        self._start = start
        self._window = window
        self._tracker = tracker
        self._outcomes: deque[Outcome[R]] = deque()
        self._tasks: set[asyncio.Task[Outcome[R]]] = set()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._failure: BaseException | None = None
        self._feeder = asyncio.get_running_loop().create_task(self._feed(uploads))
        self._feeder.add_done_callback(self._fed)

    async def next(self) -> Outcome[R] | None:
        """The next outcome, or ``None`` after the last. Raises what the iterable raised, after all outcomes."""
        while not self._outcomes:
            if self._feeder.done() and not self._tasks:
                if self._failure is not None:
                    raise self._failure
                return None
            self._changed.clear()
            await self._changed.wait()
        self._room.set()
        return self._outcomes.popleft()

    async def aclose(self) -> None:
        """Cancel what still runs and wait for it. Harmless at the end."""
        running = [task for task in (self._feeder, *self._tasks) if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

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
        else:
            self._tracker.all_known = True

    async def _take(self, upload: Upload[R]) -> None:
        while len(self._tasks) + len(self._outcomes) >= self._window:
            self._room.clear()
            await self._room.wait()
        task = self._start(upload)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Outcome[R]]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._outcomes.append(task.result())
        self._changed.set()

    def _fed(self, feeder: asyncio.Task[None]) -> None:
        self._changed.set()
