"""What does a free acquire cost, and how exact is a limiter under load?

Rivals in the same run: ``aiolimiter`` and ``pyrate-limiter`` (install both to run this). With several windows,
aiolimiter needs one limiter for each, asked one after the other.

*Free*: nothing waits, the limits are far away; microseconds a call, interleaved, medians.

*Load*: a backlog for some seconds, all limiters side by side on one event loop. How much of the allowance left (that of
a perfect limiter which fills every sliding window), the most calls in any stretch of one second, and how many of the
calls an exact server would have refused: one with fixed windows (the worst of 50 phases), and one with sliding windows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import aiolimiter
import pyrate_limiter

from plangrep_async.ratelimit import RateLimit, RateLimiter

QUICK = ["--calls", "5000", "--repeats", "1", "--seconds", "5.5"]

Windows = list[tuple[int, float]]
Acquire = Callable[[], Awaitable[Any]]

_FAR = 10**8
_FREE: dict[str, Windows] = {
    "1 window": [(_FAR, 1.0)],
    "3 windows": [(_FAR, 1.0), (_FAR * 2, 360.0), (_FAR * 4, 86_400.0)],
}
_LOAD: dict[str, Windows] = {
    "40 a second": [(40, 1.0)],
    "40 a second, 100 in 5 s": [(40, 1.0), (100, 5.0)],
}


def _ours(windows: Windows) -> Acquire:
    return RateLimiter([RateLimit(limit, interval) for limit, interval in windows]).acquire


def _aiolimiter(windows: Windows) -> Acquire:
    limiters = [aiolimiter.AsyncLimiter(limit, interval) for limit, interval in windows]
    if len(limiters) == 1:
        return limiters[0].acquire

    async def acquire() -> None:
        for limiter in limiters:
            await limiter.acquire()

    return acquire


def _pyrate(windows: Windows) -> Acquire:
    rates = [pyrate_limiter.Rate(limit, int(interval * 1000)) for limit, interval in windows]
    return pyrate_limiter.Limiter(rates).try_acquire_async


_RIVALS: dict[str, Callable[[Windows], Acquire]] = {
    "plangrep_async": _ours,
    "aiolimiter": _aiolimiter,
    "pyrate-limiter": _pyrate,
}


async def _free(acquire: Acquire, calls: int) -> float:
    """Microseconds a call, without those of the empty loop."""

    async def nothing() -> None:
        pass

    took = []
    for each in (nothing, acquire):
        began = time.perf_counter()
        for _ in range(calls):
            await each()
        took.append(time.perf_counter() - began)
    return (took[1] - took[0]) / calls * 1e6


async def _backlog(acquire: Acquire, seconds: float, callers: int) -> list[float]:
    """When the calls of a backlog left, from the first on."""
    left: list[float] = []

    async def caller() -> None:
        while True:
            await acquire()
            left.append(time.monotonic())

    tasks = [asyncio.create_task(caller()) for _ in range(callers)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return [moment - left[0] for moment in left if moment - left[0] <= seconds]


def allowance(windows: Windows, seconds: float) -> int:
    """How many calls a perfect limiter lets go in that time."""
    left: list[float] = []
    while True:
        now = left[-1] if left else 0.0
        for limit, interval in windows:
            if len(left) >= limit:
                now = max(now, left[-limit] + interval)
        if now > seconds:
            return len(left)
        left.append(now)


def most_in(moments: list[float], interval: float) -> int:
    """The most calls in any stretch of that length."""
    most, first = 0, 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - interval:
            first += 1
        most = max(most, last - first + 1)
    return most


def refused_by_sliding(moments: list[float], windows: Windows) -> int:
    """How many calls a server refuses that looks back over each interval, and does not count what it refuses."""
    logs: list[deque[float]] = [deque() for _ in windows]
    refused = 0
    for moment in moments:
        for log, (_, interval) in zip(logs, windows, strict=True):
            while log and log[0] <= moment - interval:
                log.popleft()
        if any(len(log) >= limit for log, (limit, _) in zip(logs, windows, strict=True)):
            refused += 1
            continue
        for log in logs:
            log.append(moment)
    return refused


def refused_by_fixed(moments: list[float], windows: Windows, phase: float) -> int:
    """The same for one whose windows begin at multiples of their intervals, shifted by a share ``phase`` of each."""
    counts: list[dict[int, int]] = [{} for _ in windows]
    refused = 0
    for moment in moments:
        slots = [int((moment + phase * interval) // interval) for _, interval in windows]
        if any(count.get(slot, 0) >= limit for count, slot, (limit, _) in zip(counts, slots, windows, strict=True)):
            refused += 1
            continue
        for count, slot in zip(counts, slots, strict=True):
            count[slot] = count.get(slot, 0) + 1
    return refused


async def _load(seconds: float, callers: int) -> list[dict[str, Any]]:
    cases = [(name, make, title, windows) for title, windows in _LOAD.items() for name, make in _RIVALS.items()]
    runs = await asyncio.gather(*(_backlog(make(windows), seconds, callers) for _, make, _, windows in cases))
    return [
        {
            "limiter": name,
            "windows": title,
            "calls": len(moments),
            "share_of_allowance": len(moments) / allowance(windows, seconds),
            "most_in_1s": most_in(moments, 1.0),
            "refused_fixed_worst": max(refused_by_fixed(moments, windows, phase / 50) for phase in range(50)),
            "refused_sliding": refused_by_sliding(moments, windows),
        }
        for (name, _, title, windows), moments in zip(cases, runs, strict=True)
    ]


def run(calls: int = 50_000, repeats: int = 5, seconds: float = 20.5, callers: int = 200) -> dict[str, Any]:
    """Measure all."""
    raw: dict[tuple[str, str], list[float]] = {}
    for _ in range(repeats):
        for title, windows in _FREE.items():
            for name, make in _RIVALS.items():

                async def measure(make: Callable[[Windows], Acquire] = make, windows: Windows = windows) -> float:
                    return await _free(make(windows), calls)

                raw.setdefault((name, title), []).append(asyncio.run(measure()))
    return {
        "question": "limiter",
        "free": [
            {
                "limiter": name,
                "windows": title,
                "microseconds": statistics.median(times),
                "min_max": [min(times), max(times)],
            }
            for (name, title), times in raw.items()
        ],
        "load": asyncio.run(_load(seconds, callers)),
    }


def markdown(result: dict[str, Any]) -> str:
    """Two tables."""
    lines = ["| limiter | windows | µs a free acquire (min to max) |", "|---|---|---|"]
    for row in result["free"]:
        low, high = row["min_max"]
        lines.append(f"| {row['limiter']} | {row['windows']} | {row['microseconds']:.2f} ({low:.2f} to {high:.2f}) |")
    lines += [
        "",
        "| limiter | windows | calls | share of the allowance | most in 1 s | refused, fixed | refused, sliding |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['limiter']} | {row['windows']} | {row['calls']} | {row['share_of_allowance']:.1%} | "
        f"{row['most_in_1s']} | {row['refused_fixed_worst']} | {row['refused_sliding']} |"
        for row in result["load"]
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50_000, help="free acquires a measurement")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.5, help="of the backlog")
    parser.add_argument("--callers", type=int, default=200, help="that wait at once")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = run(arguments.calls, arguments.repeats, arguments.seconds, arguments.callers)
    print(json.dumps(result, indent=2) if arguments.json else markdown(result))


if __name__ == "__main__":
    main()
