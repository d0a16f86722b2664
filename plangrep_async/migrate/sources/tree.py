"""A folder and all below it."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import stat
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError
from ..document import Document, Found, Problem
from ..fingerprint import fingerprint_of
from .source import no_records

__all__ = ["FolderTree", "absolute", "in_thread"]

_BATCH = 1_000


class FolderTree:
    """The files of a folder tree. Hidden files and folders are left out.

    Folders that are symbolic links are followed, each real folder once: loops end, and a folder that two links lead to
    is taken where it is met first.

    Args:
        root: the folder.
        include: patterns of which a file's name or its path below ``root`` must match one; all when there is none. One
            that ends with ``/`` names a folder, and all below it is taken.
        exclude: patterns of which it must match none; a folder that matches is not entered. One that ends with ``/``
            is for folders alone. Case does not count, nor a ``./`` in front.
        since: only files that were modified since.

    Scanning raises :class:`~plangrep_async.errors.ConfigurationError` when ``root`` is no folder.
    """

    is_remote = False

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        since: datetime | None = None,
    ) -> None:
        self.root = absolute(root)
        self._include = tuple(f"{one}*" if one.endswith("/") else one for one in map(_pattern, include))
        self._exclude = tuple(map(_pattern, exclude))
        self._since_ns = 0 if since is None else int(since.timestamp() * 1e9)

    @property
    def location(self) -> str:
        """The folder's absolute path."""
        return self.root

    async def probe(self) -> None:
        """Look whether the folder is there: without it every single file would be missing."""
        await asyncio.to_thread(self._check)

    async def scan(self) -> AsyncGenerator[list[Found], None]:
        """See :class:`Source`; folders are read in a thread, each in order of names."""
        async with aclosing(in_thread(self._walk())) as batches:
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

    def _check(self) -> None:
        if not os.path.isdir(self.root):
            raise ConfigurationError(f"{self.root} is no folder; name one that exists, or mount its disk again")

    def _walk(self) -> Iterator[Found]:
        self._check()
        seen: set[tuple[int, int]] = set()
        folders = [self.root]
        while folders:
            folder = folders.pop()
            try:
                status = os.stat(folder)
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError:
                yield self._found(folder, None, Problem.UNREADABLE)
                continue
            inside: list[str] = []
            for entry in listed:
                if entry.name.startswith(".") or self._matches(entry.path, entry.name, self._exclude):
                    continue
                if _is_folder(entry):
                    if not self._matches(f"{entry.path}/", f"{entry.name}/", self._exclude):
                        inside.append(entry.path)
                elif not self._include or self._matches(entry.path, entry.name, self._include):
                    found = self._look(entry)
                    if found is not None:
                        yield found
            folders += reversed(inside)

    def _look(self, entry: os.DirEntry[str]) -> Found | None:
        try:
            status = entry.stat()
        except OSError:
            # A dangling link, or gone since the folder was read.
            return self._found(entry.path, None, Problem.VANISHED)
        if not stat.S_ISREG(status.st_mode) or status.st_mtime_ns < self._since_ns:
            return None
        if not os.access(entry.path, os.R_OK):
            return self._found(entry.path, status, Problem.UNREADABLE)
        return self._found(entry.path, status, None if status.st_size else Problem.EMPTY)

    def _found(self, path: str, status: os.stat_result | None, problem: Problem | None) -> Found:
        key = os.path.relpath(path, self.root)
        size, mtime_ns, inode = (0, 0, 0) if status is None else fingerprint_of(status)
        readable = _text(path) == path
        return Found(
            key=_text(key) if readable else f"{_text(key)} (not UTF-8)",  # the readable one may be the name of another
            name=_text(os.path.basename(path)),
            path=_text(path),
            folder=_text(os.path.dirname(key)) or None,
            size=size,
            mtime_ns=mtime_ns,
            inode=inode,
            problem=problem if readable else Problem.UNREADABLE,
        )

    def _matches(self, path: str, name: str, patterns: Sequence[str]) -> bool:
        if not patterns:
            return False
        name, below = name.lower(), path[len(self.root) :].lstrip("/").lower()
        return any(fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(below, pattern) for pattern in patterns)


def absolute(path: str | os.PathLike[str]) -> str:
    """The path from the root; the disk is not touched."""
    text = os.fspath(path)
    return os.path.normpath(text if os.path.isabs(text) else os.path.join(os.getcwd(), text))


def _pattern(pattern: str) -> str:
    return pattern.lower().removeprefix("./")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _text(name: str) -> str:
    """A name whose bytes are no UTF-8 can be told to no service and no journal; it is shown as ``caf\\xe9.pdf``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


async def in_thread(found: Iterator[Found]) -> AsyncGenerator[list[Found], None]:
    """An iterator that blocks, in batches read by a thread."""
    while batch := await asyncio.to_thread(lambda: list(islice(found, _BATCH))):
        yield batch
