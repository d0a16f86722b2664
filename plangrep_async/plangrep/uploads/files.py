"""The files that a user names, looked at before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import TypeAlias, cast

from attrs import evolve

from ...errors import InvalidInputError, UploadError
from ...upload import FileSource, UploadFile
from ...upload.source import survey
from ..limits import check_classification

__all__ = ["Files", "as_files", "sizes_of"]

Files: TypeAlias = Iterable[UploadFile | FileSource]


def as_files(files: Files) -> list[UploadFile]:
    """Each as an :class:`~plangrep_async.UploadFile`.

    Raises:
        InvalidInputError: a single path or file instead of several, one without a name, an unknown classification.
    """
    if isinstance(files, str | bytes | bytearray | memoryview | UploadFile) or hasattr(files, "__fspath__"):
        raise InvalidInputError("files must be a list of files; put the one into brackets: [file]")
    given = cast(object, files)
    if not isinstance(given, Iterable):
        hint = "collect it first: [file async for file in files]" if isinstance(given, AsyncIterable) else "pass a list"
        raise InvalidInputError(f"files must be an iterable of files, not {type(given).__name__}; {hint}")
    found: list[UploadFile] = []
    seen: set[int] = set()
    for item in files:
        file = UploadFile.of(item)
        check_classification(file.classification, f"classification of {file.name!r}")
        # The same object twice is two files; each is recognised by its identity.
        found.append(evolve(file) if id(file) in seen else file)
        seen.add(id(file))
    return found


async def sizes_of(files: Sequence[UploadFile]) -> list[int | None]:
    """Bytes of each, ``None`` where it cannot be had (its upload will say why); looked up in a thread."""
    return await asyncio.to_thread(lambda: [_size(file) for file in files])


def _size(file: UploadFile) -> int | None:
    if isinstance(file.source, AsyncIterable):
        return file.size
    try:
        return survey(file).fingerprint.size
    except (UploadError, InvalidInputError):
        return None
