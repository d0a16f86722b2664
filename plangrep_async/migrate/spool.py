"""Files that were fetched and have not been sent yet: bounded by their bytes."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from attrs import define

from ..errors import ConfigurationError
from .document import Document

__all__ = ["Spool"]


@define
class _File:
    path: Path | None  # None while it is being fetched
    size: int
    resting: bool = False


class Spool:
    """A folder for files on their way from a remote source, each named by its document's id.

    The ids are a journal's: no two journals may share the folder. Nobody but its owner can read it.

    Together they have ``most_bytes`` at most; one that is larger by itself is let in alone. What nobody has told the
    size of counts as the mean of those before until it is there, so the bound may be passed by what was being fetched
    at that moment. A file whose document is not worked on *rests*: it saves fetching it again, and is removed when room
    is needed.

    Args:
        folder: made by :meth:`open`.
        most_bytes: see above.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self._most = most_bytes
        self._files: dict[int, _File] = {}
        self._held = 0
        self._fetched = self._fetched_bytes = 0
        self._freed = asyncio.Event()

    @property
    def held(self) -> int:
        """Bytes that lie there or are on their way."""
        return self._held

    async def open(self) -> None:
        """Make the folder, and look at what a former run has left there: its whole files rest.

        Raises:
            ConfigurationError: it cannot be used.
        """
        try:
            found = await asyncio.to_thread(_found, self.folder)
        except OSError as error:
            raise ConfigurationError(
                f"{self.folder} cannot be used for files that are fetched ({error.strerror or error}): make room for "
                "it, or name another journal, which it lies beside"
            ) from error
        for document_id, path, size in found:
            self._files[document_id] = _File(path, size, resting=True)
            self._held += size

    async def admit(self, document: Document, *, at_once: bool = False) -> bool:
        """Whether the document's file may be fetched now. Then there is room for it until it is removed or rests.

        Args:
            at_once: let it in whatever lies there.
        """
        self._freed.clear()
        if (there := self._files.get(document.id)) is not None:
            there.resting = False
            return True
        size = document.size or (self._fetched_bytes // self._fetched if self._fetched else 0)
        while self._is_full(size) and (oldest := self._oldest_resting()) is not None:
            await self.remove(oldest)
        if self._is_full(size) and not at_once:
            return False
        self._files[document.id] = _File(None, size)
        self._held += size
        return True

    async def freed(self) -> None:
        """Wait until there may be room for what :meth:`admit` refused."""
        await self._freed.wait()

    def wake(self) -> None:
        """End all waiting: the run is to stop."""
        self._freed.set()

    def arrived(self, document_id: int, path: Path, size: int) -> None:
        """The file was fetched."""
        file = self._files.get(document_id)
        if file is None or file.path is not None:
            return
        self._held += size - file.size
        file.path, file.size = path, size
        self._fetched += 1
        self._fetched_bytes += size
        self._freed.set()  # it may be smaller than it was thought to be

    def rest(self, document_id: int) -> None:
        """Nobody works on the document for the time being. Harmless for one that is not here."""
        file = self._files.get(document_id)
        if file is not None and file.path is None:
            self._forget(document_id)
        elif file is not None:
            file.resting = True
            self._freed.set()

    async def remove(self, document_id: int) -> None:
        """Remove the document's file. Harmless for one that is not here."""
        path = self._forget(document_id)
        if path is not None:
            await asyncio.to_thread(_unlink, path)

    async def clear(self) -> None:
        """Remove all that rests, and with the last file the folder; also the one above it, unless others use it."""
        while (oldest := self._oldest_resting()) is not None:
            await self.remove(oldest)
        await asyncio.to_thread(_remove_empty, self.folder, self.folder.parent)

    def _is_full(self, size: int) -> bool:
        return self._held >= self._most or (self._held > 0 and self._held + size > self._most)

    def _oldest_resting(self) -> int | None:
        return next((document_id for document_id, file in self._files.items() if file.resting), None)

    def _forget(self, document_id: int) -> Path | None:
        file = self._files.pop(document_id, None)
        if file is None:
            return None
        self._held -= file.size
        self._freed.set()
        return file.path


def _found(folder: Path) -> list[tuple[int, Path, int]]:
    for made in (folder.parent, folder):  # whose journal nobody else may read either
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    found: list[tuple[int, Path, int]] = []
    for path in folder.iterdir():
        if path.name.startswith(".") and path.name.endswith(".part"):
            path.unlink(missing_ok=True)  # it never became whole
        elif path.stem.isdecimal() and path.is_file():
            found.append((int(path.stem), path, path.stat().st_size))
    return found


def _remove_empty(*folders: Path) -> None:
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
