"""The documents of S3's multipart calls. Pure; read leniently, without an XML parser, so nothing is resolved.

Source: Amazon S3 API Reference, CreateMultipartUpload, ListParts, CompleteMultipartUpload.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from .parts import ConfirmedPart

__all__ = ["complete_document", "read_parts", "read_upload_id"]

_PART = re.compile(r"<(?:\w+:)?Part>(.*?)</(?:\w+:)?Part>", re.DOTALL)


def complete_document(parts: Sequence[ConfirmedPart]) -> bytes:
    """The body of CompleteMultipartUpload."""
    listed = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>{html.escape(part.etag)}</ETag></Part>" for part in parts
    )
    return f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}</CompleteMultipartUpload>'.encode()


def read_upload_id(content: bytes) -> str:
    """From the answer of CreateMultipartUpload. Raises ``ValueError`` when it is not there."""
    return _element(content.decode("utf-8", "replace"), "UploadId")


def read_parts(content: bytes) -> tuple[tuple[ConfirmedPart, ...], int | None]:
    """From one page of ListParts: the parts, and the marker of the next page, or ``None`` after the last.

    Raises ``ValueError`` when it is no such document.
    """
    text = content.decode("utf-8", "replace")
    if "ListPartsResult" not in text:
        raise ValueError("not an answer of ListParts")
    parts = tuple(
        ConfirmedPart(int(_element(part, "PartNumber")), int(_element(part, "Size")), _element(part, "ETag"))
        for part in _PART.findall(text)
    )
    try:
        truncated = _element(text, "IsTruncated").lower() == "true"
        return parts, int(_element(text, "NextPartNumberMarker")) if truncated else None
    except ValueError:
        return parts, None


def _element(text: str, name: str) -> str:
    found = re.search(rf"<(?:\w+:)?{name}(?:\s[^>]*)?>([^<]*)<", text)
    if found is None:
        raise ValueError(f"no <{name}>")
    return html.unescape(found.group(1)).strip()
