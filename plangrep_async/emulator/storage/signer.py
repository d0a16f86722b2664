"""Presigned URLs of a store, its own or a real one."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote

from .backend import S3Credentials, SignedRequest
from .sigv4 import presign

__all__ = ["UrlSigner", "object_url"]


class UrlSigner:
    """The signing half of a :class:`~.backend.StorageBackend`."""

    credentials: S3Credentials

    @property
    def endpoint(self) -> str:
        """Base URL of the store."""
        raise NotImplementedError  # the backend knows where it listens

    def now(self) -> float:
        """The time by which signatures expire here."""
        raise NotImplementedError  # the backend's clock: the emulator's own, or that of a real server

    def sign_put(
        self, bucket: str, key: str, *, size: int, sha256: str | None, content_type: str | None, lifetime: float
    ) -> SignedRequest:
        """Allow one PUT of exactly these bytes. The length is signed too, and every client sends it anyway."""
        headers: dict[str, str] = {}
        if content_type is not None:
            headers["Content-Type"] = content_type
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
        return self.sign("PUT", bucket, key, lifetime=lifetime, headers=headers, implied={"Content-Length": str(size)})

    def sign_part(
        self, bucket: str, key: str, upload_id: str, number: int, *, size: int, lifetime: float
    ) -> SignedRequest:
        """Allow one part of exactly ``size`` bytes."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        return self.sign("PUT", bucket, key, lifetime=lifetime, implied={"Content-Length": str(size)}, query=query)

    def sign_get(
        self, bucket: str, key: str, *, lifetime: float, query: Mapping[str, str] | None = None
    ) -> SignedRequest:
        """Allow reading an object."""
        return self.sign("GET", bucket, key, lifetime=lifetime, query=query)

    def sign(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        lifetime: float,
        headers: Mapping[str, str] | None = None,
        implied: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> SignedRequest:
        """Any presigned request. ``implied`` headers are signed but not told, because HTTP clients send them anyway."""
        now = self.now()
        url = presign(
            self.credentials,
            method,
            object_url(self.endpoint, bucket, key),
            now=now,
            lifetime=lifetime,
            headers={**(headers or {}), **(implied or {})},
            query=(query or {}).items(),
        )
        return SignedRequest(url, dict(headers or {}), float(int(now) + max(1, int(lifetime))))


def object_url(endpoint: str, bucket: str, key: str) -> str:
    """The address of an object, percent-encoded as signatures need it."""
    return f"{endpoint}/{quote(bucket, safe='-_.~')}/{quote(key, safe='/-_.~')}"
