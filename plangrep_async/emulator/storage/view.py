"""The storage origin as tests look at it."""

from __future__ import annotations

from .backend import StoredObject
from .internal import InternalStorage
from .multipart import MultipartUpload

__all__ = ["StorageView"]


class StorageView:
    """What the emulator's own store holds. Safe from any thread; the records are to be looked at only."""

    def __init__(self, store: InternalStorage) -> None:
        self._store = store

    @property
    def objects(self) -> list[StoredObject]:
        """All objects, oldest first."""
        return list(self._store.objects.values())

    @property
    def uploads(self) -> list[MultipartUpload]:
        """Multipart uploads that were neither completed nor aborted."""
        return list(self._store.uploads.values())

    def find(self, bucket: str, key: str) -> StoredObject | None:
        """An object, or None."""
        return self._store.objects.get((bucket, key))

    def expire(self, bucket: str, key: str) -> None:
        """Let every URL signed so far for an object answer as expired. Signatures know whole seconds: what is signed
        later in the same second is expired too."""
        self._store.expire(bucket, key)
