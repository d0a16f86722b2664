"""What is in an uploaded file: real pages, sizes and text of PDFs, with bounds. Blocks; runs in worker threads."""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import Any, BinaryIO

from attrs import frozen

from ..content import Content

__all__ = ["Inspection", "Page", "inspect"]

MOST_PAGES = 20_000
TEXT_PAGES = 300
TEXT_BYTES = 256 << 10
TEXT_CHARACTERS = 50_000
TAIL = 2048
DRAWING_SIDE = 1000.0
"""Points; a page with a longer side is taken for a drawing (tabloid and larger)."""

_SECTION = re.compile(r"^SECTION \d{2} \d{2} \d{2}\b", re.MULTILINE)

logging.getLogger("pypdf").setLevel(logging.ERROR)


@frozen
class Page:
    """One page; sizes in points."""

    number: int
    width: float = 612.0
    height: float = 792.0
    text: str = ""
    failed: bool = False

    @property
    def large(self) -> bool:
        """The size of a drawing."""
        return max(self.width, self.height) >= DRAWING_SIDE


@frozen
class Inspection:
    """Attributes:
    problem: a code when the file as a whole cannot be read: ``empty_file``, ``unreadable_pdf``, ``encrypted_pdf``.
    guess: the classification by content.
    """

    pages: tuple[Page, ...]
    problem: str | None = None
    guess: str = "other"


def inspect(content: Content, content_type: str) -> Inspection:
    """Look into a file. What is not a PDF counts as one page."""
    if content.size == 0:
        return Inspection((Page(1, failed=True),), "empty_file")
    if not content.kept:
        return Inspection((Page(1),))
    with content.open() as file:
        head = file.read(1024)
        if b"%PDF-" not in head:
            text = ""
            if content_type.startswith("text/"):
                text = (head + file.read(TEXT_CHARACTERS)).decode("utf-8", "replace")
            return Inspection((Page(1, text=text),), guess="documents" if text else "other")
        file.seek(max(0, content.size - TAIL))
        if b"%%EOF" not in file.read():
            # A truncated upload; rebuilding its index would mean to read all of it into memory.
            return Inspection((Page(1, failed=True),), "unreadable_pdf")
        file.seek(0)
        return _inspect_pdf(file)


def _inspect_pdf(file: BinaryIO) -> Inspection:
    # Imported here: it takes a while, and small emulators never need it.
    from pypdf import PdfReader

    try:
        reader = PdfReader(file)
        if reader.is_encrypted:
            return Inspection((Page(1, failed=True),), "encrypted_pdf")
        count = min(len(reader.pages), MOST_PAGES)
        pages = tuple(_page(reader, index) for index in range(count))
    except Exception:  # noqa: BLE001 - pypdf raises almost anything on damaged files
        return Inspection((Page(1, failed=True),), "unreadable_pdf")
    if not pages:
        return Inspection((Page(1, failed=True),), "unreadable_pdf")
    return Inspection(pages, guess=_guess(pages))


def _page(reader: Any, index: int) -> Page:
    number = index + 1
    try:
        page = reader.pages[index]
        box = page.mediabox
        width, height = float(box.width), float(box.height)
        text = ""
        if index < TEXT_PAGES and _content_length(page) <= TEXT_BYTES:
            text = page.extract_text()[:TEXT_CHARACTERS]
    except Exception:  # noqa: BLE001 - one damaged page must not hide the others
        return Page(number, failed=True)
    return Page(number, width, height, text)


def _content_length(page: Any) -> int:
    contents = page["/Contents"].get_object() if "/Contents" in page else None
    if contents is None:
        return 0
    streams = contents if isinstance(contents, list) else [contents]
    # pypdf drops /Length when it reads a stream, and has no public way to its encoded bytes.
    return sum(len(stream.get_object()._data) for stream in streams)


def _guess(pages: tuple[Page, ...]) -> str:
    votes = Counter("plans" if page.large else "text" for page in pages)
    if votes["plans"] and votes["text"]:
        return "mixed"
    if votes["plans"]:
        return "plans"
    return "specifications" if any(_SECTION.search(page.text) for page in pages) else "documents"
