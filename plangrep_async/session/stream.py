"""An answer that is read as it comes: a whole file."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import cast

import httpx

from ..errors import APIConnectionError, DecodeError
from .failure import connection_error

__all__ = ["StreamedAnswer"]

_GZIP = frozenset({"gzip", "x-gzip"})
_PLAIN = frozenset({"", "identity", "aws-chunked"})  # the last is of an upload; some S3 servers keep it with the object
_BLOCK = 1 << 20  # bytes; what a small piece may unpack to at once


class StreamedAnswer:
    """Status and headers are there; the body is read by :meth:`aiter_bytes`, once.

    Attributes:
        status: the HTTP status.
        headers: names in lower case.
        url: redacted.
        attempts: made until it began.

    Raises:
        DecodeError: it is not the whole of a file (its status is another than 200), or is encoded in an unknown way.
    """

    def __init__(self, response: httpx.Response, method: str, url: str, *, attempts: int = 1) -> None:
        self._response = response
        self._method = method
        self.url = url
        self.attempts = attempts
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        if self.status != 200:
            raise self._wrong(f"was answered with {self.status}, which is not a whole file")
        encodings = [word.strip().lower() for word in self.headers.get("content-encoding", "").split(",")]
        encodings = [word for word in encodings if word not in _PLAIN]
        self._packed = bool(encodings)
        if self._packed and (len(encodings) > 1 or encodings[0] not in _GZIP):
            raise self._wrong(f"was answered with an encoding that was not asked for: {', '.join(encodings)}")

    @property
    def content_length(self) -> int | None:
        """Bytes that :meth:`aiter_bytes` will give, where the service says so and they are not packed on the way."""
        return None if self._packed else self._length

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in pieces, all of it. What is stored with ``Content-Encoding: gzip`` is unpacked.

        Raises:
            APIConnectionError, APITimeoutError: the connection broke or went silent in mid-body.
            DecodeError: what is packed is broken, or ends too early.
        """
        unpacker = _Unpacker() if self._packed else None
        # As it comes where it is packed: httpx, which would unpack it too, does not tell whether the end was reached.
        stream = cast("httpx.AsyncByteStream", self._response.stream) if self._packed else self._response.aiter_bytes()
        received = 0
        try:
            async for piece in stream:
                received += len(piece)
                for part in (piece,) if unpacker is None else unpacker.unpack(piece):
                    yield part
        except httpx.RequestError as error:
            raise connection_error(error, self._method, self.url, self.attempts, None, "") from error
        except zlib.error as error:
            raise self._wrong(f"is packed and broken: {error}") from error
        if self._length not in (None, received):
            raise APIConnectionError(
                f"{received:,} of {self._length:,} bytes came from {self.url}",
                method=self._method,
                url=self.url,
                attempts=self.attempts,
            )
        if unpacker is not None and not unpacker.ended:
            raise self._wrong("is packed and ends too early")

    @property
    def _length(self) -> int | None:
        value = self.headers.get("content-length", "")
        return int(value) if value.isascii() and value.isdigit() else None

    def _wrong(self, what: str) -> DecodeError:
        return DecodeError(
            f"{self._method} {self.url} {what}",
            method=self._method,
            url=self.url,
            status=self.status,
            attempts=self.attempts,
        )


class _Unpacker:
    """Undoes gzip, one member after the other (RFC 1952 section 2.2), in blocks of bounded size."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def ended(self) -> bool:
        """Whether nothing is missing."""
        return self._member.eof

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` continues to. Raises ``zlib.error`` where it is broken."""
        part = b""
        while data or len(part) == _BLOCK:  # a full block: there may be more, though all data is taken
            if data and self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            part = self._member.decompress(data, _BLOCK)
            data = self._member.unconsumed_tail or self._member.unused_data
            if part:
                yield part
