"""An async iterable as a source: pumped from the event loop into a small buffer that a sending thread empties."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable

from ..errors import BodyNotReplayableError, SourceChangedError, SourceUnreadableError, TransferCancelledError
from .file import UploadFile
from .fingerprint import Fingerprint

__all__ = ["StreamSource", "not_as_declared"]


class OpenStream:
    """The one request that reads it."""

    __slots__ = ("_stream",)

    def __init__(self, stream: StreamSource) -> None:
        self._stream = stream

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        return self._stream.readinto_at(offset, buffer)

    def verify(self) -> None:
        self._stream.verify()

    def close(self) -> None:
        """The iterable goes on until the upload ends."""


class StreamSource:
    """Sent once, as it comes; nothing is taken from the iterable before a thread asks for the first byte.

    Args:
        file: whose source is the iterable, and whose ``size`` is its length.
        loop: where the iterable runs.
        buffer: bytes that may lie between the iterable and the wire (one item more, whatever its size).
    """

    quick = False

    def __init__(self, file: UploadFile, loop: asyncio.AbstractEventLoop, *, buffer: int) -> None:
        assert isinstance(file.source, AsyncIterable)
        assert file.size is not None
        self.fingerprint = Fingerprint("", file.size)
        self._iterable: AsyncIterable[bytes] = file.source
        self._name = file.name
        self._loop = loop
        self._limit = buffer
        self._pump: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._changed = threading.Condition()
        self._items: deque[memoryview] = deque()
        self._held = 0
        self._ended = False
        self._stopped = False
        self._error: BaseException | None = None
        self._started = False
        self._position = 0

    @property
    def replayable(self) -> bool:
        """Whether nothing has been taken from the iterable yet."""
        return not self._started

    def open(self) -> OpenStream:
        if self._started:
            raise BodyNotReplayableError(f"{self._name}: its bytes came from an iterator and can be sent only once")
        return OpenStream(self)

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        """Wait for bytes, in a thread. They can be read in order only."""
        if offset != self._position:
            raise BodyNotReplayableError(f"{self._name}: its bytes came from an iterator and can be sent only once")
        if not self._started:
            self._started = True
            self._loop.call_soon_threadsafe(self._start)
        with self._changed:
            while not self._items and not self._ended and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise TransferCancelledError(f"{self._name}: stopped on request", file_name=self._name)
            if not self._items:
                if self._error is not None:
                    raise SourceUnreadableError(
                        f"{self._name}: its iterator failed: {self._error!r}", file_name=self._name
                    ) from self._error
                return 0
            item = self._items[0]
            size = min(len(item), len(buffer))
            buffer[:size] = item[:size]
            if size == len(item):
                self._items.popleft()
            else:
                self._items[0] = item[size:]
            self._held -= size
            self._position += size
            roomy = self._held < self._limit
        if roomy:
            self._loop.call_soon_threadsafe(self._room.set)
        return size

    def verify(self) -> None:
        """Wait for the iterable's end: one that gives more or less than was declared must not look complete."""
        with self._changed:
            while not self._items and not self._ended and not self._stopped and self._started:
                self._changed.wait()
            if self._stopped:
                raise TransferCancelledError(f"{self._name}: stopped on request", file_name=self._name)
            if self._error is not None:
                raise SourceUnreadableError(
                    f"{self._name}: its iterator failed: {self._error!r}", file_name=self._name
                ) from self._error
            if self._items or (self._started and self._position < self.fingerprint.size):
                raise not_as_declared(self._name, self._position + self._held, self.fingerprint.size)

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def close(self) -> None:
        """Stop, and end the pump. Called on the event loop."""
        self.stop()
        if self._pump is not None:
            self._pump.cancel()

    async def wait_closed(self) -> None:
        """Until the iterable was left."""
        if self._pump is not None:
            await asyncio.wait([self._pump])

    def _start(self) -> None:
        if not self._stopped:
            self._pump = self._loop.create_task(self._run())

    async def _run(self) -> None:
        error: BaseException | None = None
        try:
            await self._fill()
        except Exception as caught:  # noqa: BLE001 - whatever the user's iterator raises is told to the sender
            error = caught
        finally:
            with self._changed:
                self._ended = True
                self._error = error
                self._changed.notify_all()

    async def _fill(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            iterator = aiter(self._iterable)
            if isinstance(iterator, AsyncGenerator):
                stack.push_async_callback(iterator.aclose)
            async for chunk in iterator:
                view = memoryview(chunk).cast("B")
                if not view:
                    continue
                with self._changed:
                    self._items.append(view)
                    self._held += len(view)
                    self._changed.notify_all()
                    full = self._held >= self._limit
                    if full:
                        self._room.clear()
                if full:
                    await self._room.wait()


def not_as_declared(name: str, gave: int, declared: int) -> SourceChangedError:
    """The error for an iterable of another length than ``UploadFile.size`` says."""
    much = (
        "more" if gave > declared else f"only {gave} bytes" if gave else "nothing (one that was read before is empty)"
    )
    return SourceChangedError(
        f"{name}: its iterator gave {much}, and UploadFile(size=) says {declared} bytes", file_name=name
    )
