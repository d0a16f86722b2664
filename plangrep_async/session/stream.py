"""An answer that is read as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import httpx

from .failure import connection_error

__all__ = ["StreamedAnswer"]


class StreamedAnswer:
    """Status and headers are there; the body is read by :meth:`aiter_bytes`, once.

    Attributes:
        status: the HTTP status.
        headers: names in lower case.
        url: redacted.
    """

    def __init__(self, response: httpx.Response, method: str, url: str) -> None:
        self._response = response
        self._method = method
        self.url = url
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    @property
    def content_length(self) -> int | None:
        """Bytes that will come, where the service says so and the body is not compressed."""
        value = self.headers.get("content-length", "")
        if "content-encoding" in self.headers or not (value.isascii() and value.isdigit()):
            return None
        return int(value)

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in pieces.

        Raises:
            APIConnectionError, APITimeoutError: the connection broke or went silent in mid-body.
        """
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except httpx.RequestError as error:
            raise connection_error(error, self._method, self.url, 1, None, "its answer had begun") from error
