"""Where bytes come from: opened in the thread that sends them, read at explicit offsets, checked when reading ends.

A :class:`Source` belongs to one upload; ``survey`` in :mod:`plangrep_async.upload.source` makes it. ``open`` gives an
:class:`OpenSource` for one request, which its thread closes: open files never outnumber the threads.
"""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Callable
from typing import BinaryIO, Protocol, cast

from ..errors import InvalidInputError, SourceChangedError, SourceNotFoundError, SourceUnreadableError
from .fingerprint import Fingerprint
from .ordering import LARGE

__all__ = [
    "DescriptorSource",
    "FactorySource",
    "MemorySource",
    "OpenSource",
    "PathSource",
    "SeekableSource",
    "Source",
    "call_factory",
    "survey_object",
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


class _Plain:
    """What most sources share: they can be read again and hold nothing between requests."""

    replayable = True
    quick = True

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


class MemorySource(_Plain):
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


class _OpenDescriptor:
    """A file descriptor of our own, read with ``pread``: no position, so no lock between threads.

    A large file is checked before anything of it leaves; a small one is read at once, and checked then; one without
    bytes is never read, so it is checked here.
    """

    __slots__ = ("_descriptor", "_name", "_then", "_was")

    def __init__(self, descriptor: int, name: str, was: Fingerprint, then: Callable[[], None] | None = None) -> None:
        self._descriptor = descriptor
        self._name = name
        self._was = was
        self._then = then
        if 0 < was.size < LARGE:
            return
        try:
            self.verify()
        except BaseException:
            self.close()
            raise

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        return os.preadv(self._descriptor, [buffer], offset)

    def verify(self) -> None:
        _check(self._name, self._was, Fingerprint.of_stat(self._was.path, os.fstat(self._descriptor)))

    def close(self) -> None:
        if self._then is None:
            os.close(self._descriptor)
        else:
            self._then()


class PathSource(_Plain):
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
        return _OpenDescriptor(descriptor, self._name, self.fingerprint)


class DescriptorSource(_Plain):
    """A file object of the user's with a descriptor; each request reads a duplicate of it."""

    def __init__(self, file: BinaryIO, name: str, fingerprint: Fingerprint, *, owned: bool = False) -> None:
        self._file = file
        self._name = name
        self._owned = owned
        self.fingerprint = fingerprint

    def open(self) -> OpenSource:
        try:
            descriptor = os.dup(self._file.fileno())
        except (OSError, ValueError) as error:  # ValueError: the user closed it
            raise unreadable(self._name, error) from error
        return _OpenDescriptor(descriptor, self._name, self.fingerprint)

    def close(self) -> None:
        if self._owned:
            self._file.close()


class _OpenSeeker:
    """A file object without a descriptor: threads take turns to seek and read."""

    __slots__ = ("_file", "_lock", "_name", "_size", "_then")

    def __init__(
        self, file: BinaryIO, name: str, size: int, lock: threading.Lock, then: Callable[[], None] | None = None
    ) -> None:
        self._file = file
        self._name = name
        self._size = size
        self._lock = lock
        self._then = then

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        try:
            with self._lock:
                self._file.seek(offset)
                piece = self._file.read(len(buffer))
        except ValueError as error:
            raise unreadable(self._name, error) from error
        buffer[: len(piece)] = piece
        return len(piece)

    def verify(self) -> None:
        try:
            with self._lock:
                size = self._file.seek(0, os.SEEK_END)
        except ValueError as error:
            raise unreadable(self._name, error) from error
        _check(self._name, Fingerprint("", self._size), Fingerprint("", size))

    def close(self) -> None:
        if self._then is not None:
            self._then()


class SeekableSource(_Plain):
    """A seekable file object of the user's, for example ``io.BytesIO`` or an archive member."""

    def __init__(self, file: BinaryIO, name: str, size: int) -> None:
        self.quick = isinstance(file, io.BytesIO)
        self._file = file
        self._name = name
        self._lock = threading.Lock()
        self.fingerprint = Fingerprint("", size)

    def open(self) -> OpenSource:
        return _OpenSeeker(self._file, self._name, self.fingerprint.size, self._lock)


class FactorySource(_Plain):
    """A function that opens the file; called for each request, closed after it."""

    quick = False

    def __init__(self, factory: Callable[[], BinaryIO], name: str, fingerprint: Fingerprint) -> None:
        self._factory = factory
        self._name = name
        self.fingerprint = fingerprint

    def open(self) -> OpenSource:
        file = call_factory(self._factory, self._name)
        try:
            _check(self._name, self.fingerprint, survey_object(file, self._name).fingerprint)
        except BaseException:
            file.close()
            raise
        if self.fingerprint.inode:
            return _OpenDescriptor(file.fileno(), self._name, self.fingerprint, file.close)
        return _OpenSeeker(file, self._name, self.fingerprint.size, threading.Lock(), file.close)


def survey_object(opened: BinaryIO, name: str) -> DescriptorSource | SeekableSource:
    """Look at an open file object. Raises what :func:`plangrep_async.upload.source.survey` raises."""
    if isinstance(cast(object, opened), io.TextIOBase):
        raise InvalidInputError(f"UploadFile({name!r}): the file object gives text; open it in binary mode")
    path = getattr(opened, "name", None)
    try:
        status = os.fstat(opened.fileno())
        if stat.S_ISREG(status.st_mode):
            absolute = os.path.abspath(path) if isinstance(path, str) else ""
            return DescriptorSource(opened, name, Fingerprint.of_stat(absolute, status))
    except (OSError, AttributeError, ValueError):
        pass  # io.UnsupportedOperation and its like: no descriptor
    try:
        size = opened.seek(0, os.SEEK_END)
    except (OSError, AttributeError, ValueError) as error:
        raise unreadable(name, error) from error
    return SeekableSource(opened, name, size)


def call_factory(factory: Callable[[], BinaryIO], name: str) -> BinaryIO:
    """A file object of the user's function."""
    try:
        opened = factory()
    except Exception as error:  # whatever the user's function raises is the fault of this one file
        raise unreadable(name, error) from error
    if not hasattr(opened, "read"):
        raise InvalidInputError(
            f"UploadFile({name!r}, source=): the function gave {type(opened).__name__}; let it return a binary file "
            "object that was opened anew"
        )
    return opened


def _check(name: str, was: Fingerprint, now: Fingerprint) -> None:
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
    return SourceUnreadableError(f"{name}: {error}", file_name=name)
