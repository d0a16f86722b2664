"""Reading an answer, byte by byte as it comes, without I/O.

RFC 9112, read leniently where senders are known to be sloppy (bare LF in the head, folded lines, repeated equal
Content-Length) and strictly where a wrong guess could take the bytes of one answer for another's.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["MAX_CONTENT", "MAX_HEAD", "AnswerParser", "AnswerError"]

MAX_HEAD = 1 << 16
MAX_CONTENT = 1 << 20
_MAX_INTERIM = 16
_MAX_LINE = 1 << 12

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [^\r\n\x00]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\x00]*?)[ \t]*")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_KEEP_ALIVE = re.compile(r"timeout=(\d{1,6})")
_PREFIX = b"HTTP/1."


class AnswerError(Exception):
    """What came is no complete HTTP/1.x answer, or more than anyone should send."""


class AnswerParser:
    """One final answer to one request; interim answers (1xx) before it are skipped.

    Attributes:
        status: of the final answer, once its head is complete; before that 0.
        headers: names in lower case.
        truncated: the body is longer than ``content``; nothing more of it is read.
        done: the answer is complete (or ``truncated``).
        started: any byte has come, of an interim answer too.
        keep_alive: the connection can carry another request; known when ``done``.
        idle_timeout: seconds, from the server's ``Keep-Alive`` header, or ``None``.
    """

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.truncated = False
        self.done = False
        self.started = False
        self.keep_alive = False
        self.idle_timeout: float | None = None
        self._method = method
        self._buffer = bytearray()
        self._scanned = 0
        self._left = 0
        self._read_size = 0
        self._interim = 0
        self._content = bytearray()
        self._state: Callable[[], bool] = self._head

    @property
    def content(self) -> bytes:
        """The body so far, at most 1 MiB of it."""
        return bytes(self._content)

    def feed(self, data: bytes) -> None:
        """Take what has come.

        Raises:
            AnswerError: it breaks the protocol or a bound: 64 KiB for the heads, 16 interim answers.
        """
        self.started = True
        self._buffer += data
        while not self.done and self._state():
            pass
        if self.done and (self._buffer or self.truncated):
            self.keep_alive = False  # what nobody asked for could be taken for the next answer

    def end(self) -> None:
        """The far end has closed. Raises ``AnswerError`` when the answer is not complete."""
        if self._state == self._to_the_end and self.status:
            self._finish(keep=False)
        if not self.done:
            where = (
                "in the answer's body"
                if self.status
                else "in the answer's head"
                if self.started
                else "before an answer"
            )
            raise AnswerError(f"the far end closed the connection {where}")

    def _head(self) -> bool:
        buffer = self._buffer
        if not buffer.startswith(_PREFIX[: len(buffer)]):
            raise AnswerError(f"the answer does not begin as HTTP/1.x does: {bytes(buffer[:32])!r}")
        end = _HEAD_END.search(buffer, max(0, self._scanned - 3))
        if (end.end() if end else len(buffer)) + self._read_size > MAX_HEAD:
            raise AnswerError(f"the answer's head is longer than {MAX_HEAD} bytes")
        if end is None:
            self._scanned = len(buffer)
            return False
        head = bytes(buffer[: end.start()])
        del buffer[: end.end()]
        self._scanned = 0
        self._read_size += end.end()
        first, _, rest = head.partition(b"\n")
        status_line = _STATUS_LINE.fullmatch(first.rstrip(b"\r"))
        if status_line is None:
            raise AnswerError(f"not a status line: {first[:80]!r}")
        status = int(status_line[2])
        if status == 101 or self._interim > _MAX_INTERIM:
            raise AnswerError("the server changes the protocol" if status == 101 else "too many interim answers")
        if status < 200:
            self._interim += 1
            return bool(buffer)
        self.headers = _fields(rest)
        self.status = status
        self._frame(minor=int(status_line[1]))
        return True

    def _frame(self, *, minor: int) -> None:
        """Decide where the body ends (RFC 9112, 6.3)."""
        headers = self.headers
        connection = headers.get("connection", "").lower()
        self.keep_alive = "close" not in connection if minor else "keep-alive" in connection
        if hint := _KEEP_ALIVE.search(headers.get("keep-alive", "")):
            self.idle_timeout = float(hint[1])
        coding = headers.get("transfer-encoding")
        length = _length(headers.get("content-length"))
        if self._method == "HEAD" or self.status in (204, 304) or (self._method == "CONNECT" and self.status < 300):
            self._finish(keep=self.keep_alive)
        elif coding is not None:
            if length is not None or not minor:
                self.keep_alive = False  # RFC 9112, 6.1: a sign of smuggling, or of a confused proxy
            if coding.lower().rpartition(",")[2].strip() == "chunked":
                self._read_size = 0
                self._state = self._chunk_size
            else:
                self._state = self._to_the_end
        elif length is not None:
            self._left = length
            self._state = self._counted
        else:
            self._state = self._to_the_end

    def _counted(self) -> bool:
        self._left -= self._take(self._left)
        if not self._left:
            self._finish(keep=self.keep_alive)
        return False

    def _to_the_end(self) -> bool:
        self._take(len(self._buffer))
        return False

    def _chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            raise AnswerError(f"not the size of a chunk: {line[:40]!r}")
        self._left = int(size[1], 16)
        self._state = self._chunk if self._left else self._trailers
        return True

    def _chunk(self) -> bool:
        self._left -= self._take(self._left)
        if self._left:
            return False
        self._state = self._chunk_end
        return True

    def _chunk_end(self) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            raise AnswerError("a chunk is longer than it said")
        self._state = self._chunk_size
        return True

    def _trailers(self) -> bool:
        line = self._line()
        if line is None:
            return False
        self._read_size += len(line) + 2
        if self._read_size > MAX_HEAD:
            raise AnswerError(f"the answer's trailers are longer than {MAX_HEAD} bytes")
        if not line:
            self._finish(keep=self.keep_alive)
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, _MAX_LINE)
        if end < 0:
            if len(self._buffer) >= _MAX_LINE:
                raise AnswerError("a line of the chunked body is too long")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _take(self, wanted: int) -> int:
        """Move up to ``wanted`` bytes of the buffer to the content."""
        count = min(wanted, len(self._buffer))
        kept = min(count, MAX_CONTENT - len(self._content))
        self._content += self._buffer[:kept]
        del self._buffer[:count]
        if kept < count:
            self.truncated = True
            self._finish(keep=False)
        return count

    def _finish(self, *, keep: bool) -> None:
        self.done = True
        self.keep_alive = keep


def _fields(block: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in _FOLD.sub(b" ", block).split(b"\n"):
        line = line.removesuffix(b"\r")
        if not line:
            continue
        field = _FIELD.fullmatch(line)
        if field is None:
            raise AnswerError(f"not a header: {line.partition(b':')[0][:80]!r}")
        name, value = field[1].decode("ascii").lower(), field[2].decode("latin-1")
        if name not in headers:
            headers[name] = value
        else:
            headers[name] += f", {value}"
    return headers


def _length(value: str | None) -> int | None:
    if value is None:
        return None
    given = {part.strip() for part in value.split(",")}
    length = given.pop()
    if given or not length.isascii() or not length.isdigit() or len(length) > 18:
        raise AnswerError(f"not a Content-Length: {value[:80]!r}")
    return int(length)
