"""N at once, from one list, without a task or a future for each file."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable

from ..harness.job import Job

__all__ = ["in_tasks", "in_threads", "keys"]


def keys(job: Job) -> list[tuple[str, str, int]]:
    """Path, key and size of each file."""
    return [(path, f"k{number}", size) for number, (path, size) in enumerate(job.files)]


async def in_tasks(job: Job, send: Callable[[str, str, int], Awaitable[object]]) -> None:
    """``send(path, key, size)`` for each file."""
    items = iter(keys(job))

    async def work() -> None:
        for item in items:
            await send(*item)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(job.at_once, len(job.files))):
            group.create_task(work())


async def in_threads(job: Job, send: Callable[[str, str, int], object]) -> None:
    """The same for a client that blocks; the event loop stays free."""
    items, numbers = keys(job), itertools.count()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not failures and (number := next(numbers)) < len(items):
                send(*items[number])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(min(job.at_once, len(items)))]
    for thread in threads:
        thread.start()

    def wait() -> None:
        for thread in threads:
            thread.join()

    await asyncio.to_thread(wait)
    if failures:
        raise failures[0]
