"""A far end that costs almost nothing: it takes any HTTP/1.1 body, drops it, and answers as S3 would.

On plain sockets the kernel drops the bytes (``MSG_TRUNC``), nothing is copied; over TLS they are decrypted and dropped.
It speaks just enough S3 for the rivals of the benchmarks: PUT of objects and parts, POST forms, CreateMultipartUpload,
CompleteMultipartUpload, HEAD, DELETE, chunked and aws-chunked bodies, ``Expect: 100-continue``.

::

    with Sink(tls=True) as sink:      # a process of its own
        sink.url, sink.ca_file, sink.counts()

    python -m benchmarks.sink --tls --port 29001
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from types import TracebackType

__all__ = ["Sink"]

_PORTS = range(20_000, 32_000)  # below the ephemeral range, where TIME-WAIT sockets would take them
_DROP = 1 << 20
_HEAD = 1 << 12
_ETAG = b'"d41d8cd98f00b204e9800998ecf8427e"'
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)")
_INITIATED = (
    b'<?xml version="1.0" encoding="UTF-8"?><InitiateMultipartUploadResult><Bucket>sink</Bucket><Key>key</Key>'
    b"<UploadId>upload</UploadId></InitiateMultipartUploadResult>"
)
_COMPLETED = (
    b'<?xml version="1.0" encoding="UTF-8"?><CompleteMultipartUploadResult><Location>sink</Location>'
    b"<Bucket>sink</Bucket><Key>key</Key><ETag>" + _ETAG + b"</ETag></CompleteMultipartUploadResult>"
)
_STORED = b"HTTP/1.1 200 OK\r\nETag: " + _ETAG + b"\r\nContent-Length: 0\r\n\r\n"
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def _with_body(content: bytes, content_type: bytes = b"application/xml") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        content_type,
        len(content),
        content,
    )


class _Peer:
    """One accepted connection, served by one thread."""

    def __init__(self, server: _Server, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.pending = b""
        self.received = 0
        self.requests = 0
        self.scratch = memoryview(bytearray(_DROP))
        # MSG_WAITALL keeps the thread in the kernel until the whole block has come.
        self.flags = 0 if isinstance(sock, ssl.SSLSocket) else socket.MSG_TRUNC | socket.MSG_WAITALL

    def serve(self) -> None:
        try:
            while self._serve_one():
                self.requests += 1
        except (OSError, ValueError):
            pass  # the client left; its report is what counts
        finally:
            self.sock.close()
            self.server.leave(self)

    def _serve_one(self) -> bool:
        head = self._until(b"\r\n\r\n")
        if head is None:
            return False
        line, _, rest = head.partition(b"\r\n")
        method, target, _ = line.split(b" ", 2)
        fields = (b"\r\n" + rest).lower()
        if b"\r\nexpect:" in fields:
            self.sock.sendall(_CONTINUE)
        length = _LENGTH.search(fields)
        if length:
            self._drop(int(length[1]))
        elif b"\r\ntransfer-encoding:" in fields:
            self._drop_chunks()
        self.sock.sendall(self._answer(method, target))
        return b"\r\nconnection: close" not in fields

    def _answer(self, method: bytes, target: bytes) -> bytes:
        if method == b"PUT" or method == b"HEAD":
            return _STORED
        if method == b"POST":
            if b"uploadId=" in target:
                return _with_body(_COMPLETED)
            return _with_body(_INITIATED) if b"?uploads" in target else _NO_CONTENT
        if method == b"GET" and target == b"/counts":
            return _with_body(json.dumps(self.server.counts()).encode(), b"application/json")
        return _with_body(b"") if method == b"GET" else _NO_CONTENT

    def _until(self, end: bytes) -> bytes | None:
        while (at := self.pending.find(end)) < 0:
            more = self.sock.recv(_HEAD)
            if not more:
                return None
            self.pending += more
        found, self.pending = self.pending[:at], self.pending[at + len(end) :]
        return found

    def _drop(self, count: int) -> None:
        self.received += count
        taken = min(count, len(self.pending))
        self.pending = self.pending[taken:]
        count -= taken
        while count:
            dropped = self.sock.recv_into(self.scratch, min(count, _DROP), self.flags)
            if not dropped:
                raise ConnectionError("cut")
            count -= dropped

    def _drop_chunks(self) -> None:
        while True:
            line = self._until(b"\r\n")
            if line is None:
                raise ConnectionError("cut")
            size = int(line.partition(b";")[0], 16)
            if not size:
                while self._until(b"\r\n"):  # trailers, to the empty line
                    pass
                return
            self._drop(size)
            self._until(b"\r\n")


class _Server:
    def __init__(self, *, port: int | None = None, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.socket = _listen(port)
        self._lock = threading.Lock()
        self._peers: set[_Peer] = set()
        self._past = {"connections": 0, "requests": 0, "bytes": 0}

    def run(self) -> None:
        while True:
            sock, _ = self.socket.accept()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            try:
                sock = self.context.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
        peer = _Peer(self, sock)
        with self._lock:
            self._peers.add(peer)
        peer.serve()

    def leave(self, peer: _Peer) -> None:
        with self._lock:
            self._peers.discard(peer)
            self._past["connections"] += 1
            self._past["requests"] += peer.requests
            self._past["bytes"] += peer.received

    def counts(self) -> dict[str, int]:
        with self._lock:
            return {
                "connections": self._past["connections"] + len(self._peers),
                "requests": self._past["requests"] + sum(peer.requests for peer in self._peers),
                "bytes": self._past["bytes"] + sum(peer.received for peer in self._peers),
            }


def _listen(port: int | None) -> socket.socket:
    for candidate in [port] if port else random.sample(_PORTS, 50):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
        except OSError:
            listener.close()
            continue
        listener.listen(1024)
        return listener
    raise SystemExit(f"no free port ({port or 'tried 50'})")


class Sink:
    """The sink in a process of its own; it ends with the ``with`` block, or with this process.

    Attributes:
        url: ``http://127.0.0.1:port`` or ``https://127.0.0.1:port``.
        ca_file: the authority to trust (PEM), ``None`` without TLS.
        pid: the process, for measuring its CPU time.
    """

    def __init__(self, *, tls: bool = False) -> None:
        self.tls = tls
        self.url = ""
        self.ca_file: Path | None = None
        self.pid = 0

    def __enter__(self) -> Sink:
        command = [sys.executable, "-m", "benchmarks.sink", *(["--tls"] if self.tls else [])]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the sink did not start")
        hello = json.loads(line)
        self.url, self.pid = hello["url"], self._process.pid
        self.ca_file = Path(hello["ca_file"]) if hello["ca_file"] else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()  # closes its stdin, at which it ends

    def ssl_context(self) -> ssl.SSLContext | None:
        """A client's context that trusts this sink."""
        return ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else None

    def counts(self) -> dict[str, int]:
        """Connections, requests and body bytes since the start."""
        with urllib.request.urlopen(f"{self.url}/counts", context=self.ssl_context()) as answer:
            return dict(json.load(answer))


def main() -> None:
    parser = argparse.ArgumentParser(description="Take HTTP bodies, drop them, answer as S3 would.")
    parser.add_argument("--tls", action="store_true", help="with a certificate made for this run")
    parser.add_argument("--port", type=int, help="below 32768; any free one by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sink-") as folder:
        context, ca_file = _certificate(Path(folder)) if options.tls else (None, None)
        server = _Server(port=options.port, context=context)
        port = server.socket.getsockname()[1]
        url = f"https://127.0.0.1:{port}" if options.tls else f"http://127.0.0.1:{port}"
        threading.Thread(target=server.run, daemon=True).start()
        print(json.dumps({"url": url, "ca_file": ca_file and str(ca_file)}), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.buffer.read()  # the parent holds the other end: end of file is the end of the parent


def _certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    import trustme

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return context, ca_file


if __name__ == "__main__":
    main()
