"""A file on its way in: it has its name only once it is whole."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

__all__ = ["LandingFile"]

T = TypeVar("T")

_BLOCK = 1 << 20


class LandingFile:
    """Writes beside ``target`` under a temporary name; :meth:`keep` gives it its own, replacing what was there.

    ::

        async with LandingFile(target) as file:
            await file.write(data)
            await file.keep()

    Without ``keep()`` nothing is left behind. All disk work is done in worker threads. The temporary file is a new one:
    a link that somebody put in its place is not followed.

    Cancelled, however often: the thread at work is waited for (one write, at most), then the temporary file is removed.
    A file that was there stays, unless the new one was being renamed already: then it is there, whole.

    Raises ``OSError`` as writing files does.
    """

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self.target = Path(target)
        self._name = self.target.parent / f".{self.target.name[:100]}.{secrets.token_hex(8)}.part"
        self._file: BinaryIO | None = None
        self._fate = threading.Lock()  # whoever takes it decides: keep() to rename, or a cancellation not to

    async def __aenter__(self) -> Self:
        try:
            await _in_thread(self._create)
        except asyncio.CancelledError:
            await _in_thread(self._discard)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            await _in_thread(self._discard)

    async def write(self, data: bytes | bytearray) -> None:
        """Append ``data``."""
        await _in_thread(lambda: self._write(data))

    async def write_all(self, pieces: AsyncIterator[bytes], check: Callable[[int], None] | None = None) -> int:
        """Append all pieces, in blocks of 1 MiB, and tell how many bytes they were.

        ``check`` is called with the bytes so far after each piece; what it raises ends the file.
        """
        size = 0
        block = bytearray()
        async for piece in pieces:
            size += len(piece)
            if check is not None:
                check(size)
            block += piece
            if len(block) >= _BLOCK:
                await self.write(block)
                block = bytearray()
        await self.write(block)
        return size

    async def keep(self, numbered: Callable[[int], str] | None = None) -> Path:
        """It is whole: write it through to the disk and give it its name, which is given back.

        With ``numbered``, nothing is replaced: of the names that it makes of 1, 2, 3 and so on, in the folder of
        ``target``, the file gets the first that is free. To be called once.
        """
        return await _in_thread(lambda: self._keep(numbered), lambda: self._fate.acquire(blocking=False))

    def _create(self) -> None:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self._name, flags, 0o666), "wb")

    def _write(self, data: bytes | bytearray) -> None:
        assert self._file is not None, "the file is not open"
        self._file.write(data)

    def _keep(self, numbered: Callable[[int], str] | None) -> Path:
        assert self._file is not None, "the file is not open"
        self._file.flush()
        os.fsync(self._file.fileno())
        if not self._fate.acquire(blocking=False):
            raise RuntimeError("its caller was cancelled, or has kept it before")
        target = self.target if numbered is None else self._reserve(numbered)
        try:
            os.replace(self._name, target)
        except OSError:
            if numbered is not None:
                target.unlink(missing_ok=True)
            raise
        self._file.close()
        self._file = None
        return target

    def _reserve(self, numbered: Callable[[int], str]) -> Path:
        """The first free name, taken against everybody else."""
        for number in count(1):
            target = self.target.with_name(numbered(number))
            with contextlib.suppress(FileExistsError):
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
                return target
        raise AssertionError("numbers have no end")

    def _discard(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # a full disk shows here again
                file.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._name)


async def _in_thread(work: Callable[[], T], cancelled: Callable[[], object] = lambda: None) -> T:
    """Run ``work`` in a thread; a cancelled task waits for its end, so that nothing happens after it.

    Scopes of anyio cancel a task again and again until it is gone: the wait goes on through all of them. It is no task
    that runs the thread, since the end of a loop would cancel that too.

    Args:
        work: what to do.
        cancelled: told of each cancellation, while ``work`` is under way.
    """
    running = asyncio.get_running_loop().run_in_executor(None, work)
    cancellation: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as error:
            cancellation = error
            cancelled()
    if cancellation is None:
        return running.result()
    running.exception()  # the cancellation is what the caller hears of
    raise cancellation
