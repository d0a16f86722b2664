"""What do merged calls cost, and what does a lone call pay for the chance to be merged?

1,000 issues at once, four ways against the same server: ``issues.get`` of the client, merged; the same with
``coalesce=False``; and, to compare merging alone, the coalescer and ``aiodataloader`` with the same session, path,
batch endpoint and decoder. Then one call at a time, through the coalescer and straight through the session, in turns.
The server is another process and does little: what is measured is the client. Figures: HTTP requests, calls a second,
CPU milliseconds of the client a call, median latency of a lone call.

::

    python -m benchmarks.coalescer [--calls 1000] [--repeats 5] [--lone 1500] [--json]

Needs ``aiodataloader``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import statistics
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiodataloader import DataLoader

from plangrep_async.batch import Coalescer
from plangrep_async.plangrid import PlanGridClient
from plangrep_async.plangrid._codec import record_of
from plangrep_async.plangrid.models import Issue
from plangrep_async.ratelimit import RateLimiter
from plangrep_async.session import Answer, Call, Sender, Session

QUICK = ["--calls", "300", "--repeats", "2", "--lone", "300"]

_PROJECT = "bafce976-8f33-437f-9c52-fb274456940f"
_UID = "22f3530a-a00b-42f9-8139-{:012d}"
_BASE = f"https://io.plangrid.com/projects/{_PROJECT}"
_USER = {
    "uid": "80efb7e6-f15c-479a-8429-7e153b1e2a52",
    "url": f"{_BASE}/users/80efb7e6",
    "email": "ada@builder.example",
}
_ISSUE = {
    "uid": "{uid}",
    "number": 7,
    "title": "Conduit clashes with the duct",
    "room": "B-204",
    "description": "The conduit on grid line 7 runs through the supply duct; move it below.",
    "status": "in_review",
    "assigned_to": [_USER],
    "current_annotation": {
        "uid": "6994b73b-c3b4-4aa3-a985-fd973e599526",
        "color": "#F38109",
        "stamp": "EL",
        "visibility": "master",
        "deleted": False,
        "sheet": {"uid": "f3718ded-9919-4667-a746-969fda1cfe26", "url": f"{_BASE}/sheets/f3718ded"},
    },
    "created_at": "2015-06-08T18:04:02+00:00",
    "created_by": _USER,
    "updated_at": "2015-06-09T08:14:22+00:00",
    "updated_by": _USER,
    "deleted": False,
    "photos": {"total_count": 2, "url": f"{_BASE}/issues/22f3530a/photos"},
    "comments": {"total_count": 0, "url": None},
}
_RECORD = json.dumps(_ISSUE).encode()
_ENTRY = json.dumps(
    {
        "status_code": 200,
        "headers": [{"name": "content-type", "value": "application/json"}],
        "body": json.dumps(_ISSUE),
    }
).encode()
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


class _Server(asyncio.Protocol):
    """Answers every GET with an issue, a POST as the batch that it is; knows just enough HTTP for that."""

    requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, length = self._buffer[:end], 0
            if (at := head.lower().find(b"content-length:")) >= 0:
                length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            self._transport.write(self._answer(head.split(b" ", 2)[1], body))

    def _answer(self, path: bytes, body: bytes) -> bytes:
        if path == b"/requests":
            content = b"%d" % _Server.requests
        else:
            _Server.requests += 1
            if path == b"/batch":
                uids = [entry["path"].rsplit("/", 1)[1].encode() for entry in json.loads(body)]
                content = b'{"data": [' + b",".join(_ENTRY.replace(b"{uid}", uid) for uid in uids) + b"]}"
            else:
                content = _RECORD.replace(b"{uid}", path.rsplit(b"/", 1)[1])
        return _HEAD % (len(content), content)


def _serve(ready: Any) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def server() -> Iterator[str]:
    """The server in a process of its own; gives its URL."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(sender,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{receiver.recv()}"
    finally:
        process.terminate()
        process.join()


async def _burst(get: Callable[[str], Awaitable[Issue]], calls: int) -> tuple[float, float]:
    """(calls a second, CPU milliseconds a call) of calls made at once."""
    uids = [_UID.format(number) for number in range(calls)]
    await asyncio.gather(*(get(uid) for uid in uids[:100]))
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    issues = await asyncio.gather(*(get(uid) for uid in uids))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert [issue.uid for issue in issues] == uids
    return calls / wall, cpu / calls * 1000


async def _client(url: str, calls: int, *, coalesce: bool) -> tuple[float, float]:
    options: dict[str, Any] = {"limiter": RateLimiter(), "learn_limits": "never", "coalesce": coalesce}
    async with PlanGridClient("key", base_url=url, **options) as client:
        return await _burst(client.project(_PROJECT).issues.get, calls)


async def _merged(url: str, calls: int) -> tuple[float, float]:
    return await _client(url, calls, coalesce=True)


async def _single(url: str, calls: int) -> tuple[float, float]:
    return await _client(url, calls, coalesce=False)


async def _bare(url: str, calls: int) -> tuple[float, float]:
    decode = record_of(Issue)
    async with Session(base_url=url, limiter=RateLimiter()) as session:
        coalescer = Coalescer(session)

        async def get(uid: str) -> Issue:
            return await coalescer.send(Call("GET", f"/projects/{_PROJECT}/issues/{uid}", decode))

        try:
            return await _burst(get, calls)
        finally:
            await coalescer.aclose()


