"""One client connection: uvicorn's HTTP/1.1 protocol, with a handle by which faults can cut it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

__all__ = ["SCOPE_KEY", "Connection"]

SCOPE_KEY = "plangrep_async.connection"

_LINGER_ZERO = struct.pack("ii", 1, 0)


class Connection(HttpToolsProtocol):
    """The asyncio protocol of a connection. ASGI applications find it in their scope under :data:`SCOPE_KEY`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.access_log = False
        self.closed: asyncio.Future[None] = self.loop.create_future()
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self.closed.done():
            self.closed.set_result(None)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast(dict[str, Any], self.scope)[SCOPE_KEY] = self

    @property
    def busy(self) -> bool:
        """A request is under way."""
        cycle = self._current()
        return cycle is not None and not cycle.response_complete

    def cut(self) -> None:
        """Close. What was written still leaves; nothing more will."""
        self._forget()
        self.transport.close()

    def abort(self) -> None:
        """Close at once; what has not left yet is lost."""
        self._forget()
        self.transport.abort()

    def reset(self) -> None:
        """Close with RST, so that the client sees 'connection reset by peer'."""
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.abort()

    def _forget(self) -> None:
        # The application may return without an answer now, and uvicorn must not send one of its own.
        cycle = self._current()
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()

    def _current(self) -> RequestResponseCycle | None:
        """The request that came last. uvicorn's type leaves out that there is none at first."""
        return self.cycle
