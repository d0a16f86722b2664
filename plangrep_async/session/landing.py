"""A file on its way in: it has its name only once it is whole."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

__all__ = ["LandingFile"]

T = TypeVar("T")


class LandingFile:
    """Writes beside ``target`` under a temporary name; :meth:`keep` gives it its own, replacing what was there.

    ::

        async with LandingFile(target) as file:
            await file.write(data)
            await file.keep()

    Without ``keep()`` nothing is left behind. All disk work is done in worker threads.

    Cancelled: the thread at work is waited for (one write, at most), then the temporary file is removed.

    Raises ``OSError`` as writing files does.
    """

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self.target = Path(target)
        self._name = self.target.parent / f".{self.target.name[:100]}.{secrets.token_hex(8)}.part"
        self._file: BinaryIO | None = None

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

    async def keep(self) -> None:
        """It is whole: write it through to the disk and give it its name."""
        await _in_thread(self._keep)

    def _create(self) -> None:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self._name, flags, 0o666), "wb")

    def _write(self, data: bytes | bytearray) -> None:
        assert self._file is not None, "the file is not open"
        self._file.write(data)

    def _keep(self) -> None:
        assert self._file is not None, "the file is not open"
        self._file.flush()
        os.fsync(self._file.fileno())
        os.replace(self._name, self.target)
        self._file.close()
        self._file = None

    def _discard(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # a full disk shows here again
                file.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._name)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run ``work`` in a thread; a cancelled task waits for its end, so that nothing happens after it."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # the cancellation is what the caller hears of
        raise
