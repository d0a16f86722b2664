"""Files on their way into a folder. Everything here blocks on the disk.

What cannot be read is a :class:`~plangrep_async.errors.SourceError`, what cannot be written an ``OSError``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Generator
from pathlib import Path

from ...errors import ConfigurationError, SourceChangedError, SourceNotFoundError, SourceUnreadableError
from ..document import Document
from ..fingerprint import fingerprint_of

__all__ = ["UNPLACEABLE", "claim_folder", "copy", "digest", "make_folder", "place", "sync_folder"]

UNPLACEABLE = frozenset(
    (
        *(errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.ELOOP),
        *(errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL),
    )
)
"""Errors that are about this one place: something else is there, or nothing can have such a name."""

_MARKER = ".plangrep-export"
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EPERM, errno.EBADF)
_placing = threading.Lock()


def claim_folder(root: Path, owner: str, *, known: bool, lists: tuple[str, ...]) -> None:
    """Make the folder and write into it whose it is.

    Args:
        owner: the journal's id.
        known: whether that journal has put something there before, when no id was written yet.
        lists: names of files there that a run replaces.

    Raises:
        ConfigurationError: it is another's.
    """
    make_folder(root / "files")
    marker = root / _MARKER
    there = marker.read_text(encoding="utf-8", errors="replace").strip() if marker.exists() else ""
    if there == owner:
        return
    others = [name for name in lists if os.path.lexists(root / name)]
    if there or (others and not known):
        found = "the export of another journal" if there else f"{' and '.join(others)} that this journal did not write"
        raise ConfigurationError(
            f"{root} holds {found}, and nothing of it is replaced: name another folder, or the journal that belongs to "
            "this one with --journal"
        )
    with open(marker, "w", encoding="utf-8") as file:
        file.write(f"{owner}\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(root)


def copy(document: Document, source: str, part: Path, *, move: bool) -> tuple[str, int]:
    """Put a document's bytes durably into ``part``; their SHA-256 and number.

    Args:
        move: whether ``source`` is ours, and need not be copied where it can be moved.

    Raises:
        SourceChangedError: the file is not, or no longer, what the document says.
    """
    make_folder(part.parent)
    if move:
        try:
            os.replace(source, part)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            with open(part, "rb") as file:
                os.fsync(file.fileno())
            return digest(part)
    hasher, size = hashlib.sha256(), 0
    try:
        with _reading(document, source):
            reader = open(source, "rb")  # noqa: SIM115 - reading and writing fail differently
        with reader, open(part, "wb") as writer:
            while True:
                with _reading(document, source):
                    block = reader.read(1 << 20)
                if not block:
                    break
                hasher.update(block)
                size += len(block)
                writer.write(block)
            with _reading(document, source):
                now = fingerprint_of(os.fstat(reader.fileno()))[:2]
            # The document is as the file was when it was looked at, before the first byte was read.
            if not (now == (document.size, document.mtime_ns) and now[0] == size):
                raise SourceChangedError(f"{source} has changed while it was copied", file_name=document.name)
            writer.flush()
            with contextlib.suppress(OSError):  # not every file system takes rights and times
                shutil.copystat(source, part)
            os.fsync(writer.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)  # it may be what fills the disk
        raise
    return hasher.hexdigest(), size


@contextlib.contextmanager
def _reading(document: Document, source: str) -> Generator[None, None, None]:
    try:
        yield
    except FileNotFoundError as error:
        raise SourceNotFoundError(f"{source} does not exist any more", file_name=document.name) from error
    except (OSError, ValueError) as error:
        raise SourceUnreadableError(f"{source} cannot be read: {error}", file_name=document.name) from error


def place(part: Path, target: Path, *, replace: bool = False) -> None:
    """Give a whole file its name, durably.

    Args:
        replace: what is there is an earlier version of it. Without, it is somebody else's, or has a name that this
            file system takes for the same.

    Raises:
        FileExistsError: something is there that is not to be replaced.
    """
    make_folder(target.parent)
    with _placing:  # several files are under way, and not every file system can create a link only if there is none
        if not replace and os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        os.replace(part, target)
    sync_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Make it and those above it, durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Names in it survive a power cut from here on, where the file system can promise that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
