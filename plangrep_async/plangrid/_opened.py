"""What a client has opened, and the order in which it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..batch import Coalescer
from ..errors import ClientClosedError
from ..session import Session
from ..upload import UploadScheduler
from .limits import LimitLearner

__all__ = ["Opened"]


class Opened:
    """The parts of a client that all copies of it share.

    Args:
        session, coalescer, learner: opened by their first call.
        make_scheduler: the upload engine; opened by the first upload.
        owns_limiter: whether the session's limiter ends with the client.
    """

    def __init__(
        self,
        session: Session,
        coalescer: Coalescer,
        learner: LimitLearner,
        make_scheduler: Callable[[], UploadScheduler],
        *,
        owns_limiter: bool,
    ) -> None:
        self.session = session
        self.coalescer = coalescer
        self._learner = learner
        self._make_scheduler = make_scheduler
        self._owns_limiter = owns_limiter
        self._scheduler: asyncio.Future[UploadScheduler] | None = None
        self._closed = False

    async def scheduler(self) -> UploadScheduler:
        """The upload engine, open."""
        self.session.check_usable()
        if self._scheduler is None:
            self._scheduler = asyncio.ensure_future(self._make_scheduler().__aenter__())
        return await asyncio.shield(self._scheduler)

    async def aclose(self, *, drain: bool) -> None:
        """Uploads first, for they make calls; then the calls; then the wire.

        Cancelled while it drains: the rest is closed as without ``drain``.
        """
        if self._closed:
            return
        self._closed = True
        try:
            await self._close_scheduler()
            if drain:
                await self._learner.drain()
        finally:
            await self._close_calls()

    async def _close_calls(self) -> None:
        try:
            await self._learner.aclose()
            await self.coalescer.aclose()
        finally:
            if self._owns_limiter:
                self.session.limiter.close(
                    ClientClosedError("the client was closed while the call waited for the rate limiter")
                )
            await self.session.aclose()

    async def _close_scheduler(self) -> None:
        if self._scheduler is None:
            return
        opening, self._scheduler = self._scheduler, None
        await asyncio.wait([opening])
        if not opening.cancelled() and opening.exception() is None:
            await opening.result().__aexit__(None, None, None)
