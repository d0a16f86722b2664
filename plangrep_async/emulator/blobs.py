"""Bytes that clients sent: streamed to disk, hashed on the way, never held in memory."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from .content import Blob, Content

__all__ = ["BlobStore", "BlobWriter"]

T = TypeVar("T")

BLOCK = 1 << 20
SMALL = 64 << 10
MEMORY = 64 << 20


class BlobWriter:
    """Takes one body in pieces. Ends with :meth:`finish` or :meth:`abort`; as a context manager it aborts when the
    request breaks off.

    While a worker thread hashes and writes one block, the event loop collects the next; there are never more.
    """

    def __init__(self, store: BlobStore, *, md5: bool) -> None:
        self._store = store
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5() if md5 else None
        self._chunks: list[bytes | memoryview] = []
        self._held = 0
        self._job: asyncio.Future[None] | None = None
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._done = False
        self.size = 0

    async def __aenter__(self) -> BlobWriter:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.abort()

    async def write(self, chunk: bytes | memoryview) -> None:
        """Take a piece; waits while the disk is behind."""
        length = len(chunk)
        self._chunks.append(chunk)
        self._held += length
        self.size += length
        if self._held >= BLOCK:
            await self._hand_over()

    async def finish(self) -> Blob:
        """The whole body as a blob."""
        self._done = True
        if self._job is None and self._held <= SMALL:
            data = b"".join(self._chunks)
            if self._store.sink or self._store.room_for(len(data)):
                self._digest([data])
                kept = None if self._store.sink else data
                return Blob(len(data), self._sha256.hexdigest(), self._md5_digest(), data=kept)
        try:
            if self._chunks:
                await self._hand_over()
            if self._job is not None:
                await self._job
        except BaseException:
            await self._drop()
            raise
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        return Blob(self.size, self._sha256.hexdigest(), self._md5_digest(), path=self._path)

    async def abort(self) -> None:
        """Drop what was written; nothing after :meth:`finish`."""
        if not self._done:
            self._done = True
            await self._drop()

    async def _hand_over(self) -> None:
        chunks, self._chunks, self._held = self._chunks, [], 0
        if self._job is not None:
            await self._job
        self._job = asyncio.get_running_loop().run_in_executor(self._store.pool, self._consume, chunks)

    async def _drop(self) -> None:
        if self._job is not None:
            # The thread may still write; the file must not be closed under it.
            await asyncio.wait([self._job])
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if self._path is not None:
            self._store.remove(self._path)

    def _consume(self, chunks: list[bytes | memoryview]) -> None:
        if not self._store.sink:
            if self._descriptor is None:
                self._path = self._store.new_path()
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            for chunk in chunks:
                left = memoryview(chunk)
                while left:
                    left = left[os.write(self._descriptor, left) :]
        self._digest(chunks)

    def _digest(self, chunks: list[bytes | memoryview]) -> None:
        for chunk in chunks:
            self._sha256.update(chunk)
            if self._md5 is not None:
                self._md5.update(chunk)

    def _md5_digest(self) -> str | None:
        return None if self._md5 is None else self._md5.hexdigest()


class BlobStore:
    """Where blobs live: small ones in memory (64 MiB in all), the others in files of a temporary directory.

    Args:
        sink: keep only sizes and digests, for benchmarks.
        parent: where the temporary directory is made; the system's place when not given.
    """

    def __init__(self, *, sink: bool = False, parent: Path | None = None) -> None:
        self.sink = sink
        self._parent = parent
        self._directory: Path | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._memory = 0
        self._names = itertools.count(1)

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Threads for hashing, disk work and reading PDFs."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="emulator-blob")
        return self._pool

    async def in_thread(self, function: Callable[..., T], *args: object) -> T:
        """Run blocking work in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, functools.partial(function, *args))

    def writer(self, *, md5: bool = False) -> BlobWriter:
        """Begin a body."""
        return BlobWriter(self, md5=md5)

    async def receive(self, stream: AsyncIterable[bytes], *, md5: bool = False) -> Blob:
        """Take a whole body from a stream; nothing is left when the stream breaks off."""
        async with self.writer(md5=md5) as writer:
            async for chunk in stream:
                await writer.write(chunk)
            return await writer.finish()

    async def stream(self, content: Content, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of stored content, or a range of them, read in the threads."""
        blocks = content.blocks(start, length)

        def read() -> bytes:
            return next(blocks, b"")

        while block := await self.in_thread(read):
            yield block

    def put(self, data: bytes) -> Blob:
        """A blob from bytes at hand, kept even by a sink. Blocks on the disk for large ones."""
        digest = hashlib.sha256(data).hexdigest()
        if self.room_for(len(data)):
            return Blob(len(data), digest, data=data)
        path = self.new_path()
        path.write_bytes(data)
        return Blob(len(data), digest, path=path)

    def room_for(self, size: int) -> bool:
        """Whether a blob may stay in memory; counts it when it may."""
        if size > SMALL or self._memory + size > MEMORY:
            return False
        self._memory += size
        return True

    def discard(self, blob: Blob) -> None:
        """Forget a blob that nothing refers to any more."""
        if blob.path is not None:
            self.remove(blob.path)
        elif blob.data is not None:
            self._memory -= len(blob.data)

    def remove(self, path: Path) -> None:
        """Remove a file, in one of the threads."""
        self.pool.submit(path.unlink, missing_ok=True)

    def new_path(self) -> Path:
        """A fresh file name."""
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="plangrep-emulator-", dir=self._parent))
        return self._directory / f"{next(self._names):08d}"

    def close(self) -> None:
        """Remove every file. Blobs on disk can no longer be read."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
        self._memory = 0
