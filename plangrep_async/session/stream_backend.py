"""TCP and TLS for httpcore straight on asyncio's transports.

httpcore's own backend goes through anyio, whose cancel scopes and checkpoints cost about a quarter of a small call.
This one waits with a future and a timer, and only when there is something to wait for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from typing import Any, cast

import httpcore

__all__ = ["AsyncioBackend"]

_HIGH_WATER = 256 * 1024
_PIECE = 256 * 1024
_NEXT_ADDRESS_AFTER = 1.0


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Opens connections on the running event loop.

    A host's addresses are tried in the resolver's order, each but the last for a second. Not side by side: asyncio's
    own race of addresses loses sockets when it is cancelled.
    """

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                stream = await _connect(host, port, local_address)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"no connection to {host}:{port} within {timeout:g} s") from None
        except (OSError, UnicodeError) as error:  # the latter for a name that the resolver cannot be asked for
            words = getattr(error, "strerror", None) or error
            raise httpcore.ConnectError(f"no connection to {host}:{port}: {words}") from error
        for option in socket_options or ():
            stream.get_extra_info("socket").setsockopt(*option)
        return stream

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _connect(host: str, port: int, local_address: str | None) -> _Stream:
    loop = asyncio.get_running_loop()
    local = None if local_address is None else (local_address, 0)
    try:
        addresses = [str(ipaddress.ip_address(host))]
    except ValueError:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses[:-1]:
        try:
            async with asyncio.timeout(_NEXT_ADDRESS_AFTER):
                return (await loop.create_connection(_Stream, address, port, local_addr=local))[1]
        except OSError:
            continue
    return (await loop.create_connection(_Stream, addresses[-1], port, local_addr=local))[1]


class _Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._eof = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._writing_paused = False
        self._lost = asyncio.get_running_loop().create_future()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _HIGH_WATER:
            self._transport.pause_reading()
        self._wake_reader()

    def eof_received(self) -> bool:
        self._eof = True
        self._wake_reader()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._eof = True
        self._error = exc
        self._wake_reader()
        self.resume_writing()
        if not self._lost.done():
            self._lost.set_result(None)

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # httpcore.AsyncNetworkStream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while not self._buffer and not self._eof:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await _within(self._reader, timeout, httpcore.ReadTimeout)
            finally:
                self._reader = None
        if self._buffer:
            data = bytes(self._buffer[:max_bytes])
            del self._buffer[:max_bytes]
            if not self._eof and len(self._buffer) <= _HIGH_WATER:
                self._transport.resume_reading()
            return data
        if self._error is not None:
            raise httpcore.ReadError(str(self._error) or type(self._error).__name__) from self._error
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        if self._eof and self._lost.done():
            raise httpcore.WriteError("the connection is closed") from self._error
        # In pieces, so that a large body times out when nothing moves, and not because it is large.
        for start in range(0, len(buffer), _PIECE):
            self._transport.write(buffer[start : start + _PIECE])
            while self._writing_paused:
                self._writer = asyncio.get_running_loop().create_future()
                try:
                    await _within(self._writer, timeout, httpcore.WriteTimeout)
                finally:
                    self._writer = None
        if self._error is not None:
            raise httpcore.WriteError(str(self._error) or type(self._error).__name__) from self._error

    async def aclose(self) -> None:
        # Not close(): a graceful end would wait for the peer, and the connection is given up anyway.
        self._transport.abort()
        await asyncio.shield(self._lost)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                secured = await loop.start_tls(self._transport, self, ssl_context, server_hostname=server_hostname)
        except TimeoutError:
            self._transport.abort()
            raise httpcore.ConnectTimeout(f"no TLS handshake within {timeout:g} s") from None
        except OSError as error:
            self._transport.abort()
            raise httpcore.ConnectError(f"the TLS handshake failed: {error}") from error
        except BaseException:
            self._transport.abort()
            raise
        if secured is None:
            raise httpcore.ConnectError("the connection was closed during the TLS handshake")
        self._transport = secured
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return bool(self._buffer) or self._eof
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))


async def _within(waiter: asyncio.Future[None], timeout: float | None, error: type[Exception]) -> None:
    if timeout is None:
        await waiter
        return

    def expire() -> None:
        if not waiter.done():
            waiter.set_exception(error(f"nothing moved for {timeout:g} s"))

    timer = asyncio.get_running_loop().call_later(timeout, expire)
    try:
        await waiter
    finally:
        timer.cancel()
