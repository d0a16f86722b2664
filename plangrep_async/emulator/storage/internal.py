"""The emulator's own store: objects, multipart uploads, and who may do what until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from attrs import evolve

from ..blobs import BlobStore
from ..clock import EmulatorClock
from ..content import Content
from .backend import Part, S3Credentials, StoredObject
from .errors import S3Error
from .multipart import MultipartUpload, etag_of
from .signer import UrlSigner, object_url

__all__ = ["InternalStorage"]


class InternalStorage(UrlSigner):
    """A :class:`~.backend.StorageBackend` in this process.

    Attributes:
        largest_put: bytes of one PUT or part, S3's 5 GiB.
        smallest_part: bytes of every part but the last, S3's 5 MiB.
        buckets: those that exist.
        public: buckets whose objects anyone may GET without a signature.
    """

    largest_put = 5 << 30
    smallest_part = 5 << 20

    def __init__(self, urls: Mapping[str, str], clock: EmulatorClock, blobs: BlobStore, seed: int = 0) -> None:
        self._urls = urls
        self.clock = clock
        self.blobs = blobs
        self.credentials = S3Credentials("AKIAEMULATOR", f"emulator-secret-{seed}")
        self.buckets: set[str] = set()
        self.public: set[str] = set()
        self.objects: dict[tuple[str, str], StoredObject] = {}
        self.uploads: dict[str, MultipartUpload] = {}
        self.expired_before: dict[tuple[str, str], float] = {}
        self._random = Random(f"storage:{seed}")

    @property
    def endpoint(self) -> str:
        return self._urls["storage"]

    def now(self) -> float:
        return self.clock.time()

    async def create_multipart(self, bucket: str, key: str, content_type: str | None) -> str:
        upload_id = f"{self._random.getrandbits(128):032x}"
        self.uploads[upload_id] = MultipartUpload(bucket, key, upload_id, content_type)
        return upload_id

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> Sequence[Part]:
        return self.upload(bucket, key, upload_id).parts()

    async def complete_multipart(self, bucket: str, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        await self.join(bucket, key, upload_id, [(part.number, part.etag) for part in parts])

    async def put(self, bucket: str, key: str, content: Content, content_type: str | None) -> None:
        self.keep(bucket, key, content, content_type)

    async def find(self, bucket: str, key: str) -> StoredObject | None:
        return self.objects.get((bucket, key))

    async def size_of(self, bucket: str, key: str) -> int | None:
        stored = self.objects.get((bucket, key))
        return None if stored is None else stored.content.size

    async def start(self, buckets: Sequence[str], blobs: BlobStore) -> None:
        self.buckets.update(buckets)

    async def stop(self) -> None: ...

    def public_url(self, bucket: str, key: str) -> str:
        """The plain address of an object in one of the :attr:`public` buckets."""
        return object_url(self.endpoint, bucket, key)

    # -- for the routes

    def upload(self, bucket: str, key: str, upload_id: str) -> MultipartUpload:
        """A multipart upload under way. Raises S3Error("NoSuchUpload")."""
        upload = self.uploads.get(upload_id)
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise S3Error(
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
                "aborted or completed.",
                {"UploadId": upload_id},
            )
        return upload

    async def join(
        self, bucket: str, key: str, upload_id: str, wanted: Sequence[tuple[int, str | None]]
    ) -> StoredObject:
        """Complete a multipart upload."""
        upload = self.upload(bucket, key, upload_id)
        chosen = upload.select(wanted, smallest=self.smallest_part)
        content = await self.blobs.in_thread(Content.joined, chosen)
        if self.uploads.pop(upload_id, None) is None:
            raise S3Error("NoSuchUpload", "The upload was completed by another request.", {"UploadId": upload_id})
        kept = {id(blob) for blob in chosen}
        for blob in upload.blobs.values():
            if id(blob) not in kept:
                self.blobs.discard(blob)
        etag = f'{etag_of(chosen[0])[:-1]}-{len(chosen)}"'
        return self.keep(bucket, key, content, upload.content_type, etag)

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Drop a multipart upload."""
        upload = self.upload(bucket, key, upload_id)
        del self.uploads[upload_id]
        for blob in upload.blobs.values():
            self.blobs.discard(blob)

    def keep(
        self,
        bucket: str,
        key: str,
        content: Content,
        content_type: str | None,
        etag: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """Make or replace an object. What it replaces is kept on disk: others may still refer to it."""
        stored = StoredObject(
            bucket,
            key,
            content,
            content_type,
            etag or etag_of(content.segments[0]),
            self.now(),
            1,
            dict(metadata or {}),
        )
        before = self.objects.get((bucket, key))
        if before is not None:
            stored = evolve(stored, writes=before.writes + 1)
        self.objects[bucket, key] = stored
        return stored

    def expire(self, bucket: str, key: str) -> None:
        """Make every URL for an object that was signed until now expired."""
        self.expired_before[bucket, key] = self.now()

    def clear(self) -> None:
        """Forget everything."""
        self.objects.clear()
        self.uploads.clear()
        self.expired_before.clear()
