"""A list of files: CSV with a header, or JSON lines."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, TextIO

from ...errors import ConfigurationError, InvalidInputError
from ..document import Document, Found, Problem
from ..fingerprint import fingerprint_of
from .source import no_records
from .tree import absolute, in_thread

__all__ = ["COLUMNS", "Manifest", "row_of"]

COLUMNS = ("path", "name", "folder", "classification", "title", "kind")
"""What a manifest can say of a file; ``path`` alone must be there. Everything else is kept as an attribute."""

_KINDS = ("attachment", "photo", "sheet")


class Manifest:
    """Files named by a CSV file (``.csv``) or JSON lines (``.jsonl``).

    Paths are taken from the manifest's own folder. A path that is named twice is one document, as it is named last.

    Args:
        file: the manifest.

    Raises:
        ConfigurationError: its name ends otherwise; while scanning, when it cannot be read. A line that cannot be read
            is an :class:`~plangrep_async.errors.InvalidInputError` then, which names it.
    """

    is_remote = False

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self.file = Path(absolute(file))
        if self.file.suffix.lower() not in (".csv", ".jsonl"):
            raise ConfigurationError(f"{self.file}: a manifest's name ends in .csv or .jsonl")

    @property
    def location(self) -> str:
        """Its absolute path."""
        return str(self.file)

    async def probe(self) -> None:
        """The scan itself tells."""

    async def scan(self) -> AsyncGenerator[list[Found], None]:
        """See :class:`Source`; read in a thread."""
        async with aclosing(in_thread(self._read())) as batches:
            async for batch in batches:
                yield batch

    async def calls(self, kinds: Mapping[str, int], *, records: bool) -> tuple[int, int]:
        """None: it is on this machine."""
        return 0, 0

    async def fetch(self, document: Document, folder: Path) -> Path:
        """The file where it is."""
        assert document.path is not None
        return Path(document.path)

    def records(self) -> AsyncGenerator[list[dict[str, Any]], None]:
        """None: there are files only."""
        return no_records()

    def _read(self) -> Iterator[Found]:
        try:
            with open(self.file, encoding="utf-8-sig", newline="") as file:
                for row in _csv(file) if self.file.suffix.lower() == ".csv" else _json(file):
                    yield self._found(row)
        except FileNotFoundError:
            raise ConfigurationError(f"{self.file} does not exist") from None
        except OSError as error:
            raise ConfigurationError(f"{self.file} cannot be read ({error.strerror or error})") from error
        except (ValueError, csv.Error) as error:
            raise InvalidInputError(f"{self.file.name}: {error}") from None

    def _found(self, row: Mapping[str, Any]) -> Found:
        path = row.get("path")
        if not isinstance(path, str) or not path:
            raise ValueError(f"a line has no path: {dict(row)!r}")
        known: dict[str, Any] = {}
        for column in COLUMNS[1:]:
            value = row.get(column)
            known[column] = str(value) if value not in (None, "") else None
        kind = known.pop("kind")
        if kind not in (None, *_KINDS):
            raise ValueError(f"{path}: the kind {kind!r} is none of {', '.join(_KINDS)}")
        for column, value in (("path", path), *known.items()):
            if value is not None and not _is_text(value):
                raise ValueError(f"{path!r}: its {column} has a character that is no text, which nothing can keep")
        where = os.path.normpath(self.file.parent / path)
        size = mtime = inode = 0
        problem: Problem | None = None
        try:
            status = os.stat(where)
            size, mtime, inode = fingerprint_of(status)
            if not os.path.isfile(where) or not os.access(where, os.R_OK):
                problem = Problem.UNREADABLE
            elif not size:
                problem = Problem.EMPTY
        except (OSError, ValueError):
            problem = Problem.VANISHED
        attributes = {
            str(name): value for name, value in row.items() if name not in COLUMNS and value not in (None, "")
        }
        name = known.pop("name") or os.path.basename(where)
        return Found(
            key=path,
            path=where,
            name=name,
            kind=kind or "file",
            size=size,
            mtime_ns=mtime,
            inode=inode,
            problem=problem,
            attributes=attributes,
            **known,
        )


def _is_text(value: str) -> bool:
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def _csv(file: TextIO) -> Iterator[Mapping[str, Any]]:
    reader = csv.DictReader(file)
    if "path" not in (reader.fieldnames or ()):
        raise ValueError("the first line must name the columns, and path must be one of them")
    for row in reader:
        if None in row:
            raise ValueError(f"line {reader.line_num} has more values than the header has columns")
        yield row


def _json(file: TextIO) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is no JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no JSON object")
        yield row


def row_of(document: Document, path: str) -> dict[str, Any]:
    """A line of a manifest for a document whose file is at ``path``; :class:`Manifest` reads it again."""
    row: dict[str, Any] = {
        "path": path,
        "name": document.name,
        "folder": document.folder,
        "classification": document.classification,
        "title": document.title,
        "kind": document.kind if document.kind in _KINDS else None,
        "size": document.size,
        "sha256": document.sha256,
        "source": document.key,
    }
    # The attributes may have come from a manifest, which told the same of the file as it was then.
    return {name: value for name, value in {**row, **document.attributes, **row}.items() if value is not None}
