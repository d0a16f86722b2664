"""A TCP proxy that breaks connections where a test wants them to break."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections import deque
from types import TracebackType
from typing import Literal

from attrs import frozen

__all__ = ["Fault", "FaultProxy"]

_PIECE = 1 << 16
_HEAD_END = b"\r\n\r\n"
_LEFT = getattr(select, "POLLRDHUP", select.POLLHUP)  # the peer has ended its direction; Linux tells


@frozen
class Fault:
    """What happens to one connection, once.

    Attributes:
        action: ``"close"`` ends both directions in good order, ``"reset"`` with a TCP reset; ``"half-close"`` ends this
            direction alone; ``"stall"`` passes nothing more in this direction, nor takes it; ``"trickle"`` goes on with
            ``rate`` bytes a second; ``"delay"`` waits ``seconds``; ``"refuse"`` resets before anything has passed.
        direction: ``"up"`` from client to server, ``"down"`` from server to client.
        after: bytes that pass in this direction before it strikes; it strikes when one more comes.
        in_body: count from the end of the first HTTP head instead of from the first byte.
        rate: bytes a second, for ``"trickle"``.
        seconds: for ``"delay"``.
    """

    action: Literal["close", "reset", "half-close", "stall", "trickle", "delay", "refuse"]
    direction: Literal["up", "down"] = "up"
    after: int = 0
    in_body: bool = False
    rate: float = 1024.0
    seconds: float = 0.0


class FaultProxy:
    """Passes connections on to ``host:port``; the next ones get the planned faults, the others none.

    A context manager; one thread of its own, which ends with it.

    Attributes:
        port: where it listens, on 127.0.0.1.
        connections: how many were accepted so far.
        struck: the faults that have happened, in order.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._planned: deque[Fault | None] = deque()
        self._links: set[_Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._ear, self._bell = socket.socketpair()
        self._dropping = False
        self._closing = False
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.struck: list[Fault] = []
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.port}"

    def plan(self, *faults: Fault | None) -> None:
        """The next connections get these, one each; ``None`` leaves one whole."""
        self._planned.extend(faults)

    def clear(self) -> None:
        """Forget the faults that have not happened."""
        self._planned.clear()

    def drop_connections(self) -> None:
        """Reset every connection that is open now."""
        self._dropping = True
        self._ring()

    def close(self) -> None:
        """Reset what is open and end the thread."""
        if not self._closing:
            self._closing = True
            self._ring()
            self._thread.join()
            self._bell.close()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # the thread has seen it already and has left
            self._bell.send(b"\0")

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # In the thread

    def _run(self) -> None:
        try:
            while not self._closing:
                self._turn()
        finally:
            for link in list(self._links):
                link.end(reset=True)
            self._listener.close()
            self._ear.close()

    def _turn(self) -> None:
        poll = select.poll()
        poll.register(self._ear, select.POLLIN)
        poll.register(self._listener, select.POLLIN)
        now = time.monotonic()
        latest = now + 60
        for link in self._links:
            for sock, events in link.interest(now).items():
                poll.register(sock, events)
            latest = min(latest, link.next_time(now))
        ready = dict(poll.poll(max(0.0, latest - now) * 1000 + 1))
        if self._ear.fileno() in ready:
            self._ear.recv(64)
            if self._dropping:
                self._dropping = False
                for link in list(self._links):
                    link.end(reset=True)
        if self._listener.fileno() in ready:
            self._accept()
        for link in list(self._links):
            link.move(time.monotonic())
        self._links = {link for link in self._links if not link.ended}

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # it has gone before we came
            return
        self.connections += 1
        fault = self._planned.popleft() if self._planned else None
        if fault is not None and fault.action == "refuse":
            self.struck.append(fault)
            _close(client, reset=True)
            return
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            _close(client, reset=True)
            return
        self._links.add(_Link(client, server, fault, self.struck))


