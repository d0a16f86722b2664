"""How many documents a day can be moved into PlanGrid under its documented limits, with and without the coalescer?

Each document needs two small calls: a POST that asks for its slot and a GET that completes it. The documented limits
are 40 calls a second, 10,000 a day and 2,000 writes in 6 minutes. Session, limiter and coalescer are the real ones.
Time is a manual clock that jumps from timer to timer, and the service answers at once. A server with sliding windows of
its own counts how many requests it would have refused.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from collections import deque
from typing import Any

import httpx

from plangrep_async.batch import Coalescer
from plangrep_async.ratelimit import RateLimit, RateLimiter
from plangrep_async.session import Answer, Call, CallOptions, Sender, Session
from plangrep_async.testing import ManualClock

QUICK = ["--hours", "0.5"]

LIMITS = (RateLimit(40, 1.0), RateLimit(10_000, 86_400.0), RateLimit(2_000, 360.0, "write"))
DAY = 86_400.0


class Service(httpx.AsyncBaseTransport):
    """Answers everything with ``{}``, and keeps the windows as a strict server would: over any span of their length."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._windows = [(limit, deque[float]()) for limit in LIMITS]
        self.requests = 0
        self.refused = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        now = self._clock.monotonic()
        self.requests += 1
        kinds = {"all"} if request.method == "GET" else {"all", "write"}
        for limit, times in self._windows:
            if limit.kind not in kinds:
                continue
            while times and times[0] <= now - limit.interval:
                times.popleft()
            if len(times) >= limit.limit:
                self.refused += 1
            times.append(now)
        if request.url.path != "/batch":
            return httpx.Response(200, stream=httpx.ByteStream(b"{}"))
        entries = len(json.loads(request.content))
        data = ",".join(['{"status_code":200,"headers":[],"body":"{}"}'] * entries)
        return httpx.Response(200, stream=httpx.ByteStream(b'{"data":[' + data.encode() + b"]}"))


def _decode(answer: Answer) -> Any:
    return answer.json()


async def _move(sender: Sender, done: list[int], transfers: int) -> None:
    options = CallOptions(deadline=10 * DAY)

    async def one() -> None:
        while True:
            await sender.send(Call("POST", "/projects/p/attachments/uploads", _decode, json={"name": "a.pdf"}), options)
            await sender.send(Call("GET", "/projects/p/attachments/uploads/completions/t", _decode), options)
            done[0] += 1

    await asyncio.gather(*(one() for _ in range(transfers)))


async def _day(coalesce: bool, transfers: int, hours: float) -> dict[str, Any]:
    clock = ManualClock()
    service = Service(clock)
    limiter = RateLimiter(LIMITS, clock=clock)
    session = Session(base_url="https://io.plangrid.com", transport=service, limiter=limiter, clock=clock)
    sender: Sender = Coalescer(session, patience=math.inf) if coalesce else session
    done = [0]
    task = asyncio.create_task(_move(sender, done, transfers))
    began, end = time.process_time(), clock.monotonic() + hours * 3600.0
    while (left := end - clock.monotonic()) > 0:
        for _ in range(60):
            await asyncio.sleep(0)
        clock.tick(max(1e-6, min(left, clock.next_timer() or left)))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return {
        "client": "coalescer" if coalesce else "uncoalesced",
        "hours": hours,
        "documents": done[0],
        "requests": service.requests,
        "refused": service.refused,
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def run(transfers: int, hours: float) -> dict[str, Any]:
    """Simulate both."""
    rows = [asyncio.run(_day(coalesce, transfers, hours)) for coalesce in (False, True)]
    return {"question": "documents_a_day", "rows": rows}


def markdown(result: dict[str, Any]) -> str:
    """The table and the ratio."""
    lines = ["| client | hours | documents | requests | refused |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['client']} | {row['hours']:g} | {row['documents']:,} | {row['requests']:,} | {row['refused']} |"
        for row in result["rows"]
    ]
    plain, merged = result["rows"]
    lines.append(f"\nThe coalescer moves {merged['documents'] / plain['documents']:.1f} times as many documents.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=200, help="documents under way at once")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = run(arguments.transfers, arguments.hours)
    print(json.dumps(result, indent=2) if arguments.json else markdown(result))


if __name__ == "__main__":
    main()
