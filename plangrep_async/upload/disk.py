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


class _Threads:
    """Three queues, of which none waits for another. No thread begins before there is work for it."""

    def __init__(self, name: str, *, quick: int, hashers: int) -> None:
        self.quick = ThreadPoolExecutor(quick, thread_name_prefix=f"upload-{name}")
        self.small = ThreadPoolExecutor(hashers, thread_name_prefix=f"upload-{name}-small")
        self.large = ThreadPoolExecutor(hashers, thread_name_prefix=f"upload-{name}-large")


class Disk:
    """One thread for what is quick, and ``hashers`` each to hash small and large files: neither looking at a file nor
    hashing a small one waits for a large one to be read to its end.

    What calls a file object or a function of the user's (*foreign*), and so takes as long as that likes, has threads of
    its own: up to ``callers`` where it is not hashed.
    """

    def __init__(self, *, hashers: int, callers: int) -> None:
        self._own = _Threads("disk", quick=1, hashers=hashers)
        self._foreign = _Threads("foreign", quick=callers, hashers=hashers)
        self._loop = asyncio.get_running_loop()

    async def run(self, work: Callable[[Job[T]], T], *, foreign: bool = False) -> T:
        """Run quick work that blocks, in the order of asking.

        Cancellation: work that has begun is told to stop through its job's token, and the call returns when it has.
        """
        return await self._run_in((self._foreign if foreign else self._own).quick, work)

    async def hash(self, work: Callable[[Job[T]], T], size: int, *, foreign: bool = False) -> T:
        """The same for work that reads ``size`` bytes; small and large files do not wait for each other."""
        threads = self._foreign if foreign else self._own
        return await self._run_in(threads.small if size < LARGE else threads.large, work)

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
        await shut_down(*(each for one in (self._own, self._foreign) for each in (one.quick, one.small, one.large)))


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
