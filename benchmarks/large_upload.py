"""What does one large upload cost the program around it: memory, and the event loop's time?

A client uploads a sparse file into a job of the emulator, which runs in another process and keeps digests only.
Figures: seconds, peak memory of the client (VmHWM), and the lag of its event loop while the bytes leave.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from plangrep_async import PlangrepClient

QUICK = ["--size", "200000000"]


def _serve(ready: Any) -> None:
    from plangrep_async.emulator import Emulator, PlangrepSettings

    settings = PlangrepSettings(
        project_provisioning=0.0, job_provisioning=0.0, preflight=0.0, pages_per_second=1e6, minimum_poll_interval=0.0
    )
    with Emulator(plangrep=settings, sink=True) as emulator:
        ready.send((emulator.plangrep_url, emulator.api_key))
        ready.recv()


async def _lag(samples: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        samples.append(time.perf_counter() - began - 0.001)


async def _upload(url: str, key: str, path: Path, route: Any) -> dict[str, Any]:
    lags: list[float] = []
    async with PlangrepClient(key, base_url=url) as client:
        project = (await client.projects.create(f"large, {route}")).project
        job = (await client.jobs.create(project.id)).job
        before = _peak_memory()
        watch = asyncio.create_task(_lag(lags))
        began = time.perf_counter()
        report = await client.uploads.send(job.id, [path], route=route)
        seconds = time.perf_counter() - began
        watch.cancel()
        if report.failed:
            raise report.failed[0].error
        await client.uploads.complete(job.id, report)
    lags.sort()
    return {
        "route": route,
        "mode": report.uploaded[0].mode,
        "bytes": path.stat().st_size,
        "seconds": round(seconds, 2),
        "peak_memory_mb": round(_peak_memory() / 1e6, 1),
        "growth_mb": round((_peak_memory() - before) / 1e6, 1),
        "lag_ms_median": round(statistics.median(lags) * 1000, 3),
        "lag_ms_p99": round(lags[int(len(lags) * 0.99)] * 1000, 3),
        "lag_ms_worst": round(lags[-1] * 1000, 3),
    }


def _peak_memory() -> int:
    # VmHWM, not ru_maxrss: the latter is inherited from the parent of a fork.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


def run(size: int) -> dict[str, Any]:
    """Upload a file of ``size`` bytes by registration and as a form."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    url, key = ours.recv()
    rows = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "large.bin")
            with open(path, "wb") as file:
                file.truncate(size)
            rows.extend(asyncio.run(_upload(url, key, path, route)) for route in ("registered", "form"))
    finally:
        ours.send("stop")
        server.join(10)
    return {"question": "large_upload", "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2_000_000_000)
    print(json.dumps(run(parser.parse_args().size), indent=2))


if __name__ == "__main__":
    main()
