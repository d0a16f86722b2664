"""Into a folder: an export that can be imported again."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import hashlib
import json
import os
import re
import shutil
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import ConfigurationError, PlangrepAsyncError
from ...ratelimit import LimiterStatistics
from ..checking import ARRIVED, Checking, differences
from ..document import OPEN, Document, Found, Problem, State
from ..events import Omitted
from ..failure import Verdict, judge
from ..feed import Ready, feed
from ..journal import Journal
from ..packing import Crew
from ..run import Duplicate, Run
from ..sources.manifest import COLUMNS, row_of
from ..sources.tree import absolute
from .target import Estimate, Verified

__all__ = ["FolderTarget"]

_COPIES = 4
_PAGE = 500
_PARTS = ".parts"
_PLACES = {"attachment": "attachments", "photo": "photos", "sheet": "sheets"}


class FolderTarget:
    """Files below ``root/files``, and beside them ``manifest.jsonl``, ``manifest.csv`` and ``records.jsonl``.

    A file appears under its name only when it is whole, on the disk and in the journal; before that it lies in
    ``root/.parts``, which the end of a run removes. The lists are written then, of everything that has arrived;
    ``records.jsonl`` also has what the source tells besides its files, unless the run was stopped.

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
        """No calls at all."""
        return Estimate()

    async def probe(self) -> None:
        """A folder is always there."""

    async def settle(self, document: Document) -> str | None:
        """Whether the file lies under its name, byte for byte."""
        if document.target_id is None:
            return None
        try:
            found = await asyncio.to_thread(_digest, self.root / document.target_id)
        except OSError:
            return None
        return document.target_id if found == (document.sha256, document.size) else None

    async def deliver(self, run: Run) -> None:
        """One pass, a few files at a time."""
        try:
            await asyncio.to_thread((self.root / "files").mkdir, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise ConfigurationError(f"{self.root} is no folder; name another") from None
        async with Crew(run.options.transfers or _COPIES) as crew:
            async for ready in feed(run, run.journal.documents(*OPEN)):
                if run.stopping:
                    return
                if ready is None:
                    continue
                await crew.take(lambda ready=ready: self._carry(run, ready))  # type: ignore[misc]

    async def _carry(self, run: Run, ready: Ready) -> None:
        document = ready.document
        part = self.root / _PARTS / str(document.id)
        try:
            if not run.source.is_remote:  # else it was paced when it was fetched
                await run.pace.turn()
                run.check()
            whole, sha256, size = await asyncio.to_thread(_copy, ready.path, part, move=run.source.is_remote)
            if not run.source.is_remote:
                run.pace.took(size)
            twin = await run.journal.digest(document.id, sha256, size, claim=run.options.dedupe == "skip")
            if twin is not None:
                await asyncio.to_thread(part.unlink, missing_ok=True)
                raise Duplicate(twin)
            # From here on the journal tells where the file is, or is about to be.
            name = await run.journal.claim_target(document.id, _names(document), state=State.SENT.value)
            await asyncio.to_thread(_place, whole, self.root / name, part)
            await run.completed(document, name, size)
        except Exception as error:  # noqa: BLE001 - judged there
            await run.failed(document, error)

    def stop_waiting(self) -> None:
        """Nothing waits here."""

    async def finish(self, run: Run) -> None:
        """Write the lists; each replaces its predecessor only when it is whole. Remove what a crash left unfinished."""
        for attempt in range(1, run.options.attempts + 1):
            try:
                await self._write_lists(run)
                break
            except PlangrepAsyncError as error:
                if attempt == run.options.attempts or judge(error).verdict is not Verdict.LATER:
                    raise
                await run.outage.blame(judge(error))
        await asyncio.to_thread(shutil.rmtree, self.root / _PARTS, ignore_errors=True)

    async def _write_lists(self, run: Run) -> None:
        lists = await asyncio.to_thread(_Lists, self.root)
        try:
            async with aclosing(_paged(run.journal.documents(*ARRIVED))) as pages:
                async for page in pages:
                    await asyncio.to_thread(lists.write, page)
            duplicates = run.journal.documents(State.SKIPPED, problem=Problem.DUPLICATE)
            async with aclosing(_paged(duplicates)) as pages:
                async for page in pages:
                    twins = await run.journal.keys({document.duplicate_of or 0 for document in page})
                    await asyncio.to_thread(lists.write_duplicates, page, twins)
            omitted: dict[str, str] = {}
            if not run.stopping:
                async with aclosing(run.source.records()) as records:
                    async for lines in records:
                        omitted |= {line["kind"]: line["error"] for line in lines if "error" in line}
                        await asyncio.to_thread(lists.write_records, lines)
            await asyncio.to_thread(lists.keep)
        finally:
            await asyncio.to_thread(lists.close)
        for kind, error in omitted.items():
            run.emit(Omitted(kind, error))

    async def verify(self, journal: Journal, *, deep: bool) -> Verified:
        """Size and SHA-256 of every file."""
        checking = Checking(journal)
        await checking.begin()
        async for document in journal.documents(*ARRIVED):
            path = self.root / str(document.target_id)
            try:
                sha256, size = await asyncio.to_thread(_digest, path)
            except FileNotFoundError:
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
    """Names for a file below the root: the one it had, its own, then with a number that no other document has."""
    if document.target_id is not None:
        yield document.target_id
    folder = [_safe(part) for part in PurePosixPath(document.folder or "").parts if part not in ("/", "..", ".")]
    place = _PLACES.get(document.kind)
    base = PurePosixPath("files", *([place] if place else []), *folder)
    name = PurePosixPath(_safe(document.name))
    yield str(base / name)
    yield str(base / f"{name.stem[:200]}~{document.id}{name.suffix}")


def _safe(name: str) -> str:
    """A name that every file system takes, short enough for the longest number."""
    text = re.sub(r'[\x00-\x1f<>:"/\\|?*]', "-", name).rstrip(" .") or "unnamed"
    stem, dot, suffix = text.rpartition(".")
    while len(text.encode()) > 230:
        stem = (stem or text)[:-1]
        text = f"{stem}{dot}{suffix}" if dot else stem
    return text


def _copy(source: str, part: Path, *, move: bool) -> tuple[Path, str, int]:
    """Where the bytes lie durably, their SHA-256 and their number: in ``part``, or where they were, if that is ours."""
    if move:
        with open(source, "rb") as file:
            os.fsync(file.fileno())
        return Path(source), *_digest(Path(source))
    part.parent.mkdir(parents=True, exist_ok=True)
    hasher, size = hashlib.sha256(), 0
    try:
        with open(source, "rb") as reader, open(part, "wb") as writer:
            while block := reader.read(1 << 20):
                hasher.update(block)
                size += len(block)
                writer.write(block)
            writer.flush()
            os.fsync(writer.fileno())
        shutil.copystat(source, part)
    except BaseException:
        part.unlink(missing_ok=True)  # it may be what fills the disk
        raise
    return part, hasher.hexdigest(), size


def _place(whole: Path, target: Path, part: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(whole, target)
    except OSError:
        if whole == part:
            raise
        _copy(str(whole), part, move=False)  # from another file system
        os.replace(part, target)


async def _paged(documents: AsyncGenerator[Document, None]) -> AsyncGenerator[list[Document], None]:
    page: list[Document] = []
    async with aclosing(documents):
        async for document in documents:
            page.append(document)
            if len(page) == _PAGE:
                yield page
                page = []
    if page:
        yield page


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, default=str) + "\n"


def _digest(path: Path) -> tuple[str, int]:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size


class _Lists:
    """The three lists while they are written. Blocks on the disk."""

    _NAMES = ("manifest.jsonl", "manifest.csv", "records.jsonl")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stack = contextlib.ExitStack()
        root.mkdir(parents=True, exist_ok=True)
        self._parts = [root / f".{name}.part" for name in self._NAMES]
        self._files = [self._stack.enter_context(part.open("w", encoding="utf-8", newline="")) for part in self._parts]
        self._table = csv.DictWriter(self._files[1], [*COLUMNS, "size", "sha256", "source"], extrasaction="ignore")
        self._table.writeheader()

    def write(self, documents: Sequence[Document]) -> None:
        lines, _, records = self._files
        for document in documents:
            row = row_of(document, str(document.target_id))
            lines.write(_line(row))
            self._table.writerow(row)
            if (record := document.source.get("record")) is not None:
                records.write(_line({"kind": document.kind, "file": document.target_id, "record": record}))

    def write_duplicates(self, documents: Sequence[Document], keys: Mapping[int, str]) -> None:
        for document in documents:
            if (record := document.source.get("record")) is not None:
                twin = keys.get(document.duplicate_of or 0)
                self._files[2].write(_line({"kind": document.kind, "duplicate_of": twin, "record": record}))

    def write_records(self, lines: Sequence[Mapping[str, Any]]) -> None:
        self._files[2].writelines(map(_line, lines))

    def keep(self) -> None:
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        for part, name in zip(self._parts, self._NAMES, strict=True):
            os.replace(part, self._root / name)

    def close(self) -> None:
        self._stack.close()
        for part in self._parts:
            part.unlink(missing_ok=True)
