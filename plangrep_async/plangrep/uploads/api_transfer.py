"""Forms go to the API itself, and what the API says of its limits concerns every call of the client."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from functools import partial

from ...session.call import Answer
from ...session.session import Session
from ...upload import UploadSettings
from ...upload.wire import CancelToken, Pacer, Steps, TransferPool, WireAnswer, WireRequest
from .._context import api_path

__all__ = ["ApiTransfer"]


class ApiTransfer(TransferPool):
    """The transfer of one client's upload engine: tells the session of each 429 that a form met.

    The engine slows its own requests down, and repeats them, whatever is told here. A storage host that asks to slow
    down is the engine's business alone.
    """

    def __init__(
        self,
        session: Session,
        settings: UploadSettings,
        *,
        ssl_context: ssl.SSLContext | None,
        trust_env: bool,
        proxy: str | None,
    ) -> None:
        super().__init__(
            ssl_context=ssl_context,
            trust_env=trust_env,
            proxy=proxy,
            connect_timeout=settings.connect_timeout,
            stall_timeout=settings.stall_timeout,
            answer_timeout=settings.answer_timeout,
            min_rate=settings.min_rate,
            block_size=settings.block_size,
            max_idle=settings.max_transfers,
            pacer=None if settings.max_bandwidth is None else Pacer(settings.max_bandwidth),
        )
        self._session = session
        self._forms = f"{session.base_url}{api_path('jobs')}/"
        self._loop: asyncio.AbstractEventLoop | None = None

    def listen(self) -> None:
        """Call it on the session's event loop before a form leaves: there the session is told."""
        self._loop = asyncio.get_running_loop()

    def steps(
        self, request: WireRequest, *, cancel: CancelToken, on_sent: Callable[[int], None] | None = None
    ) -> Steps[WireAnswer]:
        """See :meth:`TransferPool.steps`."""
        began = self._session.clock.monotonic()
        answer = yield from super().steps(request, cancel=cancel, on_sent=on_sent)
        if answer.status == 429 and self._loop is not None and request.url.startswith(self._forms):
            age = self._session.clock.monotonic() - began
            refusal = Answer(answer.status, answer.headers, answer.content)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(partial(self._session.note_throttled, refusal, age=age))
        return answer
