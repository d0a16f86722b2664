"""Is the far end of the benchmarks fast enough not to be what they measure?

The cheapest clients there are: ``sendfile`` on bare sockets for large bodies, and ready-made requests written 64 at a
time for small ones. What they reach is the ceiling of this machine with this sink.
"""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .harness.loads import GIB, KIB, make_files
from .harness.runner import cpu_of
from .harness.table import Columns, save, table
from .sink import Sink

QUICK = ["--scale", "0.2"]

COLUMNS: Columns = {
    "client": "client",
    "at once": "width",
    "GB/s": lambda row: f"{row['gb_per_second']:.2f}",
    "requests/s": lambda row: f"{row['requests_per_second']:,.0f}",
    "client, CPU s/GB": lambda row: f"{row['cpu_per_gb']:.2f}",
    "sink, CPU s/GB": lambda row: f"{row['sink_cpu_per_gb']:.2f}",
    "sink, CPU µs/request": lambda row: f"{row['sink_cpu_us_per_request']:,.0f}",
}


def _head(size: int) -> bytes:
    return b"PUT /b/k HTTP/1.1\r\nHost: sink\r\nContent-Length: %d\r\n\r\n" % size


def _answers(sock: socket.socket, count: int) -> None:
    content = b""
    while content.count(b"\r\n\r\n") < count:
        more = sock.recv(65536)
        if not more:
            raise ConnectionError("the sink left")
        content += more


def _sendfile(sink: Sink, path: Path, size: int) -> None:
    with (
        socket.create_connection((urlsplit(sink.url).hostname, urlsplit(sink.url).port)) as sock,
        path.open("rb") as file,
    ):
        sock.sendall(_head(size))
        sock.sendfile(file, 0, size)
        _answers(sock, 1)


def _pipelined(sink: Sink, count: int, size: int) -> None:
    batch = (_head(size) + bytes(size)) * 64
    with socket.create_connection((urlsplit(sink.url).hostname, urlsplit(sink.url).port)) as sock:
        for _ in range(count // 64):
            sock.sendall(batch)
            _answers(sock, 64)


def _measure(sink: Sink, width: int, requests: int, total: int, work: Callable[[], None]) -> dict[str, Any]:
    threads = [threading.Thread(target=work) for _ in range(width)]
    busy, cpu, began = cpu_of(sink.pid), time.process_time(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu, busy = time.perf_counter() - began, time.process_time() - cpu, cpu_of(sink.pid) - busy
    return {
        "width": width,
        "gb_per_second": total / seconds / 1e9,
        "requests_per_second": requests / seconds,
        "cpu_per_gb": cpu / total * 1e9,
        "sink_cpu_per_gb": busy / total * 1e9,
        "sink_cpu_us_per_request": busy / requests * 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks sink_cost", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of 4 GiB, and of 50,000 requests")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    size, count, small = int(GIB * options.scale), int(12_500 * options.scale) // 64 * 64, 64 * KIB
    with tempfile.TemporaryDirectory(prefix="sink-cost-") as folder, Sink() as sink:
        (path,) = make_files(Path(folder), [size])
        for width in (1, 4):
            figures = _measure(sink, width, width, size * width, lambda: _sendfile(sink, path, size))
            rows.append({"client": f"sendfile of {size >> 20} MiB", **figures})
        for width in (1, 4):
            figures = _measure(
                sink, width, count * width, count * small * width, lambda: _pipelined(sink, count, small)
            )
            rows.append({"client": "64 KiB, pipelined", **figures})
    text = table(rows, COLUMNS)
    save("sink_cost", {"scale": options.scale, "cores": os.cpu_count()}, rows, text)
    print(text)


if __name__ == "__main__":
    main()
