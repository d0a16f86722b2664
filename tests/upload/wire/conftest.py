"""Scripted far ends on real sockets, and both ways of driving a transfer."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trustme

from plangrep_async.upload.wire import CancelToken, Errand, Multiplexer, TransferPool, WireBody, WireRequest


class Memory:
    """A source of bytes in memory; ``verified`` counts the checks."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.verified = 0

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        piece = self.content[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def verify(self) -> None:
        self.verified += 1


class Zeros:
    """A source of any size that costs nothing."""

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        return len(buffer)

    def verify(self) -> None:
        pass


class Line:
    """The far end's side of one connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number  # from 0
        self.received = bytearray()

    def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes."""
        while len(self.received) < count:
            data = self.sock.recv(min(1 << 16, count - len(self.received)))
            if not data:
                raise ConnectionError(f"the client closed after {len(self.received)} bytes")
            self.received += data
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    def read_head(self) -> bytes:
        while (end := self.received.find(b"\r\n\r\n")) < 0:
            data = self.sock.recv(1 << 16)
            if not data:
                raise ConnectionError("the client closed in its head")
            self.received += data
        return self.read(end + 4)

    def read_request(self) -> tuple[bytes, bytes]:
        """Head and body."""
        head = self.read_head()
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return head, self.read(int(length.partition(b":")[2]))

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, status: str = "200 OK", content: bytes = b"", headers: str = "") -> None:
        self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode() + content)

    def close(self) -> None:
        """Close without a word, TLS's included."""
        self.sock.close()

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def end(self) -> None:
        """Close in order: with TLS's close_notify, and FIN."""
        if isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                self.sock.settimeout(0.05)
                self.sock.unwrap()
        self.sock.close()

    def wait_for_close(self) -> bytes:
        """What else the client says until it closes."""
        rest = bytes(self.received)
        with contextlib.suppress(OSError):
            while data := self.sock.recv(1 << 16):
                rest += data
        return rest


class FarEnd:
    """Listens on 127.0.0.1 and runs ``script`` on each connection, in a thread of its own."""

    def __init__(
        self, script: Callable[[Line], None], context: ssl.SSLContext | None = None, *, receive_buffer: int = 0
    ) -> None:
        self._script = script
        self._context = context
        self._listener = socket.socket()
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self._threads: list[threading.Thread] = []
        self._socks: list[socket.socket] = []
        self.lines: list[Line] = []
        self.served = 0
        self.errors: list[BaseException] = []
        self.release = threading.Event()  # scripts that hang wait for it
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    @property
    def connections(self) -> int:
        return len(self.lines)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socks.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock, len(self._threads)))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            if self._context is not None:
                try:
                    sock = self._context.wrap_socket(sock, server_side=True)
                except OSError:
                    return
                self._socks.append(sock)
            line = Line(sock, number)
            self.lines.append(line)
            self._script(line)
        except Exception as error:
            self.errors.append(error)
        finally:
            with contextlib.suppress(OSError):
                sock.close()
            self.served += 1

    def wait_until_served(self, connections: int = 1) -> None:
        """Until so many connections were taken and their scripts have ended."""
        deadline = time.monotonic() + 5
        while self.served < connections:
            assert time.monotonic() < deadline, self.errors
            time.sleep(0.001)

    def close(self) -> None:
        self.release.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._listener.close()
        for thread in self._threads:
            thread.join(0.05)
        for sock in self._socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()
        for sock in self._socks:
            sock.close()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def start() -> Iterator[Callable[..., FarEnd]]:
    """``start(script, context=None)`` gives a running far end; all end with the test."""
    running: list[FarEnd] = []

    def start(script: Callable[[Line], None], context: ssl.SSLContext | None = None, **options: int) -> FarEnd:
        running.append(FarEnd(script, context, **options))
        return running[-1]

    yield start
    for far_end in running:
        far_end.close()


@pytest.fixture(params=["plain", "tls"])
def far_end(
    request: pytest.FixtureRequest, start: Callable[..., FarEnd], server_context: ssl.SSLContext
) -> Callable[..., FarEnd]:
    """``far_end(script)``, once over TCP and once over TLS."""
    context = server_context if request.param == "tls" else None

    def begin(script: Callable[[Line], None], **options: int) -> FarEnd:
        return start(script, context, **options)

    return begin


@pytest.fixture
def make_pool(client_context: ssl.SSLContext) -> Iterator[Callable[..., TransferPool]]:
    """``make_pool(**settings)``; short timeouts where a test gives none, so that a mistake does not hang it."""
    pools: list[TransferPool] = []

    def make(**settings: object) -> TransferPool:
        defaults = {
            "ssl_context": client_context, "trust_env": False, "connect_timeout": 5.0, "stall_timeout": 5.0,
            "answer_timeout": 5.0,
        }  # fmt: skip
        pools.append(TransferPool(**(defaults | settings)))  # type: ignore[arg-type]
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def _send_in_thread(pool: TransferPool, request: WireRequest, **options: object) -> object:
    return pool.send(request, **options)  # type: ignore[arg-type]


def _send_multiplexed(
    pool: TransferPool, request: WireRequest, *, cancel: CancelToken | None = None, on_sent: object = None
) -> object:
    token = cancel or CancelToken()
    outcome: list[object] = []
    errands = [Errand(pool.steps(request, cancel=token, on_sent=on_sent), token, lambda *got: outcome.extend(got))]  # type: ignore[arg-type]
    with Multiplexer(lambda: errands.pop() if errands else None) as multiplexer:
        multiplexer.run()
    answer, error = outcome
    if error is not None:
        raise error  # type: ignore[misc]
    return answer


@pytest.fixture(params=[_send_in_thread, _send_multiplexed], ids=["thread", "multiplexed"])
def send(request: pytest.FixtureRequest) -> Callable[..., object]:
    """``send(pool, request, cancel=, on_sent=)`` by each of the two drivers."""
    return request.param


@pytest.fixture
def put() -> Callable[..., WireRequest]:
    """``put(far_end_or_url, content)`` or ``put(..., zeros=size)``."""

    def make(to: FarEnd | str, content: bytes = b"", *, zeros: int = 0, **changes: object) -> WireRequest:
        url = to if isinstance(to, str) else f"{to.url}/bucket/key?X-Amz-Signature=secret"
        if zeros:
            body = WireBody(source=Zeros(), length=zeros)
        else:
            body = WireBody(source=Memory(content), length=len(content))
        return WireRequest(**({"method": "PUT", "url": url, "body": body} | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def memory() -> type[Memory]:
    return Memory


def _sockets() -> int:
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return count


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No test leaves a thread or a socket behind."""
    threads, sockets = threading.active_count(), _sockets()
    yield
    deadline = time.monotonic() + 2
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.005)
    assert threading.active_count() <= threads, threading.enumerate()
    assert _sockets() <= sockets


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        yield placeholder.getsockname()[1]


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full: a further connect hangs."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(3):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        waiting.append(client)
    yield listener.getsockname()[1]
    for one in [listener, *waiting]:
        one.close()
