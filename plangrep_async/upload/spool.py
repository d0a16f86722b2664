"""An async iterable kept in a temporary file, so that its bytes can be read beforehand, and more than once."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable
from functools import partial
from typing import BinaryIO, cast

from ..errors import SourceUnreadableError
from .engine import Engine
from .file import UploadFile
from .fileobject import DescriptorSource
from .fingerprint import Fingerprint
from .job import Job
from .stream import not_as_declared

__all__ = ["SpooledSource", "spool"]


class SpooledSource(DescriptorSource):
    """The temporary file; it is closed with the source. Its inode tells nothing of what it holds."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(file, name, Fingerprint.of_stat("", os.fstat(file.fileno())))
        self.fingerprint = Fingerprint("", self.fingerprint.size)

    def close(self) -> None:
        self._file.close()


async def spool(file: UploadFile, engine: Engine) -> SpooledSource:
    """Read the iterable to its end into a file without a name, which vanishes when the source is closed.

    Holds one block in memory, and one item of the iterable. Cancellation: the file is closed, the iterable left.

    Raises:
        SourceChangedError: it gives more or fewer bytes than ``UploadFile.size`` says.
        SourceUnreadableError: the iterable or the disk failed.
    """
    spooled = _Spool(file.name)
    try:
        await engine.disk.run(lambda _job: spooled.create())
        size = await _fill(spooled, file, engine)
        assert file.size is not None
        if size != file.size:
            raise not_as_declared(file.name, size, file.size)
        return await engine.disk.run(lambda _job: spooled.source())
    except BaseException:
        spooled.close()
        raise


class _Spool:
    """The file; each method but the last blocks."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: BinaryIO | None = None

    def create(self) -> None:
        self._file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - closed with the source

    def write(self, block: bytearray, _job: Job[None]) -> None:
        assert self._file is not None
        try:
            self._file.write(block)
            self._file.flush()
        except OSError as error:
            raise SourceUnreadableError(
                f"{self._name}: its bytes cannot be kept in a temporary file ({error}); TMPDIR names another place",
                file_name=self._name,
            ) from error

    def source(self) -> SpooledSource:
        assert self._file is not None
        return SpooledSource(self._file, self._name)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


async def _fill(spooled: _Spool, file: UploadFile, engine: Engine) -> int:
    assert isinstance(file.source, AsyncIterable)
    assert file.size is not None
    block = bytearray()
    size = 0
    async with contextlib.AsyncExitStack() as stack:
        iterator = aiter(file.source)
        if isinstance(iterator, AsyncGenerator):
            stack.push_async_callback(iterator.aclose)
        while size <= file.size:
            try:
                chunk = memoryview(await anext(iterator)).cast("B")
            except StopAsyncIteration:
                break
            except Exception as error:
                raise SourceUnreadableError(
                    f"{file.name}: its iterator failed: {error!r}", file_name=file.name
                ) from error
            size += len(chunk)
            block += chunk
            if len(block) >= engine.settings.block_size:
                await engine.disk.run(partial(spooled.write, block))
                block = bytearray()
    await engine.disk.run(partial(spooled.write, block))
    return size
