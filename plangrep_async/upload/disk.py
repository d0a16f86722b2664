"""Threads for work that does not touch the network: looking at files, hashing, spooling."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from .job import Job
from .ordering import LARGE

__all__ = ["Disk", "shut_down"]

T = TypeVar("T")


class Disk:
    """One thread for what is quick, and ``hashers`` each to hash small and large files: neither looking at a file nor
    hashing a small one waits for a large one to be read to its end."""

    def __init__(self, hashers: int) -> None:
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="upload-disk")
        self._small = ThreadPoolExecutor(hashers, thread_name_prefix="upload-digest-small")
        self._large = ThreadPoolExecutor(hashers, thread_name_prefix="upload-digest-large")
        self._loop = asyncio.get_running_loop()

    async def run(self, work: Callable[[Job[T]], T]) -> T:
        """Run quick work that blocks, in the order of asking.

        Cancellation: work that has begun is told to stop through its job's token, and the call returns when it has.
        """
        return await self._run_in(self._quick, work)

    async def hash(self, work: Callable[[Job[T]], T], size: int) -> T:
        """The same for work that reads ``size`` bytes; small and large files do not wait for each other."""
        return await self._run_in(self._small if size < LARGE else self._large, work)

    async def _run_in(self, executor: Executor, work: Callable[[Job[T]], T]) -> T:
        job = Job(work)
        executor.submit(self._run, job)
        return await job.wait()

    def _run(self, job: Job[T]) -> None:
        if job.claim():
            job.execute()
        self._loop.call_soon_threadsafe(job.settle)

    async def aclose(self) -> None:
        """Wait for what runs, and end the threads."""
        await shut_down(self._quick, self._small, self._large)


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
