"""What artifact paths stand for: small files made from a document when they are asked for, or its own bytes."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Callable, Sequence

from attrs import frozen

from ..content import Blob, Content
from .document import Document
from .inspection import Page

__all__ = ["Artifact", "find_artifact"]

_PAGE = r"documents/(?P<document>\w+)/pages/(?P<page>\d+)"
_THUMBNAIL = re.compile(_PAGE + r"/thumbnail\.png")
_CROP = re.compile(_PAGE + r"/regions/(?P<region>\d+)\.svg")
_WHOLE = re.compile(r"documents/(?P<document>\w+)/(?P<kind>extracted\.json|original)")


@frozen
class Artifact:
    """A file to download."""

    name: str
    content: Content


def find_artifact(documents: Sequence[Document], path: str) -> Artifact | None:
    """The artifact of one of these documents, or None for a path that no result names."""
    by_id = {document.id: document for document in documents if document.inspection is not None}
    if match := _WHOLE.fullmatch(path):
        document = by_id.get(match["document"])
        return None if document is None else _whole(document, match["kind"])
    for pattern, make in _PAGE_KINDS:
        if match := pattern.fullmatch(path):
            document = by_id.get(match["document"])
            page = None if document is None else _page(document, int(match["page"]))
            if document is None or page is None:
                return None
            name = path.rpartition("/")[2]
            return Artifact(f"{document.id}-p{page.number}-{name}", make(document, page))
    return None


def _page(document: Document, number: int) -> Page | None:
    pages = () if document.inspection is None else document.inspection.pages
    return pages[number - 1] if 1 <= number <= len(pages) and not pages[number - 1].failed else None


def _whole(document: Document, kind: str) -> Artifact | None:
    if kind == "original":
        content = document.content
        return Artifact(document.file_name, content) if content is not None and content.kept else None
    assert document.inspection is not None
    pages = [
        {"pageNumber": page.number, "width": page.width, "height": page.height, "text": page.text}
        for page in document.inspection.pages
        if not page.failed
    ]
    data = {"documentId": document.id, "fileName": document.file_name, "sha256": document.sha256, "pages": pages}
    return Artifact(f"{document.id}-extracted.json", _content(json.dumps(data, indent=1).encode()))


def _thumbnail(document: Document, page: Page) -> Content:
    """A small grey PNG whose shade depends on the page."""
    shade = hashlib.sha256(f"{document.sha256}:{page.number}".encode()).digest()[0]
    width, height = (32, 24) if page.width >= page.height else (24, 32)
    rows = (b"\0" + bytes([shade]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return _content(b"\x89PNG\r\n\x1a\n" + body)


def _crop(document: Document, page: Page) -> Content:
    width, height = page.width, page.height
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"><title>{document.id}</title></svg>'
    )
    return _content(text.encode())


def _content(data: bytes) -> Content:
    digest = hashlib.sha256(data).hexdigest()
    return Content((Blob(len(data), digest, data=data),), digest)


_PAGE_KINDS: Sequence[tuple[re.Pattern[str], Callable[[Document, Page], Content]]] = (
    (_THUMBNAIL, _thumbnail),
    (_CROP, _crop),
)
