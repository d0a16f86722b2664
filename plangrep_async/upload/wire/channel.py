"""A connected socket that never blocks."""

from __future__ import annotations

import array
import fcntl
import socket
import sys
import termios
from typing import Protocol

__all__ = ["Channel", "PlainChannel", "unacknowledged"]

_RECEIVE = 1 << 15


class Channel(Protocol):
    """Bytes to and from the far end. What cannot be done now raises ``BlockingIOError``; nothing else waits."""

    @property
    def sock(self) -> socket.socket:
        """What to wait for."""
        ...

    @property
    def written(self) -> int:
        """Bytes that the socket has taken since the connection was made, TLS framing included."""
        ...

    @property
    def unsent(self) -> bool:
        """Whether something was taken that :meth:`flush` has not handed over yet."""
        ...

    def transmit(self, data: memoryview) -> int:
        """Take a piece of ``data``; its length is returned. It may still wait for :meth:`flush`."""
        ...

    def flush(self) -> None:
        """Hand everything that was taken to the socket."""
        ...

    def receive(self) -> bytes:
        """What has come; empty at the end of the stream."""
        ...

    def close(self) -> None:
        """Close the socket. Harmless when repeated."""
        ...


class PlainChannel:
    """A TCP connection without TLS."""

    __slots__ = ("sock", "written")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.written = 0

    @property
    def unsent(self) -> bool:
        return False

    def transmit(self, data: memoryview) -> int:
        taken = self.sock.send(data)
        self.written += taken
        return taken

    def flush(self) -> None:
        pass

    def receive(self) -> bytes:
        return self.sock.recv(_RECEIVE)

    def close(self) -> None:
        self.sock.close()


def unacknowledged(sock: socket.socket) -> int:
    """Bytes that the socket has taken and the far end's TCP has not acknowledged.

    Linux tells (``SIOCOUTQ``, tcp(7)); elsewhere it is 0, and what the socket takes is all the progress one sees.
    """
    if sys.platform != "linux":
        return 0
    count = array.array("i", [0])
    try:
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, count)  # the same number as SIOCOUTQ
    except OSError:
        return 0
    return count[0]
