"""What a client has opened, and the order in which it is closed."""

from __future__ import annotations

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
        scheduler: opened by its first upload.
        owns_limiter: whether the session's limiter ends with the client.
    """

    def __init__(
        self,
        session: Session,
        coalescer: Coalescer,
        learner: LimitLearner,
        scheduler: UploadScheduler,
        *,
        owns_limiter: bool,
    ) -> None:
        self.session = session
        self.coalescer = coalescer
        self._learner = learner
        self._scheduler = scheduler
        self._owns_limiter = owns_limiter
        self._closed = False

    async def aclose(self, *, drain: bool) -> None:
        """Uploads first, for they make calls; then the calls; then the wire.

        Cancelled while it drains: the rest is closed as without ``drain``.
        """
        if self._closed:
            return
        self._closed = True
        try:
            await self._scheduler.aclose()
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
