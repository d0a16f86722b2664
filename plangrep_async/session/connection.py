"""One connection as an httpx transport."""

from __future__ import annotations

import ssl
from typing import Any, cast

import httpcore
import httpx

from .origin import Origin
from .stream_backend import AsyncioBackend

__all__ = ["ConnectionTransport"]

_BACKEND = AsyncioBackend()


class ConnectionTransport(httpx.AsyncHTTPTransport):
    """An :class:`httpx.AsyncHTTPTransport` over one httpcore connection instead of a pool.

    Still that class: what patches it (respx, OpenTelemetry) or httpcore's connection sees every request.
    """

    def __init__(self, origin: Origin, *, ssl_context: ssl.SSLContext | None, keepalive_expiry: float) -> None:
        # The parent would build a pool and, without a context, read the trust store; it only ever asks its `_pool` to
        # handle a request and to close, which a connection does as well.
        self._connection = httpcore.AsyncHTTPConnection(
            origin=httpcore.Origin(origin.scheme.encode(), origin.host.encode(), origin.port),
            ssl_context=ssl_context,
            keepalive_expiry=keepalive_expiry,
            network_backend=_BACKEND,
        )
        self._pool = cast("Any", self._connection)

    @property
    def reusable(self) -> bool:
        """Whether the connection is open, idle and not given up by the far end."""
        return self._connection.is_available() and not self._connection.has_expired()
