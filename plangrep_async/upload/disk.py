"""Threads for work that does not touch the network: looking at files, hashing, spooling."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from .job import Job

__all__ = ["Disk", "shut_down"]

T = TypeVar("T")


class Disk:
    """One thread for what is quick, ``hashers`` for what is long, so that looking at a file never waits for hashing."""

    def __init__(self, hashers: int) -> None:
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="upload-disk")
        self._long = ThreadPoolExecutor(hashers, thread_name_prefix="upload-digest")
        self._loop = asyncio.get_running_loop()

    async def run(self, work: Callable[[Job[T]], T], *, long: bool = False) -> T:
        """Run blocking work in the order of asking.

        Cancellation: work that has begun is told to stop through its job's token, and the call returns when it has.
        """
        job = Job(work)
        executor = self._long if long else self._quick
        executor.submit(self._run, job)
        return await job.wait()

    def _run(self, job: Job[T]) -> None:
        if job.claim():
            job.execute()
        self._loop.call_soon_threadsafe(job.settle)

    async def aclose(self) -> None:
        """Wait for what runs, and end the threads."""
        await shut_down(self._quick, self._long)


async def shut_down(*executors: Executor) -> None:
    """Wait for the threads of ``executors`` to end, without blocking the event loop."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        for executor in executors:
            executor.shutdown()
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(_set, ended)

    threading.Thread(target=end, name="upload-close").start()
    await ended


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
