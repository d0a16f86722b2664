"""Documents into groups, the groups worked on side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import aclosing
from types import TracebackType
from typing import TypeVarTuple

from attrs import define, field

from ..upload import UploadFile
from ..upload.digest import compute_digests
from ..upload.source import survey
from .feed import Ready
from .run import Duplicate, Run

__all__ = ["Crew", "Pile", "hashed", "pack"]

Arguments = TypeVarTuple("Arguments")

_PILES = 20


@define
class Pile:
    """Files that will be one group.

    Attributes:
        items: the files.
        size: their bytes.
        names: of the files; each at most once where ``pack`` is told so.
    """

    items: list[Ready] = field(factory=list)
    size: int = 0
    names: set[str] = field(factory=set)

    def takes(self, ready: Ready, most_files: int, most_bytes: int | None, *, distinct: bool) -> bool:
        """Whether one more fits. A file that is too large for any group gets one of its own."""
        if not self.items:
            return True
        if distinct and ready.document.name in self.names:
            return False
        return len(self.items) < most_files and (most_bytes is None or self.size + ready.document.size <= most_bytes)

    def add(self, ready: Ready) -> None:
        """Put one on."""
        self.items.append(ready)
        self.size += ready.document.size
        self.names.add(ready.document.name)


async def pack(
    files: AsyncGenerator[Ready | None, None],
    key: Callable[[Ready], Hashable],
    *,
    most_files: int,
    most_bytes: int | None = None,
    distinct: bool = False,
) -> AsyncGenerator[Pile, None]:
    """Piles in which all files have the same key. At most twenty are open at once; the fullest goes first.

    All of them go when there is no room for more files (``None``, see :func:`feed`).
    """
    piles: dict[Hashable, Pile] = {}
    async with aclosing(files) as readies:
        async for ready in readies:
            if ready is None:
                for pile in piles.values():
                    yield pile
                piles.clear()
                continue
            name = key(ready)
            pile = piles.setdefault(name, Pile())
            if not pile.takes(ready, most_files, most_bytes, distinct=distinct):
                yield pile
                pile = piles[name] = Pile()
            pile.add(ready)
            if len(piles) > _PILES:
                yield piles.pop(max(piles, key=lambda other: len(piles[other].items)))
    for pile in piles.values():
        yield pile


class Crew:
    """Runs at most ``size`` pieces of work at a time. The first that fails stops the others and is raised.

    Use it with ``async with``; leaving waits for all of them.
    """

    def __init__(self, size: int) -> None:
        self._room = asyncio.Semaphore(size)
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Crew:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._group.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from errors.exceptions[0].__cause__

    async def take(self, work: Callable[[*Arguments], Awaitable[None]], *arguments: *Arguments) -> None:
        """Begin a piece of work as soon as there is room for it."""
        await self._room.acquire()

        async def run() -> None:
            try:
                await work(*arguments)
            finally:
                self._room.release()

        self._group.create_task(run())


async def hashed(run: Run, files: AsyncGenerator[Ready | None, None]) -> AsyncGenerator[Ready | None, None]:
    """The same files with their digests in the journal; duplicates are left out."""

    def digest(path: str) -> str:
        source = survey(UploadFile(path))
        try:
            return compute_digests(source, ("sha256",))["sha256"]
        finally:
            source.close()

    async with aclosing(files) as readies:
        async for ready in readies:
            if ready is None:
                yield None
                continue
            document = ready.document
            try:
                sha256 = await asyncio.to_thread(digest, ready.path)
                claim = run.options.dedupe == "skip"
                twin = await run.journal.digest(document.id, sha256, document.size, claim=claim, before=document.sha256)
                if twin is not None:
                    raise Duplicate(twin)
            except Exception as error:  # noqa: BLE001 - judged there
                await run.failed(document, error)
                continue
            yield ready
