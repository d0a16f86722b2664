"""Whether a form arrived whose answer was lost: the job is asked, never guessed.

No idempotency key is documented for form uploads, and the job lists its files under ids of its own, so files are
recognised by their names, and by counting: while one form with a name is under way, no other with that name is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping

from ...errors import PlangrepAsyncError
from ...upload import NOT_STORED, UNKNOWN, Confirmation, stored_as
from ..models.job import Job, JobFile

__all__ = ["Arrivals", "count_names"]

_READINGS = 2
"""A file that two readings do not show, 5 s apart, has not arrived."""


def count_names(job: Job) -> Counter[str]:
    """How many files of each name the job lists."""
    return Counter(file.file_name for file in job.files or () if file.file_name is not None)


class Arrivals:
    """The forms of one job.

    Attributes:
        known: how many files of each name the job holds for certain.

    Args:
        read: reads the job.
        turn: waits until the job may be read again.
        known: how many files of each name the job held before the first form was sent.
    """

    def __init__(
        self, read: Callable[[], Awaitable[Job]], turn: Callable[[], Awaitable[None]], known: Mapping[str, int]
    ) -> None:
        self._read = read
        self._turn = turn
        self.known = Counter(known)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._reading = asyncio.Lock()
        self._readings = 0
        self._last: Job | None = None

    async def begin(self, name: str) -> None:
        """A form with this file is about to leave; waits for another one of the same name."""
        await self._locks[name].acquire()

    def end(self, name: str, *, stored: bool) -> None:
        """It has ended, and whether the service has the file."""
        self.known[name] += stored
        self._locks[name].release()

    async def look(self, name: str, flow_id: str) -> Confirmation:
        """Whether the file has arrived, with its entry in the job. Takes up to 10 s when it has not."""
        for _ in range(_READINGS):
            job = await self._read_anew()
            if job is None or job.files is None:
                # It cannot be read, or does not list its files: nobody can tell.
                return UNKNOWN
            found = self._find(job.files, name, flow_id)
            if found is not None:
                return stored_as(found)
        return NOT_STORED

    def _find(self, files: tuple[JobFile, ...], name: str, flow_id: str) -> JobFile | None:
        for file in files:
            if file.extra.get("clientUploadFlowId") == flow_id:
                return file
        named = [file for file in files if file.file_name == name]
        return named[-1] if len(named) > self.known[name] else None

    async def _read_anew(self) -> Job | None:
        """The job by a reading that begins after this call, ``None`` when it fails; it serves all who wait for it."""
        seen = self._readings
        async with self._reading:
            if self._readings == seen:
                await self._turn()
                self._readings += 1
                self._last = None
                with contextlib.suppress(PlangrepAsyncError):
                    self._last = await self._read()
            return self._last
