"""The files that a migration makes itself, which are no documents."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from .document import Found
from .sources import Source
from .sources.tree import FolderTree, absolute

__all__ = ["OwnFiles"]

_BESIDE = ("", "-wal", "-shm", "-journal")


class OwnFiles:
    """Finds the journal (upload tokens are in it), the spool and the target's folder when they lie within the source.

    Args:
        source: only a folder can hold them unasked.
        journal: its location.
        spool: the folder for fetched files.
        target: the target's location.
    """

    def __init__(self, source: Source, journal: str, spool: Path, target: str) -> None:
        self._root = source.root if isinstance(source, FolderTree) else None
        self._journal = absolute(journal) if "://" not in journal else None
        self._folders = [str(spool), *([target] if os.path.isabs(target) else [])]
        self._files: frozenset[str] = frozenset()
        self._names: frozenset[str] = frozenset()
        self._below: tuple[str, ...] = ()
        self._real_root = ""

    async def look(self) -> None:
        """Find out where links lead; before the source is gone through."""
        if self._root is not None:
            await asyncio.to_thread(self._resolve, self._root)

    def _resolve(self, root: str) -> None:
        self._real_root = os.path.realpath(root)
        if self._journal is not None:
            paths = (self._journal, os.path.realpath(self._journal))
            self._files = frozenset(path + ending for path in paths for ending in _BESIDE)
        self._names = frozenset(map(os.path.basename, self._files))
        folders = [*self._folders, *map(os.path.realpath, self._folders)]
        self._below = tuple({folder.rstrip("/") + "/" for folder in folders})

    def holds(self, found: Found) -> bool:
        """Whether it is one of them."""
        if found.path is None or self._root is None:
            return False
        paths = (found.path, self._real_root + found.path.removeprefix(self._root))
        if any(path in self._files or path.startswith(self._below) for path in paths):
            return True
        # A folder within the source may be a link to the journal's.
        return found.path.rpartition("/")[2] in self._names and os.path.realpath(found.path) in self._files
