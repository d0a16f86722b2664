"""What an export says of its files: the manifests, and the source's own records."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Self

from ..document import ARRIVED, Document, Problem, State
from ..journal import Journal
from ..sources import Source
from ..sources.manifest import COLUMNS, row_of
from .disk import sync_folder

__all__ = ["LISTS", "write_manifests", "write_records"]

_MANIFESTS = ("manifest.jsonl", "manifest.csv")
_RECORDS = "records.jsonl"
LISTS = (*_MANIFESTS, _RECORDS)
"""Names of the files that are written here."""

_PAGE = 500


async def write_manifests(root: Path, journal: Journal) -> None:
    """Write anew what has arrived: as JSON lines, and as a table."""
    async with _Lists(root, *_MANIFESTS) as lists:
        table = csv.DictWriter(lists.files[1], [*COLUMNS, "size", "sha256", "source"], extrasaction="ignore")

        def write(page: Sequence[Document]) -> None:
            rows = [row_of(document, str(document.target_id)) for document in page]
            lists.files[0].writelines(map(_line, rows))
            table.writerows(rows)

        await asyncio.to_thread(table.writeheader)
        async with aclosing(_paged(journal.documents(*ARRIVED))) as pages:
            async for page in pages:
                await asyncio.to_thread(write, page)
        await lists.keep()


async def write_records(root: Path, journal: Journal, source: Source) -> AsyncGenerator[dict[str, str], None]:
    """Write the source's records anew: those of the files, and what else it tells.

    What was there stays unless this is gone through to its end.

    Yields:
        After each page, the kinds in it that could not be read, with the reasons.
    """
    async with _Lists(root, _RECORDS) as lists:

        async def write(lines: Sequence[Mapping[str, Any]]) -> None:
            await asyncio.to_thread(lambda: lists.files[0].writelines(map(_line, lines)))

        async with aclosing(_paged(journal.documents(*ARRIVED))) as pages:
            async for page in pages:
                await write([_record(one, file=one.target_id) for one in page if "record" in one.source])
                yield {}
        duplicates = journal.documents(State.SKIPPED, problem=Problem.DUPLICATE)
        async with aclosing(_paged(duplicates)) as pages:
            async for page in pages:
                twins = await journal.keys({document.duplicate_of or 0 for document in page})
                left_out = [(one, twins.get(one.duplicate_of or 0)) for one in page if "record" in one.source]
                await write([_record(one, duplicate_of=twin) for one, twin in left_out])
                yield {}
        async with aclosing(source.records()) as records:
            async for told in records:
                await write(told)
                yield {line["kind"]: line["error"] for line in told if "error" in line}
        await lists.keep()


def _record(document: Document, **where: str | None) -> dict[str, Any]:
    return {"kind": document.kind, **where, "record": document.source["record"]}


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


class _Lists:
    """Text files that replace their predecessors only when all of them are whole.

    Use it with ``async with``; unless they were kept, nothing is left of them.
    """

    def __init__(self, root: Path, *names: str) -> None:
        self._root = root
        self._parts = {root / f".{name}.part": root / name for name in names}
        self._stack = contextlib.ExitStack()
        self.files: list[Any] = []

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self._open)
        except BaseException:
            await asyncio.to_thread(self._close)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._close)

    async def keep(self) -> None:
        """All of them are whole."""
        await asyncio.to_thread(self._keep)

    def _open(self) -> None:
        for part in self._parts:
            # Half of a character, which a service may tell, becomes an escape, as JSON writes it.
            file = part.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            self.files.append(self._stack.enter_context(file))

    def _keep(self) -> None:
        for file in self.files:
            file.flush()
            os.fsync(file.fileno())
        for part, place in self._parts.items():
            os.replace(part, place)
        sync_folder(self._root)

    def _close(self) -> None:
        with contextlib.suppress(OSError):  # a full disk shows here again
            self._stack.close()
        for part in self._parts:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
