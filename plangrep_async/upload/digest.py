"""Checksums of whole files, computed in a thread, block by block, and remembered as long as the file is the same."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Protocol

from ..errors import InvalidInputError, SourceChangedError, TransferCancelledError
from .fingerprint import Fingerprint
from .readers import Source
from .wire import CancelToken

__all__ = ["DigestCache", "check_algorithms", "compute_digests", "in_base64"]

_ALGORITHMS = ("crc32", "md5", "sha1", "sha256", "sha512")


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


class _CRC32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def check_algorithms(names: Iterable[str]) -> None:
    """Raise :class:`~plangrep_async.errors.InvalidInputError` for a name that is none of ours."""
    for name in names:
        if name not in _ALGORITHMS:
            raise InvalidInputError(f"Upload(digests=): {name!r} is not known; choose from {', '.join(_ALGORITHMS)}")


def _new(name: str) -> _Hash:
    return _CRC32() if name == "crc32" else hashlib.new(name, usedforsecurity=False)


def compute_digests(
    source: Source, names: Collection[str], *, cancel: CancelToken | None = None, block_size: int = 1 << 20
) -> dict[str, str]:
    """Read the source once and give its digests in lower-case hexadecimal, by name. Blocks; run it in a thread.

    Holds one block in memory. The bytes stay in the system's page cache for the upload that follows.

    Raises:
        SourceError: it cannot be read, or changed while it was.
        TransferCancelledError: ``cancel`` was cancelled; noticed at the next block.
    """
    hashes = [_new(name) for name in names]
    size = source.fingerprint.size
    block = memoryview(bytearray(min(block_size, max(size, 1))))
    opened = source.open()
    try:
        offset = 0
        while offset < size:
            if cancel is not None and cancel.cancelled:
                raise TransferCancelledError("stopped on request")
            got = opened.readinto_at(offset, block[: min(len(block), size - offset)])
            if not got:
                opened.verify()  # it may know better what became of its bytes
                raise SourceChangedError(f"the file ends after {offset} of {size} bytes")
            for one in hashes:
                one.update(block[:got])
            offset += got
        opened.verify()
    finally:
        opened.close()
    return {name: one.hexdigest() for name, one in zip(names, hashes, strict=True)}


def in_base64(hexadecimal: str) -> str:
    """A digest as S3's checksum headers want it."""
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode("ascii")


class DigestCache:
    """The digests of the last files, by fingerprint. For one event loop: no lock.

    Args:
        size: files remembered; about 500 bytes each.
    """

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._known: OrderedDict[Fingerprint, dict[str, str]] = OrderedDict()

    def get(self, fingerprint: Fingerprint) -> dict[str, str]:
        """What is known of it; empty for sources that are no files."""
        if fingerprint not in self._known:
            return {}
        self._known.move_to_end(fingerprint)
        return self._known[fingerprint]

    def put(self, fingerprint: Fingerprint, digests: dict[str, str]) -> None:
        """Remember, unless the source is no file and could hold other bytes the next time."""
        if not fingerprint.inode:
            return
        self._known[fingerprint] = {**self._known.get(fingerprint, {}), **digests}
        self._known.move_to_end(fingerprint)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
