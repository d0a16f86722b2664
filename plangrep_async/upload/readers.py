"""Where bytes come from: opened in the thread that sends them, read at explicit offsets, checked when reading ends.

A :class:`Source` belongs to one upload; ``survey`` in :mod:`plangrep_async.upload.source` makes it. ``open`` gives an
:class:`OpenSource` for one request, which its thread closes: open files never outnumber the threads.
"""

from __future__ import annotations

import os
from typing import Protocol

from ..errors import SourceChangedError, SourceNotFoundError, SourceUnreadableError
from .fingerprint import Fingerprint
from .ordering import LARGE

__all__ = [
    "MemorySource",
    "OpenDescriptor",
    "OpenSource",
    "PathSource",
    "ReplayableSource",
    "Source",
    "check_unchanged",
    "unreadable",
]


class OpenSource(Protocol):
    """A :class:`~plangrep_async.upload.wire.BlockSource` that must be closed."""

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        """See :meth:`BlockSource.readinto_at`."""
        ...

    def verify(self) -> None:
        """See :meth:`BlockSource.verify`."""
        ...

    def close(self) -> None:
        """Give back what :meth:`Source.open` took."""
        ...


class Source(Protocol):
    """One file's bytes.

    Attributes:
        fingerprint: as it was when the upload began.
        replayable: whether it can still be read from the beginning.
        quick: reading a block of it never blocks for long, so that its thread may be shared.
    """

    @property
    def fingerprint(self) -> Fingerprint: ...

    @property
    def replayable(self) -> bool: ...

    @property
    def quick(self) -> bool: ...

    def open(self) -> OpenSource:
        """Open it, blocking. Raises a :class:`~plangrep_async.errors.SourceError`."""
        ...

    def stop(self) -> None:
        """Wake a thread that waits for bytes: it raises. Thread safe."""
        ...

    def close(self) -> None:
        """The upload has ended."""
        ...


class ReplayableSource:
    """What most sources share: they can be read again and hold nothing between requests."""

    replayable = True
    quick = True

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


class MemorySource(ReplayableSource):
    """Bytes in memory."""

    def __init__(self, content: bytes | bytearray | memoryview, name: str = "") -> None:
        self._view = memoryview(content).cast("B")
        self.fingerprint = Fingerprint("", len(self._view))

    def open(self) -> MemorySource:
        return self

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        piece = self._view[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def verify(self) -> None:
        pass


class OpenDescriptor:
    """A file descriptor of our own, read with ``pread``: no position, so no lock between threads.

    A large file is checked before anything of it leaves; a small one is read at once, and checked then; one without
    bytes is never read, so it is checked here.
    """

    __slots__ = ("_descriptor", "_name", "_was")

    def __init__(self, descriptor: int, name: str, was: Fingerprint) -> None:
        self._descriptor = descriptor
        self._name = name
        self._was = was
        if 0 < was.size < LARGE:
            return
        try:
            self.verify()
        except BaseException:
            self.close()
            raise

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        try:
            return os.preadv(self._descriptor, [buffer], offset)
        except OSError as error:
            raise unreadable(self._name, error) from error

    def verify(self) -> None:
        check_unchanged(self._name, self._was, Fingerprint.of_stat(self._was.path, os.fstat(self._descriptor)))

    def close(self) -> None:
        os.close(self._descriptor)


class PathSource(ReplayableSource):
    """A file by its path; opened anew for each request."""

    def __init__(self, path: str, name: str, fingerprint: Fingerprint) -> None:
        self._path = path
        self._name = name
        self.fingerprint = fingerprint

    def open(self) -> OpenSource:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise unreadable(self._name, error) from error
        return OpenDescriptor(descriptor, self._name, self.fingerprint)


def check_unchanged(name: str, was: Fingerprint, now: Fingerprint) -> None:
    """Raise :class:`~plangrep_async.errors.SourceChangedError` when the two differ."""
    if was != now:
        raise SourceChangedError(
            f"{name} changed while it was uploaded ({_words(was)}, now {_words(now)}); nothing of it counts as stored",
            file_name=name,
        )


def _words(fingerprint: Fingerprint) -> str:
    return f"{fingerprint.size} bytes, modified {fingerprint.mtime_ns} ns, inode {fingerprint.inode}"


def unreadable(name: str, error: Exception) -> SourceNotFoundError | SourceUnreadableError:
    """The error for a file that cannot be opened, looked at or read."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return SourceNotFoundError(f"{name}: {error}", file_name=name)
    told = str(error) if isinstance(error, OSError) else repr(error)
    return SourceUnreadableError(f"{name}: {told}", file_name=name)
