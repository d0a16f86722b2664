"""What a verified POST form allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen

from .backend import S3Credentials

__all__ = ["PostGrant", "PostVerifier"]


@frozen
class PostGrant:
    """What the policy of a POST form allows.

    Attributes:
        key: where the file goes.
        minimum: bytes of the file, from ``content-length-range``.
        maximum: bytes of the file; None for the store's own limit.
        redirect: where a 303 leads after success; the store appends ``bucket``, ``key`` and ``etag``.
        status: answer without a redirect: 200, 201 (with XML) or 204.
        checksum_sha256: Base64 of the digest that the file must have.
        metadata: ``x-amz-meta-…`` fields.
    """

    key: str
    content_type: str | None = None
    minimum: int = 0
    maximum: int | None = None
    redirect: str | None = None
    status: int = 204
    checksum_sha256: str | None = None
    metadata: Mapping[str, str] = field(factory=dict)


class PostVerifier(Protocol):
    """Judges the fields of a POST form, which came before its file; ``${filename}`` is replaced in them."""

    def __call__(self, fields: Mapping[str, str], *, bucket: str, now: float, credentials: S3Credentials) -> PostGrant:
        """What may be stored. ``fields``: names in lower case, in order. Raises S3Error."""
        ...
