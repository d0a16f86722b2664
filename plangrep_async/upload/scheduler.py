"""All uploads of a client: bounded, ordered, adapted to each host, cancellable."""

from __future__ import annotations

import random as _random
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from .._clock import Clock, SystemClock
from .outcome import Outcome, UploadReport
from .progress import UploadProgress
from .settings import UploadSettings
from .task import Upload
from .transfer import Transfer

__all__ = ["UploadScheduler"]

R = TypeVar("R")


class UploadScheduler:
    """Runs uploads. Opens nothing before ``async with``; use it on one event loop, in one process.

    Args:
        settings: the bounds.
        ssl_context: for https to storage hosts; default: the system's trust store, as httpx does.
        trust_env: obey the proxy and certificate variables of the environment.
        proxy: a proxy for every request; goes before the environment.
        transfer: what sends the bytes; default: a :class:`TransferPool` made of ``settings``. Closed on exit when made
            here.
        clock, random: time and chance, for tests.
    """

    def __init__(
        self,
        settings: UploadSettings | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = True,
        proxy: str | None = None,
        transfer: Transfer | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.settings = settings or UploadSettings()
        self.clock = clock or SystemClock()

    async def __aenter__(self) -> UploadScheduler:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Cancel what still runs and wait until every thread of it has stopped."""

    async def upload(self, upload: Upload[R]) -> R | Any:
        """Run one upload and give its result (see ``Upload.complete``).

        Raises:
            SourceError, TransferError, StorageError, ChecksumMismatchError, UploadUnconfirmedError,
            BodyNotReplayableError, DeadlineExceededError: see :mod:`plangrep_async.errors`; and whatever the upload's
            own callbacks raise.

        Cancellation: its threads stop at the next block and their sockets are closed before the call returns. A
        multipart session is kept for resume, unless ``Upload.abort``.
        """
        raise NotImplementedError

    def run(
        self,
        uploads: Iterable[Upload[R]] | AsyncIterable[Upload[R]],
        *,
        on_progress: Callable[[UploadProgress], None] | None = None,
    ) -> AsyncGenerator[Outcome[R], None]:
        """Run uploads and give each outcome when it is there; one bad file never stops the others.

        Args:
            uploads: of any length; read no further than ``settings.lookahead`` uploads ahead of the outcomes that were
                taken. A plain iterable is read on the event loop and should not block.
            on_progress: called from the event loop, at most ten times a second, and once at the end.

        Leaving the loop early, or cancelling it, cancels what still runs (use ``contextlib.aclosing`` to wait for it).
        An error raised by ``uploads`` itself is raised here after the outcomes of what was already taken.
        """
        raise NotImplementedError

    async def run_all(
        self,
        uploads: Iterable[Upload[R]] | AsyncIterable[Upload[R]],
        *,
        on_progress: Callable[[UploadProgress], None] | None = None,
    ) -> UploadReport[R]:
        """:meth:`run`, with all outcomes in one report."""
        raise NotImplementedError

    def cancel(self, upload: Upload[Any]) -> bool:
        """Stop one upload of a run; its outcome is ``"cancelled"``. ``False`` when it is not running here."""
        raise NotImplementedError
