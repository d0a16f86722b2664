"""Making a connection: name lookup, TCP, a proxy's tunnel, TLS."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from collections.abc import Callable

from ...errors import TransferConnectionError
from .channel import Channel, PlainChannel
from .head import connect_head
from .parser import AnswerParser
from .proxy import Proxy
from .tls import handshake
from .url import Origin
from .wait import READ, WRITE, Addresses, Resolve, Steps, Wait

__all__ = ["dial"]


def dial(
    origin: Origin,
    proxy: Proxy | None,
    context: Callable[[], ssl.SSLContext],
    timeout: float,
    session: ssl.SSLSession | None = None,
) -> Steps[Channel]:
    """Connect to ``origin``, through ``proxy`` if there is one.

    Args:
        origin: where to.
        proxy: the way there.
        context: gives the TLS settings; called only where TLS is spoken.
        timeout: seconds for each address, for the proxy's answer, and for each TLS handshake.
        session: an earlier TLS session with this origin, to resume.

    Raises ``OSError`` (``ssl.SSLError`` and ``TimeoutError`` among them), or ``TransferConnectionError`` when the proxy
    refuses. What was opened is closed then.
    """
    host, port = (proxy.host, proxy.port) if proxy else (origin.host, origin.port)
    addresses: Addresses = yield Resolve(host, port)
    channel: Channel = PlainChannel((yield from _connect(addresses, timeout)))
    try:
        if proxy and proxy.secure:
            channel = yield from handshake(channel, context(), host, time.monotonic() + timeout)
        if origin.scheme == "https":
            if proxy:
                yield from _tunnel(channel, origin, proxy, timeout)
            channel = yield from handshake(channel, context(), origin.host, time.monotonic() + timeout, session)
    except BaseException:
        channel.close()
        raise
    return channel


def _connect(addresses: Addresses, timeout: float) -> Steps[socket.socket]:
    """Try the addresses in the resolver's order; the last failure is raised when none works."""
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "the name has no address")
    for family, address in addresses:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # an address family that this machine lacks
            failure = error
            continue
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = sock.connect_ex(address)
            if code in (errno.EINPROGRESS, errno.EINTR):
                events = yield Wait(sock, WRITE, time.monotonic() + timeout)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if events else errno.ETIMEDOUT
            if not code:
                return sock
        except BaseException:
            sock.close()
            raise
        sock.close()
        failure = OSError(code, os.strerror(code))
    raise failure


def _tunnel(channel: Channel, origin: Origin, proxy: Proxy, timeout: float) -> Steps[None]:
    deadline = time.monotonic() + timeout
    request = memoryview(connect_head(origin.host, origin.port, proxy.authorization))
    parser = AnswerParser("CONNECT")
    while request or channel.unsent or not parser.status:
        try:
            if request:
                request = request[channel.transmit(request) :]
                continue
            channel.flush()
            data = channel.receive()
        except BlockingIOError:
            events = READ | WRITE if request or channel.unsent else READ
            if not (yield Wait(channel.sock, events, deadline)):
                raise TimeoutError(f"the proxy did not open a tunnel within {timeout:g} s") from None
        else:
            if not data:
                parser.end()
            parser.feed(data)
    if not 200 <= parser.status < 300:
        raise TransferConnectionError(
            f"the proxy refused a tunnel to {origin.authority} with status {parser.status}",
            status=parser.status,
            body=parser.content,
        )
