"""A request as a row of bytes, filled block by block."""

from __future__ import annotations

from ...errors import PlangrepAsyncError, SourceChangedError, SourceUnreadableError
from .request import WireBody

__all__ = ["RequestStream"]


class RequestStream:
    """Head, prefix, file and suffix in one row, so that a small request leaves in a single system call.

    Attributes:
        head: the length of the head; what comes after it is the body.
        total: bytes in all, the head included.
        position: bytes filled so far.
    """

    __slots__ = ("_body", "_file_end", "_file_start", "_lead", "head", "position", "total")

    def __init__(self, head: bytes, body: WireBody) -> None:
        self.head = len(head)
        self._lead = head + body.prefix if body.prefix else head
        self._body = body
        self._file_start = len(self._lead)
        self._file_end = self._file_start + body.length
        self.total = self._file_end + len(body.suffix)
        self.position = 0

    def fill(self, block: memoryview) -> int:
        """Put the next bytes into ``block``; it is full, or the request ends in it. 0 when there is nothing left.

        Raises:
            SourceChangedError: the source ends too early, or ``verify()`` says that it changed.
            SourceUnreadableError: reading it failed.
        """
        filled = 0
        if self.position < self._file_start:
            filled = self._copy(self._lead, self.position, block)
        if self._file_start <= self.position < self._file_end and filled < len(block):
            filled += self._read(block[filled:])
        if self._file_end <= self.position < self.total and filled < len(block):
            filled += self._copy(self._body.suffix, self.position - self._file_end, block[filled:])
        return filled

    def _copy(self, data: bytes, start: int, block: memoryview) -> int:
        count = min(len(data) - start, len(block))
        block[:count] = data[start : start + count]
        self._advance(count)
        return count

    def _read(self, block: memoryview) -> int:
        source = self._body.source
        assert source is not None
        wanted = min(self._file_end - self.position, len(block))
        filled = 0
        while filled < wanted:
            offset = self._body.offset + self.position - self._file_start
            try:
                count = source.readinto_at(offset, block[filled:wanted])
                if count <= 0:
                    source.verify()  # it may know better what became of its bytes
            except PlangrepAsyncError:
                raise
            except Exception as error:
                raise SourceUnreadableError(f"the source cannot be read at byte {offset}: {error!r}") from error
            if count <= 0:
                raise SourceChangedError(
                    f"the source ends at byte {offset}, {self._file_end - self.position} bytes too early: it was cut "
                    "while it was uploaded"
                )
            filled += count
            self._advance(count)
        return filled

    def _advance(self, count: int) -> None:
        self.position += count
        if self.position == self._file_end and self._body.source is not None:
            try:
                self._body.source.verify()
            except PlangrepAsyncError:
                raise
            except Exception as error:
                raise SourceUnreadableError(f"the source cannot be checked after reading: {error!r}") from error
