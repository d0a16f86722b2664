"""File objects of the user's as sources: read through their descriptor where that gives the same bytes, else in turns.

Whatever such an object raises is the fault of its one file, and told as such.
"""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Callable
from typing import Any, BinaryIO
from weakref import WeakValueDictionary

from ..errors import InvalidInputError
from .file import BinaryFile
from .fingerprint import Fingerprint
from .readers import OpenDescriptor, OpenSource, ReplayableSource, check_unchanged, unreadable

__all__ = ["DescriptorSource", "FactorySource", "SeekableSource", "call_factory", "is_pythons_own", "survey_object"]


class DescriptorSource(ReplayableSource):
    """A file with a descriptor; each request reads a duplicate of it."""

    def __init__(self, file: BinaryIO, name: str, fingerprint: Fingerprint) -> None:
        self._file = file
        self._name = name
        self._seen = self.fingerprint = fingerprint

    def open(self) -> OpenSource:
        try:
            descriptor = os.dup(self._file.fileno())
        except (OSError, ValueError) as error:  # ValueError: the user closed it
            raise unreadable(self._name, error) from error
        return OpenDescriptor(descriptor, self._name, self._seen)


class _Shared:
    """A file object with the lock by which all who read it take turns: its position is one, and uploads are many."""

    __slots__ = ("__weakref__", "file", "lock")

    def __init__(self, file: BinaryFile) -> None:
        self.file = file
        self.lock = threading.Lock()

    def size(self) -> int:
        with self.lock:
            _flush(self.file)
            end: Any = self.file.seek(0, os.SEEK_END)
        if not isinstance(end, int):
            raise TypeError(f"seek() gave {type(end).__name__}, not a position")
        return end

    def read(self, offset: int, size: int) -> Any:
        with self.lock:
            self.file.seek(offset)
            return self.file.read(size)


# By identity, since a file object need be neither hashable nor weakly referable: its id stays its own while an entry
# holds it, and an entry lives as long as a source does.
_shared: WeakValueDictionary[int, _Shared] = WeakValueDictionary()
_sharing = threading.Lock()


def _share(file: BinaryFile) -> _Shared:
    with _sharing:
        shared = _shared.get(id(file))
        if shared is None:
            shared = _shared[id(file)] = _Shared(file)
        return shared


class _OpenSeeker:
    """A file object that is read by seeking."""

    __slots__ = ("_name", "_shared", "_size", "_then")

    def __init__(self, shared: _Shared, name: str, size: int, then: Callable[[], object] | None = None) -> None:
        self._shared = shared
        self._name = name
        self._size = size
        self._then = then

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        try:
            given = self._shared.read(offset, len(buffer))
            if isinstance(given, str):
                raise _gives_text(self._name)
            piece = memoryview(given).cast("B")
            if len(piece) > len(buffer):
                raise ValueError(f"read({len(buffer)}) gave {len(piece)} bytes")
        except InvalidInputError:
            raise
        except Exception as error:
            raise unreadable(self._name, error) from error
        buffer[: len(piece)] = piece
        return len(piece)

    def verify(self) -> None:
        try:
            size = self._shared.size()
        except Exception as error:
            raise unreadable(self._name, error) from error
        check_unchanged(self._name, Fingerprint("", self._size), Fingerprint("", size))

    def close(self) -> None:
        if self._then is not None:
            self._then()


class SeekableSource(ReplayableSource):
    """A seekable file object that has no descriptor of its own bytes: ``io.BytesIO``, ``gzip.open``, a ZIP's member."""

    def __init__(self, shared: _Shared, name: str, size: int) -> None:
        self.quick = type(shared.file) is io.BytesIO
        self._shared = shared
        self._name = name
        self.fingerprint = Fingerprint("", size)

    def open(self, then: Callable[[], object] | None = None) -> OpenSource:
        return _OpenSeeker(self._shared, self._name, self.fingerprint.size, then)


class FactorySource(ReplayableSource):
    """A function that opens the file; called for each request, closed after it."""

    quick = False

    def __init__(self, factory: Callable[[], BinaryFile], name: str, fingerprint: Fingerprint) -> None:
        self._factory = factory
        self._name = name
        self.fingerprint = fingerprint

    def open(self) -> OpenSource:
        file = call_factory(self._factory, self._name)
        try:
            seen = survey_object(file, self._name)
            check_unchanged(self._name, self.fingerprint, seen.fingerprint)
            if isinstance(seen, SeekableSource):
                return seen.open(file.close)
            opened = seen.open()
        except BaseException:
            file.close()
            raise
        file.close()  # a duplicate of its descriptor was opened
        return opened


def survey_object(opened: BinaryFile, name: str) -> DescriptorSource | SeekableSource:
    """Look at an open file object. Raises what :func:`plangrep_async.upload.source.survey` raises."""
    try:
        inner: Any = opened
        if type(opened).__module__ == "tempfile":
            inner = getattr(opened, "file", opened)
        if isinstance(inner, io.TextIOBase):
            raise _gives_text(name)
        if _is_plain(inner):
            _flush(inner)
            status = os.fstat(inner.fileno())
            if stat.S_ISREG(status.st_mode):
                path = os.path.abspath(inner.name) if isinstance(inner.name, str) else ""
                return DescriptorSource(inner, name, Fingerprint.of_stat(path, status))
        shared = _share(opened)
        return SeekableSource(shared, name, shared.size())
    except InvalidInputError:
        raise
    except Exception as error:
        raise unreadable(name, error) from error


def call_factory(factory: Callable[[], BinaryFile], name: str) -> BinaryFile:
    """A file object of the user's function."""
    try:
        opened = factory()
    except Exception as error:
        raise unreadable(name, error) from error
    if not hasattr(opened, "read"):
        raise InvalidInputError(
            f"UploadFile({name!r}, source=): the function gave {type(opened).__name__}; let it return a binary file "
            "object that was opened anew"
        )
    return opened


def is_pythons_own(file: object) -> bool:
    """Whether none of its methods waits for anything but a file on disk: of a class that inherits, nobody knows."""
    try:
        return type(file) is io.BytesIO or _is_plain(file)
    except ValueError:  # its descriptor was detached; whoever looks at it is told
        return False


def _is_plain(file: Any) -> bool:
    """Whether its descriptor gives what reading it gives: ``gzip.open`` has a descriptor too, of other bytes."""
    if type(file) in (io.BufferedReader, io.BufferedRandom):
        file = file.raw
    return type(file) is io.FileIO


def _flush(file: Any) -> None:
    """What was written to it must lie where it is looked for."""
    if all(hasattr(file, name) for name in ("readable", "writable", "flush")) and file.readable() and file.writable():
        file.flush()


def _gives_text(name: str) -> InvalidInputError:
    return InvalidInputError(f"UploadFile({name!r}): the file object gives text; open it in binary mode")
