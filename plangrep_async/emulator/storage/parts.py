"""Multipart uploads over HTTP: create, put a part, list, complete, abort."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from .access import read_body
from .errors import S3Error
from .internal import InternalStorage
from .multipart import MultipartUpload, etag_of
from .signer import object_url

__all__ = ["PartRoutes"]

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
LONGEST_COMPLETION = 1 << 20


class PartRoutes:
    """Requests whose query names ``uploads`` or ``uploadId``."""

    def __init__(self, store: InternalStorage) -> None:
        self._store = store

    async def serve(self, request: Request, bucket: str, key: str, query: Mapping[str, str]) -> Response:
        """Answer a request."""
        if "uploads" in query:
            upload_id = await self._store.create_multipart(bucket, key, request.headers.get("content-type"))
            return _xml(
                "InitiateMultipartUploadResult",
                f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>",
            )
        upload_id = query["uploadId"]
        upload = self._store.upload(bucket, key, upload_id)
        if request.method == "PUT":
            number = query.get("partNumber", "")
            if not number.isdecimal():
                raise S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
            blob = await read_body(self._store, request)
            # The upload may have been completed or aborted while the part was on its way.
            replaced = self._store.upload(bucket, key, upload_id).store(int(number), blob)
            if replaced is not None:
                self._store.blobs.discard(replaced)
            return Response(headers={"ETag": etag_of(blob)})
        if request.method == "DELETE":
            self._store.abort(bucket, key, upload_id)
            return Response(status_code=204)
        if request.method == "GET":
            return _listing(upload, query)
        if request.method == "POST":
            wanted = _completion(await _small_body(request))
            stored = await self._store.join(bucket, key, upload_id, wanted)
            location = object_url(self._store.endpoint, bucket, key)
            return _xml(
                "CompleteMultipartUploadResult",
                f"<Location>{escape(location)}</Location><Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key>"
                f"<ETag>{escape(stored.etag)}</ETag>",
            )
        raise S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.")


def _listing(upload: MultipartUpload, query: Mapping[str, str]) -> Response:
    """One page. [Amazon S3 API reference: ListParts]"""
    marker, most = _count(query, "part-number-marker", 0), _count(query, "max-parts", 1000)
    following = [part for part in upload.parts() if part.number > marker]
    page = following[: min(most, 1000)]
    parts = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>{escape(part.etag)}</ETag><Size>{part.size}</Size></Part>"
        for part in page
    )
    return _xml(
        "ListPartsResult",
        f"<Bucket>{escape(upload.bucket)}</Bucket><Key>{escape(upload.key)}</Key>"
        f"<UploadId>{upload.upload_id}</UploadId><PartNumberMarker>{marker}</PartNumberMarker>"
        f"<NextPartNumberMarker>{page[-1].number if page else 0}</NextPartNumberMarker><MaxParts>{most}</MaxParts>"
        f"<IsTruncated>{str(len(page) < len(following)).lower()}</IsTruncated>{parts}",
    )


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        message = f"Provided {name} not an integer or within integer range"
        raise S3Error("InvalidArgument", message, {"ArgumentName": name, "ArgumentValue": text})
    return int(text)


def _xml(name: str, inner: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{NAMESPACE}">{inner}</{name}>'
    return Response(text, media_type="application/xml")


async def _small_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_COMPLETION:
            raise S3Error("MalformedXML", "The XML you provided is too long.")
    return body


def _completion(body: bytes) -> list[tuple[int, str | None]]:
    """Part numbers and ETags of a CompleteMultipartUpload document, with or without the namespace."""
    try:
        root = ElementTree.fromstring(body)
        return [
            (int(part.findtext("{*}PartNumber") or ""), part.findtext("{*}ETag")) for part in root.iterfind("{*}Part")
        ]
    except (ElementTree.ParseError, ValueError) as error:
        raise S3Error("MalformedXML", "The XML you provided was not well-formed.") from error
