"""A real S3 server as the place where clients put bytes; the emulator signs for it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import httpx

from ..blobs import BlobStore
from ..content import Content
from .backend import Part, S3Credentials, StoredObject
from .errors import S3Error
from .signer import UrlSigner

__all__ = ["S3Storage"]

LIFETIME = 300.0
TIMEOUT = 60.0


class S3Storage(UrlSigner):
    """A :class:`~.backend.StorageBackend` on a real server, such as SeaweedFS or MinIO, by path-style addresses.

    Give it to ``Emulator(storage=…)``. Faults and violations of the storage origin do not reach that server, and URLs
    signed for it expire in real time.

    Args:
        endpoint: ``http://127.0.0.1:8333``.
    """

    def __init__(self, endpoint: str, access_key: str, secret_key: str, *, region: str = "us-east-1") -> None:
        self._endpoint = endpoint.rstrip("/")
        self.credentials = S3Credentials(access_key, secret_key, region)
        self._blobs: BlobStore | None = None
        self._client: httpx.AsyncClient | None = None

    @property
    def endpoint(self) -> str:
        return self._endpoint

    def now(self) -> float:
        return time.time()

    async def create_multipart(self, bucket: str, key: str, content_type: str | None) -> str:
        headers = {} if content_type is None else {"Content-Type": content_type}
        answer = await self._send("POST", bucket, key, query={"uploads": ""}, headers=headers)
        return ElementTree.fromstring(answer.content).findtext("{*}UploadId") or ""

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> Sequence[Part]:
        parts: list[Part] = []
        marker = "0"
        while True:
            query = {"uploadId": upload_id, "part-number-marker": marker}
            root = ElementTree.fromstring((await self._send("GET", bucket, key, query=query)).content)
            page = [
                Part(
                    int(item.findtext("{*}PartNumber") or ""),
                    int(item.findtext("{*}Size") or ""),
                    item.findtext("{*}ETag") or "",
                )
                for item in root.iterfind("{*}Part")
            ]
            parts += page
            if root.findtext("{*}IsTruncated") != "true" or not page:
                return parts
            marker = str(page[-1].number)

    async def complete_multipart(self, bucket: str, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        items = "".join(
            f"<Part><PartNumber>{part.number}</PartNumber><ETag>{escape(part.etag)}</ETag></Part>" for part in parts
        )
        body = f"<CompleteMultipartUpload>{items}</CompleteMultipartUpload>".encode()
        answer = await self._send("POST", bucket, key, query={"uploadId": upload_id}, body=body)
        # S3 may say 200 first and find an error afterwards.
        _raise_for(answer)

    async def put(self, bucket: str, key: str, content: Content, content_type: str | None) -> None:
        headers = {} if content_type is None else {"Content-Type": content_type}
        data = await self._store().in_thread(content.read)
        await self._send("PUT", bucket, key, headers=headers, body=data)

    async def find(self, bucket: str, key: str) -> StoredObject | None:
        url = self.sign_get(bucket, key, lifetime=LIFETIME).url
        async with self._http().stream("GET", url) as answer:
            if answer.status_code == 404:
                return None
            if not answer.is_success:
                await answer.aread()
                _raise_for(answer)
            blob = await self._store().receive(answer.aiter_bytes(1 << 20))
            headers = answer.headers
        return StoredObject(
            bucket, key, Content.of(blob), headers.get("content-type"), headers.get("etag", ""), self.now()
        )

    async def size_of(self, bucket: str, key: str) -> int | None:
        try:
            answer = await self._send("HEAD", bucket, key)
        except S3Error as error:
            if error.status == 404:
                return None
            raise
        return int(answer.headers["content-length"])

    async def start(self, buckets: Sequence[str], blobs: BlobStore) -> None:
        self._blobs = blobs
        for bucket in buckets:
            try:
                await self._send("PUT", bucket, "")
            except S3Error as error:
                if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    raise

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _send(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> httpx.Response:
        signed = self.sign(method, bucket, key, lifetime=LIFETIME, headers=headers, query=query)
        answer = await self._http().request(method, signed.url, headers=dict(signed.headers), content=body)
        if not answer.is_success:
            _raise_for(answer)
        return answer

    def _store(self) -> BlobStore:
        if self._blobs is None:
            raise RuntimeError("the emulator has not started")
        return self._blobs

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)
        return self._client


def _raise_for(answer: httpx.Response) -> None:
    """Raise S3Error for an error document, or for any status that is not a success."""
    code, message = None, ""
    if b"<Error" in answer.content[:1024]:
        try:
            root = ElementTree.fromstring(answer.content)
            code, message = root.findtext("{*}Code"), root.findtext("{*}Message") or ""
        except ElementTree.ParseError:
            pass
    if code is None and answer.is_success:
        return
    if code is None:
        code = "NoSuchKey" if answer.status_code == 404 else f"Status{answer.status_code}"
    raise S3Error(code, message or f"the storage server answered {answer.status_code}")
