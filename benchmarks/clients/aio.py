"""aiohttp: the open file as body, or in a ``FormData``."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..harness.job import FORM, Job
from .workers import in_tasks


@asynccontextmanager
async def connect(job: Job, note: dict[str, Any]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    import aiohttp

    context: Any = ssl.create_default_context(cafile=job.ca_file) if job.ca_file else True
    connector = aiohttp.TCPConnector(ssl=context, limit=job.at_once)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def send(path: str, key: str, size: int) -> None:
            with Path(path).open("rb") as file:
                if job.way == FORM:
                    form = aiohttp.FormData({"key": "uploads"})
                    form.add_field("file", file, filename=key)
                    sending = session.post(f"{job.url}/b", data=form)
                else:
                    sending = session.put(f"{job.url}/b/{key}", data=file)
                async with sending as answer:
                    await answer.read()
                    answer.raise_for_status()

        yield lambda: in_tasks(job, send)
