"""Where clients put bytes, as the services see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from ..blobs import BlobStore
from ..content import Content

__all__ = ["Part", "S3Credentials", "SignedRequest", "StorageBackend", "StoredObject"]


@frozen
class S3Credentials:
    """What signs URLs and POST policies."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"


@frozen
class SignedRequest:
    """A URL that allows one thing for a while, and the headers that must come with it."""

    url: str
    headers: Mapping[str, str]
    expires_at: float


@frozen
class Part:
    """A stored part of a multipart upload."""

    number: int
    size: int
    etag: str


@frozen
class StoredObject:
    """A whole object.

    Attributes:
        etag: opaque, with its quotes.
        writes: how many uploads of this key ended well; 1 when it was stored exactly once. A real S3 server does not
            tell: 1 there.
    """

    bucket: str
    key: str
    content: Content
    content_type: str | None
    etag: str
    stored_at: float
    writes: int = 1
    metadata: Mapping[str, str] = field(factory=dict)


class StorageBackend(Protocol):
    """An S3-like store. All times are seconds since 1970."""

    credentials: S3Credentials

    @property
    def endpoint(self) -> str:
        """Base URL without a slash at the end; objects are at ``<endpoint>/<bucket>/<key>``."""
        ...

    def now(self) -> float:
        """The time by which signatures expire here: the emulator's for its own store, real for a real server."""
        ...

    def sign_put(
        self, bucket: str, key: str, *, size: int, sha256: str | None, content_type: str | None, lifetime: float
    ) -> SignedRequest:
        """Allow one PUT of exactly these bytes."""
        ...

    def sign_part(
        self, bucket: str, key: str, upload_id: str, number: int, *, size: int, lifetime: float
    ) -> SignedRequest:
        """Allow one part of exactly ``size`` bytes."""
        ...

    def sign_get(self, bucket: str, key: str, *, lifetime: float, query: Mapping[str, str] = ...) -> SignedRequest:
        """Allow reading an object. ``query`` may hold ``response-content-disposition`` and the like."""
        ...

    async def create_multipart(self, bucket: str, key: str, content_type: str | None) -> str:
        """Begin a multipart upload; its id."""
        ...

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> Sequence[Part]:
        """The parts stored so far, by number. Raises S3Error("NoSuchUpload")."""
        ...

    async def complete_multipart(self, bucket: str, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Join parts. Raises S3Error."""
        ...

    async def put(self, bucket: str, key: str, content: Content, content_type: str | None) -> None:
        """Store from inside, without a client: rendered files that clients will fetch."""
        ...

    async def find(self, bucket: str, key: str) -> StoredObject | None:
        """An object with its content (fetched, for a real server)."""
        ...

    async def size_of(self, bucket: str, key: str) -> int | None:
        """Bytes of an object, or None when there is none; cheap."""
        ...

    async def start(self, buckets: Sequence[str], blobs: BlobStore) -> None:
        """On the emulator's loop; makes the buckets that are missing. ``blobs`` takes what :meth:`find` fetches."""
        ...

    async def stop(self) -> None:
        """On the emulator's loop."""
        ...
