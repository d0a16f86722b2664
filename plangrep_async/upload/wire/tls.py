"""TLS over a channel, without a socket of its own: records are made in memory, so that one ``send`` carries many."""

from __future__ import annotations

import contextlib
import socket
import ssl

from ...errors import ConfigurationError
from .channel import Channel
from .wait import READ, WRITE, Steps, Wait

__all__ = ["TlsChannel", "handshake"]

# Plain bytes encrypted at a time: small enough to stay in the CPU's cache, large enough to make system calls rare, and
# with them the moments at which threads wait for the interpreter lock.
_SLICE = 1 << 19
_RECEIVE = 1 << 15
_NOTHING = memoryview(b"")


class TlsChannel:
    """Encrypts for, and decrypts from, the channel below.

    Python's ``SSLSocket`` writes one record of 16 KiB a system call; here 512 KiB leave in one.
    """

    __slots__ = ("_below", "_incoming", "_outgoing", "_pending", "_tls")

    def __init__(self, below: Channel, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None) -> None:
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host, session=session)
        self._pending = _NOTHING

    @property
    def sock(self) -> socket.socket:
        return self._below.sock

    @property
    def written(self) -> int:
        return self._below.written

    @property
    def unsent(self) -> bool:
        return bool(self._pending) or self._below.unsent

    @property
    def session(self) -> ssl.SSLSession | None:
        """What the next connection to the same host can resume. TLS 1.3 gives it with the first answer."""
        return self._tls.session

    def transmit(self, data: memoryview) -> int:
        self.flush()
        end = min(len(data), _SLICE)
        taken = 0
        try:
            while taken < end:
                taken += self._tls.write(data[taken:end])
        except ssl.SSLWantReadError:
            raise ConnectionAbortedError(
                "the server asked to negotiate TLS anew in the middle of the request"
            ) from None
        with contextlib.suppress(BlockingIOError):  # taken all the same; the rest leaves with the next call
            self.flush()
        return taken

    def flush(self) -> None:
        if not self._pending and self._outgoing.pending:
            self._pending = memoryview(self._outgoing.read())
        while self._pending:
            self._pending = self._pending[self._below.transmit(self._pending) :]
        self._below.flush()

    def receive(self) -> bytes:
        # All that was read from below must be handed on at once: waiting for the socket would not bring it back.
        found = b""
        while True:
            if not self._incoming.pending and not self._tls.pending():
                if found:
                    return found
                self._feed()  # before asking in vain: OpenSSL's "want read" is a costly exception
            try:
                data = self._tls.read(_RECEIVE)
            except ssl.SSLWantReadError:
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return found
            except ssl.SSLError:
                if found:  # came before the alert; the next call finds the end
                    return found
                raise
            if not data:  # close_notify
                return found
            found += data

    def close(self) -> None:
        self._below.close()

    def negotiate(self) -> None:
        """One step of the handshake. Raises ``BlockingIOError`` when the far end's next bytes have not come."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                self._feed()
            else:
                self.flush()
                return

    def check_protocol(self) -> None:
        if self._tls.selected_alpn_protocol() not in (None, "http/1.1"):
            raise ConfigurationError(
                f"the ssl_context offers {self._tls.selected_alpn_protocol()!r} and the server took it, but uploads "
                "speak HTTP/1.1: give them a context of their own, or one that offers http/1.1 alone"
            )

    def _feed(self) -> None:
        data = self._below.receive()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


def handshake(
    below: Channel, context: ssl.SSLContext, host: str, deadline: float, session: ssl.SSLSession | None = None
) -> Steps[TlsChannel]:
    """Negotiate TLS with ``host``. Raises ``TimeoutError`` past ``deadline``, ``ssl.SSLError`` when it fails."""
    channel = TlsChannel(below, context, host, session)
    while True:
        try:
            channel.negotiate()
        except BlockingIOError:
            events = READ | WRITE if channel.unsent else READ
            if not (yield Wait(channel.sock, events, deadline)):
                raise TimeoutError(f"the TLS handshake with {host} did not end in time") from None
        else:
            channel.check_protocol()
            return channel
