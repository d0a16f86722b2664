"""What a file is, told by its first bytes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable

from ...errors import InvalidInputError
from ...upload import UploadFile
from ...upload.source import survey

__all__ = ["pdf_type", "photo_type", "read_head"]

_HEAD = 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_PDF = b"%PDF-"


async def read_head(file: UploadFile) -> bytes | None:
    """The first kilobyte; ``None`` for an async iterable, which is read once only.

    Raises a :class:`~plangrep_async.errors.SourceError` when the file cannot be read.
    """
    if isinstance(file.source, AsyncIterable):
        return None
    if isinstance(file.source, bytes | bytearray | memoryview):
        return bytes(memoryview(file.source).cast("B")[:_HEAD])
    return await asyncio.to_thread(_read_head, file)


def pdf_type(head: bytes | None, name: str) -> str:
    """The content type of an attachment or a file of sheets: PDF alone, as of the documentation.

    Readers take a PDF whose header stands anywhere in the first kilobyte.
    """
    if head is None:
        if not name.lower().endswith(".pdf"):
            raise InvalidInputError(f"{name}: only PDFs are taken here, and the name does not end in .pdf")
    elif _PDF not in head:
        raise InvalidInputError(f"{name}: only PDFs are taken here, and this file does not begin as one")
    return "application/pdf"


def photo_type(head: bytes | None, name: str) -> str:
    """The content type of a photo: PNG or JPEG. The bytes decide, not the name."""
    if head is None:
        ending = os.path.splitext(name)[1].lower()
        if ending == ".png":
            return "image/png"
        if ending in (".jpg", ".jpeg"):
            return "image/jpeg"
        raise InvalidInputError(f"{name}: only PNG and JPEG are taken, and the name ends in neither")
    if head.startswith(_PNG):
        return "image/png"
    if head.startswith(_JPEG):
        return "image/jpeg"
    raise InvalidInputError(f"{name}: only PNG and JPEG are taken, and this file begins as neither")


def _read_head(file: UploadFile) -> bytes:
    source = survey(file)
    try:
        opened = source.open()
        try:
            head = bytearray(min(_HEAD, source.fingerprint.size))
            view = memoryview(head)
            filled = 0
            while filled < len(head) and (count := opened.readinto_at(filled, view[filled:])) > 0:
                filled += count
            return bytes(head[:filled])
        finally:
            opened.close()
    finally:
        source.close()
