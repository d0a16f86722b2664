"""PUT, GET, HEAD and DELETE of whole objects."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..content import Content
from ..service import exchange_of
from .access import read_body
from .backend import StoredObject
from .errors import S3Error
from .internal import InternalStorage

__all__ = ["ObjectRoutes"]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
_OVERRIDES = ("content-type", "content-disposition", "content-encoding", "cache-control")


class ObjectRoutes:
    """Requests on one object; who may make them was decided before."""

    def __init__(self, store: InternalStorage) -> None:
        self._store = store

    async def serve(self, request: Request, bucket: str, key: str, query: Mapping[str, str]) -> Response:
        """Answer a request."""
        if request.method == "PUT":
            return await self._put(request, bucket, key)
        if request.method == "DELETE":
            self._store.objects.pop((bucket, key), None)
            return Response(status_code=204)
        if request.method == "POST":
            raise S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.")
        stored = self._store.objects.get((bucket, key))
        if stored is None:
            raise S3Error("NoSuchKey", "The specified key does not exist.", {"Key": key})
        return self._get(request, stored, query)

    async def _put(self, request: Request, bucket: str, key: str) -> Response:
        headers = exchange_of(request).headers
        if headers.get("if-none-match") == "*" and (bucket, key) in self._store.objects:
            raise S3Error(
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
                {"Condition": "If-None-Match"},
            )
        blob = await read_body(self._store, request)
        metadata = {name[11:]: value for name, value in headers.items() if name.startswith("x-amz-meta-")}
        stored = self._store.keep(bucket, key, Content.of(blob), headers.get("content-type"), metadata=metadata)
        answer = {"ETag": stored.etag}
        if "x-amz-checksum-sha256" in headers:
            answer["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(blob.sha256)).decode()
        return Response(headers=answer)

    def _get(self, request: Request, stored: StoredObject, query: Mapping[str, str]) -> Response:
        content, size = stored.content, stored.content.size
        headers = {
            "Content-Type": stored.content_type or "binary/octet-stream",
            "ETag": stored.etag,
            "Last-Modified": formatdate(stored.stored_at, usegmt=True),
            "Accept-Ranges": "bytes",
            **{f"x-amz-meta-{name}": value for name, value in stored.metadata.items()},
        }
        for name in _OVERRIDES:
            if f"response-{name}" in query:
                headers[name.title()] = query[f"response-{name}"]
        start, length, status = 0, size, 200
        if (wanted := exchange_of(request).headers.get("range")) and (found := _RANGE.match(wanted)):
            start, length = _range(found.group(1), found.group(2), size)
            status = 206
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
        headers["Content-Length"] = str(length)
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        if not content.kept:
            raise S3Error("InternalError", "The emulator runs as a sink and kept no bytes.")
        return StreamingResponse(self._store.blobs.stream(content, start, length), status, headers)


def _range(first: str, last: str, size: int) -> tuple[int, int]:
    """Start and length of an HTTP byte range. Raises S3Error("InvalidRange")."""
    if first:
        start = int(first)
        end = min(int(last), size - 1) if last else size - 1
    else:
        start, end = max(0, size - int(last or "0")), size - 1
    if start >= size or end < start:
        raise S3Error("InvalidRange", "The requested range is not satisfiable", {"ActualObjectSize": str(size)})
    return start, end - start + 1
