"""The data plane beside curl, http.client and obstore, in turns: ``python -m benchmarks._wire_quick``.

Medians over the rounds: throughput, and CPU seconds of the client alone (its children included, the sink not).
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import os
import resource
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from plangrep_async.upload.wire import CancelToken, Errand, Multiplexer, Steps, TransferPool, WireBody, WireRequest

from .sink import Sink

SMALL = 64 << 10


class FileSource:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._descriptor).st_size

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        return os.preadv(self._descriptor, [buffer], offset)

    def verify(self) -> None:
        if os.fstat(self._descriptor).st_size != self.size:
            raise RuntimeError("changed")

    def close(self) -> None:
        os.close(self._descriptor)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Clients:
    """Each method sends all ``paths``, at most ``concurrency`` at once."""

    def __init__(self, sink: Sink, paths: list[Path], concurrency: int) -> None:
        self.sink, self.paths, self.concurrency = sink, paths, concurrency
        self.context = sink.ssl_context()
        self.pool = TransferPool(ssl_context=self.context, trust_env=False)

    def wire_threads(self) -> None:
        numbers = itertools.count()

        def work(_: int) -> None:
            while (number := next(numbers)) < len(self.paths):
                source = FileSource(self.paths[number])
                answer = self.pool.send(self._request(source, number))
                assert answer.status == 200
                source.close()

        in_threads(self.concurrency, work)

    def wire_multiplexed(self) -> None:
        numbers = iter(range(len(self.paths)))

        def take() -> Errand[None] | None:
            number = next(numbers, None)
            if number is None:
                return None
            token = CancelToken()
            return Errand(steps(number, token), token, done)

        def steps(number: int, token: CancelToken) -> Steps[None]:
            source = FileSource(self.paths[number])
            answer = yield from self.pool.steps(self._request(source, number), cancel=token)
            source.close()
            assert answer.status == 200

        def done(_: None, error: Exception | None) -> None:
            if error:
                raise error

        with Multiplexer(take, width=self.concurrency) as multiplexer:
            multiplexer.run()

    def _request(self, source: FileSource, number: int) -> WireRequest:
        headers = (("Content-Type", "application/pdf"),)
        return WireRequest("PUT", f"{self.sink.url}/b/k{number}", headers, WireBody(source=source, length=source.size))

    def http_client(self) -> None:
        numbers, where = itertools.count(), urlsplit(self.sink.url)

        def work(_: int) -> None:
            assert where.hostname
            if self.context:
                connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                    where.hostname, where.port, blocksize=1 << 20, context=self.context
                )
            else:
                connection = http.client.HTTPConnection(where.hostname, where.port, blocksize=1 << 20)
            while (number := next(numbers)) < len(self.paths):
                with self.paths[number].open("rb") as file:
                    length = {"Content-Length": str(os.fstat(file.fileno()).st_size)}
                    connection.request("PUT", f"/b/k{number}", body=file, headers=length)
                    connection.getresponse().read()
            connection.close()

        in_threads(self.concurrency, work)

    def curl(self) -> None:
        trust = ["--cacert", str(self.sink.ca_file)] if self.sink.ca_file else []
        started = [
            subprocess.Popen(["curl", "-sf", "-T", path, *trust, f"{self.sink.url}/b/k{number}"])
            for number, path in enumerate(self.paths)
        ]
        assert all(process.wait() == 0 for process in started)

    def obstore(self) -> None:
        import obstore
        from obstore.store import S3Store

        store = S3Store(
            "b", endpoint=self.sink.url, access_key_id="a", secret_access_key="b", region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, "allow_invalid_certificates": True, "timeout": "300s"},
        )  # fmt: skip

        async def run() -> None:
            free = asyncio.Semaphore(self.concurrency)

            async def one(number: int, path: Path) -> None:
                async with free:
                    small = path.stat().st_size <= SMALL
                    body = path.read_bytes() if small else path.open("rb")
                    await obstore.put_async(
                        store, f"k{number}", body, use_multipart=not small, chunk_size=16 << 20, max_concurrency=8
                    )

            await asyncio.gather(*(one(*pair) for pair in enumerate(self.paths)))

        asyncio.run(run())


def cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def compare(paths: list[Path], concurrency: int, names: list[str], *, tls: bool, rounds: int) -> None:
    total = sum(path.stat().st_size for path in paths)
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    with Sink(tls=tls) as sink:
        clients = Clients(sink, paths, concurrency)
        for _ in range(rounds):
            for name in names:
                cpu, start = cpu_seconds(), time.perf_counter()
                getattr(clients, name)()
                figures[name].append((time.perf_counter() - start, cpu_seconds() - cpu))
        clients.pool.close()
    print(f"\n{len(paths)} x {paths[0].stat().st_size >> 10} KiB, {concurrency} at once, {'TLS' if tls else 'plain'}")
    for name, runs in figures.items():
        wall, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
        print(
            f"  {name:17} {total / wall / 1e9:6.2f} GB/s  {cpu / total * 1e9:6.2f} CPU s/GB"
            f"  {len(paths) / wall:8.0f} files/s  {cpu / len(paths) * 1e3:8.3f} CPU ms/file"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=1024, help="MiB of a large file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder, "large"), [Path(folder, str(number)) for number in range(200)]
        block = os.urandom(1 << 20)
        with large.open("wb") as file:
            for _ in range(options.size):
                file.write(block)
        for path in small:
            path.write_bytes(block[:SMALL])
        for tls in (False, True):
            for streams in (1, 4):
                names = ["wire_threads", "http_client", "curl", "obstore"]
                compare([large] * streams, streams, names, tls=tls, rounds=options.rounds)
            names = ["wire_multiplexed", "wire_threads", "http_client", "obstore"]
            compare(small * 15, 16, names, tls=tls, rounds=options.rounds)


if __name__ == "__main__":
    main()
