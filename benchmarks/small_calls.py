"""What does one small JSON call cost, and does it get dearer with more callers?

Rivals in the same run, interleaved: ``httpx.AsyncClient`` with its own pool. The server is another process and almost
free. Figures: calls a second and CPU milliseconds of the client a call, at several numbers of callers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from plangrep_async.session import Answer, Call, Session

QUICK = ["--calls", "800", "--repeats", "1"]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_BODY = json.dumps({"uid": "bafce976-8f33-437f-9c52-fb274456940f", "name": "LA Natural History Museum"}).encode()


class _Server(asyncio.Protocol):
    """Answers every request head with the same record, without parsing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        data = self._tail + data
        heads = data.count(b"\r\n\r\n")
        self._tail = data[data.rfind(b"\r\n\r\n") + 4 :] if heads else data
        if heads:
            self._transport.write((_HEAD % len(_BODY) + _BODY) * heads)


def _serve(ready: Any) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def _measure(call: Callable[[], Awaitable[Any]], callers: int, calls: int) -> tuple[float, float]:
    """(calls a second, CPU milliseconds a call)."""
    left = calls

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await call()

    await asyncio.gather(*(call() for _ in range(callers)))
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return calls / wall, cpu / calls * 1000


async def _ours(url: str, callers: int, calls: int) -> tuple[float, float]:
    def decode(answer: Answer) -> Any:
        return answer.json()

    call = Call("GET", "/projects/1", decode)
    async with Session(base_url=url) as session:
        return await _measure(lambda: session.send(call), callers, calls)


async def _httpx(url: str, callers: int, calls: int) -> tuple[float, float]:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:

        async def call() -> Any:
            return (await client.get("/projects/1")).json()

        return await _measure(call, callers, calls)


def run(callers: list[int], calls: int, repeats: int) -> dict[str, Any]:
    """Measure all, interleaved; medians."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(sender,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{receiver.recv()}"
    rivals = {"plangrep_async": _ours, "httpx.AsyncClient": _httpx}
    raw: dict[tuple[str, int], list[tuple[float, float]]] = {}
    try:
        for _ in range(repeats):
            for count in callers:
                for name, rival in rivals.items():
                    # The rival is slow at many callers: fewer calls give the same precision.
                    amount = calls if rival is _ours else max(count * 4, calls // 4)
                    raw.setdefault((name, count), []).append(asyncio.run(rival(url, count, amount)))
    finally:
        server.terminate()
        server.join()
    return {
        "question": "small_calls",
        "rows": [
            {
                "client": name,
                "callers": count,
                "calls_per_second": statistics.median(rate for rate, _ in runs),
                "cpu_ms_per_call": statistics.median(cpu for _, cpu in runs),
                "cpu_ms_min_max": [min(cpu for _, cpu in runs), max(cpu for _, cpu in runs)],
            }
            for (name, count), runs in raw.items()
        ],
    }


def markdown(result: dict[str, Any]) -> str:
    """The table, and the ratios that matter."""
    lines = ["| client | callers | calls/s | CPU ms a call (min to max) |", "|---|---|---|---|"]
    rows = {(row["client"], row["callers"]): row for row in result["rows"]}
    for (client, callers), row in sorted(rows.items()):
        low, high = row["cpu_ms_min_max"]
        lines.append(
            f"| {client} | {callers} | {row['calls_per_second']:.0f} | "
            f"{row['cpu_ms_per_call']:.3f} ({low:.3f} to {high:.3f}) |"
        )
    for callers in sorted({count for _, count in rows}):
        ours, theirs = rows["plangrep_async", callers], rows["httpx.AsyncClient", callers]
        ratio = theirs["cpu_ms_per_call"] / ours["cpu_ms_per_call"]
        lines.append(f"\n{callers} callers: httpx.AsyncClient takes {ratio:.1f} times the CPU a call.")
    if ("plangrep_async", 16) in rows and ("plangrep_async", 128) in rows:
        scale = rows["plangrep_async", 128]["calls_per_second"] / rows["plangrep_async", 16]["calls_per_second"]
        lines.append(f"\nplangrep_async at 128 callers has {scale:.2f} of its throughput at 16.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16, 128])
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = run(arguments.callers, arguments.calls, arguments.repeats)
    print(json.dumps(result, indent=2) if arguments.json else markdown(result))


if __name__ == "__main__":
    main()
