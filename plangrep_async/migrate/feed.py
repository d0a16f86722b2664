"""From documents of the journal to files that can be sent: looked at, fetched, compared with what was found."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from ..errors import SourceChangedError, SourceNotFoundError, SourceUnreadableError
from .document import Document, Problem, State
from .fingerprint import fingerprint_of
from .run import Run
from .sources.source import FETCHES

__all__ = ["Ready", "feed"]

_LOCAL = 16


@frozen(eq=False)
class Ready:
    """A document whose file lies on this disk; ``document`` has the file's present fingerprint."""

    document: Document
    path: str


async def feed(
    run: Run, documents: AsyncGenerator[Document, None], *, at_once: bool = False
) -> AsyncGenerator[Ready | None, None]:
    """Files in the order of the documents, a few made ready ahead. Ends early when the run is to stop.

    Documents that end here (vanished, empty, changed) are noted in the journal. Raises what stops the run.

    Args:
        at_once: all of them are needed together, so none waits for room in the spool.

    Yields:
        ``None`` when there is no room for more before those given out have ended: whoever gathers must let them go.
    """
    width = min(FETCHES, run.options.transfers or FETCHES) if run.source.is_remote else _LOCAL
    window: deque[asyncio.Task[Ready | None]] = deque()
    try:
        async for document in documents:
            await run.outage.gate()
            told = False
            while run.source.is_remote and not run.stopping and not await run.spool.admit(document, at_once=at_once):
                if window:
                    if (ready := await window.popleft()) is not None:
                        yield ready
                    continue
                if not told:
                    told = True
                    yield None
                await run.spool.freed()
            if run.stopping:
                break
            window.append(asyncio.create_task(_prepare(run, document)))
            if len(window) >= width and (ready := await window.popleft()) is not None:
                yield ready
        while window:
            if (ready := await window.popleft()) is not None:
                yield ready
    finally:
        for task in window:
            task.cancel()
        await asyncio.gather(*window, return_exceptions=True)
        await documents.aclose()


async def _prepare(run: Run, document: Document) -> Ready | None:
    try:
        if document.state is State.SENT and document.group_id is None:
            target_id = await run.target.settle(document)
            if target_id is not None:
                await run.completed(document, target_id, document.size)
                return None
        if run.source.is_remote:
            await run.pace.turn()
            run.check()
        path = str(await run.source.fetch(document, run.spool.folder))
        status = await asyncio.to_thread(_look, path, document.name)
        if run.source.is_remote:
            run.spool.arrived(document.id, Path(path), status.st_size)
            run.pace.took(status.st_size)
        return await _compare(run, document, path, status)
    except Exception as error:  # noqa: BLE001 - judged there; what stops the run is raised from it
        await run.failed(document, error)
        return None


async def _compare(run: Run, document: Document, path: str, status: os.stat_result) -> Ready | None:
    if not status.st_size:
        await run.skipped(document, Problem.EMPTY, "the file is empty")
        return None
    now = fingerprint_of(status)
    if now == (document.size, document.mtime_ns, document.inode):
        return Ready(document, path)
    fetched = run.source.is_remote
    looked_at = document.mtime_ns != 0  # what could not be looked at before has not changed
    changed = not fetched and looked_at and now[:2] != (document.size, document.mtime_ns)
    if changed and run.options.on_changed == "skip":
        await run.skipped(document, Problem.CHANGED, "the file has changed since it was found")
        return None
    fresh = evolve(document, size=now[0], mtime_ns=now[1], inode=now[2])
    columns: dict[str, Any] = {"size": now[0], "mtime_ns": now[1], "inode": now[2]}
    if changed:
        fresh = evolve(fresh, state=State.DISCOVERED, sha256=None, resume=None, memo=None)
        columns |= {"state": State.DISCOVERED.value, "sha256": None, "resume": None, "memo": None}
        if document.state is State.SENT:  # it has a name at the target, or was about to have it
            columns["target_id"], fresh = None, evolve(fresh, target_id=None)
    run.opened_again(document, await run.journal.change(document.id, **columns))
    run.meter.size_known(document.size, now[0])
    if changed and run.options.on_changed == "fail":
        # Whoever retries it has seen that it changed, and means it as it is now.
        await run.end(fresh, SourceChangedError("the file has changed since it was found"), Problem.CHANGED)
        return None
    return Ready(fresh, path)


def _look(path: str, name: str) -> os.stat_result:
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise SourceNotFoundError(f"{path} does not exist any more", file_name=name) from error
    except (OSError, ValueError) as error:
        raise SourceUnreadableError(f"{path} cannot be looked at: {error}", file_name=name) from error
    if not os.access(path, os.R_OK):
        raise SourceUnreadableError(f"{path} may not be read", file_name=name)
    return status
