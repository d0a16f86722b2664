"""The upload scheduler of one client: opened when it is first needed, closed with the client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ...session.session import Session
from ...upload import Outcome, Upload, UploadProgress, UploadScheduler

__all__ = ["UploadEngine"]

R = TypeVar("R")


class UploadEngine:
    """Makes the scheduler at first use.

    Args:
        session: says whether the client can still be used.
        make: makes a scheduler that is not open.
    """

    def __init__(self, session: Session, make: Callable[[], UploadScheduler]) -> None:
        self._session = session
        self._make = make
        self._scheduler: UploadScheduler | None = None
        self._opening: asyncio.Lock | None = None

    async def open(self) -> UploadScheduler:
        """The open scheduler.

        Raises:
            ClientClosedError, ClientForkedError, WrongEventLoopError: the client cannot be used.
        """
        self._session.check_usable()
        if self._scheduler is None:
            # Two tasks may come here at once; entering awaits nothing that could hang.
            self._opening = self._opening or asyncio.Lock()
            async with self._opening:
                if self._scheduler is None:
                    self._scheduler = await self._make().__aenter__()
        return self._scheduler

    async def upload(self, upload: Upload[R], on_progress: Callable[[UploadProgress], None] | None = None) -> R:
        """Run one upload; its result, or its error."""
        scheduler = await self.open()
        if on_progress is None:
            return await scheduler.upload(upload)
        outcomes: list[Outcome[R]] = [item async for item in scheduler.run([upload], on_progress=on_progress)]
        if outcomes[0].error is not None:
            raise outcomes[0].error
        return outcomes[0].result

    async def aclose(self) -> None:
        """Cancel what still runs, and wait for its threads."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            await scheduler.__aexit__(None, None, None)
