"""The files that a migration makes itself, which are no documents."""

from __future__ import annotations

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
        self._files: frozenset[str] = frozenset()
        self._folders: tuple[str, ...] = ()
        if isinstance(source, FolderTree):
            if "://" not in journal:
                self._files = frozenset(absolute(journal) + ending for ending in _BESIDE)
            folders = [str(spool), *([target] if os.path.isabs(target) else [])]
            self._folders = tuple(folder.rstrip("/") + "/" for folder in folders)

    def holds(self, found: Found) -> bool:
        """Whether it is one of them; by its path alone, no I/O."""
        path = found.path
        return path is not None and (path in self._files or path.startswith(self._folders))