class _Link:
    """One connection, both directions."""

    def __init__(self, client: socket.socket, server: socket.socket, fault: Fault | None, struck: list[Fault]) -> None:
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ends = (client, server)
        self._struck = struck
        up = fault if fault is not None and fault.direction == "up" else None
        down = fault if fault is not None and fault.direction == "down" else None
        self._flows = (_Flow(client, server, up), _Flow(server, client, down))
        self.ended = False

    def interest(self, now: float) -> dict[socket.socket, int]:
        wanted: dict[socket.socket, int] = {}
        for flow in self._flows:
            if flow.pending:
                wanted[flow.sink] = wanted.get(flow.sink, 0) | select.POLLOUT
            elif flow.takes(now):
                wanted[flow.source] = wanted.get(flow.source, 0) | select.POLLIN
            if flow.stalled:
                wanted[flow.source] = wanted.get(flow.source, 0) | _LEFT
        for end in self._ends:
            wanted.setdefault(end, select.POLLHUP)
        return wanted

    def next_time(self, now: float) -> float:
        return min((flow.not_before for flow in self._flows if flow.not_before > now), default=now + 60)

    def move(self, now: float) -> None:
        if self.ended:
            return
        try:
            for flow in self._flows:
                fault = flow.move(now)
                if fault is None:
                    continue
                self._struck.append(fault)
                if fault.action in ("close", "reset"):
                    self.end(reset=fault.action == "reset")
                    return
            if (
                all(flow.over for flow in self._flows)
                or any(_shows(end, select.POLLHUP | select.POLLERR) for end in self._ends)
                or any(flow.stalled and _shows(flow.source, _LEFT) for flow in self._flows)
            ):
                self.end(reset=False)
        except OSError:
            self.end(reset=True)

    def end(self, *, reset: bool) -> None:
        self.ended = True
        for end in self._ends:
            _close(end, reset=reset)


class _Flow:
    """One direction."""

    def __init__(self, source: socket.socket, sink: socket.socket, fault: Fault | None) -> None:
        self.source = source
        self.sink = sink
        self.pending = b""
        self.over = False
        self.not_before = 0.0
        self._fault = fault
        self._seen = b""  # the end of what has passed of the head
        self._left = None if fault is None or fault.in_body else fault.after  # bytes until it strikes, when known
        self._rate: float | None = None
        self.stalled = False
        self._discard = False

    def takes(self, now: float) -> bool:
        return not (self.over or self.stalled or now < self.not_before)

    def move(self, now: float) -> Fault | None:
        """Pass on what can be passed. Gives the fault when it strikes now."""
        if self.pending:
            with contextlib.suppress(BlockingIOError):
                self.pending = self.pending[self.sink.send(self.pending) :]
        if self.pending or not self.takes(now):
            return None
        size = _PIECE
        try:
            if self._left == 0 and self.source.recv(1, socket.MSG_PEEK):
                return self._strike(now)
            if self._fault is not None and self._left is None:
                coming = self.source.recv(_PIECE, socket.MSG_PEEK)
                self._look_for_the_body(coming)
                size = max(1, len(coming))
            piece = self.source.recv(min(size, self._size()))
        except BlockingIOError:
            return None
        if not piece:
            self.over = True
            self.sink.shutdown(socket.SHUT_WR)
            return None
        if self._discard:
            return None
        if self._rate is not None:
            self.not_before = now + len(piece) / self._rate
        if self._left:
            self._left -= len(piece)
        self.pending = piece
        return None

    def _size(self) -> int:
        if self._rate is not None:
            return max(1, int(self._rate / 20))
        return min(_PIECE, self._left or _PIECE)

    def _look_for_the_body(self, coming: bytes) -> None:
        assert self._fault is not None
        text = self._seen + coming
        found = text.find(_HEAD_END)
        if found >= 0:
            self._left = found + len(_HEAD_END) - len(self._seen) + self._fault.after
        self._seen = text[-3:]

    def _strike(self, now: float) -> Fault | None:
        fault, self._fault, self._left = self._fault, None, None
        assert fault is not None
        if fault.action == "half-close":
            self.sink.shutdown(socket.SHUT_WR)
            self._discard = True
        elif fault.action == "stall":
            self.stalled = True
        elif fault.action == "trickle":
            self._rate = fault.rate
        elif fault.action == "delay":
            self.not_before = now + fault.seconds
        return fault


def _shows(sock: socket.socket, wanted: int) -> bool:
    """Whether its state is one of ``wanted``, found without taking bytes from it."""
    found = select.poll()
    found.register(sock, wanted)
    return any(events & wanted for _, events in found.poll(0))


def _close(sock: socket.socket, *, reset: bool) -> None:
    with contextlib.suppress(OSError):
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
