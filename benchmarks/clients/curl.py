"""``curl``: a process for each large file; small ones in one process that runs transfers in parallel."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from ..harness.job import FORM, Job
from .workers import in_tasks, keys

_SMALL = 1 << 20


@asynccontextmanager
async def connect(job: Job, note: dict[str, Any]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    common = ["curl", "-sSf", "-o", "/dev/null", *(["--cacert", job.ca_file] if job.ca_file else [])]

    async def run(*arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(*common, *arguments)
        if code := await process.wait():
            raise RuntimeError(f"curl ended with {code}")

    async def send(path: str, key: str, size: int) -> None:
        await run(*_arguments(job, path, key))

    async def send_all() -> None:
        if max(size for _, size in job.files) > _SMALL:
            await in_tasks(job, send)
        else:
            await run("--parallel", "--parallel-max", str(job.at_once), "--config", config.name)

    with tempfile.NamedTemporaryFile("w", suffix=".curl") as config:
        trust = f'cacert = "{job.ca_file}"\n' if job.ca_file else ""
        for path, key, _ in keys(job):
            if job.way == FORM:
                config.write(f'next\n{trust}silent\noutput = "/dev/null"\nform = "file=@{path}"\nurl = "{job.url}/b"\n')
            else:
                config.write(f'upload-file = "{path}"\nurl = "{job.url}/b/{key}"\noutput = "/dev/null"\n')
        config.flush()
        yield send_all


def _arguments(job: Job, path: str, key: str) -> list[str]:
    if job.way == FORM:
        return ["-F", "key=uploads", "-F", f"file=@{path}", f"{job.url}/b"]
    return ["-T", path, f"{job.url}/b/{key}"]
