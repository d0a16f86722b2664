"""The process of one client: reads a job from its input, runs it, writes its figures. Used by :mod:`.runner` alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

from attrs import asdict

from .. import clients
from .job import Job, Result

__all__ = ["main"]

_TICK = 0.001


def cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def memory(name: str) -> int:
    """``VmHWM`` or ``VmRSS`` in bytes. Not ``ru_maxrss``, which a process inherits from its parent."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


async def _watch(late: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_TICK)
        late.append(time.perf_counter() - began - _TICK)


def _summary(late: list[float]) -> tuple[float, float, float] | None:
    if not late:
        return None
    late.sort()
    middle, high, worst = (round(late[at] * 1000, 3) for at in (len(late) // 2, int(len(late) * 0.99), -1))
    return middle, high, worst


async def _run(job: Job) -> Result:
    late: list[float] = []
    note: dict[str, Any] = {}
    async with clients.load(job.client).connect(job, note) as send_all:
        before = memory("VmRSS")
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak so far is that of imports
        watch = asyncio.create_task(_watch(late)) if job.watch else None
        await asyncio.sleep(0)
        cpu, began = cpu_seconds(), time.perf_counter()
        await send_all()
        seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
        if watch is not None:
            watch.cancel()
    peak = memory("VmHWM")
    return Result(seconds, cpu, peak, max(0, peak - before), _summary(late), note=note)


def main() -> None:
    told = json.load(sys.stdin)
    job = Job(**told)
    print(json.dumps(asdict(asyncio.run(_run(job)))), flush=True)
    os._exit(0)  # some extensions abort now and then while the interpreter ends; the figures are out


if __name__ == "__main__":
    main()
