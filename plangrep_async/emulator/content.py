"""Stored bytes as a value: one blob, or the parts of a multipart upload one after another."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from attrs import field, frozen

__all__ = ["Blob", "Content"]

BLOCK = 1 << 20


@frozen
class Blob:
    """One body: its size, its digests (hexadecimal), and where its bytes are; nowhere when only digests are kept."""

    size: int
    sha256: str
    md5: str | None = None
    data: bytes | None = field(default=None, repr=False)
    path: Path | None = None

    @property
    def kept(self) -> bool:
        """Whether the bytes can be read."""
        return self.data is not None or self.path is not None

    def open(self) -> BinaryIO:
        """The bytes as a file, to be closed by the caller.

        Raises:
            ValueError: only the digest was kept.
        """
        if self.path is not None:
            return self.path.open("rb")
        if self.data is None:
            raise ValueError("the emulator runs as a sink: it kept the digest, not the bytes")
        return io.BytesIO(self.data)


@frozen
class Content:
    """Stored bytes.

    Attributes:
        segments: blobs, in order.
        sha256: hexadecimal; None for a multipart upload to a sink, whose bytes were never seen in order.
    """

    segments: tuple[Blob, ...]
    sha256: str | None

    @classmethod
    def of(cls, blob: Blob) -> Content:
        """One blob's."""
        return cls((blob,), blob.sha256)

    @classmethod
    def joined(cls, blobs: tuple[Blob, ...]) -> Content:
        """Blobs one after another; reads all of them once for the digest, so call it in a worker thread."""
        if len(blobs) == 1:
            return cls.of(blobs[0])
        if not all(blob.kept for blob in blobs):
            return cls(blobs, None)
        digest = hashlib.sha256()
        content = cls(blobs, None)
        for block in content.blocks():
            digest.update(block)
        return cls(blobs, digest.hexdigest())

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(blob.size for blob in self.segments)

    @property
    def kept(self) -> bool:
        """Whether the bytes can be read."""
        return all(blob.kept for blob in self.segments)

    def blocks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes, or a range of them, in pieces of at most 1 MiB. Blocks on the disk."""
        left = self.size - start if length is None else length
        for blob in self.segments:
            if start >= blob.size:
                start -= blob.size
                continue
            with blob.open() as file:
                file.seek(start)
                start = 0
                while left > 0 and (block := file.read(min(BLOCK, left))):
                    left -= len(block)
                    yield block

    def read(self) -> bytes:
        """All bytes.

        Raises:
            ValueError: only digests were kept.
        """
        return b"".join(self.blocks())

    def open(self) -> BinaryIO:
        """The bytes as a seekable file, to be closed by the caller."""
        if len(self.segments) == 1:
            return self.segments[0].open()
        return cast(BinaryIO, io.BufferedReader(_Joined(self), BLOCK))


class _Joined(io.RawIOBase):
    """Several blobs as one seekable file."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io gives a memoryview
        wanted = min(len(buffer), max(0, self._content.size - self._position))
        filled = 0
        for block in self._content.blocks(self._position, wanted):
            buffer[filled : filled + len(block)] = block
            filled += len(block)
        self._position += filled
        return filled
