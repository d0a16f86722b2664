"""POST Object: the form that browsers, and PlanGrid's clients, send to S3."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from ..blobs import BlobWriter
from ..content import Blob, Content
from ..form import FormError, PartData, PartEnd, PartStart, read_form
from ..service import exchange_of
from .access import check_digest, decode_digest
from .backend import StoredObject
from .errors import S3Error
from .form import PostGrant, PostVerifier
from .internal import InternalStorage
from .signer import object_url

__all__ = ["PostRoute"]

LONGEST_FIELDS = 20 << 10


class PostRoute:
    """``POST /{bucket}``.

    Rules: Amazon S3 API reference, "POST Object": fields come before the file, what comes after it is ignored; the
    fields may have 20 KB in all. "POST policy": ``${filename}`` is replaced before the policy is looked at.
    """

    def __init__(self, store: InternalStorage, verify_post: PostVerifier) -> None:
        self._store = store
        self._verify = verify_post

    async def store(self, request: Request, bucket: str) -> Response:
        """Take a form."""
        headers = exchange_of(request).headers
        if "transfer-encoding" in headers or "content-length" not in headers:
            raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
        fields: dict[str, str] = {}
        async with self._store.blobs.writer() as writer:
            try:
                grant = await self._read(request, bucket, fields, writer)
            except FormError as error:
                if "ends before" in str(error):
                    raise S3Error(
                        "IncompleteBody",
                        "The POST specified via multipart form does not contain its closing boundary.",
                    ) from error
                raise S3Error(
                    "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data."
                ) from error
            if grant is None:
                raise S3Error(
                    "InvalidArgument",
                    "POST requires exactly one file upload per request.",
                    {"ArgumentName": "file", "ArgumentValue": "0"},
                )
            if writer.size < grant.minimum:
                raise S3Error(
                    "EntityTooSmall",
                    "Your proposed upload is smaller than the minimum allowed size",
                    {"ProposedSize": str(writer.size), "MinSizeAllowed": str(grant.minimum)},
                )
            blob = await writer.finish()
        return self._answer(self._keep(bucket, grant, blob), grant)

    async def _read(
        self, request: Request, bucket: str, fields: dict[str, str], writer: BlobWriter
    ) -> PostGrant | None:
        content_type = exchange_of(request).headers.get("content-type", "")
        grant: PostGrant | None = None
        name, value, in_file, size = "", bytearray(), False, 0
        async for event in read_form(content_type, request.stream()):
            match event:
                case PartStart():
                    name, value = event.name, bytearray()
                    in_file = grant is None and (name.lower() == "file" or event.file_name is not None)
                    if in_file:
                        expanded = _expand(fields, event.file_name or "")
                        # Real servers, too, judge the policy before they take the file.
                        grant = self._verify(
                            expanded, bucket=bucket, now=self._store.now(), credentials=self._store.credentials
                        )
                case PartData() if in_file and grant is not None:
                    limit = self._store.largest_put if grant.maximum is None else grant.maximum
                    if writer.size + len(event.data) > limit:
                        raise S3Error(
                            "EntityTooLarge",
                            "Your proposed upload exceeds the maximum allowed size",
                            {"ProposedSize": str(writer.size + len(event.data)), "MaxSizeAllowed": str(limit)},
                        )
                    await writer.write(event.data)
                case PartData() if grant is None:
                    size += len(event.data)
                    if size > LONGEST_FIELDS:
                        raise S3Error(
                            "MaxPostPreDataLengthExceeded",
                            "Your POST request fields preceding the upload file were too large.",
                            {"MaxPostPreDataLengthBytes": str(LONGEST_FIELDS)},
                        )
                    value += event.data
                case PartEnd() if grant is None:
                    fields[name.lower()] = value.decode("utf-8", "replace")
                case _:
                    pass
        return grant

    def _keep(self, bucket: str, grant: PostGrant, blob: Blob) -> StoredObject:
        if grant.checksum_sha256 is not None:
            try:
                check_digest(blob, sha256=decode_digest(grant.checksum_sha256, 32, "x-amz-checksum-sha256"))
            except S3Error:
                self._store.blobs.discard(blob)
                raise
        # Headers give it back byte for byte.
        metadata = {
            name.removeprefix("x-amz-meta-"): value.encode().decode("latin-1") for name, value in grant.metadata.items()
        }
        return self._store.keep(bucket, grant.key, Content.of(blob), grant.content_type, metadata=metadata)

    def _answer(self, stored: StoredObject, grant: PostGrant) -> Response:
        headers = {"ETag": stored.etag, "Location": object_url(self._store.endpoint, stored.bucket, stored.key)}
        if grant.redirect is not None:
            parts = urlsplit(grant.redirect)
            added = urlencode({"bucket": stored.bucket, "key": stored.key, "etag": stored.etag})
            query = f"{parts.query}&{added}" if parts.query else added
            headers["Location"] = urlunsplit(parts._replace(query=query))
            return Response(status_code=303, headers=headers)
        if grant.status == 201:
            text = (
                '<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>'
                f"<Location>{escape(headers['Location'])}</Location><Bucket>{escape(stored.bucket)}</Bucket>"
                f"<Key>{escape(stored.key)}</Key><ETag>{escape(stored.etag)}</ETag></PostResponse>"
            )
            return Response(text, 201, headers, media_type="application/xml")
        return Response(status_code=grant.status, headers=headers)


def _expand(fields: Mapping[str, str], file_name: str) -> dict[str, str]:
    """With ``${filename}`` replaced. Browsers used to send whole paths; S3 takes what follows the last separator."""
    name = file_name.replace("\\", "/").rpartition("/")[2]
    return {field: value.replace("${filename}", name) for field, value in fields.items()}
