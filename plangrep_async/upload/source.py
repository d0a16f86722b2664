"""Looking at a file before it is uploaded: is it there, how large is it, and how can it be read?"""

from __future__ import annotations

import os
import stat
from typing import cast

from ..errors import InvalidInputError, SourceChangedError, SourceNotFoundError
from .file import BinaryFile, UploadFile
from .fileobject import FactorySource, call_factory, is_pythons_own, survey_object
from .fingerprint import Fingerprint
from .readers import MemorySource, PathSource, Source, unreadable

__all__ = ["is_foreign", "survey"]


def is_foreign(file: UploadFile) -> bool:
    """Whether its bytes come from code that is not Python's own, which may take any time, even to tell their number."""
    given = file.source
    return not (isinstance(given, (str, os.PathLike, bytes, bytearray, memoryview)) or is_pythons_own(given))


def survey(file: UploadFile) -> Source:
    """Look at the file, without reading it. Blocks; run it in a thread.

    An async iterable is not for here: see :mod:`plangrep_async.upload.stream`.

    Raises:
        SourceNotFoundError: it does not exist, or is a folder or a device.
        SourceUnreadableError: it cannot be looked at.
        SourceChangedError: ``UploadFile.size`` was given, and it has another size.
    """
    given = file.source
    source: Source
    if isinstance(given, (bytes, bytearray, memoryview)):
        source = _survey_memory(given, file.name)
    elif isinstance(given, (str, os.PathLike)):
        source = _survey_path(os.fspath(given), file.name)
    elif hasattr(given, "read"):
        source = survey_object(cast(BinaryFile, given), file.name)
    elif callable(given):
        opened = call_factory(given, file.name)
        try:
            seen = survey_object(opened, file.name)
        finally:
            opened.close()
        source = FactorySource(given, file.name, seen.fingerprint)
    else:
        raise InvalidInputError(
            f"UploadFile(source=): {type(given).__name__} is none of path, bytes, binary file object, function, async "
            "iterable of bytes"
        )
    if file.size is not None and file.size != source.fingerprint.size:
        raise SourceChangedError(
            f"{file.name}: {source.fingerprint.size} bytes are there, and UploadFile(size=) says {file.size}",
            file_name=file.name,
        )
    return source


def _survey_memory(content: bytes | bytearray | memoryview, name: str) -> MemorySource:
    try:
        return MemorySource(content)
    except (TypeError, ValueError) as error:  # one that was released, or has gaps
        raise InvalidInputError(f"UploadFile({name!r}, source=): the memoryview cannot be read ({error})") from error


def _survey_path(path: str, name: str) -> PathSource:
    path = os.path.abspath(path)  # the same file, wherever the process goes meanwhile
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise unreadable(name, error) from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise SourceNotFoundError(f"{name}: {path} is {kind}", file_name=name)
    return PathSource(path, name, Fingerprint.of_stat(path, status))
