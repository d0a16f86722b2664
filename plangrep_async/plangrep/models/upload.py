"""What the upload routes take and give ("Uploads", "Register uploads", "Complete uploads")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from .enums import Classification, UploadMode
from .job import Job
from .record import Record, secret_url, vital

__all__ = [
    "CompletedPart",
    "Completion",
    "ContentUpload",
    "DirectUpload",
    "FailedCompletion",
    "MultipartCompletion",
    "PartInstruction",
    "Registered",
    "Registration",
    "StoredUpload",
    "UploadBatch",
    "UploadInstruction",
]


@frozen(kw_only=True)
class Registration(Record):
    """One file to register.

    Attributes:
        file_size: bytes, exact.
        sha256: 64 lower-case hexadecimal digits of exactly these bytes.
        classification: ``None`` lets the service find out.
    """

    file_name: str
    content_type: str
    file_size: int
    sha256: str
    classification: Classification | None = None


@frozen(kw_only=True)
class PartInstruction(Record):
    """Where one part goes (unverified). Without a number, the place in the list counts."""

    bare_attribute = "url"

    part_number: int | None = None
    url: str = field(repr=False)
    size: int | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False, hash=False)


@frozen(kw_only=True)
class UploadInstruction(Record):
    """How to send a registered file; the service chose the mode.

    Attributes:
        upload_url: the signed target of a direct PUT.
        headers: all must be sent with it.
        upload_token: needed for the completion. A secret.
        upload_id, parts, part_size: of a multipart upload (unverified).
        expires_at: after this the URLs are refused.
    """

    document_id: str
    upload_mode: UploadMode
    upload_url: str | None = secret_url()
    headers: Mapping[str, str] | None = field(default=None, repr=False, hash=False)
    upload_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    upload_id: str | None = field(default=None, repr=False)
    parts: tuple[PartInstruction, ...] | None = None
    part_size: int | None = None


@frozen(kw_only=True)
class Registered(Record):
    """The answer to a registration: one instruction for each file, in their order."""

    job: Job | None = None
    uploads: tuple[UploadInstruction, ...]


@frozen(kw_only=True)
class StoredUpload(Record):
    """One file of a form upload."""

    document_id: str | None = None
    file_name: str | None = None
    status: str | None = None


@frozen(kw_only=True)
class UploadBatch(Record):
    """The answer to a form upload.

    Attributes:
        status: ``uploaded``, ``skipped`` or another; only the first is explained.
    """

    job: Job | None = None
    status: str | None = None
    uploads: tuple[StoredUpload, ...] = vital()


@frozen(kw_only=True)
class DirectUpload(Record):
    """The completion record of a direct PUT or of base64 content."""

    document_id: str
    upload_token: str = field(repr=False)


@frozen(kw_only=True)
class ContentUpload(Record):
    """The answer to base64 content; ``direct_upload`` goes unchanged into the completion."""

    status: str | None = None
    document_id: str | None = None
    file_name: str | None = None
    file_size: int | None = None
    content_type: str | None = None
    upload_mode: UploadMode | None = None
    direct_upload: DirectUpload


@frozen(kw_only=True)
class CompletedPart(Record):
    """A part and its ETag (unverified; sent only with ``WireNames(complete_with_parts=True)``)."""

    part_number: int
    etag: str


@frozen(kw_only=True)
class MultipartCompletion(Record):
    """The completion record of a multipart upload (names unverified; the three fields are documented as required)."""

    document_id: str
    upload_id: str = field(repr=False)
    upload_token: str = field(repr=False)
    parts: tuple[CompletedPart, ...] | None = None


@frozen(kw_only=True)
class FailedCompletion(Record):
    """An upload that failed here, so that the service does not wait for it (names unverified)."""

    document_id: str
    code: str | None = None
    message: str | None = None


@frozen(kw_only=True)
class Completion(Record):
    """The body of a completion; empty lists are left out."""

    document_ids: tuple[str, ...] | None = None
    direct_uploads: tuple[DirectUpload, ...] | None = None
    multipart_uploads: tuple[MultipartCompletion, ...] | None = None
    failed_uploads: tuple[FailedCompletion, ...] | None = None
