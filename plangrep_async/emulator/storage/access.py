"""Who may do what at the storage origin, and reading a body as S3 does."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qsl

from starlette.requests import Request

from ..content import Blob
from ..service import exchange_of
from .errors import S3Error
from .internal import InternalStorage
from .sigv4 import expiry_of, verify

__all__ = ["authorise", "check_digest", "decode_digest", "read_body"]


def authorise(store: InternalStorage, request: Request, bucket: str, key: str) -> dict[str, str]:
    """The query of an allowed request. Raises S3Error, before a byte of the body is read."""
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    fields = dict(query)
    if request.method in ("GET", "HEAD") and bucket in store.public and "X-Amz-Signature" not in fields:
        return fields
    path = request.scope["raw_path"].decode("latin-1")
    verify(store.credentials, request.method, path, query, exchange_of(request).headers, now=store.now())
    if expiry_of(fields) - int(fields["X-Amz-Expires"]) <= store.expired_before.get((bucket, key), float("-inf")):
        raise S3Error("AccessDenied", "Request has expired")
    return fields


async def read_body(store: InternalStorage, request: Request) -> Blob:
    """Stream a body to disk, held against its declared length and digests.

    Raises:
        S3Error: NotImplemented (chunked), MissingContentLength, EntityTooLarge, InvalidRequest, InvalidDigest,
            BadDigest, XAmzContentSHA256Mismatch.
    """
    headers = exchange_of(request).headers
    if "transfer-encoding" in headers:
        raise S3Error(
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
            {"Header": "Transfer-Encoding"},
        )
    if "content-length" not in headers:
        raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
    length = int(headers["content-length"])
    if length > store.largest_put:
        raise S3Error(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            {"ProposedSize": str(length), "MaxSizeAllowed": str(store.largest_put)},
        )
    md5 = decode_digest(headers["content-md5"], 16, "Content-MD5") if "content-md5" in headers else None
    checksum = headers.get("x-amz-checksum-sha256")
    sha256 = None if checksum is None else decode_digest(checksum, 32, "x-amz-checksum-sha256")
    blob = await store.blobs.receive(request.stream(), md5=md5 is not None)
    try:
        check_digest(blob, sha256=sha256, md5=md5)
        declared = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        if declared != "UNSIGNED-PAYLOAD" and declared != blob.sha256:
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                {"ClientComputedContentSHA256": declared, "S3ComputedContentSHA256": blob.sha256},
            )
    except S3Error:
        store.blobs.discard(blob)
        raise
    return blob


def decode_digest(text: str, size: int, name: str) -> bytes:
    """A digest in Base64. Raises S3Error for anything else."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != size:
        if name == "Content-MD5":
            raise S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.", {"Content-MD5": text})
        raise S3Error("InvalidRequest", f"Value for {name} header is invalid.")
    return digest


def check_digest(blob: Blob, *, sha256: bytes | None, md5: bytes | None = None) -> None:
    """Hold a body against the digests that came with it. Raises S3Error("BadDigest")."""
    if sha256 is not None and sha256.hex() != blob.sha256:
        raise S3Error("BadDigest", "The SHA256 you specified did not match the calculated checksum.")
    if md5 is not None and md5.hex() != blob.md5:
        raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
