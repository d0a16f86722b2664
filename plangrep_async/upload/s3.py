"""Uploads straight to an S3 bucket, for those who hold a key, with no service in between.

Sources: Amazon S3 API Reference, PutObject, HeadObject, CreateMultipartUpload, UploadPart, ListParts,
CompleteMultipartUpload, AbortMultipartUpload; Amazon S3 User Guide, "Checking object integrity".
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from ..errors import StorageError, UploadUnconfirmedError
from .digest import in_base64
from .file import FileSource, UploadFile
from .parts import ConfirmedPart, Part
from .plan import Path, Plan, plan
from .s3error import parse_s3_error, read_refusal
from .s3sign import S3Signer
from .s3xml import complete_document, read_parts, read_upload_id
from .scheduler import UploadScheduler
from .targets import MultipartTarget, PartRequest, PutTarget, Target
from .task import NOT_STORED, UNKNOWN, Confirmation, SlotRequest, StartOver, Stored, Unconfirmed, Upload, stored_as
from .wire import WireAnswer

__all__ = ["S3Bucket", "S3Object"]


@frozen
class S3Object:
    """What was stored: its key, its size in bytes, and its ETag as S3 gave it (``None`` when that answer was lost, or
    had none)."""

    key: str
    size: int
    etag: str | None = None


class S3Bucket:
    """Makes uploads into one bucket; run them with the scheduler, alone or among others.

    Args:
        signer: the bucket and the key that signs for it.
        scheduler: sends the small control calls, too.
        expires: seconds that each presigned URL is good for.
    """

    def __init__(self, signer: S3Signer, scheduler: UploadScheduler, *, expires: int = 3600) -> None:
        self.signer = signer
        self._scheduler = scheduler
        self._expires = expires

    def upload(
        self,
        file: UploadFile | FileSource,
        key: str,
        *,
        path: Path | None = None,
        part_size: int | None = None,
        checksum: bool = True,
        **options: Any,
    ) -> Upload[S3Object]:
        """An upload of ``file`` to ``key``.

        Args:
            path: ``Path.PUT`` or ``Path.MULTIPART``, instead of what the size suggests.
            part_size: bytes, instead of :func:`choose_part_size`. One that S3 does not take for this file ends the
                upload with :class:`~plangrep_async.errors.InvalidInputError` before any request.
            checksum: with a single PUT, have S3 check the SHA-256; it costs reading the file once more.
            options: ``resume``, ``on_state``, ``deadline``, ``abort``, ``key`` of :class:`Upload`.
        """
        options.setdefault("key", key)

        def way(size: int) -> Plan:
            return plan(size, (Path.PUT, Path.MULTIPART), force=path, part_size=part_size)

        def digests(size: int) -> tuple[str, ...]:
            return ("sha256",) if checksum and way(size).path is Path.PUT else ()

        async def slot(request: SlotRequest) -> Target:
            state = request.state
            if state is not None and state.upload_id and state.part_size and not request.renewal:
                return self._session(key, request, state.upload_id, state.part_size)
            chosen = way(request.file.size)
            if chosen.path is Path.PUT:
                return self._put(key, request)
            upload_id = await self.create(key, request.file.content_type)
            return self._session(key, request, upload_id, chosen.part_size)

        async def complete(stored: Stored) -> S3Object:
            if stored.answer is not None:
                etag = stored.answer.headers.get("etag")
            else:
                etag = stored.finished or stored.evidence
            return S3Object(key, stored.file.size, etag)

        async def confirm(unconfirmed: Unconfirmed) -> Confirmation:
            return await self._confirm(key, unconfirmed)

        return Upload(file, slot, complete=complete, confirm=confirm, digests=digests, **options)

    def _presign(
        self, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> str:
        now = self._scheduler.clock.time()
        return self.signer.presign(method, key, now=now, expires=self._expires, query=query, headers=headers)

    def _put(self, key: str, request: SlotRequest) -> PutTarget:
        headers = {"Content-Type": request.file.content_type}
        if request.file.sha256 is not None:
            headers["x-amz-checksum-sha256"] = in_base64(request.file.sha256)
        return PutTarget(
            url=self._presign("PUT", key, {}, headers),
            headers=headers,
            expires_at=self._scheduler.clock.time() + self._expires,
        )

    async def _confirm(self, key: str, unconfirmed: Unconfirmed) -> Confirmation:
        """Stored only when S3 gives the checksum that was sent; an older object of the same size proves nothing."""
        sha256 = unconfirmed.files[0].sha256
        if sha256 is None:
            return UNKNOWN
        mode = {"x-amz-checksum-mode": "ENABLED"}
        answer = await self._call("HEAD", key, {}, headers=mode)
        if answer.status == 200 and answer.headers.get("x-amz-checksum-sha256") == in_base64(sha256):
            return stored_as(answer.headers.get("etag"))
        return NOT_STORED if answer.status in (200, 404) else UNKNOWN

    # Multipart

    async def create(self, key: str, content_type: str) -> str:
        """Begin a multipart session; its upload id."""
        headers = {"Content-Type": content_type}
        answer = await self._call("POST", key, {"uploads": ""}, headers=headers)
        self._check(answer, "CreateMultipartUpload", key)
        try:
            return read_upload_id(answer.content)
        except ValueError as error:
            raise self._error(answer, "CreateMultipartUpload", key) from error

    def _session(self, key: str, request: SlotRequest, upload_id: str, part_size: int) -> MultipartTarget:
        size = request.file.size

        async def sign_part(part: Part) -> PartRequest:
            url = self._presign("PUT", key, {"partNumber": str(part.number), "uploadId": upload_id})
            return PartRequest(url, (), self._scheduler.clock.time() + self._expires)

        async def list_parts() -> Sequence[ConfirmedPart]:
            return await self.list_parts(key, upload_id)

        async def finish(parts: Sequence[ConfirmedPart]) -> str | None:
            return await self.finish(key, upload_id, parts, size=size)

        async def abort() -> None:
            await self.abort(key, upload_id)

        return MultipartTarget(
            upload_id=upload_id,
            part_size=part_size,
            sign_part=sign_part,
            list_parts=list_parts,
            finish=finish,
            abort=abort,
        )

    async def abort(self, key: str, upload_id: str) -> None:
        """Give the session up; S3 drops its parts."""
        await self._call("DELETE", key, {"uploadId": upload_id})

    async def list_parts(self, key: str, upload_id: str) -> list[ConfirmedPart]:
        """The parts that S3 holds, all pages. Raises :class:`StartOver` when it does not know the session."""
        found: list[ConfirmedPart] = []
        marker: int | None = 0
        while marker is not None:
            after = {"part-number-marker": str(marker)} if marker else {}
            answer = await self._call("GET", key, {"uploadId": upload_id, **after})
            if answer.status == 404:
                raise StartOver(f"S3 does not know the multipart session of {key} any more")
            self._check(answer, "ListParts", key)
            parts, following = read_parts(answer.content)
            found += parts
            marker = following if following is None or following > marker else None
        return found

    async def finish(self, key: str, upload_id: str, parts: Sequence[ConfirmedPart], *, size: int) -> str | None:
        """Complete the session; the ETag of the whole.

        An answer that was lost shows as "no such session" at the next attempt: then the object itself is looked at.

        Raises:
            StartOver: the session is gone, and the object is not the one that these parts make.
            UploadUnconfirmedError: the session is gone, and the object does not tell.
            StorageError: S3 refused.
        """
        content = complete_document(parts)
        answer = await self._call("POST", key, {"uploadId": upload_id}, content=content)
        if answer.status == 200 and parse_s3_error(answer.content) is None:
            return _etag(answer.content)
        if answer.status != 404 and not (answer.status >= 500 and await self._is_gone(key, upload_id)):
            raise self._error(answer, "CompleteMultipartUpload", key)
        head = await self._call("HEAD", key, {})
        etag = head.headers.get("etag")
        if head.status == 200 and head.headers.get("content-length") == str(size) and etag is not None:
            expected = _composite(parts)
            if expected is None:
                raise UploadUnconfirmedError(
                    f"{key}: the multipart session is gone, an object of the right size is there, and its ETag does "
                    "not tell whether it is this one"
                )
            if etag.strip('"') == expected:
                return etag
        raise StartOver(f"S3 does not know the multipart session of {key} any more")

    async def _is_gone(self, key: str, upload_id: str) -> bool:
        """Ceph RGW answers 500 to the completion of a session that it does not know."""
        return (await self._call("GET", key, {"uploadId": upload_id, "max-parts": "1"})).status == 404

    async def _call(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> WireAnswer:
        url = self._presign(method, key, query, headers)
        return await self._scheduler.request(method, url, headers=tuple((headers or {}).items()), content=content)

    def _check(self, answer: WireAnswer, call: str, key: str) -> None:
        if answer.status != 200:
            raise self._error(answer, call, key)

    def _error(self, answer: WireAnswer, call: str, key: str) -> StorageError:
        code, message = read_refusal(answer)
        return StorageError(
            f"{call} of {key}: answered {answer.status} {code or ''} {message or ''}".rstrip(),
            url=self.signer.url(key),
            status=answer.status,
            code=code,
            service_message=message,
            body=answer.content,
        )


def _etag(content: bytes) -> str | None:
    """In quotes, as headers give it; Ceph RGW leaves them out, or the element empty."""
    text = content.decode("utf-8", "replace").partition("<ETag>")[2].partition("</ETag>")[0]
    bare = html.unescape(text).strip().strip('"')
    return f'"{bare}"' if bare else None


def _composite(parts: Sequence[ConfirmedPart]) -> str | None:
    """The ETag of the whole from the ETags of its parts, where these are MD5s; ``None`` where they are not."""
    try:
        digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    except ValueError:
        return None
    if len(digests) != 16 * len(parts):
        return None
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
