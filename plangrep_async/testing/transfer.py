"""A data plane without a network: takes requests, keeps what they carried, answers as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..errors import SourceChangedError

if TYPE_CHECKING:
    from ..upload.wire import CancelToken, WireAnswer, WireRequest

__all__ = ["FakeTransfer", "SentRequest"]

_PIECE = 1 << 16


@frozen
class SentRequest:
    """One request as it arrived: ``body`` is what was read of it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class FakeTransfer:
    """Give it to ``UploadScheduler(transfer=)``.

    Args:
        reply: called in a worker thread with each :class:`SentRequest`: gives the answer, or an error to raise.
            The default answers 200 with an ETag.
        keep_bodies: ``False`` reads bodies and drops them.

    Attributes:
        started: the URLs of all requests, in the order of their beginning.
        requests: all that arrived, in the order of their end.
        running: requests under way at this moment; ``most`` the most there were at once.
        gate: while it is cleared, requests wait after their body was read, until they are cancelled or it is set.
    """

    def __init__(
        self, reply: Callable[[SentRequest], WireAnswer | Exception] | None = None, *, keep_bodies: bool = True
    ) -> None:
        self._reply = reply
        self._keep = keep_bodies
        self._lock = threading.Lock()
        self.started: list[str] = []
        self.requests: list[SentRequest] = []
        self.running = 0
        self.most = 0
        self.closed = False
        self.gate = threading.Event()
        self.gate.set()

    def steps(
        self, request: WireRequest, *, cancel: CancelToken, on_sent: Callable[[int], None] | None = None
    ) -> Generator[Any, Any, WireAnswer]:
        """See :meth:`plangrep_async.upload.wire.TransferPool.steps`."""
        from ..upload.wire import WireAnswer
        from ..upload.wire.wait import Wait

        with self._lock:
            self.started.append(request.url)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            body = self._read(request, on_sent)
            while not self.gate.is_set():
                yield Wait(None, 0, time.monotonic() + 0.002)
            sent = SentRequest(request.method, request.url, request.headers, body)
            with self._lock:
                self.requests.append(sent)
            if self._reply is None:
                return WireAnswer(200, {"etag": '"etag"'}, b"", request.body.total)
            answer = self._reply(sent)
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            with self._lock:
                self.running -= 1

    def _read(self, request: WireRequest, on_sent: Callable[[int], None] | None) -> bytes:
        kept = bytearray(request.body.prefix)
        done = 0
        piece = memoryview(bytearray(_PIECE))
        while done < request.body.length:
            assert request.body.source is not None
            left = request.body.length - done
            got = request.body.source.readinto_at(request.body.offset + done, piece[: min(_PIECE, left)])
            if not got:
                raise SourceChangedError(f"the source ends after {done} of {request.body.length} bytes")
            if self._keep:
                kept += piece[:got]
            done += got
            if done == request.body.length:
                request.body.source.verify()
            if on_sent is not None:
                on_sent(len(request.body.prefix) + done)
        kept += request.body.suffix
        if on_sent is not None:
            on_sent(len(request.body.prefix) + done + len(request.body.suffix))
        return bytes(kept)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