async def _dataloader(url: str, calls: int) -> tuple[float, float]:
    """What one would write with a data loader: no deadline a call, no retry of what failed, no error a record."""
    decode = record_of(Issue)

    def issues_of(answer: Answer) -> list[Issue]:
        return [decode(Answer(200, {}, entry["body"].encode())) for entry in answer.json()["data"]]

    async with Session(base_url=url) as session:

        async def load(uids: list[str]) -> list[Issue]:
            entries = [{"method": "GET", "path": f"/projects/{_PROJECT}/issues/{uid}"} for uid in uids]
            return await session.send(Call("POST", "/batch", issues_of, json=entries))

        loader: DataLoader[str, Issue] = DataLoader(load, max_batch_size=50, cache=False)

        async def get(uid: str) -> Issue:
            return await loader.load(uid)

        return await _burst(get, calls)


async def _lone(url: str, pairs: int) -> tuple[float, float]:
    """Median seconds of one call at a time: through the coalescer, and straight through the session."""
    async with Session(base_url=url) as session:
        coalescer = Coalescer(session)
        call = Call("GET", f"/projects/{_PROJECT}/issues/{_UID.format(0)}", record_of(Issue))
        senders: list[Sender] = [coalescer, session]
        times: list[list[float]] = [[], []]
        for turn in range(pairs + 50):
            # In turns, and each first as often as second: what the machine does meanwhile hits both.
            for which in (turn % 2, 1 - turn % 2):
                start = time.perf_counter()
                await senders[which].send(call)
                if turn >= 50:
                    times[which].append(time.perf_counter() - start)
        await coalescer.aclose()
    return statistics.median(times[0]), statistics.median(times[1])


def _requests(url: str) -> int:
    with urllib.request.urlopen(f"{url}/requests") as answer:
        return int(answer.read())


def run(calls: int, repeats: int, lone: int) -> dict[str, Any]:
    """Measure all, interleaved; medians."""
    ways = {
        "issues.get, merged": _merged,
        "issues.get, not merged": _single,
        "coalescer": _bare,
        "aiodataloader": _dataloader,
    }
    raw: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    requests: dict[str, int] = {}
    ratios: list[float] = []
    latencies: list[tuple[float, float]] = []
    with server() as url:
        for _ in range(repeats):
            for name, way in ways.items():
                before = _requests(url)
                raw[name].append(asyncio.run(way(url, calls)))
                warmed_up = min(100, calls)
                requests[name] = _requests(url) - before - (warmed_up if way is _single else -(-warmed_up // 50))
            merged, direct = asyncio.run(_lone(url, lone))
            latencies.append((merged, direct))
            ratios.append(merged / direct)
    return {
        "question": "coalescer",
        "calls": calls,
        "rows": [
            {
                "way": name,
                "requests": requests[name],
                "calls_per_second": statistics.median(rate for rate, _ in runs),
                "cpu_ms_per_call": statistics.median(cpu for _, cpu in runs),
                "cpu_ms_min_max": [min(cpu for _, cpu in runs), max(cpu for _, cpu in runs)],
            }
            for name, runs in raw.items()
        ],
        "lone": {
            "coalescer_ms": statistics.median(merged for merged, _ in latencies) * 1000,
            "direct_ms": statistics.median(direct for _, direct in latencies) * 1000,
            "ratio": statistics.median(ratios),
            "ratio_min_max": [min(ratios), max(ratios)],
        },
    }


def markdown(result: dict[str, Any]) -> str:
    """The table, and the ratios that matter."""
    lines = [
        f"| {result['calls']} calls at once | HTTP requests | calls/s | CPU ms a call (min to max) |",
        "|---|---|---|---|",
    ]
    rows = {row["way"]: row for row in result["rows"]}
    for way, row in rows.items():
        low, high = row["cpu_ms_min_max"]
        lines.append(
            f"| {way} | {row['requests']} | {row['calls_per_second']:.0f} | "
            f"{row['cpu_ms_per_call']:.3f} ({low:.3f} to {high:.3f}) |"
        )
    for ours, other in (("issues.get, merged", "issues.get, not merged"), ("coalescer", "aiodataloader")):
        rate = rows[ours]["calls_per_second"] / rows[other]["calls_per_second"]
        cpu = rows[ours]["cpu_ms_per_call"] / rows[other]["cpu_ms_per_call"]
        lines.append(f"\n{ours}: {rate:.2f} times the calls a second and {cpu:.2f} times the CPU of {other}.")
    lone = result["lone"]
    low, high = lone["ratio_min_max"]
    lines.append(
        f"\nA lone call: {lone['coalescer_ms']:.3f} ms through the coalescer, {lone['direct_ms']:.3f} ms direct; "
        f"ratio {lone['ratio']:.3f} ({low:.3f} to {high:.3f})."
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--lone", type=int, default=1500)
    parser.add_argument("--json", action="store_true", help="the figures as JSON, without the table")
    arguments = parser.parse_args()
    result = run(arguments.calls, arguments.repeats, arguments.lone)
    print(json.dumps(result, indent=2) if arguments.json else markdown(result))


if __name__ == "__main__":
    main()
