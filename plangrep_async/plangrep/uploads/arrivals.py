"""Whether a form arrived whose answer was lost: the job is asked, never guessed.

No idempotency key is documented for form uploads, and the job lists its files under ids of its own, so files are
recognised by their names, and by counting: while one form with a name is under way, no other with that name is sent.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

from ..._clock import Clock
from ...errors import PlangrepAsyncError
from ...upload import NOT_STORED, UNKNOWN, Confirmation, stored_as
from ..models.job import Job, JobFile

__all__ = ["Arrivals"]

_READINGS = 2
"""A file that two readings do not show, 5 s apart, has not arrived."""


class Arrivals:
    """The forms of one job.

    Args:
        read: reads the job, never within 5 s of the last time.
        before: the job before the first form was sent.
    """

    def __init__(self, read: Callable[[], Awaitable[Job]], before: Job, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._stored = Counter(file.file_name for file in before.files or ())
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._reading: asyncio.Lock = asyncio.Lock()
        self._last: Job = before
        self._read_at = clock.monotonic()

    async def begin(self, name: str) -> None:
        """A form with this file is about to leave; waits for another one of the same name."""
        await self._locks[name].acquire()

    def end(self, name: str, *, stored: bool) -> None:
        """It has ended, and whether the service has the file."""
        self._stored[name] += stored
        self._locks[name].release()

    async def look(self, name: str, flow_id: str) -> Confirmation:
        """Whether the file has arrived, with its entry in the job. Takes up to 10 s when it has not."""
        asked = self._clock.monotonic()
        for _ in range(_READINGS):
            try:
                job = await self._job_after(asked)
            except PlangrepAsyncError:
                return UNKNOWN
            if job.files is None:
                # The job does not list its files: nobody can tell.
                return UNKNOWN
            found = self._find(job.files, name, flow_id)
            if found is not None:
                return stored_as(found)
            asked = self._clock.monotonic()
        return NOT_STORED

    def _find(self, files: tuple[JobFile, ...], name: str, flow_id: str) -> JobFile | None:
        for file in files:
            if file.extra.get("clientUploadFlowId") == flow_id:
                return file
        named = [file for file in files if file.file_name == name]
        return named[-1] if len(named) > self._stored[name] else None

    async def _job_after(self, moment: float) -> Job:
        """The job as it was read after ``moment``; one reading serves all who ask for it."""
        async with self._reading:
            if self._read_at <= moment:
                began = self._clock.monotonic()
                self._last = await self._read()
                self._read_at = began
            return self._last
