"""Into a folder: an export that can be imported again."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from pathlib import Path, PurePosixPath

from ...errors import ConfigurationError, InvalidInputError, PlangrepAsyncError
from ...ratelimit import LimiterStatistics
from ..checking import Checking, differences
from ..document import ARRIVED, OPEN, Document, Found, State
from ..errors import FULL, writing_into
from ..events import Omitted
from ..failure import Verdict, judge
from ..feed import Ready, feed
from ..journal import Journal
from ..names import places
from ..packing import Crew
from ..run import Duplicate, Run
from ..sources.tree import absolute
from .disk import UNPLACEABLE, claim_folder, copy, digest, place
from .lists import LISTS, write_manifests, write_records
from .target import Estimate, Verified

__all__ = ["FolderTarget"]

_COPIES = 4
_PARTS = ".parts"
_PLACES = {"attachment": "attachments", "photo": "photos", "sheet": "sheets"}


class FolderTarget:
    """Files below ``root/files``, and beside them ``manifest.jsonl``, ``manifest.csv`` and ``records.jsonl``.

    A file appears under its name only when it is whole, on the disk and in the journal; before that it lies in
    ``root/.parts``, which the end of a run removes. The lists are written then: the manifests of everything that has
    arrived, and ``records.jsonl``, which also has what the source tells besides its files, when the run was not stopped
    before these were gone through.

    The folder belongs to one journal, which ``root/.plangrep-export`` names. Nothing that others have put there is
    replaced: a file whose name is taken, by whatever, gets another.

    Args:
        root: the folder; made when there is none.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(absolute(root))

    @property
    def location(self) -> str:
        """The folder's absolute path."""
        return str(self.root)

    def adopt(self, found: Found) -> Found:
        """Everything."""
        return found

    def estimate(self, documents: int, size: int, kinds: Mapping[str, int]) -> Estimate:
        """No calls at all; but records are asked for."""
        return Estimate(records=True)

    async def probe(self) -> None:
        """A folder is always there."""

    async def begin(self, journal: Journal) -> None:
        """Make the folder, and note in it whose it is.

        Raises:
            ConfigurationError: it is another journal's, or cannot be made or written.
        """
        known = bool((await journal.tally()).count(*ARRIVED))
        try:
            await asyncio.to_thread(claim_folder, self.root, str(await journal.fact("id")), known=known, lists=LISTS)
        except (FileExistsError, NotADirectoryError):
            raise ConfigurationError(f"{self.root} is no folder; name another") from None
        except OSError as error:
            if error.errno in FULL:
                error.filename = error.filename or str(self.root)
                raise
            raise ConfigurationError(
                f"{self.root} cannot be written ({error.strerror or error}): may you write there? Else name another"
            ) from error
        await journal.note(listed=False)

    async def settle(self, document: Document) -> str | None:
        """Whether the file lies under its name, byte for byte."""
        if document.target_id is None:
            return None
        try:
            found = await asyncio.to_thread(digest, self.root / document.target_id)
        except OSError:
            return None
        return document.target_id if found == (document.sha256, document.size) else None

    async def deliver(self, run: Run) -> None:
        """One pass, a few files at a time."""
        async with Crew(run.options.transfers or _COPIES) as crew:
            async for ready in feed(run, run.journal.documents(*OPEN)):
                if run.stopping:
                    return
                if ready is None:
                    continue
                await crew.take(self._carry, run, ready)

    async def _carry(self, run: Run, ready: Ready) -> None:
        document = ready.document
        part = self.root / _PARTS / str(document.id)
        try:
            with writing_into(self.root):
                if not run.source.is_remote:  # else it was paced when it was fetched
                    await run.pace.turn()
                    run.check()
                sha256, size = await asyncio.to_thread(copy, document, ready.path, part, move=run.source.is_remote)
                if not run.source.is_remote:
                    run.pace.took(size)
                claim = run.options.dedupe == "skip"
                twin = await run.journal.digest(document.id, sha256, size, claim=claim, before=document.sha256)
                if twin is not None:
                    await asyncio.to_thread(part.unlink, missing_ok=True)
                    raise Duplicate(twin)
                await run.completed(document, await self._land(run.journal, document, part), size)
        except Exception as error:  # noqa: BLE001 - judged there
            await run.failed(document, error)

    async def _land(self, journal: Journal, document: Document, part: Path) -> str:
        """Give a whole file the first name that it can have; the name.

        The journal tells the name before the file has it. A document that has a name and was begun anew after that has
        an earlier version of it there, which is replaced; one that is on its way to its name has nothing there.
        """
        names = list(_names(document))
        earlier = document.target_id if document.state is not State.SENT else None
        if earlier is not None and await self._is_placed(part, names.pop(0), replace=True):
            return earlier
        while names:
            name = await journal.claim_target(document.id, names, state=State.SENT.value)
            if await self._is_placed(part, name):
                return name
            del names[: names.index(name) + 1]
        await journal.change(document.id, state=State.DIGESTED.value, target_id=None)
        raise InvalidInputError(f"no file below {self.root} can have a name like {document.name!r}")

    async def _is_placed(self, part: Path, name: str, *, replace: bool = False) -> bool:
        try:
            await asyncio.to_thread(place, part, self.root / name, replace=replace)
        except OSError as error:
            if error.errno not in UNPLACEABLE:
                raise
            return False
        return True

    def stop_waiting(self) -> None:
        """Nothing waits here."""

    async def look(self, run: Run) -> None:
        """There are none."""

    async def finish(self, run: Run) -> None:
        """Write the lists; each replaces its predecessor only when it is whole. Remove what a crash left unfinished."""
        with writing_into(self.root):
            await write_manifests(self.root, run.journal)
            if await self._write_records(run):
                await run.journal.note(listed=True)
        await asyncio.to_thread(shutil.rmtree, self.root / _PARTS, ignore_errors=True)

    async def _write_records(self, run: Run) -> bool:
        omitted: dict[str, str] = {}
        for attempt in range(1, run.options.attempts + 1):
            omitted.clear()
            try:
                async with aclosing(write_records(self.root, run.journal, run.source)) as pages:
                    async for kinds in pages:
                        omitted |= kinds
                        if run.stopping:
                            return False
                break
            except PlangrepAsyncError as error:
                if attempt == run.options.attempts or judge(error).verdict is not Verdict.LATER:
                    raise
                await run.outage.blame(judge(error))
                if run.stopping:
                    return False
        for kind, text in omitted.items():
            run.emit(Omitted(kind, text))
        return True

    async def verify(self, journal: Journal, *, deep: bool) -> Verified:
        """Size and SHA-256 of every file."""
        checking = Checking(journal)
        await checking.begin()
        async for document in journal.documents(*ARRIVED):
            path = self.root / str(document.target_id)
            try:
                sha256, size = await asyncio.to_thread(digest, path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                checking.different(document, f"it cannot be read: {error.strerror or error}")
                continue
            wrong = differences([("size", document.size, size), ("sha256", document.sha256, sha256)])
            if wrong is None:
                await checking.good(document, digest=True)
            else:
                checking.different(document, wrong)
        return await checking.end()

    def statistics(self) -> LimiterStatistics | None:
        """There is no limiter."""
        return None

    async def aclose(self) -> None:
        """Nothing is open."""


def _names(document: Document) -> Iterator[str]:
    """Names for a file below the root: the one it had, then those that it could have."""
    if document.target_id is not None:
        yield document.target_id
    base = PurePosixPath("files", *([found] if (found := _PLACES.get(document.kind)) else []))
    for name in places(document.folder or "", document.name, document.id):
        if str(base / name) != document.target_id:
            yield str(base / name)
