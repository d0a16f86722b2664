"""``httpx.AsyncClient``: an async iterator over 1 MiB blocks that threads read, or ``files=``."""

from __future__ import annotations

import asyncio
import importlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..harness.job import FORM, Job
from .workers import in_tasks

_BLOCK = 1 << 20


async def _blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(file.read, _BLOCK):
        yield block


@asynccontextmanager
async def connect(job: Job, note: dict[str, Any]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    httpx = importlib.import_module("httpx")
    context: Any = ssl.create_default_context(cafile=job.ca_file) if job.ca_file else True
    limits = httpx.Limits(max_connections=job.at_once, max_keepalive_connections=job.at_once)
    async with httpx.AsyncClient(verify=context, timeout=600, limits=limits, trust_env=False) as client:

        async def send(path: str, key: str, size: int) -> None:
            with Path(path).open("rb") as file:
                if job.way == FORM:
                    sent = client.post(f"{job.url}/b", data={"key": "uploads"}, files={"file": (key, file)})
                elif size <= _BLOCK:
                    sent = client.put(f"{job.url}/b/{key}", content=file.read())
                else:
                    headers = {"Content-Length": str(size)}
                    sent = client.put(f"{job.url}/b/{key}", content=_blocks(file), headers=headers)
                (await sent).raise_for_status()

        yield lambda: in_tasks(job, send)
