"""Files that records point to, served by the storage origin: without credentials, plain or signed for a while."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from ..storage.errors import S3Error

if TYPE_CHECKING:
    from .world import World

__all__ = ["ASSETS", "asset_name", "blank_pdf", "blank_png", "check_signature", "file_url", "sample"]

ASSETS = "plangrid-assets"
"""First segment of their paths on the storage origin."""

_EXTENSIONS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


def file_url(world: World, uid: str, content_type: str, name: str) -> str:
    """Where the file of a record is."""
    base = f"{world.assets_url}/{asset_name(uid, content_type)}"
    if "signed_file_urls" not in world.settings.oddities:
        return base
    expires = int(world.now() + world.settings.file_url_seconds)
    query = {
        "Signature": _signature(world, asset_name(uid, content_type), expires),
        "Expires": str(expires),
        "AWSAccessKeyId": world.storage.credentials.access_key,
        "response-content-disposition": f'attachment; filename="{quote(name)}"',
    }
    return f"{base}?{urlencode(query)}"


def asset_name(uid: str, content_type: str) -> str:
    """The last segment of a file's path."""
    return f"{uid}.{_EXTENSIONS.get(content_type, 'bin')}"


def check_signature(world: World, name: str, query: Mapping[str, str]) -> None:
    """Judge a signed URL; a plain one passes unless URLs are signed now.

    Raises:
        S3Error: ``AccessDenied`` (missing or expired), ``SignatureDoesNotMatch``.
    """
    if "Signature" not in query:
        if "signed_file_urls" in world.settings.oddities:
            raise S3Error("AccessDenied", "Access Denied")
        return
    expires = query.get("Expires", "")
    if not expires.isdecimal() or world.now() >= int(expires):
        raise S3Error("AccessDenied", "Request has expired")
    if not hmac.compare_digest(query["Signature"].encode(), _signature(world, name, int(expires)).encode()):
        raise S3Error("SignatureDoesNotMatch", "The request signature we calculated does not match the signature.")


def _signature(world: World, name: str, expires: int) -> str:
    text = f"GET\n\n\n{expires}\n/{ASSETS}/{name}"
    secret = world.storage.credentials.secret_key
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def sample(content_type: str, title: str) -> bytes:
    """What stands for the file of a seeded record."""
    return blank_pdf([title]) if content_type == "application/pdf" else blank_png(title)


def blank_pdf(pages: list[str]) -> bytes:
    """A PDF with one page for each text."""
    count = len(pages)
    kids = " ".join(f"{3 + 2 * i} 0 R" for i in range(count))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
    ]
    for number, text in enumerate(pages):
        escaped = text.encode("ascii", "replace").decode().translate({40: "\\(", 41: "\\)", 92: "\\\\"})
        stream = f"BT /F1 24 Tf 72 72 Td ({escaped}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {4 + 2 * number} 0 R "
            "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out = bytearray(b"%PDF-1.4\n")
    offsets: list[int] = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    start = len(out)
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def blank_png(title: str) -> bytes:
    """A picture of one pixel whose colour depends on ``title``."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colour = hashlib.sha256(title.encode()).digest()[:3]
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" + colour))
        + chunk(b"IEND", b"")
    )
